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

from cache.errors import CacheError, InvalidValueError, OutOfRangeError, one_line
from trainer import messages
from trainer.errors import TrialsError, invalid
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
_SOME = f"some of {', '.join(MODELS)}, or yours: FILE.py:NAME or MODULE:NAME"
_ESTIMATOR = "a function that returns a Keras model or a scikit-learn estimator"


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
            raise TrialsError(messages.MODEL_CHANGED, path=file)
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
            places = {"found": models[model.name].place, "expected": model.place}
            raise TrialsError(messages.MODEL_TWICE, name=model.name, **places)
    if not models:
        raise invalid("models", "", _SOME)
    return models


def model_of(wanted: Any, name: str | None = None, *, of: str = "models") -> Model:
    """Return the model that a text names, or that an object from Python is.

    Parameters
    ----------
    wanted : str, function, estimator or Model
        The name of a built-in model, `FILE.py:NAME` or `MODULE:NAME`; a function as these name; or an estimator.
    name : str, optional
        What results call it. Default: the built-in name, or that of the function.
    of : str
        The parameter that names it, for messages.

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
        raise invalid(of, wanted, _SOME)
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
    with _errors_in(file or model.place, model.place):
        yield


@contextmanager
def _errors_in(file: str, otherwise: str) -> Iterator[None]:
    try:
        yield
    except SyntaxError as error:
        text = f": {error.text.strip()}" if error.text else ""
        where = f"{error.filename}, line {error.lineno}"
        raise TrialsError(messages.OWN_CODE, where=where, error=f"{error.msg}{text}") from error
    except Exception as error:
        if isinstance(error, CacheError) and not isinstance(error, InvalidValueError | OutOfRangeError):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == file]
        where = f"{file}, line {own[-1].lineno}" if own else otherwise
        line = f" in `{own[-1].line}`" if own and own[-1].line else ""
        # TensorFlow puts its own way through the code before the reason.
        _, _, reason = str(error).rpartition(f"{type(error).__name__}: ")
        shown = f"{type(error).__name__}: {one_line(reason or type(error).__name__)}{line}"
        raise TrialsError(messages.OWN_CODE, where=where, error=shown) from error


def _read(path: Path) -> bytes:
    try:
        if path.is_file():
            content = path.read_bytes()
            if len(content) <= _MOST_BYTES:
                return content
            raise TrialsError(messages.TOO_LARGE, path=path, n=_MOST_BYTES, expected="a Python file")
    except OSError as error:
        raise TrialsError(messages.CANNOT_READ, path=path, error=error) from error
    raise TrialsError(messages.NO_MODEL_FILE, path=path)


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
        with _errors_in(str(path), str(path)):
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
        raise TrialsError(messages.NO_MODULE, name=name, expected=f"./{name.split('.')[0]}.py:NAME")
    with _errors_in(spec.origin, name):
        return importlib.import_module(name)


def _named(module: ModuleType, file: str, name: str) -> Any:
    if not hasattr(module, name):
        own = [
            key
            for key, value in vars(module).items()
            if not key.startswith("_")
            and (_is_estimator(value) or (inspect.isfunction(value) and value.__module__ == module.__name__))
        ]
        raise TrialsError(messages.NO_MODEL_THERE, path=file, name=name, found=", ".join(own[:_SHOWN_NAMES]) or "none")
    found = getattr(module, name)
    if not callable(found) and not _is_estimator(found):
        place = f"{file}: {name}"
        raise TrialsError(messages.MODEL_TYPE, name=place, found=type(found).__name__, expected=_ESTIMATOR)
    return found


def _of_object(given: Any, name: str | None) -> Model:
    if _is_estimator(given):
        if name is None:
            raise TrialsError(messages.UNNAMED_ESTIMATOR)
        text = given.__repr__(N_CHAR_MAX=10**6)
        return Model(_own_name(name), name, hashlib.sha256(text.encode()).hexdigest(), given)
    if not callable(given):
        expected = f"a name, an estimator, or {_ESTIMATOR}"
        raise TrialsError(messages.MODEL_TYPE, name="A model", found=type(given).__name__, expected=expected)
    found = str(name or getattr(given, "__name__", type(given).__name__))
    try:
        text, file = inspect.getsource(given), inspect.getsourcefile(given)
    except (OSError, TypeError) as error:
        raise TrialsError(messages.NO_SOURCE, name=found) from error
    return Model(_own_name(found), f"{file}:{found}", hashlib.sha256(text.encode()).hexdigest(), given)


def _own_name(name: str) -> str:
    if name in _BUILT_IN:
        raise TrialsError(messages.BUILT_IN_NAME, name=name)
    if not is_model_name(name):
        raise TrialsError(messages.MODEL_NAME, name=name)
    return name


def _is_estimator(value: Any) -> bool:
    """Tell whether a value is an estimator, without importing scikit-learn."""
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in ("fit", "get_params"))
