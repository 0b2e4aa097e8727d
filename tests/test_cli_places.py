"""What a command is given in place of something else, and a cache that would grow without being asked to."""

import json
import sys
from pathlib import Path

import pytest
from commands import command, error_of, run_cache
from errors_expected import said
from numpy_encoder import build_small
from tiny_elmo import OPTIONS, write_elmo

from cache import CacheError, FeatureCache
from elmo_cache import messages


@pytest.mark.parametrize("name", ["reviews.csv", "mistyped.tsv", "r.jsonl.gz", "x.parquet"])
def test_a_file_of_text_where_the_cache_goes(tmp_path: Path, name: str) -> None:
    if name == "reviews.csv":
        (tmp_path / name).write_text("text,label\na film,pos\n")
    path = tmp_path / name
    refused = run_cache("build", path)
    assert error_of(refused) == f"Error: {said(messages.CACHE_IS_TEXT_FILE, path=path, name=path)}"
    assert not path.is_dir()


def test_a_file_where_a_text_goes() -> None:
    refused = run_cache("encode", "a fine film", "five.txt")
    assert error_of(refused) == f"Error: {said(messages.TEXT_IS_FILE_NAME, path='five.txt')}"


def test_a_cache_where_a_text_goes(tmp_path: Path) -> None:
    build_small(tmp_path / "c").close()
    refused = run_cache("encode", "a fine film", tmp_path / "c")
    assert error_of(refused) == f"Error: {said(messages.TEXT_IS_CACHE, path=str(tmp_path / 'c'))}"


@pytest.fixture
def grown(tmp_path: Path) -> list[object]:
    """The command that built two of five documents, without its limit."""
    write_elmo(tmp_path / "elmo", OPTIONS)
    (tmp_path / "r.txt").write_text("one two\nthree\nfour\nfive six\nseven\n")
    build = ["build", tmp_path / "c", "--corpus", tmp_path / "r.txt", "--encoder", tmp_path / "elmo"]
    assert run_cache(*build, "--limit", "train=2").exit_code == 0
    return build


def test_a_cache_does_not_grow_unasked(grown: list[object], tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()}
    fact = CacheError(messages.BUILT_WITH_SOME, path=tmp_path / "c", found=2, expected=5, splits="train")
    assert error_of(run_cache(*grown)) == f"Error: {said(messages.GROWS_UNASKED, error=fact)}"
    assert {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()} == before

    assert run_cache(*grown, "--limit", "train=2").exit_code == 0
    assert run_cache(*grown, "--dry-run").exit_code == 0
    assert run_cache(*grown, "--all").exit_code == 0
    with FeatureCache(tmp_path / "c") as features:
        assert len(features["train"]) == 5
    assert run_cache(*grown).exit_code == 0, "nothing is left to do"


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "n_documents"), [("y", 5), ("n", 2)])
def test_on_a_terminal_it_asks(grown: list[object], tmp_path: Path, answer: str, n_documents: int) -> None:
    pexpect = pytest.importorskip("pexpect")  # comes with Jupyter's kernel
    child = pexpect.spawn(sys.executable, ["-m", "elmo_cache.cli", *map(str, grown)], timeout=120)
    child.expect(r"Encode the others too\? \[y/N\]")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    with FeatureCache(tmp_path / "c") as features:
        assert len(features["train"]) == n_documents


def test_all_and_a_limit_contradict_each_other() -> None:
    done = run_cache("build", "--all", "--limit", "train=3")
    assert done.exit_code == 2 and "--all and --limit contradict each other" in done.stderr


def test_info_says_how_text_became_tokens(grown: list[object], tmp_path: Path) -> None:
    shown = run_cache("info", tmp_path / "c").stdout
    assert "  text      words, at most 500 tokens per document\n" in shown
    assert "  corpus    r.txt, no labels\n" in shown
    assert json.loads(run_cache("info", tmp_path / "c", "--json").stdout)["encoding"]["text"]["tokenizer"] == "words"


def test_options_of_build_stand_in_groups() -> None:
    shown = command("build", "--help").stdout
    titles = ["Input:", "Amount:", "Text:", "Encoder:", "Parallel:", "Repeating the 2018 notebook:", "Other options:"]
    places = [shown.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert places[0] < shown.index("  --corpus ") < places[1] < shown.index("  --limit ") < places[2]
    assert places[-1] < shown.index("  --dry-run")


def test_no_help_of_a_command_is_cut_off() -> None:
    commands = command("--help", env={"COLUMNS": "80", "PATH": "/bin"}).stdout.partition("Commands:")[2]
    assert "verify" in commands and "..." not in commands


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--limit", "train=1", "--limit", "train=2"), "train was given 1 and 2: leave one of them out"),
        (("--rename-labels", "a=b,a=c"), "a was given two names, b and c: leave one of them out"),
    ],
)
def test_two_values_for_one_name(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    (tmp_path / "r.csv").write_text("text,label\none,a\n")
    done = run_cache("build", tmp_path / "c", "--corpus", tmp_path / "r.csv", *options)
    assert done.exit_code == 2 and says in " ".join(done.stderr.split()) and not (tmp_path / "c").exists()
