"""`elmo-cache encode`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from cache import OutputError
from cache.documents import encode_vocabulary
from cache.files import atomic_path
from cache.runtime.console import beginning, human_count
from cache.runtime.progress import progress_bar
from elmo_cache.commands.options import encoder_options, named_as_options, tokenizer_option
from elmo_cache.encoders import Encoder, layers_of, load_encoder
from elmo_cache.encoders.devices import computed_on
from elmo_cache.errors import CorpusError
from elmo_cache.extraction.plan import default_tokenizer
from elmo_cache.text.corpora.records import LineReader, read_text_lines
from elmo_cache.text.tokenization import get_tokenizer

__all__ = ["encode_command"]


@click.command(name="encode")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="UTF-8 text, a document a line, instead of TEXT; - for standard input.",
)
@encoder_options
@tokenizer_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.npz", help="Save the vectors, replacing the file."
)
@named_as_options
def encode_command(
    texts: tuple[str, ...],
    source: Path | None,
    encoder_name: str,
    layers: str,
    precision: str,
    engine: str,
    tokenizer: str | None,
    out: Path | None,
) -> None:
    """Encode a few texts, and show the shapes of their vectors or save them. For a corpus there is `build`.

    Texts are not cut. OUT holds, for numpy.load:

    \b
    vectors        float32 (n_tokens, dim), all texts end to end; with --layers all (n_layers, n_tokens, dim)
    indptr         int64 (n_texts + 1,): text i has the rows indptr[i] up to but not including indptr[i + 1]
    tokens         uint8, the words as UTF-8 end to end
    token_offsets  int64 (n_tokens + 1,): word k is bytes(tokens[token_offsets[k]:token_offsets[k + 1]]).decode()

    \b
    elmo-cache encode "this film was a delight" "i want my two hours back"
    elmo-cache encode --file reviews.txt --layers all --out vectors.npz
    """
    if out is not None and out.suffix != ".npz":
        raise OutputError(f"--out is {out}, expected a name that ends in .npz")
    documents = _read(texts, source)
    encoder = load_encoder(encoder_name, layers=layers, precision=precision, engine=engine)
    split = get_tokenizer(tokenizer or default_tokenizer(None, encoder))
    words = [split(document) for document in documents]
    where, warning = computed_on(encoder)
    click.echo(f"{encoder.name}: {encoder.dim}-d, layers {layers}, {where}", err=True)
    if warning:
        click.echo(f"Warning: {warning}", err=True)
    if out is None:
        for text_words, vectors in zip(words, _encode(encoder, words), strict=True):
            click.echo(f"{human_count(len(text_words), 'token'):>12}  {vectors.shape}  {beginning(text_words)}")
        return
    with atomic_path(out) as temporary:  # at once: a place that cannot be written to is noticed before the work
        shape = _save(temporary, words, _encode(encoder, words))
    click.echo(f"{out}: {human_count(len(words), 'text')}, vectors {shape}.")


def _read(texts: Sequence[str], source: Path | None) -> list[str]:
    if source is None and not texts:
        raise CorpusError("no text: give one or more TEXTs, or --file FILE (- for standard input)")
    if source is not None and texts:
        raise CorpusError(f"text was given twice, as TEXT and as --file {source}: give one of them")
    if source is None:
        for i, text in enumerate(texts, 1):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise CorpusError(f"TEXT {i} is not UTF-8 (at character {error.start})") from error
        return list(texts)
    reader = LineReader(Path("standard input"), sys.stdin.buffer) if source == Path("-") else LineReader(source)
    found = [record.text for record in read_text_lines(reader)]
    if not found:
        raise CorpusError(f"{reader.path}: no documents, expected at least one")
    return found


def _encode(encoder: Encoder, words: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """Return the vectors of each text, float32 `(n_tokens, dim)`, or `(n_layers, n_tokens, dim)` of several layers."""
    n_tokens = sum(map(len, words))
    with progress_bar(n_tokens, "encoding", "tok") as bar:
        arrays = encoder.encode(words, progress=bar.update)
    layers = layers_of(encoder)
    if len(layers.stored) == 1:
        return list(arrays)
    return [
        np.stack([np.tile(part, (1, layers.dim // part.shape[1])) for part in layers.split_columns(rows).values()])
        for rows in arrays
    ]


def _save(path: Path, words: Sequence[Sequence[str]], vectors: Sequence[np.ndarray]) -> tuple[int, ...]:
    rows = np.concatenate(vectors, axis=-2)
    tokens, offsets = encode_vocabulary([word for text_words in words for word in text_words])
    with open(path, "wb") as file:
        np.savez(
            file,
            vectors=rows.astype(np.float32, copy=False),
            indptr=np.cumsum([0, *map(len, words)], dtype=np.int64),
            tokens=tokens,
            token_offsets=offsets,
        )
    return rows.shape
