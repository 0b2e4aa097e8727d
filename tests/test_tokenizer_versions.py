"""A tokeniser whose rule changes: caches that are there go on with the rule they were made with."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from errors_expected import raises
from small_build import build_small, corpus
from small_cache import contents

from cache import MismatchError
from cache.manifest import read_manifest
from elmo_cache import CorpusError, TextRule, messages
from elmo_cache.text import tokenization
from elmo_cache.text.tokenization import get_tokenizer, newest_version, whitespace_tokens


def reversed_tokens(text: str) -> list[str]:
    return [word[::-1] for word in text.split()]


@pytest.fixture
def renew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what gives `whitespace` a second version, after the one that it has here."""
    first = {**tokenization.TOKENIZERS, "whitespace": {1: whitespace_tokens}}
    monkeypatch.setattr(tokenization, "TOKENIZERS", first)
    second = {**first, "whitespace": {1: whitespace_tokens, 2: reversed_tokens}}
    return lambda: monkeypatch.setattr(tokenization, "TOKENIZERS", second)


def test_new_caches_have_the_newest_version_and_say_so(tmp_path: Path, renew: Callable[[], None]) -> None:
    with build_small(tmp_path / "old") as old:
        assert "tokenizer_version" not in old.encoding["text"], "as before there were versions"
    renew()
    assert newest_version("whitespace") == 2 and get_tokenizer("whitespace") is reversed_tokens
    assert get_tokenizer("whitespace", 1) is whitespace_tokens
    with build_small(tmp_path / "new") as new:
        assert new.encoding["text"]["tokenizer_version"] == 2
        assert new["train"].tokens(0) == [word[::-1] for word in old["train"].tokens(0)]
    assert read_manifest(tmp_path / "new").encoding_fingerprint != read_manifest(tmp_path / "old").encoding_fingerprint


@pytest.mark.parametrize("rule", [None, TextRule("whitespace")])
def test_a_cache_goes_on_with_its_version(tmp_path: Path, renew: Callable[[], None], rule: TextRule | None) -> None:
    build_small(tmp_path / "whole", rule=rule).close()
    build_small(tmp_path / "c", rule=rule, limit={"train": 9, "test": 10}).close()
    (tmp_path / "c" / "train.documents.h5").unlink()  # it is tokenised anew
    renew()
    build_small(tmp_path / "c", rule=rule).close()
    again = {name: data for name, data in contents(tmp_path / "c").items() if name.endswith("documents.h5")}
    assert again.items() <= contents(tmp_path / "whole").items()
    build_small(tmp_path / "d", rule=TextRule("whitespace", tokenizer_version=1)).close()
    assert contents(tmp_path / "d") == contents(tmp_path / "whole")


def test_a_version_that_is_asked_for_is_compared(tmp_path: Path, renew: Callable[[], None]) -> None:
    build_small(tmp_path / "c").close()
    renew()
    with raises(messages.OTHER_SETTINGS, MismatchError, found=re.compile(r"^text\.tokenizer_version ")):
        build_small(tmp_path / "c", rule=TextRule("whitespace", tokenizer_version=2))


def test_a_version_that_this_package_lacks(
    tmp_path: Path, renew: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tokenization, "TOKENIZERS", {"whitespace": {2: reversed_tokens}, "keras": {1: whitespace_tokens}})
        build_small(tmp_path / "c").close()
    with raises(messages.NO_TOKENIZER_VERSION, CorpusError, name="whitespace", found="2", expected="1"):
        build_small(tmp_path / "c")
    with raises(messages.VERSION_WITHOUT_TOKENIZER, CorpusError):
        TextRule(tokenizer_version=1)


def test_a_rule_without_a_tokeniser_has_the_one_that_fits(tmp_path: Path) -> None:
    with build_small(tmp_path / "c", rule=TextRule(max_tokens=200)) as features:
        assert features.encoding["text"]["tokenizer"] == "whitespace", "the corpus's own"
    texts = corpus()
    texts.tokenizer = None
    with build_small(tmp_path / "d", corpus=texts, rule=TextRule(max_tokens=200)) as features:
        assert features.encoding["text"]["tokenizer"] == "words"
