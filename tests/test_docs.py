"""The pages under docs/ and CONTRIBUTING.md: commands exist as they stand there, snippets run, diffs fit the code."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import MADE_SMALL, PRETRAINING, PROGRAMS, ROOT, Page, classifier_of, execute, prepare, run, understand
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder

from cache import FeatureCache

PAGES = {path.stem: Page(f"docs/{path.name}") for path in sorted((ROOT / "docs").glob("*.md"))}
CONTRIBUTING = Page("CONTRIBUTING.md")
COMMANDS = [
    (name, command)
    for name, page in {**PAGES, "CONTRIBUTING": CONTRIBUTING}.items()
    for command in page.commands()
    if command.startswith((*(f"{program} " for program in PROGRAMS), "make ", PRETRAINING))
]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_can_be_understood(page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    understand(command)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"(\S+)\.md$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(PAGES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("docs")
    prepare(folder)
    with contextlib.chdir(folder):
        run("elmo-cache build demo/imdb.elmo --corpus labelled.csv")
        yield folder


def test_snippet_of_the_quick_start(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute(PAGES["start"].snippet("with FeatureCache("), {})
    with FeatureCache("demo/imdb.elmo") as features:
        train = features["train"]
        shown = [features, (len(train.tokens(3)), train.dim), train.tokens(3)[:5], train.labels[:5]]
    assert capsys.readouterr().out == "".join(f"{value}\n" for value in shown)


def test_snippet_of_the_front_page(place: Path) -> None:
    train = execute(PAGES["index"].snippet("FeatureCache("), {})["train"]
    assert train[3].shape == (len(train.tokens(3)), train.dim)


def test_the_front_page_shows_the_readmes_figures() -> None:
    figures = re.compile(r"^ (?:mean|  sd) .*$|^range .*$", re.MULTILINE)
    assert figures.findall(PAGES["index"].text) == figures.findall(Page("README.md").text) != []


def test_snippet_that_builds_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is the real one; short texts stand in for the reviews."""
    texts = [("train" if i < 210 else "test", "ab"[i % 2], f"a fine film {i}") for i in range(270)]
    monkeypatch.setattr("elmo_cache.extraction.building.corpus_of", lambda source, **_: MemoryCorpus(texts))
    monkeypatch.chdir(tmp_path)
    found = execute(PAGES["own-text"].snippet("load_encoder("), {})
    assert [vectors.shape for vectors in found["vectors"]] == [(3, 256), (0, 256)]
    with FeatureCache("sample.elmo") as features:
        assert [len(features[name]) for name in features] == [200, 50] and features["train"].dim == 256


def test_snippet_of_what_python_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = PAGES["own-text"].snippet("pd.DataFrame(").replace('"imdb-v3"', "encoder")
    found = execute(block, {"encoder": HashEncoder(dim=4)})  # the encoder has no part in this
    assert found["tags"] == ["LOC", "O", "O"]
    for name, splits, classes in (("frame", ["train"], ("1", "5")), ("splits", ["train", "test"], ("1", "5"))):
        with FeatureCache(f"{name}.elmo") as features:
            assert list(features) == splits and features.label_names == classes


def test_the_table_of_what_to_type_can_be_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    typed = re.findall(r"^\|[^|]+\| `(--corpus [^`]+)`", (ROOT / "docs" / "own-text.md").read_text(), re.MULTILINE)
    assert len(typed) == 16
    for options in typed:
        understand(f"elmo-cache build my.elmo {options}")


def test_snippet_from_a_csv_to_an_accuracy(place: Path) -> None:
    run("elmo-cache build my.elmo --corpus reviews.csv --text-column body --label-column stars")
    *before, last = PAGES["own-text"].snippet("train_test_split").strip().splitlines()
    found = execute("\n".join(before), {})
    assert 0 <= eval(last, found) <= 1
    documents = found["documents"]
    assert found["stars"].tolist() == [5 if documents.tokens(i)[0] == "good" else 1 for i in range(len(documents))]
    assert len(found["train"]) == len(found["y_train"]) == 45


@pytest.fixture
def names(place: Path) -> dict[str, Any]:
    return execute(PAGES["reuse"].snippet("features = FeatureCache("), {})


def test_snippet_for_scikit_learn(names: dict[str, Any]) -> None:
    *before, last = PAGES["reuse"].snippet("make_pipeline").strip().splitlines()
    assert 0.5 < eval(last, execute("\n".join(before), names)) <= 1


