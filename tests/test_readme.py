"""What README.md tells a reader to type, taken from README.md itself and run.

Commands run as they stand, on small stand-ins for what they name and with options after them that make them small.
What would download, or take minutes, is parsed instead: it must name a command, options and values that exist.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from documents import PROGRAMS, ROOT, Page, classifier_of, execute, parse, prepare, run, understand, words_of

from cache import FeatureCache, Split

README = Page("README.md")
PARSED_ONLY = (*README.session(), " original")  # minutes of work, or downloads


def is_small(command: str) -> bool:
    program, *arguments = words_of(command)
    return program in PROGRAMS and len(arguments) > 1 and not any(part in command for part in PARSED_ONLY)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder, the current one, with everything that the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    prepare(folder)
    with contextlib.chdir(folder):
        run("elmo-cache build demo/imdb.elmo --corpus labelled.csv")
        run("elmo-train trials --n 3 --cache demo/imdb.elmo --out demo/results")
        yield folder


def test_there_is_something_to_check() -> None:
    assert len(README.commands()) > 15 and sum(map(is_small, README.commands())) >= 8
    assert [kind for kind, _ in README.blocks].count("python") == 4


@pytest.mark.parametrize("command", README.commands())
def test_commands_can_be_understood(command: str) -> None:
    understand(command)


def test_a_command_that_is_wrong_is_noticed() -> None:
    for wrong in ("build out --limits train=1", "train x", "build x --precision float64", "pack imdb.elmo"):
        with pytest.raises(click.UsageError):
            parse("elmo-cache", *wrong.split())


def test_what_make_demo_runs_is_what_is_shown() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("$(DEMO)", "demo")
    (recipe,) = re.findall(r"^demo:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()] == README.session()


@pytest.mark.slow
def test_short_commands_in_the_order_of_the_text(place: Path) -> None:
    for command in filter(is_small, README.commands()):
        run(command)

    for name in ("accuracies.png", "summary.json"):
        assert (place / "results" / name).exists()
    for name, n_train in (("my.elmo", 60), ("aclimdb.elmo", 4), ("new.elmo", 2), ("imdb.h5", 60)):
        with FeatureCache(place / name) as features:
            assert len(features["train"]) == n_train, name
    with np.load(place / "vectors.npz") as saved:
        assert saved["vectors"].shape == (5, 8)


@pytest.fixture
def names(place: Path) -> dict[str, Any]:
    """What the snippet that opens a cache leaves behind."""
    return execute(README.snippet("features = FeatureCache("), {})


def test_snippet_that_opens_a_cache(names: dict[str, Any]) -> None:
    assert isinstance(names["train"], Split) and (len(names["train"]), len(names["test"])) == (60, 30)
    assert names["vectors"].dtype == np.float16
    assert names["vectors"].shape == (names["train"].lengths[3], names["train"].dim)


def test_snippet_for_scikit_learn(names: dict[str, Any]) -> None:
    *before, last = README.snippet("cache.adapters.sklearn").strip().splitlines()
    score = eval(last, execute("\n".join(before), names))
    assert 0.5 < score <= 1, "every document says what it is"


@pytest.mark.filterwarnings("error")
def test_snippet_for_keras(names: dict[str, Any]) -> None:
    model = classifier_of(names["train"].dim)
    before = [np.array(weights) for weights in model.get_weights()]
    found = execute(README.snippet("cache.adapters.keras"), {**names, "classifier": model})
    assert len(found["batches"]) == 4
    assert model.optimizer.iterations == 5 * 4, "a fit of five epochs"
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_snippet_for_pytorch(names: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    loader = execute(README.snippet("cache.adapters.torch"), names)["loader"]
    lengths = torch.cat([batch.lengths for batch in loader])
    assert sorted(lengths.tolist()) == sorted(names["train"].lengths)


def test_links_lead_somewhere() -> None:
    assert len(README.links()) >= 8
    assert [link for link in README.links() if not (ROOT / link).exists()] == []


def test_reuse_takes_thirty_lines_at_most() -> None:
    (section,) = re.findall(r"^## Use the vectors.*?(?=^## )", README.text, re.MULTILINE | re.DOTALL)
    assert len(section.splitlines()) <= 30
