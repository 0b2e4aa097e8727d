"""Text to words: the three rules that a cache can be built with, each in every version that caches were made with.

Each takes one document and gives its words in order; none keeps state, so a document's words do not depend on
what was read before it.
"""

import re
from collections.abc import Callable, Mapping
from reprlib import repr as show  # an error is one line
from types import MappingProxyType

from elmo_cache.errors import CorpusError

__all__ = ["TOKENIZERS", "get_tokenizer", "keras_tokens", "newest_version", "whitespace_tokens", "word_tokens"]

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_KERAS_TABLE = str.maketrans(dict.fromkeys(KERAS_FILTERS, " "))


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
    return [word for word in text.lower().translate(_KERAS_TABLE).split(" ") if word]


# One alternative a line, tried from the top where a token may start. Only tokens are captured, so
# findall gives an empty string for a line break tag. The first alternative takes nothing that a later one
# would cut otherwise: it is there for speed. Possessive quantifiers (++, *+) keep the time linear.
_LETTER = r"[^\W\d_]"
_PART = r"[\w\u0300-\u036f]"  # \w lacks the combining accents, which must not cut a word in two
_CLITIC = r"(?i:s|m|d|re|ve|ll)"
_WORDS = re.compile(
    rf"""(?i:<br\s*+/?+\s*+>)
    | ( {_LETTER}{_PART}*+ (?![-'’.])                              # most words
      | (?: {_PART}++ - )*+ {_PART}+? (?=(?i:n['’]t)\b)            # do|n't, ca|n't
      | (?i:n['’]t)\b
      | ['’]{_CLITIC}\b                                            # it|'s, they|'ve
      | (?: {_LETTER}\. ){{2,}} (?: {_LETTER}\b )?                 # U.S., e.g., J.R.R.
      | (?: Mrs? | Ms | Dr | Prof | St | Jr | Sr | Lt | Col | Gen | Sgt | Capt | Rev | vs | etc )\.
      | [A-HJ-Z]\.(?=\s[A-Z])                                      # Samuel L. Jackson, not "so did I. Then"
      | \d++ (?: [.,:/]\d++ )*+ {_PART}*+ (?: -{_PART}++ )*+         # 1,000.50, 10:30, 7/10, 80s, 3.5-star
      | {_PART}++ (?: - {_PART}++ | ['’](?!(?:{_CLITIC}|t)\b){_PART}++ )*+    # well-made, O'Neil
      | \.\.++ | --++
      | \S )""",
    re.VERBOSE,
)


def word_tokens(text: str) -> list[str]:
    r"""Words with their case, punctuation apart: close to the text that the original ELMo was trained on.

    The 1 Billion Word corpus is tokenised much as the Penn Treebank is. The rule here, first match wins:

    * `<br>`, `<br/>` and `<br />` read as a space;
    * contractions come apart: `do n't`, `it 's`, `they 've`, with a straight or a curly apostrophe;
    * abbreviations keep their dots: `U.S.`, `e.g.`, `Mr.`, an initial before a capital (`Samuel L. Jackson`);
    * numbers keep inner dots, commas, colons and slashes, and letters after them: `1,000.50`, `7/10`, `80s`;
    * words keep inner hyphens and apostrophes: `well-made`, `O'Neil`;
    * runs of two or more dots or hyphens are one token: `...`, `--`;
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
    """
    return [word for word in _WORDS.findall(text) if word]


def whitespace_tokens(text: str) -> list[str]:
    """What `str.split` gives: for text whose words were separated before.

    Parameters
    ----------
    text : str
        A document.

    Returns
    -------
    list of str
        What stands between its white space.

    Examples
    --------
    >>> whitespace_tokens("It 's  GREAT , is n't it ?")
    ['It', "'s", 'GREAT', ',', 'is', "n't", 'it', '?']
    """
    return text.split()


TOKENIZERS: Mapping[str, Mapping[int, Callable[[str], list[str]]]] = MappingProxyType(
    {"keras": {1: keras_tokens}, "words": {1: word_tokens}, "whitespace": {1: whitespace_tokens}}
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


def get_tokenizer(name: str, version: int | None = None) -> Callable[[str], list[str]]:
    """The tokeniser of that name.

    Parameters
    ----------
    name : {"keras", "words", "whitespace"}
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
        raise CorpusError(f"tokeniser {name!r} has no version {show(version)}, only {known}: upgrade elmo-cache")
    return versions[version]


def _versions(name: str) -> Mapping[int, Callable[[str], list[str]]]:
    try:
        return TOKENIZERS[name]
    except KeyError:
        raise CorpusError(f"unknown tokeniser {name!r}: expected one of {', '.join(TOKENIZERS)}") from None
