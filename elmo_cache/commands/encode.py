"""`elmo-cache encode`."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click
import numpy as np

from cache.files import atomic_path
from cache.manifest import MANIFEST_NAME
from cache.pooling import POOLINGS, pool
from cache.runtime.console import Subcommand, beginning, human_count
from cache.runtime.progress import progress_bar
from elmo_cache import messages
from elmo_cache.commands.encoded_files import FORMATS, choose_format, save
from elmo_cache.commands.options import encoder_options, normalize_option, tokenizer_option
from elmo_cache.encoders import Encoder, layers_of, load_encoder
from elmo_cache.encoders.devices import computed_on
from elmo_cache.errors import CorpusError
from elmo_cache.extraction.plan import default_tokenizer
from elmo_cache.text.corpora.catalog import is_named_as_text
from elmo_cache.text.corpora.lines import LineReader
from elmo_cache.text.corpora.records import Remarks
from elmo_cache.text.corpora.text_lines import read_text_lines
from elmo_cache.text.rule import TextRule

__all__ = ["encode_command"]


@click.command(name="encode", short_help="Encode a few texts.", cls=Subcommand)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read texts from a UTF-8 file, one per line (- for standard input).",
)
@encoder_options
@tokenizer_option
@normalize_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the vectors to this file.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Format of --out.  [default: by its extension]")
@click.option(
    "--pool", "pooling", type=click.Choice(list(POOLINGS)), help="Save one vector per text instead of one per token."
)
def encode_command(
    texts: tuple[str, ...],
    source: Path | None,
    encoder_name: str,
    layers: str,
    precision: str,
    engine: str,
    tokenizer: str | None,
    normalize: str | None,
    out: Path | None,
    format_: str | None,
    pooling: str | None,
) -> None:
    """Encode a few texts and show the shapes of their vectors, or save them. For a corpus, use `build`.

    Texts are not cut. The formats of --out:

    \b
    npz      for numpy.load: vectors, float32 (n_tokens, dim), all texts concatenated; indptr: rows
             indptr[i] to indptr[i + 1] belong to text i; tokens and texts: arrays of strings
    npy      vectors only
    jsonl    one object per text: text, tokens, and a list of vectors
    parquet  one row per text, with the same columns

    With --layers all, vectors are (n_layers, n_tokens, dim). With --pool, each text has one vector: (n_texts, dim) in
    npz and npy, the key or column `vector` in the others.

    \b
    elmo-cache encode "this film was a delight" "i want my two hours back"
    elmo-cache encode --file reviews.txt --layers all --out vectors.npz
    elmo-cache encode --file reviews.txt --pool mean --out reviews.parquet
    """
    kind = None if out is None else choose_format(out, format_)
    # At once: a place that cannot be written to is noticed before the work.
    place: AbstractContextManager[Path | None] = nullcontext() if out is None else atomic_path(out)
    with place as temporary:
        documents = _read(texts, source)
        encoder = load_encoder(encoder_name, layers=layers, precision=precision, engine=engine)
        split = TextRule(tokenizer or default_tokenizer(None, encoder), normalize=normalize).split
        words = [split(document) for document in documents]
        where, warning = computed_on(encoder)
        click.echo(f"{encoder.name}: {encoder.dim}-d, layers {layers}, {where}", err=True)
        if warning:
            click.echo(f"Warning: {warning}", err=True)
        if temporary is None or kind is None:
            for text_words, vectors in zip(words, _encode(encoder, words, pooling), strict=True):
                click.echo(f"{human_count(len(text_words), 'token'):>12}  {vectors.shape}  {beginning(text_words)}")
            return
        encoded = _encode(encoder, words, pooling)
        shape = save(temporary, kind, documents, words, encoded, pooled=pooling is not None)
    click.echo(f"{out}: {human_count(len(words), 'text')}, vectors {shape}.")


def _read(texts: Sequence[str], source: Path | None) -> list[str]:
    if source is None and not texts:
        raise CorpusError(messages.NO_TEXT)
    if source is not None and texts:
        raise CorpusError(messages.TEXT_TWICE, path=source)
    if source is None:
        for text in texts:
            if not any(map(str.isspace, text)) and is_named_as_text(Path(text)):
                raise CorpusError(messages.TEXT_IS_FILE_NAME, path=text)
            if len(text) < 200 and (Path(text) / MANIFEST_NAME).is_file():
                raise CorpusError(messages.TEXT_IS_CACHE, path=text)
        for i, text in enumerate(texts, 1):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise CorpusError(messages.TEXT_NOT_UTF_8, n=i, place=error.start) from error
        return list(texts)
    reader = LineReader(Path("standard input"), sys.stdin.buffer) if source == Path("-") else LineReader(source)
    remarks = Remarks()
    found = [str(record.text) for record in read_text_lines(reader, remarks)]
    for note in remarks.notes:
        click.echo(f"Note: {note}", err=True)
    if not found:
        raise CorpusError(messages.NO_DOCUMENTS, path=reader.path)
    return found


def _encode(encoder: Encoder, words: Sequence[Sequence[str]], pooling: str | None) -> list[np.ndarray]:
    """Return the vectors of each text, float32 `(n_tokens, dim)`, or `(n_layers, n_tokens, dim)` of several layers.

    With pooling there is no axis of tokens.
    """
    n_tokens = sum(map(len, words))
    with progress_bar(n_tokens, "encoding", " words") as bar:
        arrays = encoder.encode(words, progress=bar.update)
    layers = layers_of(encoder)
    found = []
    for rows in arrays:
        by_layer = [np.tile(part, (1, layers.dim // part.shape[1])) for part in layers.split_columns(rows).values()]
        if pooling is not None:
            by_layer = [pool(part, pooling) for part in by_layer]
        found.append(np.stack(by_layer) if len(by_layer) > 1 else by_layer[0])
    return found
