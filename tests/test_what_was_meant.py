"""A slip on the command line: the message shows what was probably meant."""

from pathlib import Path

import pytest
from click.testing import Result
from commands import error_of, run_cache, run_train
from errors_expected import said, says
from numpy_encoder import build_small
from tiny_elmo import OPTIONS, write_elmo

import cache.messages
import elmo_cache.messages
import trainer.messages
from cache import FeatureCache
from cache.near_paths import near_path

UD = "# sent_id = s1\n1\ta\ta\tDET\t_\t_\t0\troot\t_\t_\n2\tfilm\tfilm\tNOUN\t_\t_\t0\troot\t_\t_\n\n"


def usage_error_of(result: Result) -> str:
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_small(tmp_path / "imdb.elmo").close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_near_names(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").touch()
    (tmp_path / ".reveiws.csv.swp").touch()
    assert near_path(tmp_path / "reveiws.csv") == tmp_path / "reviews.csv"
    (tmp_path / "new.elmo").touch()
    assert near_path(tmp_path / "letters.csv") is near_path(tmp_path / "nowhere.elmo") is None
    assert near_path(tmp_path / "nowhere" / "reviews.csv") is None


def test_a_cache_of_nearly_that_name(small: Path) -> None:
    done = error_of(run_train("trials", "--cache", "imbd.elmo"))
    assert done == f"Error: {said(cache.messages.NO_CACHE_BUT, path='imbd.elmo', found='imdb.elmo')}"
    done = error_of(run_train("trials", "--cache", "missing.csv"))
    assert done == f"Error: {said(cache.messages.NO_CACHE, path='missing.csv')}"


@pytest.mark.parametrize("typed", ["reveiws.csv", "reviews.cvs"])
def test_a_corpus_of_nearly_that_name(small: Path, typed: str) -> None:
    (small / "reviews.csv").write_text("text\na film\n")
    done = error_of(run_cache("build", "new.elmo", "--corpus", typed))
    expected = said(elmo_cache.messages.NO_FILE_BUT, path=typed, name="corpus", found="reviews.csv")
    assert done == f"Error: {expected}"
    assert not (small / "new.elmo").exists()


def test_a_run_of_nearly_that_name(small: Path) -> None:
    (small / "results").mkdir()
    for command in (["plot", "resluts"], ["predict", "resluts", "a film"], ["compare", "resluts", "results"]):
        done = error_of(run_train(*command))
        assert done == f"Error: {said(trainer.messages.NO_RUN_BUT, path='resluts', found='results')}"


def test_a_folder_that_is_not_there_before_a_text(small: Path) -> None:
    done = error_of(run_train("predict", "nofolder", "a fine film"))
    assert done == f"Error: {said(trainer.messages.NO_RUN, path='nofolder')}"
    assert says(error_of(run_train("predict", "a fine film"))[len("Error: ") :], trainer.messages.RUN_FIRST)


def test_a_text_before_the_folder_of_the_run(small: Path) -> None:
    done = error_of(run_train("predict", "a good film", "results"))
    assert done == f"Error: {said(trainer.messages.RUN_FIRST, path=Path('a good film'), text=repr('a good film'))}"


def test_a_cache_as_corpus(small: Path) -> None:
    done = error_of(run_cache("build", "new.elmo", "--corpus", "imdb.elmo"))
    assert done == f"Error: {said(elmo_cache.messages.CORPUS_IS_CACHE, path='imdb.elmo')}"


def test_what_is_too_much_on_the_line() -> None:
    found = usage_error_of(run_train("trials", "kaggle.elmo"))
    assert found == (
        "Error: Unexpected kaggle.elmo. A cache is given as --cache kaggle.elmo. For example: elmo-train trials --n 10"
    )
    hint = "A value stands behind its option, several are joined by commas, and spaces need quotation marks."
    for found, extra in (
        (usage_error_of(run_cache("build", "my", "reviews.elmo")), "reviews.elmo"),
        (usage_error_of(run_train("trials", "--models", "basic", "elmo")), "elmo"),
    ):
        assert found.startswith(f"Error: Unexpected {extra}. {hint} For example: ")


def test_what_is_missing_on_the_line() -> None:
    found = usage_error_of(run_train("plot"))
    assert found == "Error: Missing argument 'RUNS...'. For example: elmo-train plot results/"
    found = usage_error_of(run_train("curve"))
    assert "Missing option '--sizes'. For example: elmo-train curve --sizes 50" in found


def test_a_share_as_a_percentage() -> None:
    found = usage_error_of(run_cache("build", "--test-share", "20"))
    assert found == "Error: Invalid value for '--test-share': 20 is not below 1. For 20 %, give 0.2."
    assert usage_error_of(run_cache("build", "--test-share", "20%")).endswith("For 20 %, give 0.2.")
    assert "not in the range" in usage_error_of(run_cache("build", "--test-share", "-1"))
    assert "not a valid float" in usage_error_of(run_cache("build", "--test-share", "a fifth"))


def test_a_limit_without_its_split() -> None:
    found = usage_error_of(run_cache("build", "--limit", "200"))
    expected = "expected SPLIT=N, such as train=200; repeat --limit for another split"
    assert found == f"Error: Invalid value for --limit: '200': {expected}"


def test_a_limit_beyond_the_corpus_is_noted(tmp_path: Path) -> None:
    write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / "r.txt").write_text("one two\nthree\n")
    build = ["build", tmp_path / "c", "--corpus", tmp_path / "r.txt", "--encoder", tmp_path / "elmo", "--dry-run"]
    assert (
        "Note: train has 2 documents, fewer than the 3 of --limit\n" in run_cache(*build, "--limit", "train=3").stdout
    )
    assert "Note" not in run_cache(*build, "--limit", "train=2").stdout


