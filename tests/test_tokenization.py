"""The three tokenisers: against Keras's rule and published word index, and by their properties."""

import json
import re
import tarfile
import time
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from errors_expected import raises
from hypothesis import given
from hypothesis import strategies as st

from cache.errors import CacheError
from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.tokenization import (
    TOKENIZERS,
    character_tokens,
    get_tokenizer,
    given_tokens,
    keras_tokens,
    whitespace_tokens,
    whitespace_tokens_1,
    word_tokens,
    word_tokens_1,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb"
ARCHIVE = DATA / "aclImdb_labelled.tar.gz"
WORD_INDEX = DATA / "imdb_word_index.json"

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
# Hypothesis seldom draws what the rules are about, so half of its texts are made of it.
texts = st.text() | st.lists(
    st.sampled_from(
        [
            "n't",
            "don't",
            "’s",
            "'",
            "-",
            "--",
            "...",
            ".",
            "U.S.",
            "Mr.",
            "10:30",
            "7/10",
            "<br />",
            "<br",
            "é",
        ]
        + [
            "e\u0301",
            "\u093f",
            "\u200c",
            "\u200d",
            "\u00ad",
            "\U0001f3fd",
            "🇩",
            "👩",
            "\U0001e944",
            "·",
            "_",
            " ",
            "\n",
            "\x85",
            "\xa0",
            "\x00",
            "😀",
            "I",
            "a",
            "B",
            "İ",
            "ß",
            "well-made",
            ",",
        ]
    )
).map("".join)


def keras_reference(text: str) -> list[str]:
    """The rule letter by letter."""
    words, word = [], ""
    for character in text.lower() + " ":
        if character == " " or character in KERAS_FILTERS:
            if word:
                words.append(word)
            word = ""
        else:
            word += character
    return words


@given(texts)
def test_keras_rule_is_the_naive_one(text: str) -> None:
    assert keras_tokens(text) == keras_reference(text)


@pytest.mark.parametrize("character", KERAS_FILTERS + " ")
def test_keras_filter_characters_separate(character: str) -> None:
    assert keras_tokens(f"{character}A{character}{character}b") == ["a", "b"]


@pytest.mark.parametrize("character", ["'", "’", "\r", "\x85", "\xa0", "\x00", "é", "£", "\u2028"])
def test_keras_other_characters_stay_in_their_word(character: str) -> None:
    assert keras_tokens(f"a{character}b") == [f"a{character}b"]


def test_keras_no_words() -> None:
    assert keras_tokens("") == keras_tokens(" ...\n\t -- ") == []


# Python 2 lower() changed no character outside ASCII. Moved to where nothing has a capital, they hide from
# the lower() of Python 3.
PRIVATE_USE = 0x100000


def _shift(text: str, offset: int) -> str:
    return re.sub(r"[^\x00-\x7f]", lambda found: chr(ord(found[0]) + offset), text)


@pytest.fixture(scope="module")
def train_reviews() -> list[str]:
    """The published train split as Keras's author read it: positive first, by file name."""
    for path in (ARCHIVE, WORD_INDEX):
        if not path.is_file():
            pytest.skip(f"no {path}")
    found = []
    with tarfile.open(ARCHIVE, "r|gz") as archive:
        for member in archive:
            match = re.fullmatch(r"aclImdb/train/(pos|neg)/(\w+\.txt)", member.name)
            if match and (file := archive.extractfile(member)):
                found.append((match[1] == "neg", match[2], file.read().decode("utf-8")))
    return [text for _, _, text in sorted(found)]


@pytest.mark.slow
def test_keras_rule_reproduces_the_published_word_index(train_reviews: list[str]) -> None:
    published = json.loads(WORD_INDEX.read_text("utf-8"))
    counts: Counter[str] = Counter()
    for text in train_reviews:
        counts.update(keras_tokens(text))
    # All the words, but for 21 with a capital that Python 2 did not lower; two of them meet another word so.
    assert set(counts) == {word.lower() for word in published}
    assert len(counts) == 88_582
    assert sum(word != word.lower() for word in published) == 21

    hidden_counts: Counter[str] = Counter()
    for text in train_reviews:
        hidden_counts.update(keras_tokens(_shift(text, PRIVATE_USE)))
    as_python_2 = {_shift(word, -PRIVATE_USE): count for word, count in hidden_counts.items()}
    assert set(as_python_2) == set(published)
    assert sorted(published.values()) == list(range(1, len(published) + 1))
    by_rank = sorted(published, key=published.__getitem__)
    frequencies = [as_python_2[word] for word in by_rank]
    assert frequencies == sorted(frequencies, reverse=True)

    # Equal frequencies: in the order in which a dict of Python 2 gave the words back.
    place = {word: index for index, word in enumerate(_python_2_dict_order(list(as_python_2)))}
    assert sorted(published, key=lambda word: (-as_python_2[word], place[word])) == by_rank


def _python_2_dict_order(words: list[str]) -> list[str]:
    """The order in which CPython 2.7 (64 bits, no hash randomisation) iterates a dict filled so."""
    mask_64 = 2**64 - 1

    def hash_of(word: str) -> int:
        content = word.encode("utf-8")
        value = content[0] << 7
        for byte in content:
            value = (1_000_003 * value & mask_64) ^ byte
        return value ^ len(content)

    def insert(table: list[tuple[int, str] | None], entry: tuple[int, str]) -> None:
        slot = perturb = entry[0]
        while table[slot % len(table)] is not None:
            slot = (5 * slot + perturb + 1) & mask_64
            perturb >>= 5
        table[slot % len(table)] = entry

    table: list[tuple[int, str] | None] = [None] * 8
    for n_used, word in enumerate(words, start=1):
        insert(table, (hash_of(word), word))
        if 3 * n_used >= 2 * len(table):
            size = 8
            while size <= n_used * (2 if n_used > 50_000 else 4):
                size *= 2
            entries = [entry for entry in table if entry is not None]
            table = [None] * size
            for entry in entries:
                insert(table, entry)
    return [entry[1] for entry in table if entry is not None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't, can't and won't.", "I do n't , ca n't and wo n't ."),
        ("It's Bob's; they've we'll I'm he'd you're", "It 's Bob 's ; they 've we 'll I 'm he 'd you 're"),
        ("DON'T IT'S", "DO N'T IT 'S"),
        ("it’s don’t", "it ’s do n’t"),
        ("'don't'", "' do n't '"),
        ("the dogs' 'em O'Neil rock'n'roll", "the dogs ' ' em O'Neil rock'n'roll"),
        ("a well-made, half-didn't-work film--really", "a well-made , half-did n't - work film -- really"),
        ("the U.S. and J.R.R. Tolkien, e.g. at 5 p.m.", "the U.S. and J.R.R. Tolkien , e.g. at 5 p.m."),
        ("Mr. Samuel L. Jackson. So did I. Then", "Mr. Samuel L. Jackson . So did I . Then"),
        ("1,000.50 at 10:30, 7/10, 80's 80s 5% $3.5m", "1,000.50 at 10:30 , 7/10 , 80 's 80s 5 % $ 3.5m"),
        ("a 3.5-star, 19th-century 9/11.", "a 3.5-star , 19th-century 9/11 ."),
        ("end.The a.b what?!?", "end . The a . b what ? ! ?"),
        ("wait... what.... so..", "wait ... what .... so .."),
        ('"Good," she said (twice) & left.', '" Good , " she said ( twice ) & left .'),
        ("one<br />two<BR>three<br/><br\n/>four<b>", "one two three four < b >"),
        ("cafe\u0301s naïve snake_case 😀!", "cafe\u0301s naïve snake_case 😀 !"),
        ("x\x00y\x07", "x \x00 y \x07"),
        ("Case IS Kept", "Case IS Kept"),
        ("", ""),
        (" \t\n\u2003", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert word_tokens(text) == words.split()


WORDS_OF_OTHER_SCRIPTS = {
    "Hindi": "अच्छी फ़िल्म थी",
    "Arabic with vowel signs": "كَتَبَ الدَّرْسَ",
    "Hebrew with vowel signs": "שָׁלוֹם עֲלֵיכֶם",
    "Hebrew abbreviation": "צה״ל ג׳ירפה",
    "Bengali": "বাংলা চলচ্চিত্র",
    "Telugu": "తెలుగు సినిమా",
    "Tamil": "தமிழ் திரைப்படம்",
    "Thai": "ภาพยนตร์ดี ที่สุด",
    "Persian non-joiner": "می\u200cخواهم خانه\u200cای",
    "Malayalam joiner": "ന\u200d അവന\u200d",
    "soft hyphens": "co\u00adop\u00ader\u00ada\u00adtion of\u00ad",
    "Adlam, beyond the first plane": "𞤀𞤣𞤤𞤢𞤥\U0001e944 𞤆\U0001e94a",
    "Catalan": "col·lecció paral·lel",
    "hyphens that do not break": "well\u2011made half\u2010hearted",
    "Arabic number": "١٬٠٠٠٫٥٠ ٢",
    "decomposed": "cafe\u0301 nai\u0308ve",
    "enclosed": "A\u20dd 7\ufe0f\u20e3",
}


@pytest.mark.parametrize("kind", WORDS_OF_OTHER_SCRIPTS)
def test_words_of_other_scripts(kind: str) -> None:
    text = WORDS_OF_OTHER_SCRIPTS[kind]
    assert word_tokens(text) == text.split(" ")
    assert word_tokens(f"“{text.replace(' ', ', ')}”!") == ["“", *" , ".join(text.split(" ")).split(" "), "”", "!"]


@pytest.mark.parametrize(
    "emoji",
    [
        "👍",
        "👍🏽",
        "👩\u200d👩\u200d👧",
        "👩🏽\u200d🚀",
        "🏳\ufe0f\u200d🌈",
        "❤\ufe0f\u200d🔥",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "#\ufe0f\u20e3",
        "☺\ufe0f",
    ],
    ids=ascii,
)
def test_an_emoji_is_one_token(emoji: str) -> None:
    assert word_tokens(f"good{emoji}{emoji} film {emoji}!") == ["good", emoji, emoji, "film", emoji, "!"]


def test_words_of_the_shared_case() -> None:
    rows = (Path(__file__).parent / "cases" / "hi.csv").read_text("utf-8").splitlines()
    assert len(word_tokens(rows[1])) == 3 and len(word_tokens_1(rows[1])) == 12


def test_every_combining_mark_belongs_to_its_word() -> None:
    marks = [c for c in map(chr, range(0x110000)) if unicodedata.category(c).startswith("M")]
    assert len(marks) > 2000
    assert [c for c in marks if word_tokens(f"a{c}b .{c}") != [f"a{c}b", f".{c}"]] == []


@given(texts)
def test_version_1_of_words_differs_only_beyond_ascii(text: str) -> None:
    text = text.encode("ascii", "ignore").decode("ascii")
    assert word_tokens(text) == word_tokens_1(text) == get_tokenizer("words", 1)(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("अच्छी", "अच ् छ ी"),
        ("a\u200cb 👍🏽", "a \u200c b 👍 🏽"),
        ("cafe\u0301 it's\u0301", "cafe\u0301 it 's \u0301"),
        ("a\u00adb", "a \u00ad b"),
    ],
)
def test_version_1_of_words_stays(text: str, words: str) -> None:
    assert get_tokenizer("words", 1)(text) == words.split(" ")


@given(texts)
def test_words_lose_only_white_space_and_line_breaks(text: str) -> None:
    tokens = word_tokens(text)
    kept = re.sub(r"(?i)<br\s*/?\s*>", " ", text)
    assert "".join(tokens) == re.sub(r"\s", "", kept)
    assert all(tokens)


@given(texts)
def test_words_do_not_depend_on_other_lines(text: str) -> None:
    assert word_tokens(f"Go!\n\n{text}\n\n!") == ["Go", "!", *word_tokens(text), "!"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        "a-" * 10**6,
        "a'" * 10**6,
        "1,1" * 10**6,
        "a." * 10**6,
        "<br" + " " * 10**6,
        "n't" * 10**6,
        "a\u093f\u200d" * 10**5,
        "👩\u200d" * 10**5,
        "👍🏽" * 10**5,
        "🇩" * 10**5,
    ],
    ids=["letters", "hyphens", "apostrophes", "numbers", "dots", "tag", "clitics", "marks", "family", "skin", "flags"],
)
def test_words_takes_linear_time(text: str) -> None:
    start = time.perf_counter()
    word_tokens(text)
    assert time.perf_counter() - start < 10  # about 0.3 s; quadratic time would be hours


def test_a_document_of_100_000_tokens() -> None:
    for name in ("keras", "words", "whitespace"):
        assert len(get_tokenizer(name)("Word " * 100_000)) == 100_000
    assert len(get_tokenizer("characters")("W " * 100_000)) == 100_000
    assert len(get_tokenizer("tokens")(["Word"] * 100_000)) == 100_000


@given(texts)
def test_whitespace_is_space_tab_and_line_ends(text: str) -> None:
    assert whitespace_tokens(text) == [word for word in re.split("[ \t\r\n]", text) if word]
    assert whitespace_tokens_1(text) == get_tokenizer("whitespace", 1)(text) == text.split()


def test_whitespace_keeps_the_rows_of_the_users_tags() -> None:
    lines = (Path(__file__).parent / "cases" / "tagged.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    assert [len(whitespace_tokens(row["text"])) for row in rows] == [len(row["tags"]) for row in rows] == [4, 3, 2]


def test_get_tokenizer() -> None:
    assert {name: get_tokenizer(name) for name in TOKENIZERS} == {
        "keras": keras_tokens,
        "words": word_tokens,
        "whitespace": whitespace_tokens,
        "characters": character_tokens,
        "tokens": given_tokens,
    }


@given(texts)
def test_characters_are_those_of_the_text_without_white_space(text: str) -> None:
    assert character_tokens(text) == [character for character in text if not character.isspace()]


def test_tokens_are_not_made_of_a_text() -> None:
    assert given_tokens(("New York", "", "a\tb")) == ["New York", "", "a\tb"]
    with raises(messages.TEXT_FOR_TOKENS, CorpusError):
        given_tokens("New York")


def test_unknown_tokenizer_lists_the_choices() -> None:
    expected = "one of keras, words, whitespace, characters, tokens"
    with raises(messages.INVALID_VALUE, CorpusError, name="tokenizer", found="'moses'", expected=expected) as caught:
        get_tokenizer("moses")
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, CacheError)
