"""Text to words: the three rules that a cache can be built with, each in every version that caches were made with.

Each takes one document and gives its words in order; none keeps state, so a document's words do not depend on
what was read before it.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import groupby
from reprlib import repr as show  # an error is one line
from types import MappingProxyType
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError

__all__ = [
    "TOKENIZERS",
    "TOKENS",
    "character_tokens",
    "get_tokenizer",
    "given_tokens",
    "keras_tokens",
    "newest_version",
    "whitespace_tokens",
    "word_tokens",
]

TOKENS = "tokens"
"""The rule of documents that are lists of tokens."""

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
# With all of ASCII: a character that is not in the table costs several times as much as one that is.
_KERAS_TABLE = {k: " " if chr(k) in KERAS_FILTERS else chr(k) for k in range(128)}
_NOT_SEPARATING = re.compile(r"[^ \t\r\n]+")


def keras_tokens(text: str) -> list[str]:
    """Words by the rule of `keras_preprocessing.text.text_to_word_sequence`, with its default settings.

    Lower case, each of Keras's filter characters read as a space, split on spaces alone. The apostrophe is no
    filter character, and neither are other kinds of white space: a no-break space stays inside its word.

    Parameters
    ----------
    text : str
        A document.

    Returns
    -------
    list of str
        Its words in order, none of them empty.

    Notes
    -----
    Keras's published IMDB data were made with this rule under Python 2, where `lower()` on bytes changes only
    A to Z. That matters to 21 of its 88,584 words (such as `Åmål`).

    Examples
    --------
    >>> keras_tokens("It's GREAT -- isn't it?<br />10/10")
    ["it's", 'great', "isn't", 'it', 'br', '10', '10']
    """
    return list(filter(None, text.lower().translate(_KERAS_TABLE).split(" ")))


# One alternative a line, tried from the top where a token may start. Only tokens are captured, so
# findall gives an empty string for a line break tag. The first alternative takes nothing that a later one
# would cut otherwise: it is there for speed. Possessive quantifiers (++, *+) keep the time linear.
def _words_pattern(part: str, end: str, hyphens: str, separators: str, other: str) -> re.Pattern[str]:
    letter, clitic = r"[^\W\d_]", r"(?i:s|m|d|re|ve|ll)"
    return re.compile(
        rf"""(?i:<br\s*+/?+\s*+>)
        | ( {letter}{part}*+ (?![{hyphens}'’.])                           # most words
          | (?: {part}++ [{hyphens}] )*+ {part}+? (?=(?i:n['’]t){end})    # do|n't, ca|n't
          | (?i:n['’]t){end}
          | ['’]{clitic}{end}                                             # it|'s, they|'ve
          | (?: {letter}\. ){{2,}} (?: {letter}{end} )?                   # U.S., e.g., J.R.R.
          | (?: Mrs? | Ms | Dr | Prof | St | Jr | Sr | Lt | Col | Gen | Sgt | Capt | Rev | vs | etc )\.
          | [A-HJ-Z]\.(?=\s[A-Z])                                         # Samuel L. Jackson, not "so did I. Then"
          | \d++ (?: [{separators}]\d++ )*+ {part}*+ (?: [{hyphens}]{part}++ )*+  # 1,000.50, 10:30, 7/10, 80s, 3.5-star
          | {part}++ (?: [{hyphens}]{part}++ | ['’](?!(?:{clitic}|t){end}){part}++ )*+      # well-made, O'Neil
          | \.\.++ | --++
          | {other} )""",
        re.VERBOSE,
    )


# \w lacks the marks that combine with a letter, such as accents and most vowels of India, which must not cut a word in
# two. Version 1 knew one block of them.
_WORDS_1 = _words_pattern(r"[\w\u0300-\u036f]", r"\b", r"\-", ".,:/", r"\S")


_JOINERS = r"\u00ad\u180e\u200c\u200d\u2060"  # invisible: the soft hyphen, what joins letters or keeps them apart
_HYPHENS = r"\-\u00b7\u0387\u05f3\u05f4\u2010\u2011\u2027"  # and the points of Catalan, Greek and Hebrew words
_SEPARATORS = r".,:/\u066b\u066c"  # and those of Arabic numbers
_FIRST_ASTRAL = 0x10000
_ASTRAL = re.compile(f"[{chr(_FIRST_ASTRAL)}-\U0010ffff]")


@cache
def _words_2(astral: bool) -> re.Pattern[str]:
    marks = _combining_marks(astral)  # the hundred ranges beyond the first plane take half of the time or more
    part = rf"[\w{marks}{_JOINERS}]"
    tail = rf"[{marks}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*+"  # skin tones; letters of a region's flag
    flag = r"[\U0001f1e6-\U0001f1ff]{2}"
    emoji = rf"\S {tail} (?: \u200d [^\w\s!-~] {tail} )*+ [{_JOINERS}]*+"  # what a joiner joins is one picture
    return _words_pattern(part, f"(?!{part})", _HYPHENS, _SEPARATORS, f"{flag} {tail} | {emoji}")


@cache
def _combining_marks(astral: bool) -> str:
    """Return Unicode's category M as the ranges of a character class."""
    places = (*range(0x20000), *range(0xE0000, 0xE1000)) if astral else range(_FIRST_ASTRAL)
    numbers = [n for n in places if unicodedata.category(chr(n)).startswith("M")]
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


def word_tokens_1(text: str) -> list[str]:
    """Version 1 of `word_tokens`: of the combining marks it knows those of Latin, Greek and Cyrillic alone.

    Other marks and invisible joiners cut a word in two, and emoji of several characters come apart. Text in ASCII has
    the same tokens in both versions.
    """
    return [word for word in _WORDS_1.findall(text) if word]


def word_tokens(text: str) -> list[str]:
    r"""Words with their case, punctuation apart: close to the text that the original ELMo was trained on.

    The 1 Billion Word corpus is tokenised much as the Penn Treebank is. The rule here, first match wins:

    * `<br>`, `<br/>` and `<br />` read as a space;
    * contractions come apart: `do n't`, `it 's`, `they 've`, with a straight or a curly apostrophe;
    * abbreviations keep their dots: `U.S.`, `e.g.`, `Mr.`, an initial before a capital (`Samuel L. Jackson`);
    * numbers keep inner dots, commas, colons and slashes, and letters after them: `1,000.50`, `7/10`, `80s`;
    * words keep inner hyphens and apostrophes: `well-made`, `O'Neil`;
    * combining marks (Unicode's category M) and invisible joiners, the soft hyphen among them, belong to the word or
      sign before them;
    * runs of two or more dots or hyphens are one token: `...`, `--`;
    * an emoji is one token, also one that is made of several: with a skin tone, of a family, of a flag;
    * any other character that is not white space is a token by itself, quotation marks unchanged.

    Apart from line break tags, the tokens joined are the text without its white space.

    Parameters
    ----------
    text : str
        A document.

    Returns
    -------
    list of str
        Its tokens in order, none of them empty.

    Examples
    --------
    >>> word_tokens("Mr. O'Neil doesn't like it's end...<br />7/10 (well-made)!")
    ['Mr.', "O'Neil", 'does', "n't", 'like', 'it', "'s", 'end', '...', '7/10', '(', 'well-made', ')', '!']
    >>> word_tokens("अच्छी फ़िल्म 👍🏽")
    ['अच्छी', 'फ़िल्म', '👍🏽']
    """
    # Which differ in nothing that is ASCII.
    pattern = _WORDS_1 if text.isascii() else _words_2(_ASTRAL.search(text) is not None)
    return [word for word in pattern.findall(text) if word]


def whitespace_tokens_1(text: str) -> list[str]:
    """Version 1 of `whitespace_tokens`: what `str.split` gives, so that a no-break space separates words too."""
    return text.split()


def whitespace_tokens(text: str) -> list[str]:
    r"""What stands between spaces, tabs and line ends: for text whose words were separated before.

    Nothing else separates: a no-break space (U+00A0) or an ideographic space (U+3000) is part of its word.

    Parameters
    ----------
    text : str
        A document.

    Returns
    -------
    list of str
        What stands between ` `, `\t`, `\r` and `\n`.

    Examples
    --------
    >>> whitespace_tokens("It 's  GREAT , is n't it ?")
    ['It', "'s", 'GREAT', ',', 'is', "n't", 'it', '?']
    """
    return _NOT_SEPARATING.findall(text)


def character_tokens(text: str) -> list[str]:
    """Every character that is not white space: for sequences of proteins or nucleotides, a letter a token.

    Parameters
    ----------
    text : str
        A document.

    Returns
    -------
    list of str
        One-character strings.

    Examples
    --------
    >>> character_tokens("MKV L")
    ['M', 'K', 'V', 'L']
    """
    return list("".join(text.split()))


def given_tokens(tokens: Sequence[str]) -> list[str]:
    """The tokens of a document that is no text but a sequence of them, whatever stands in it.

    Parameters
    ----------
    tokens : sequence of str
        A document.

    Returns
    -------
    list of str

    Raises
    ------
    CorpusError
        If the document is a text.

    Examples
    --------
    >>> given_tokens(("New York", ""))
    ['New York', '']
    """
    if isinstance(tokens, str):
        raise CorpusError(messages.TEXT_FOR_TOKENS)
    return list(tokens)


TOKENIZERS: Mapping[str, Mapping[int, Callable[[Any], list[str]]]] = MappingProxyType(
    {
        "keras": {1: keras_tokens},
        "words": {1: word_tokens_1, 2: word_tokens},
        "whitespace": {1: whitespace_tokens_1, 2: whitespace_tokens},
        "characters": {1: character_tokens},
        TOKENS: {1: given_tokens},
    }
)
"""The rules by the names that `--tokenizer` and `TextRule` take, and by version.

A rule that changes gets a new version, and the old one stays: caches made with it go on with it. New caches are made
with the newest.
"""


def newest_version(name: str) -> int:
    """The version of a tokeniser that new caches are made with.

    Raises
    ------
    CorpusError
        If there is no tokeniser of that name.
    """
    return max(_versions(name))


def get_tokenizer(name: str, version: int | None = None) -> Callable[[Any], list[str]]:
    """The tokeniser of that name.

    Parameters
    ----------
    name : {"keras", "words", "whitespace", "characters", "tokens"}
        A key of `TOKENIZERS`.
    version : int, optional
        Of its rule; default: the newest.

    Returns
    -------
    callable
        From the text of a document to the list of its words.

    Raises
    ------
    CorpusError
        If there is none; the message lists those there are.

    Examples
    --------
    >>> get_tokenizer("words")("Dull, isn't it?")
    ['Dull', ',', 'is', "n't", 'it', '?']
    """
    versions = _versions(name)
    if version is None:
        version = max(versions)
    if version not in list(versions):  # a cache can state anything, also what has no hash
        known = ", ".join(map(str, versions))
        raise CorpusError(messages.NO_TOKENIZER_VERSION, name=name, found=show(version), expected=known)
    return versions[version]


def _versions(name: str) -> Mapping[int, Callable[[Any], list[str]]]:
    try:
        return TOKENIZERS[name]
    except KeyError:
        expected = f"one of {', '.join(TOKENIZERS)}"
        raise CorpusError(messages.INVALID_VALUE, name="tokenizer", found=repr(name), expected=expected) from None