@pytest.mark.parametrize(("name", "example"), [("a.conllu", "such as upos"), ("a.conll", "a number from 1 to 10")])
def test_tags_that_nobody_asked_for_are_noted(tmp_path: Path, name: str, example: str) -> None:
    write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / name).write_text(UD)
    build = ["build", tmp_path / "c", "--corpus", tmp_path / name, "--encoder", tmp_path / "elmo", "--dry-run"]
    note = f"Note: only tokens are kept, no tags: to keep some, give --tag-column, {example}\n"
    assert note in run_cache(*build).stdout
    assert "Note" not in run_cache(*build, "--tag-column", "4").stdout


def test_columns_that_are_swapped_are_noted(tmp_path: Path) -> None:
    write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / "r.csv").write_text("text,label\n" + "".join(f"{'pn'[i % 2]},film {i}\n" for i in range(30)))
    build = ["build", tmp_path / "c", "--corpus", tmp_path / "r.csv", "--encoder", tmp_path / "elmo", "--dry-run"]
    shown = run_cache(*build).stdout
    assert "Note: 30 different labels for 30 documents: check the columns of text and label\n" in shown
    assert "different labels" not in run_cache(*build, "--text-column", "label", "--label-column", "text").stdout


def test_another_share_is_named_in_words(tmp_path: Path) -> None:
    write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / "r.txt").write_text("".join(f"film {i}\n" for i in range(20)))
    build = ["build", tmp_path / "c", "--corpus", tmp_path / "r.txt", "--encoder", tmp_path / "elmo"]
    assert run_cache(*build, "--test-share", "0.2").exit_code == 0
    asked = {
        "--test-share 0.3": "the test share is 0.2 there, you asked for 0.3",
        "--test-share 0.2 --split-seed 1": "the seed of the splits is 0 there, you asked for 1",
        "--test-share 0.2 --validation-share 0.2": "the validation share is none there, you asked for 0.2",
        "": "the rule of the splits is 'divided by class, equal texts on one side' there, you asked for 'all in train'",
    }
    for options, expected in asked.items():
        message = error_of(run_cache(*build, *options.split()))
        assert says(message[len("Error: ") :], elmo_cache.messages.OTHER_CORPUS_SETTINGS, found=expected), message


def test_a_file_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    out = tmp_path / "new" / "vectors.npz"
    done = error_of(run_cache("encode", "a film", "--encoder", tmp_path / "none", "--out", out))
    assert done == f"Error: {said(cache.messages.NO_FOLDER, path=out, folder=out.parent)}"


def test_a_run_without_a_finished_trial(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    done = error_of(run_train("plot", tmp_path))
    assert done == f"Error: {said(trainer.messages.NO_TRIAL_YET, path=tmp_path)}"


@pytest.mark.parametrize(("command", "unit"), [("trials", "documents"), ("tag", "sentences")])
def test_a_cache_that_is_not_finished(tmp_path: Path, command: str, unit: str) -> None:
    write_elmo(tmp_path / "elmo", OPTIONS)
    sentences = "".join(f"1\tword{i}\tx\tDET\t_\t_\t0\troot\t_\t_\n\n" for i in range(40))
    if command == "tag":
        (tmp_path / "r.conllu").write_text(sentences)
        corpus = ["--corpus", tmp_path / "r.conllu", "--tag-column", "upos"]
    else:
        (tmp_path / "r.csv").write_text("text,label\n" + "".join(f"word{i},{i % 2}\n" for i in range(40)))
        corpus = ["--corpus", tmp_path / "r.csv"]
    sizes = ["--train-size", "20", "--val-size", "5", "--test-size", "5"]
    build = ["build", tmp_path / "c", *corpus, "--encoder", tmp_path / "elmo", "--test-share", "0.25"]
    assert run_cache(*build, "--shard-tokens", "4").exit_code == 0
    with FeatureCache(tmp_path / "c") as features:
        last = sorted(path for path in (tmp_path / "c").iterdir() if path.name.startswith("train-"))[-3:]
        n_documents = len(features["train"])
    for path in last:
        path.unlink()
    done = error_of(run_train(command, "--cache", tmp_path / "c", *sizes, "--out", tmp_path / "out"))
    expected = {"path": tmp_path / "c", "name": "train", "expected": 25, "unit": unit}
    assert n_documents == 30 and says(done[len("Error: ") :], trainer.messages.POOL_UNFINISHED, **expected)
