"""What a corpus is made of: the digests of documents, by which it is known, and what their tags and ids must be."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Corpus, Document

__all__ = ["check_extras", "corpus_identity", "document_digest", "is_composed"]


def document_digest(document: Document) -> bytes:
    """Return 32 bytes that are the same for documents of the same label and content, wherever they stand."""
    label = "" if document.label is None else document.label
    return hashlib.sha256(_utf8(label) + b"\0" + _content(document)).digest()


def corpus_identity(
    corpus: Corpus, content: Mapping[str, Any], label_names: Sequence[str] | None, order_seed: int
) -> dict[str, Any]:
    """Return what is equal for equal corpora, wherever their files lie, as the manifest holds it.

    Parameters
    ----------
    corpus : Corpus
        The corpus.
    content : Mapping
        For each split the number of its documents, and their hash.
    label_names : sequence of str or None
        The classes.
    order_seed : int
        Of the order in which documents are stored.

    Raises
    ------
    CorpusError
        If the corpus's split rule is not JSON.
    """
    identity = {
        "content": content,
        "split_rule": dict(corpus.split_rule),
        "label_names": None if label_names is None else list(label_names),
        "order_seed": order_seed,
    }
    try:
        # As the manifest will give it back: tuples are lists there, and would never equal it.
        found: dict[str, Any] = json.loads(json.dumps(identity, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise CorpusError(messages.NO_JSON_FORM, name=f"The split_rule of {corpus.name}", error=error) from error
    return found


def is_composed(text: str | tuple[str, ...]) -> bool:
    """Tell whether a text, or each token of it, is in Unicode's form NFC."""
    return all(unicodedata.is_normalized("NFC", part) for part in ((text,) if isinstance(text, str) else text))


def check_extras(document: Document, has_ids: bool, tag_names: Sequence[str], name: str) -> None:
    """Raise `CorpusError` unless a document has an id and tags where the first one has, a tag for each token.

    Parameters
    ----------
    document : Document
        Any one.
    has_ids, tag_names : bool, sequence of str
        Whether the first has an id, and the names of its sets of tags.
    name : str
        What errors call the corpus.
    """
    where = f"{name}, document {document.order} of {document.split}"
    found = expected = ""
    if has_ids != (document.id is not None):
        found, expected = ("no id", "an id") if has_ids else ("an id", "no id")
    elif list(document.tags) != tag_names:
        found, expected = (f"tags {', '.join(names) or 'none'}" for names in (document.tags, tag_names))
    if found:
        expected += ", as in the first document"
        raise CorpusError(messages.UNEXPECTED, where=where, found=found, expected=expected)
    for tags_name, tags in document.tags.items():
        if isinstance(document.text, str):
            raise CorpusError(messages.UNEXPECTED, where=where, found="a text with tags", expected="tokens with tags")
        if len(tags) != len(document.text):
            raise CorpusError(
                messages.TAGS_DIFFER,
                where=where,
                found=len(tags),
                name=tags_name,
                expected=len(document.text),
                text=" ".join(document.text)[:60],
            )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # Python's own: half a pair is no character


def _content(document: Document) -> bytes:
    """Return bytes that are the same for documents of the same content: of a plain text, its own."""
    if isinstance(document.text, str) and document.id is None and not document.tags:
        return _utf8(document.text)
    return b"\0" + json.dumps([document.text, document.id, dict(document.tags)]).encode("ascii")
