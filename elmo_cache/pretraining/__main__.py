"""The command `python -m elmo_cache.pretraining`."""

import json
import re
from pathlib import Path

import click

from cache.runtime.console import Command, human_bytes, human_count
from elmo_cache import messages
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.encoders.bilm.weights import count_weights
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining.settings import Settings
from elmo_cache.pretraining.text import TOKENIZER_CHOICES, read_text
from elmo_cache.pretraining.training import pretrain

__all__ = ["main", "parse_size"]

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})_([0-9]{1,5})")
_FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
_DEFAULTS = Settings(BiLMOptions(_FILTERS[:5], 1, "relu", 16, 50, 1024, 128, 2, 3.0, 3.0, True))

_POSITIVE = click.FloatRange(0, min_open=True)


def parse_size(size: str, n_filters: int = 512) -> BiLMOptions:
    """Return the architecture of a short name such as `2x1024_128`; for the rest it is as the published ELMos are.

    Raises
    ------
    PretrainingError
        If it is no such name.
    EncoderError
        If a number is out of bounds.
    """
    match = _SIZE.fullmatch(size)
    if not match:
        expected = "LAYERSxCELLS_PROJECTION, such as 2x1024_128"
        raise PretrainingError(messages.INVALID_VALUE, name="size", found=repr(size), expected=expected)
    value = _DEFAULTS.options.to_json()
    value["lstm"].update(zip(("n_layers", "dim", "projection_dim"), map(int, match.groups()), strict=True))
    value["char_cnn"]["filters"] = _FILTERS[:5] if n_filters == 512 else _FILTERS
    return BiLMOptions.parse(json.dumps(value), f"--size {size}")


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A folder for what is made.")
@click.option("--size", default="2x1024_128", show_default=True, help="LSTM layers, their cells and projection.")
@click.option(
    "--filters", type=click.Choice(["512", "2048"]), default="512", show_default=True, help="Of the character CNN."
)
@click.option("--epochs", type=_POSITIVE, help="How often to read the text; or:")
@click.option("--minutes", type=_POSITIVE, help="How long to train, in all runs together.")
@click.option(
    "--tokenizer",
    type=click.Choice(TOKENIZER_CHOICES),
    default="words",
    show_default=True,
    help="How text is split; both: keras and words, half of the documents each.",
)
@click.option(
    "--vocabulary", type=click.IntRange(8), default=_DEFAULTS.vocabulary, show_default=True, help="Words predicted."
)
@click.option(
    "--negatives", type=click.IntRange(1), default=_DEFAULTS.negatives, show_default=True, help="Of them, in a step."
)
@click.option(
    "--streams", type=click.IntRange(1), default=_DEFAULTS.streams, show_default=True, help="Rows of a batch."
)
@click.option("--unroll", type=click.IntRange(2), default=_DEFAULTS.unroll, show_default=True, help="Its time steps.")
@click.option("--dropout", type=click.FloatRange(0, 0.9), default=_DEFAULTS.dropout, show_default=True)
@click.option(
    "--learning-rate",
    type=_POSITIVE,
    default=_DEFAULTS.learning_rate,
    show_default=True,
    help="Adam's highest: a warm-up precedes it, a cosine decay follows.",
)
@click.option(
    "--clip",
    "clip_norm",
    type=_POSITIVE,
    default=_DEFAULTS.clip_norm,
    show_default=True,
    help="Largest norm of all gradients.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "tf32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Number format of the matrix products; tf32: JAX on an NVIDIA GPU.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides everything that is drawn.")
@click.option(
    "--checkpoint-minutes", type=click.FloatRange(0), default=5.0, show_default=True, help="Time between checkpoints."
)
@click.option("--float16", is_flag=True, help="Write weights of half the size; simple-elmo wants float32.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(
    texts: tuple[Path, ...],
    out: Path,
    size: str,
    filters: str,
    tokenizer: str,
    checkpoint_minutes: float,
    float16: bool,
    debug: bool,
    **numbers: float,
) -> None:
    """Train an ELMo on TEXT, UTF-8 files with a document a line, plain or compressed (.gz, .bz2, .xz, .zst, .zip).

    One document in fifty, at most 250, is held out; its perplexity is shown and logged at every checkpoint. The same
    command goes on where an earlier one was stopped. DIR then holds options.json and weights.hdf5, which --encoder DIR
    of elmo-cache takes, log.csv, and checkpoint.npz, which is of no further use when training is done.

    \b
    python -m elmo_cache.pretraining notes.txt.gz --out elmo-notes --epochs 5
    elmo-cache build notes.elmo --corpus notes.csv --encoder elmo-notes
    """
    settings = Settings(parse_size(size, int(filters)), **numbers)  # type: ignore[arg-type]
    text = read_text(texts, tokenizer)
    n_vocabulary = settings.check(text)
    click.echo(
        f"{human_count(text.n_tokens, 'word')} in {human_count(len(text.documents), 'document')}, "
        f"{human_count(len(text.held_out), 'document')} held out, a vocabulary of {human_count(n_vocabulary, 'word')}; "
        f"{count_weights(settings.options) / 1e6:.3g} M parameters."
    )
    position = pretrain(
        text, settings, out, checkpoint_minutes=checkpoint_minutes, dtype="float16" if float16 else "float32"
    )
    forward, backward = position.log[-1][-2:]
    click.echo(
        f"{out}/weights.hdf5: {human_bytes((out / 'weights.hdf5').stat().st_size)}, after "
        f"{human_count(position.n_words, 'word')} in {position.elapsed_s / 60:.1f} minutes; held-out perplexity "
        f"{forward:.1f} forward, {backward:.1f} backward."
    )


if __name__ == "__main__":
    main(prog_name="python -m elmo_cache.pretraining")
