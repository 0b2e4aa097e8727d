"""What README.md tells a reader to type, taken from README.md itself and run.

Commands run as they stand, on small stand-ins for what they name and with options after them that make them small.
What would download, or take minutes, is parsed instead: it must name a command, options and values that exist.
"""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from memory_corpus import MemoryCorpus
from test_cli import SMALL
from test_corpora_aclimdb import FILES, tar_of, write_archive
from tiny_elmo import write_elmo

from cache import FeatureCache, Split
from elmo_cache.cli import main as elmo_cache
from trainer.cli import main as elmo_train

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
PROGRAMS = {"elmo-cache": elmo_cache, "elmo-train": elmo_train}
MADE_SMALL = {
    "build": ["--encoder", "elmo"],
    "encode": ["--encoder", "elmo"],
    "trials": shlex.split(
        "--n 3 --models elmo --vectors wiki.multi.en.vec --train-size 24 --val-size 16 --test-size 20"
    ),
}
PARSED_ONLY = ("demo/imdb.elmo", " original", ":original")  # minutes of work, or downloads


def lines_of(language: str) -> list[str]:
    return [line for found, block in BLOCKS if found == language for line in block.splitlines()]


SESSION = [line[2:] for line in lines_of("console") if line.startswith("$ ")]


def commands() -> list[str]:
    """Every command of the README: those in blocks, then those in running text."""
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", PROSE)]
    return [*SESSION, *lines_of("sh"), *(span for span in spans if span.split(" ")[0] in (*PROGRAMS, "make"))]


def words_of(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def is_small(command: str) -> bool:
    program, *arguments = words_of(command)
    return program in PROGRAMS and len(arguments) > 1 and not any(part in command for part in PARSED_ONLY)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder, the current one, with everything that the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    write_elmo(folder / "elmo", SMALL)
    write_archive(folder, tar_of(FILES))
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in range(30)]
    rows = []
    for i in range(90):
        chosen = [("bad", "good")[i % 2], *(words[k] for k in rng.integers(0, 30, rng.integers(3, 12)))]
        rows.append(f"{' '.join(chosen)},{('neg', 'pos')[i % 2]},{'train' if i < 60 else 'test'}")
    for name, header in (("labelled.csv", "text,label,split"), ("reviews.csv", "body,stars,split")):
        (folder / name).write_text("\n".join([header, *rows]) + "\n")
    (folder / "new.txt").write_text("a good film\na bad film\n")
    vectors = [f"{word} " + " ".join(f"{x:.4f}" for x in rng.standard_normal(5)) for word in ["good", "bad", *words]]
    (folder / "wiki.multi.en.vec").write_text("\n".join([f"{len(vectors)} 5", *vectors]) + "\n")
    with contextlib.chdir(folder):
        for name in ("imdb.elmo", "other.elmo"):
            run(f"elmo-cache build {name} --corpus labelled.csv")
        yield folder


def run(command: str) -> str:
    program, name, *arguments = words_of(command)
    everything = [name, *arguments, *MADE_SMALL.get(name, [])]
    done = CliRunner().invoke(PROGRAMS[program], everything, catch_exceptions=False)
    assert done.exit_code == 0, f"{command}\n{done.output}"
    return done.output


def parse(program: str, name: str, *arguments: str) -> click.Context:
    """What click does before a command runs: unknown names and values raise."""
    group = PROGRAMS[program]
    _, command, rest = group.resolve_command(click.Context(group), [name, *arguments])
    assert command is not None
    return command.make_context(name, rest)


def test_there_is_something_to_check() -> None:
    assert len(commands()) > 18 and sum(map(is_small, commands())) >= 9
    assert [kind for kind, _ in BLOCKS].count("python") == 5


@pytest.mark.parametrize("command", [command for command in commands() if not is_small(command)])
def test_long_commands_can_be_understood(command: str) -> None:
    program, *arguments = words_of(command)
    if program == "make":
        (target,) = arguments
        assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif len(arguments) == 1:
        assert arguments[0] in PROGRAMS[program].commands
    else:
        parse(program, *arguments)


