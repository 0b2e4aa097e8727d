"""Models by name: the built-in ones, and yours as `FILE.py:NAME` or `MODULE:NAME`."""

import hashlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from cache.errors import CacheError, one_line
from trainer.errors import TrialsError
from trainer.runs.folder import is_model_name
from trainer.runs.settings import MODELS

__all__ = ["Model", "errors_of", "model_of", "models_of"]

_BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "basic": "convolutional:basic",
        "elmo": "convolutional:elmo",
        "elmo-only": "convolutional:elmo_only",
        "elmo-lstm": "recurrent:elmo_lstm",
        "tfidf-lr": "linear:tfidf_lr",
        "static-lr": "linear:static_lr",
        "elmo-lr": "linear:elmo_lr",
    }
)
_MOST_BYTES = 2**24
_SHOWN_NAMES = 8
_HOW = "expected FILE.py:NAME or MODULE:NAME"


@dataclass(frozen=True)
class Model:
    """A model, and where it comes from; it can be pickled, and what it names is loaded when it is first needed.

    Attributes
    ----------
    name : str
        As results have it.
    place : str
        `FILE.py:NAME` or `MODULE:NAME`; of an object from Python, what errors call it.
    sha256 : str or None
        Of the file, or of an object's source; None for a built-in model.
    given : function or estimator, optional
        An object from Python.
    """

    name: str
    place: str
    sha256: str | None = None
    given: Any = field(default=None, compare=False)

    @property
    def is_built_in(self) -> bool:
        """Whether it comes with this package."""
        return self.sha256 is None

    def load(self) -> Any:
        """Return the function or the estimator.

        Raises
        ------
        TrialsError
            If it cannot be loaded, or its file is no longer what it was; the message shows your own line.
        """
        if self.given is not None:
            return self.given
        file, _, name = self.place.rpartition(":")
        if self.is_built_in:
            return getattr(importlib.import_module(file), name)
        if not file.endswith(".py"):
            module = _import(file)
            content = _read(Path(inspect.getfile(module)))
        else:
            content = _read(Path(file))
            module = _run(Path(file), content)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise TrialsError(f"{file} was changed while it was in use. Run the command again")
        return _named(module, file, name)

    def make(self, static: Any, feature_dims: Mapping[str, int], n_classes: int) -> Any:
        """Return an uncompiled Keras model or a scikit-learn estimator.

        Parameters
        ----------
        static : ndarray of float32, (n_vocabulary + 1, dim)
            Static vectors by token id plus one; row 0 is zeros, for padding.
        feature_dims : mapping of str to int
            Inputs with ELMo vectors, and their dimension.
        n_classes : int
            How many classes there are.

        Raises
        ------
        TrialsError
            If it cannot be loaded or made; the message shows your own line.
        """
        found = self.load()
        if _is_estimator(found):
            return found
        with errors_of(self):
            return found(static, dict(feature_dims), n_classes)


def models_of(wanted: Sequence[Any] | Mapping[str, Any]) -> dict[str, Model]:
    """Return models by the name that results give them.

    Parameters
    ----------
    wanted : sequence, or mapping from name
        What `model_of` takes.

    Raises
    ------
    TrialsError
        If there are none, two have one name, or one cannot be found.
    """
    items = wanted.items() if isinstance(wanted, Mapping) else ((None, each) for each in wanted)
    models: dict[str, Model] = {}
    for name, each in items:
        model = model_of(each, name)
        if models.setdefault(model.name, model) != model:
            raise TrialsError(
                f"--models has two models called {model.name!r} ({models[model.name].place}, {model.place}): rename one"
            )
    if not models:
        raise TrialsError(f"--models names none, expected some of {', '.join(MODELS)}, or yours: {_HOW}")
    return models


def model_of(wanted: Any, name: str | None = None, *, of: str = "--models") -> Model:
    """Return the model that a text names, or that an object from Python is.

    Parameters
    ----------
    wanted : str, function, estimator or Model
        The name of a built-in model, `FILE.py:NAME` or `MODULE:NAME`; a function as these name; or an estimator.
    name : str, optional
        What results call it. Default: the built-in name, or that of the function.
    of : str
        The option that names it, for messages.

    Raises
    ------
    TrialsError
        If it is none of these, or its file cannot be read.
    """
    if isinstance(wanted, Model):
        return wanted
    if isinstance(wanted, str) and wanted in _BUILT_IN:
        return Model(wanted, f"trainer.models.{_BUILT_IN[wanted]}")
    if not isinstance(wanted, str):
        return _of_object(wanted, name)
    file, colon, function = wanted.rpartition(":")
    if not (colon and file and function.isidentifier()):
        raise TrialsError(f"{of} names {wanted!r}, expected some of {', '.join(MODELS)}, or yours: {_HOW}")
    if file.endswith(".py"):
        file = os.path.abspath(file)
        content = _read(Path(file))
    else:
        content = _read(Path(inspect.getfile(_import(file))))
    return Model(_own_name(name or function), f"{file}:{function}", hashlib.sha256(content).hexdigest())