@pytest.mark.filterwarnings("error")
def test_snippets_for_keras_and_tensorflow(names: dict[str, Any]) -> None:
    found = execute(PAGES["reuse"].snippet("cache.adapters.keras"), names)
    n_docs, length, _ = found["inputs"]["features"].shape
    assert n_docs == len(found["labels"])
    assert {name: found["inputs"][name].shape for name in ("token_ids", "mask")} == dict.fromkeys(
        ("token_ids", "mask"), (n_docs, length)
    )
    model = classifier_of(names["train"].dim)
    before = [np.array(weights) for weights in model.get_weights()]
    execute(PAGES["reuse"].snippet("cache.adapters.tensorflow"), {**found, "classifier": model})
    assert model.optimizer.iterations == 5 * 4
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_snippet_for_pytorch(names: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    found = execute(PAGES["reuse"].snippet("import SplitDataset, padded"), names)
    found = execute(PAGES["reuse"].snippet("import LengthBatchSampler"), found)
    for batches in (found["loader"], found["by_length"]):
        lengths = torch.cat([batch.lengths for batch in batches])
        assert sorted(lengths.tolist()) == sorted(names["train"].lengths)


@pytest.mark.slow
def test_from_a_conll_file_to_a_table_in_five_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The download and the encoder are stand-ins, and the numbers small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainer.tagging.probes.MOST_EPOCHS", 2)
    monkeypatch.setitem(MADE_SMALL, "build", ["--encoder", "elmo"])  # the tokens are there
    prepare(tmp_path)
    install, download, *commands = PAGES["tags"].lines("sh")
    assert install == 'pip install "elmo-cache[sample]"' and len(commands) == 3
    nouns, verbs = ("good", "bad", "w1"), ("w2", "w3")
    with open(download.rpartition("/")[2], "w") as file:
        for i in range(200):
            words = [*nouns, *verbs, f"w{i % 25 + 4}"][i % 3 : 3 + i % 4]
            rows = [(k, word, "NOUN" if word in nouns else "VERB") for k, word in enumerate(words, 1)]
            file.writelines(f"{k}\t{word}\t_\t{tag}\t_\t_\t0\t_\t_\t_\n" for k, word, tag in rows)
            file.write("\n")

    _, by_layer, with_lstm = (run(command) for command in commands)

    assert "elmo-0 - static" in by_layer and "elmo-mix - static" in by_layer
    assert "elmo-lstm - static" in with_lstm
    assert sorted(path.name for path in (tmp_path / "results-lstm").iterdir()) == [
        "accuracies.png",
        "config.json",
        "summary.json",
        "tags.csv",
    ]
    assert execute(PAGES["tags"].snippet("flat_tags"), {})["accuracy"] > 0.5


def test_snippet_that_finds_documents_and_words(names: dict[str, Any]) -> None:
    found, train = execute(PAGES["reuse"].snippet("train.at(row)"), names), names["train"]
    assert found["where"] == 3 and np.all(np.diff(found["in_order"].doc_ids) > 0)
    assert all(train.tokens(i)[k] == "great" for i, k in found["places"])
    assert (found["neighbours"][0].document, len(found["neighbours"])) == (3, 5)


def test_snippet_for_arrow(names: dict[str, Any]) -> None:
    table = execute(PAGES["reuse"].snippet("cache.adapters.arrow"), names)["table"]
    assert table.column_names == ["id", "label", "tokens", "vector"] and len(table) == len(names["test"])


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the packages, with the diffs of CONTRIBUTING.md applied."""
    for package in ("cache", "elmo_cache", "trainer"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "embedded"))
    diffs = [block for kind, block in CONTRIBUTING.blocks if kind == "diff"]
    assert len(diffs) == 2
    for diff in diffs:
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, text=True, check=True)
    return tmp_path


@pytest.mark.skipif(shutil.which("git") is None, reason="diffs are applied with git")
def test_diffs_apply(changed: Path) -> None:
    catalog = "from elmo_cache.text.corpora import catalog; print(catalog._NAMES[-1])"
    assert python(changed, "-c", catalog) == "texts\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="diffs are applied with git")
def test_what_the_diffs_add_runs(changed: Path, place: Path, tmp_path: Path) -> None:
    for k in range(120):
        path = tmp_path / "texts" / ("train" if k < 80 else "test") / "ab"[k % 2] / f"{k}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{'good' if k % 2 else 'bad'} w{k % 30} w{k % 29} w{k % 23}")
    shutil.copy(place / "wiki.multi.en.vec", tmp_path)
    for name in ("my_models.py", "my_estimators.py"):
        (tmp_path / name).write_text(PAGES["experiment"].snippet(f"# {name}"))

    code = "from elmo_cache import build; from elmo_cache.encoders.random_words import RandomWords\n"
    code += "f = build('texts', RandomWords(), 'texts.elmo'); print(len(f['train']), f['test'][0].shape)"
    assert python(tmp_path, "-c", code) == "80 (4, 256)\n"
    models = "basic,my_models.py:wide,my_estimators.py:forest"
    arguments = f"--cache texts.elmo --models {models} --n 2 --vectors wiki.multi.en.vec --out results"
    sizes = "--train-size 20 --val-size 20 --test-size 20"
    output = python(tmp_path, "-m", "trainer.cli", "trials", *arguments.split(), *sizes.split())
    assert "wide" in output and "forest" in output and "mean" in output


def python(folder: Path, *arguments: str) -> str:
    """Run Python on the packages in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