def test_a_command_that_is_wrong_is_noticed() -> None:
    for wrong in ("build out --limits train=1", "train x", "build x --precision float64", "pack imdb.elmo"):
        with pytest.raises(click.UsageError):
            parse("elmo-cache", *wrong.split())


def test_what_make_demo_runs_is_what_is_shown() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("$(DEMO)", "demo")
    (recipe,) = re.findall(r"^demo:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()] == SESSION


def test_short_commands_in_the_order_of_the_text(place: Path) -> None:
    for command in filter(is_small, commands()):
        run(command)

    for name in ("accuracies.png", "summary.json"):
        assert (place / "results" / name).exists() and (place / "results-slow" / name).exists()
    for name, n_train in (("my.elmo", 60), ("aclimdb.elmo", 4), ("new.elmo", 2), ("imdb.h5", 60)):
        with FeatureCache(place / name) as features:
            assert len(features["train"]) == n_train, name
    with np.load(place / "vectors.npz") as saved:
        assert saved["vectors"].shape == (5, 8)


def classifier_of(dim: int) -> keras.Model:
    """The reader's own model."""
    inputs = keras.Input((None, dim), dtype="float16", name="features")
    pooled = keras.layers.GlobalMaxPooling1D()(keras.ops.cast(inputs, "float32"))
    model = keras.Model([inputs], keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile(loss="binary_crossentropy", jit_compile=False)
    return model


def execute(block: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(block, "README.md", "exec"), names)
    return names


def python_block(part: str) -> str:
    (block,) = [block for kind, block in BLOCKS if kind == "python" and part in block]
    return block


@pytest.fixture
def names(place: Path) -> dict[str, Any]:
    """What the snippet that opens a cache leaves behind."""
    return execute(python_block("with FeatureCache("), {})


def test_snippet_that_opens_a_cache(names: dict[str, Any]) -> None:
    assert isinstance(names["train"], Split) and (len(names["train"]), len(names["test"])) == (60, 30)
    assert names["vectors"].dtype == np.float16
    assert names["vectors"].shape == (names["train"].lengths[3], names["train"].dim)


def test_snippet_for_scikit_learn(names: dict[str, Any]) -> None:
    *before, last = python_block("cache.adapters.sklearn").strip().splitlines()
    score = eval(last, execute("\n".join(before), names))
    assert 0.5 < score <= 1, "every document says what it is"


@pytest.mark.filterwarnings("error")
def test_snippet_for_keras(names: dict[str, Any]) -> None:
    model = classifier_of(names["train"].dim)
    before = [np.array(weights) for weights in model.get_weights()]
    found = execute(python_block("cache.adapters.keras"), {**names, "classifier": model})
    assert len(found["batches"]) == 4
    assert model.optimizer.iterations == 2 * 5 * 4, "two fits of five epochs"
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_snippet_for_pytorch(names: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    loader = execute(python_block("cache.adapters.torch"), names)["loader"]
    lengths = torch.cat([batch.lengths for batch in loader])
    assert sorted(lengths.tolist()) == sorted(names["train"].lengths)


def test_snippet_for_other_encoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is the real one; short texts stand in for the reviews."""
    texts = [("train" if i < 210 else "test", "ab"[i % 2], f"a fine film {i}") for i in range(270)]
    monkeypatch.setattr("elmo_cache.extraction.open_corpus", {"sample": MemoryCorpus(texts)}.__getitem__)
    monkeypatch.chdir(tmp_path)
    execute(python_block("load_encoder("), {})
    with FeatureCache("sample.elmo") as features:
        assert [len(features[name]) for name in features] == [200, 50] and features["train"].dim == 256


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert len(links) >= 3
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_reuse_takes_thirty_lines_at_most() -> None:
    (section,) = re.findall(r"^## Reuse.*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    assert len(section.splitlines()) <= 30
