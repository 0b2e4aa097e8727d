"""Options that several commands have: which encoder, and what of it."""

from collections.abc import Callable
from typing import TypeVar

import click

from elmo_cache.encoders import DEFAULT_ENCODER, ENGINES
from elmo_cache.encoders.bilm.encoder import LAYER_CHOICES, PRECISIONS
from elmo_cache.text.rule import FORMS
from elmo_cache.text.tokenization import TOKENIZERS, TOKENS

__all__ = ["encoder_options", "normalize_option", "tokenizer_option"]

_Command = TypeVar("_Command", bound=Callable[..., None])


def encoder_options(command: _Command) -> _Command:
    """Add `--encoder`, `--layers`, `--precision` and `--engine`: what `load_encoder` takes."""
    for option in reversed(_ENCODER_OPTIONS):
        command = option(command)
    return command


_ENCODER_OPTIONS = [
    click.option(
        "--encoder",
        "encoder_name",
        default=DEFAULT_ENCODER,
        show_default=True,
        help=f"{DEFAULT_ENCODER} (embedded), original or allennlp:original (downloads; see `elmo-cache encoders`), or "
        f"the folder or .zip of an ELMo. If a folder here is called {DEFAULT_ENCODER}, write "
        f"embedded:{DEFAULT_ENCODER} or ./{DEFAULT_ENCODER}.",
    ),
    click.option(
        "--layers",
        type=click.Choice(LAYER_CHOICES),
        default="mix",
        show_default=True,
        help="Which layers to store: their weighted mean, the last one, or every layer.",
    ),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="Number format used inside the encoder.",
    ),
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="native",
        show_default=True,
        help="How to run a TF-Hub module: our model with its weights, or the module's own graph (slower).",
    ),
]

tokenizer_option = click.option(
    "--tokenizer",
    type=click.Choice([name for name in TOKENIZERS if name != TOKENS]),
    help=f"How to split text into tokens.  [default: keras for IMDB and with {DEFAULT_ENCODER}, else words]",
)

normalize_option = click.option(
    "--normalize",
    type=click.Choice(FORMS),
    help="Normalize Unicode first: NFC combines a letter and its accent into one character.",
)
