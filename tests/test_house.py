"""Who may import whom, and what a command may not load: the rules that keep the three packages apart."""

import ast
import configparser
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cache
import elmo_cache
from elmo_cache import build
from elmo_cache.text.corpora import catalog
from elmo_cache.text.corpora.compression import COMPRESSIONS
from trainer.commands import options

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"tensorflow", "keras", "tensorflow_hub", "jax", "torch", "tf_keras"}

# Runs the command in a process of its own, then says which of the heavy libraries it loaded.
COMMAND = """
import sys
from elmo_cache.cli import main
try:
    main(sys.argv[1:])
except SystemExit as exit:
    assert not exit.code, exit.code
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


class SmallEncoder:
    """Fills a cache without Keras."""

    name = "small"
    dim = 3
    description = {"model": "small"}

    def encode(self, documents, *, progress=None):  # type: ignore[no-untyped-def]
        return [np.ones((len(document), 3), np.float32) for document in documents]


@pytest.fixture(scope="module")
def cache_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    (folder / "lines.txt").write_text("one two\nthree\n")
    build(str(folder / "lines.txt"), SmallEncoder(), folder / "lines.elmo").close()
    return folder / "lines.elmo"


def loaded_by(code: str, *arguments: str | Path) -> set[str]:
    """Run Python code in a new process; return the top-level modules that its last line names."""
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    label, *names = result.stdout.splitlines()[-1].split()
    assert label == "loaded:"
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["build", "--help"],
        ["info", "--help"],
        ["pack", "--help"],
        ["encode", "--help"],
        ["--version"],
        ["encoders"],
    ],
    ids=" ".join,
)
def test_command_is_light(arguments: list[str]) -> None:
    assert not loaded_by(COMMAND, *arguments) & HEAVY


@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["verify"]], ids=" ".join)
def test_command_on_a_cache_is_light(cache_path: Path, arguments: list[str]) -> None:
    assert not loaded_by(COMMAND, *arguments, cache_path) & HEAVY


def test_commands_on_one_file_are_light(cache_path: Path, tmp_path: Path) -> None:
    assert not loaded_by(COMMAND, "pack", cache_path, tmp_path / "c.h5") & HEAVY
    for name in ("info", "verify"):
        assert not loaded_by(COMMAND, name, tmp_path / "c.h5") & HEAVY


def test_dry_run_is_light(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one two\nthree\n")

    found = loaded_by(COMMAND, "build", tmp_path / "c", "--corpus", tmp_path / "lines.txt", "--dry-run")

    assert not found & HEAVY
    assert not (tmp_path / "c").exists()


def test_pretraining_help_is_light() -> None:
    code = COMMAND.replace("elmo_cache.cli", "elmo_cache.pretraining.__main__")

    assert not loaded_by(code, "--help") & HEAVY


def test_loading_an_encoder_is_light() -> None:
    code = "import sys, elmo_cache; elmo_cache.load_encoder('imdb-v3').description\n" + COMMAND.splitlines()[-1]

    assert not loaded_by(code) & HEAVY


def test_importing_elmo_cache_is_light() -> None:
    found = loaded_by("import sys\nfrom elmo_cache import *\n" + COMMAND.splitlines()[-1])

    assert not found & {*HEAVY, "trainer", "click", "pyarrow"}
    assert {"elmo_cache", "cache"} <= found


def test_importing_elmo_cache_alone_loads_no_package() -> None:
    """So that a command can settle what a Ctrl-C does before anything slow."""
    found = loaded_by("import sys, elmo_cache, trainer\n" + COMMAND.splitlines()[-1])

    assert not found & {"cache", "h5py", "numpy"}


def test_names_of_elmo_cache() -> None:
    assert set(elmo_cache.__all__) <= set(dir(elmo_cache))
    assert all(hasattr(elmo_cache, name) for name in elmo_cache.__all__)
    assert not hasattr(elmo_cache, "no_such_name")


def test_elmo_cache_hands_on_what_reads_a_cache() -> None:
    assert (elmo_cache.FeatureCache, elmo_cache.Split) == (cache.FeatureCache, cache.Split)


def test_importing_cache_takes_numpy_and_h5py_alone() -> None:
    # h5py's own needs aside.
    h5py_alone = loaded_by("import sys, h5py\n" + COMMAND.splitlines()[-1])

    found = loaded_by("import sys, cache\n" + COMMAND.splitlines()[-1])

    assert found - h5py_alone <= {*sys.stdlib_module_names, "cache"}


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and top-level name of every import in a file, also of those within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield node.lineno, path.relative_to(ROOT).parts[0] if node.level else name.partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "import_module":
            (name,) = [argument.value for argument in node.args if isinstance(argument, ast.Constant)] or ["?"]
            yield node.lineno, str(name).partition(".")[0]


def forbidden(package: str, names: set[str], but_in: frozenset[str] = frozenset()) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(package)
        if path.relative_to(ROOT).as_posix() not in but_in
        for line, name in imports_of(path)
        if name in names
    ]


def test_packages_have_modules() -> None:
    # Or the rules below would hold for nothing.
    assert len(modules_of("cache")) > 8
    assert len(modules_of("elmo_cache")) > 15
    assert modules_of("trainer")
    assert "h5py" in {name for _, name in imports_of(ROOT / "cache" / "hdf5.py")}
    assert "keras" in {name for _, name in imports_of(ROOT / "elmo_cache" / "encoders" / "bilm" / "model.py")}
    assert "tensorflow" in {name for _, name in imports_of(ROOT / "elmo_cache" / "encoders" / "hub" / "variables.py")}


def test_the_store_knows_neither_elmo_nor_keras_nor_commands() -> None:
    assert forbidden("cache", {"elmo_cache", "trainer"}) == []
    assert forbidden("cache/runtime", {*HEAVY, "sklearn"}) == []
    assert forbidden("cache/adapters", {"click", "tqdm", "joblib", "pooch"}) == []


def test_the_store_needs_numpy_and_h5py_alone() -> None:
    allowed = {*sys.stdlib_module_names, "cache", "numpy", "h5py"}

    assert [
        f"{path.name}:{line} imports {name}"
        for path in (ROOT / "cache").glob("*.py")
        for line, name in imports_of(path)
        if name not in allowed
    ] == []


def test_extraction_and_experiment_do_not_know_each_other() -> None:
    assert forbidden("elmo_cache", {"trainer"}) == []
    assert forbidden("trainer", {"elmo_cache"}) == []


def test_the_experiment_knows_the_names_of_corpora() -> None:
    # As it does not import them, it has a list of its own.
    assert set(options._INPUTS) == {*catalog._ALL_EXTENSIONS, *COMPRESSIONS}


def test_tensorflow_is_for_the_hub_package() -> None:
    hub = frozenset(path.relative_to(ROOT).as_posix() for path in modules_of("elmo_cache/encoders/hub"))
    # Or other rooms could not import it without TensorFlow.
    late = {f"elmo_cache/encoders/hub/{name}.py" for name in ("__init__", "resolution", "download")}
    devices = {"elmo_cache/encoders/devices.py"}  # asks the library that Keras runs on what it runs on
    model = {"elmo_cache/encoders/bilm/tensorflow_model.py"}  # imported where Keras runs on it

    assert forbidden("elmo_cache", {"tensorflow_hub", "tf_keras"}, but_in={"elmo_cache/encoders/hub/graph.py"}) == []
    assert forbidden("elmo_cache", {"tensorflow", "torch"}, but_in=(hub - late) | devices | model) == []


def test_jax_is_imported_late() -> None:
    assert top_level_imports("jax") <= {"elmo_cache/encoders/bilm/jax_model.py"}


def test_keras_is_imported_late() -> None:
    # At the top of a module only in the models' own files, which are themselves imported within functions.
    assert top_level_imports("keras") <= {"elmo_cache/encoders/bilm/model.py", "elmo_cache/pretraining/model.py"}


def top_level_imports(package: str) -> set[str]:
    """Return the files of `elmo_cache` that import a package at their top."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in modules_of("elmo_cache")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == package for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package)
    }


def test_what_is_required_is_imported() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].splitlines()
    required = {line.split()[0].replace("-", "_") for line in lines if line and not line.startswith("#")}
    required = required - {"setuptools", "scikit_learn"} | {"sklearn"}  # setuptools: for tensorflow-hub
    sources = [path for package in ("cache", "elmo_cache", "trainer") for path in (ROOT / package).rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    named = re.compile(r'^ *(?:import|from) (\w+)|import_module\("(\w+)', re.MULTILINE)
    assert required <= {first or second for first, second in named.findall(text)}


def test_one_version() -> None:
    assert elmo_cache.__version__ == importlib.metadata.version("elmo-cache")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {elmo_cache.__version__}\n" in citation
