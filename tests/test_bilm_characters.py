"""Words as character ids, spelt out: the numbers are the public format's."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from elmo_cache.encoders.bilm.characters import BEGIN_DOCUMENT, END_DOCUMENT, CutWords, character_ids, cut_words

# As the file format has them, shifted by one: 256 BOS, 257 EOS, 258 BOW, 259 EOW, 260 PAD.
BOS, EOS, BOW, EOW, PAD = 257, 258, 259, 260, 261
ROOM = 48


def ids_of(word: str) -> list[int]:
    (row,) = character_ids([word]).tolist()
    return list(row)


def spelt(*inner: int) -> list[int]:
    return [BOW, *inner, EOW] + [PAD] * (ROOM - len(inner))


@pytest.mark.parametrize(
    ("word", "inner"),
    [
        ("a", [98]),
        ("Ab", [66, 99]),
        ("", []),
        (" ", [33]),
        ("é", [0xC3 + 1, 0xA9 + 1]),
        ("e\u0301", [102, 0xCC + 1, 0x81 + 1]),
        ("😀", [0xF0 + 1, 0x9F + 1, 0x98 + 1, 0x80 + 1]),
        ("\x00", [1]),
        ("a\x00b", [98, 1, 99]),
        ("\x1f\x7f", [32, 128]),
        ("\uffff", [0xEF + 1, 0xBF + 1, 0xBF + 1]),
        ("<S>", [BOS]),
        ("</S>", [EOS]),
        ("<s>", [61, 116, 63]),
        ("<UNK>", [61, 86, 79, 76, 63]),
        ("<S> ", [61, 84, 63, 33]),
    ],
    ids=repr,
)
def test_spelling(word: str, inner: list[int]) -> None:
    assert ids_of(word) == spelt(*inner)


def test_marks_are_the_words_of_the_format() -> None:
    assert (BEGIN_DOCUMENT, END_DOCUMENT) == ("<S>", "</S>")


@pytest.mark.parametrize("n_bytes", [47, 48])
def test_word_that_just_fits(n_bytes: int) -> None:
    assert ids_of("b" * n_bytes) == spelt(*[99] * n_bytes)


@pytest.mark.parametrize("n_bytes", [49, 50, 51, 1000])
def test_longer_word_loses_its_last_bytes(n_bytes: int) -> None:
    assert ids_of("b" * 48 + "c" * (n_bytes - 48)) == spelt(*[99] * 48)


def test_cut_within_a_character() -> None:
    # 1 + 11 * 4 + 3 bytes: the cut is made in bytes, as the public encoders make it.
    emoji = [byte + 1 for byte in "😀".encode()]

    assert ids_of("x" + "😀" * 12) == spelt(121, *(emoji * 11), *emoji[:3])


def test_lone_surrogate_is_passed_over() -> None:
    # What bilm-tf and AllenNLP do: it has no UTF-8 form.
    assert ids_of("a\ud83d") == ids_of("a")
    assert ids_of("\ud83d") == spelt()


def test_other_length() -> None:
    assert character_ids(["abcdef", "a", "<S>"], max_characters=5).tolist() == [
        [BOW, 98, 99, 100, EOW],
        [BOW, 98, EOW, PAD, PAD],
        [BOW, BOS, EOW, PAD, PAD],
    ]


def test_shape_and_type() -> None:
    ids = character_ids(["a", "b", "c"])

    assert ids.shape == (3, 50)
    assert ids.dtype == np.int32
    assert character_ids([]).shape == (0, 50)


def test_no_word_is_the_masked_row() -> None:
    assert character_ids(["", "\x00", "<S>", "x" * 99]).min() == 1


def test_cut_words_are_those_with_the_same_ids_as_a_longer_one() -> None:
    words = ["x" * n for n in (47, 48, 49, 300)] + ["é" * n for n in (24, 25)] + ["\ud800" * 20 + "y" * 48, "z" * 60]
    counts = np.array([1, 1, 3, 2, 1, 4, 1, 0])
    found = cut_words(words, counts)
    assert (found.n_words, found.n_tokens) == (3, 9)
    assert found.longest == ("x" * 300, "é" * 25, "x" * 49)
    # What is cut has the ids of the word without its last letter.
    alike = [word for word in words if len(word) > 1 and ids_of(word) == ids_of(word[:-1])]
    assert set(alike) == {"x" * 49, "x" * 300, "é" * 25, "z" * 60}


def test_no_cut_words() -> None:
    assert cut_words(["a"], np.array([1])) == cut_words([], np.zeros(0, int)) == CutWords(0, 0, ())


def test_cut_words_of_two_reviews_of_one_token_each() -> None:
    rows = (Path(__file__).parent / "cases" / "zh.csv").read_text("utf-8").splitlines()[1:]
    counts = Counter(row.partition(",")[0] for row in rows)
    found = cut_words(list(counts), np.array(list(counts.values())))
    assert (found.n_words, found.n_tokens) == (2, len(rows))
