"""`build`: a cache from text, in one call."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from reprlib import repr as show
from typing import Any, Protocol, runtime_checkable

from cache import FeatureCache
from cache.runtime.processes import Workers
from elmo_cache import messages
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.errors import CorpusError
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import SHARD_TOKENS, BuildSettings
from elmo_cache.text.corpora import corpus_of
from elmo_cache.text.rule import TextRule

__all__ = ["build"]


@runtime_checkable
class _Encodes(Protocol):
    def encode(self, documents: Any) -> Any: ...


def build(
    corpus: Any,
    encoder: str | Path | Encoder,
    out: str | Path,
    *,
    labels: Any = None,
    tags: Any = None,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    id: str | None = None,
    label_names: Sequence[str] | None = None,
    limit: Mapping[str, int] | None = None,
    rule: TextRule | None = None,
    normalize: str | None = None,
    shard_tokens: int = SHARD_TOKENS,
    reuse: str | Path | Iterable[str | Path] = (),
    workers: int | str = 1,
    progress: bool = False,
) -> FeatureCache:
    """Encode a corpus into a cache, or finish or extend one, and open it.

    Parameters
    ----------
    corpus : str, Path, Corpus or documents
        A name or path as in `open_corpus`; any object of the `Corpus` protocol; or what Python holds:

        * an iterable of `str`, a text each, or of lists of `str`, whose tokens are taken as they are;
        * a data frame of pandas or polars, or a `pyarrow.Table`;
        * a `Dataset` or `DatasetDict` of Hugging Face;
        * a mapping from names of splits to one of these.
    encoder : str, Path or Encoder
        A name or path as in `load_encoder`, or any object of the `Encoder` protocol.
    out : str or Path
        The cache's folder, made if it does not exist.
    labels : iterable, or mapping from splits to iterables, optional
        For texts or lists of tokens: the class of each, a string, a whole number or a boolean.
    tags : iterable of lists, mapping from names to them, or mapping from splits to either, optional
        For lists of tokens: a tag for each token, a string or None. For frames, data sets and files: the name of the
        column of lists of tags, or several names.
    text, label, split, id : str, optional
        For frames, data sets and files: the columns; `id` is that of the documents' own names, which `Split.ids` gives.
        Default: `text` or `tokens`; `label` and `split` if they exist; no names.
    label_names : sequence of str, optional
        The classes in the order of their indices. Default: those that a data set names, else all that occur, sorted.
    limit : Mapping[str, int], optional
        Documents wanted of each split, by its name: a random sample, which a larger limit later extends. Splits
        without a limit are encoded whole. A smaller limit than before leaves what is finished, and drops what is not.
    rule : TextRule, optional
        How text becomes tokens. Default: the tokeniser that fits corpus and encoder, a window of 500 tokens.
    normalize : {"nfc"}, optional
        Unicode's form that text is brought into first: that of `rule`, without a rule of your own.
    shard_tokens : int
        Tokens a shard: a file that is written, and after an interruption encoded, as one; fixed when the cache is
        created.
    reuse : path or iterable of paths
        Other caches of the same encoding, folders or packed files. Documents whose tokens one of them has are not
        encoded: their vectors are copied, after the hashes of the files that they lie in are checked.
    workers : int or str
        Processes that encode, each with an encoder of its own; "auto" for one a GPU; or the address of a Dask
        scheduler, `tcp://HOST:PORT`.
    progress : bool
        Show progress bars.

    Returns
    -------
    FeatureCache
        The cache, opened for reading.

    Raises
    ------
    CorpusError, EncoderError
        If the text or the encoder is not usable, a number is out of bounds, or a vector cannot be stored as float16.
    MismatchError
        If `out` holds vectors of another encoding or another corpus, or a cache to reuse those of another encoding.
    OutputError
        If `out` cannot be written to or the disk is too full.
    CorruptFileError
        If a file of the cache is damaged: `elmo-cache verify --discard` removes it, and the next build makes it again.
        If one that is to be copied from is damaged.
    WorkersError
        If workers cannot be had, or died again and again.
    """
    reused = [reuse] if isinstance(reuse, str | os.PathLike) else reuse
    for name, value, kinds, expected in (
        ("out", out, str | os.PathLike, "the path of a folder"),
        ("encoder", encoder, str | os.PathLike | _Encodes, "a name, a path, or an object with the method encode"),
        ("limit", limit, Mapping | None, "documents by split, as {'train': 4000}"),
        ("rule", rule, TextRule | None, "a TextRule"),
        ("shard_tokens", shard_tokens, Integral, "a whole number"),
        ("reuse", reused, Iterable, "paths of caches"),
        ("workers", workers, Integral | str, "a number of processes, 'auto', or an address"),
    ):
        if not isinstance(value, kinds):  # type: ignore[arg-type]
            raise CorpusError(messages.INVALID_VALUE, name=name, found=show(value), expected=expected)
    reused = list(reused)
    if strange := [path for path in reused if not isinstance(path, str | os.PathLike)]:
        raise CorpusError(messages.INVALID_VALUE, name="reuse", found=show(strange[0]), expected="paths of caches")
    if normalize is not None and rule is not None:
        raise CorpusError(messages.NORMALIZE_BESIDE_RULE)
    rule = rule or TextRule(normalize=normalize)
    settings = BuildSettings(limit or {}, rule, int(shard_tokens), reuse=tuple(map(Path, reused)))
    pool = Workers.parse(workers if isinstance(workers, str) else str(min(workers, sys.maxsize)))
    corpus = corpus_of(
        corpus, labels=labels, tags=tags, text=text, label=label, split=split, id=id, label_names=label_names
    )
    encoder = load_encoder(encoder) if isinstance(encoder, str | os.PathLike) else encoder
    with Build(corpus, encoder, Path(out), settings, progress=progress) as begun:
        begun.run(pool)
    return FeatureCache(out)