@contextmanager
def errors_of(model: Model) -> Iterator[None]:
    """Within, an error of your code becomes one line that shows your own line.

    Raises
    ------
    TrialsError
        In place of any error but those of this project.
    """
    file, _, name = model.place.rpartition(":")
    with _errors_in(file or model.place, f"{model.place}: "):
        yield


@contextmanager
def _errors_in(file: str, otherwise: str) -> Iterator[None]:
    try:
        yield
    except SyntaxError as error:
        text = f": {error.text.strip()}" if error.text else ""
        raise TrialsError(f"{error.filename}, line {error.lineno}: {error.msg}{text}") from error
    except Exception as error:
        if isinstance(error, CacheError):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == file]
        where = f"{file}, line {own[-1].lineno}: " if own else otherwise
        line = f" in `{own[-1].line}`" if own and own[-1].line else ""
        # TensorFlow puts its own way through the code before the reason.
        _, _, reason = str(error).rpartition(f"{type(error).__name__}: ")
        raise TrialsError(f"{where}{type(error).__name__}: {one_line(reason or type(error).__name__)}{line}") from error


def _read(path: Path) -> bytes:
    try:
        if path.is_file():
            content = path.read_bytes()
            if len(content) <= _MOST_BYTES:
                return content
            raise TrialsError(f"{path} is larger than {_MOST_BYTES:,} bytes, expected a Python file")
    except OSError as error:
        raise TrialsError(f"{path} cannot be read: {error.strerror}") from error
    raise TrialsError(f"--models: no file {path}; {_HOW}")


def _run(path: Path, content: bytes) -> ModuleType:
    """Run a file as a module. What was hashed is what runs, and its neighbours can be imported as by a script."""
    digest = hashlib.sha256(os.fsencode(path) + b"\0" + content).hexdigest()
    name = f"_model_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where pickle looks for what it defines
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        with _errors_in(str(path), f"{path}: "):
            exec(compile(content, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import(name: str) -> ModuleType:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise TrialsError(f"--models: no module {name!r} in Python; for a file write ./{name.split('.')[0]}.py:NAME")
    with _errors_in(spec.origin, f"{name}: "):
        return importlib.import_module(name)


def _named(module: ModuleType, file: str, name: str) -> Any:
    if not hasattr(module, name):
        own = [
            key
            for key, value in vars(module).items()
            if not key.startswith("_")
            and (_is_estimator(value) or (inspect.isfunction(value) and value.__module__ == module.__name__))
        ]
        raise TrialsError(f"{file} has no {name!r}; its models: {', '.join(own[:_SHOWN_NAMES]) or 'none'}")
    found = getattr(module, name)
    if not callable(found) and not _is_estimator(found):
        raise TrialsError(
            f"{file}: {name} is of type {type(found).__name__}, expected a function that returns a Keras model or a "
            "scikit-learn estimator"
        )
    return found


def _of_object(given: Any, name: str | None) -> Model:
    if _is_estimator(given):
        if name is None:
            raise TrialsError("an estimator has no name: give models as a dict, {'name': estimator}")
        text = given.__repr__(N_CHAR_MAX=10**6)
        return Model(_own_name(name), name, hashlib.sha256(text.encode()).hexdigest(), given)
    if not callable(given):
        raise TrialsError(
            f"a model is of type {type(given).__name__}, expected a name, a function that returns a Keras model or a "
            "scikit-learn estimator, or an estimator"
        )
    found = str(name or getattr(given, "__name__", type(given).__name__))
    try:
        text, file = inspect.getsource(given), inspect.getsourcefile(given)
    except (OSError, TypeError) as error:
        raise TrialsError(f"the source of {found} cannot be read: define it in a file or a notebook") from error
    return Model(_own_name(found), f"{file}:{found}", hashlib.sha256(text.encode()).hexdigest(), given)


def _own_name(name: str) -> str:
    if name in _BUILT_IN:
        raise TrialsError(f"--models: {name} is the name of a built-in model: rename yours")
    if not is_model_name(name):
        raise TrialsError(f"--models: {name!r} cannot be the name of a model")
    return name


def _is_estimator(value: Any) -> bool:
    """Tell whether a value is an estimator, without importing scikit-learn."""
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in ("fit", "get_params"))
