"""What decides the weights of a biLM that is trained, apart from its text."""

from dataclasses import dataclass

from elmo_cache import messages
from elmo_cache.encoders.bilm.options import BiLMOptions
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining.text import Text

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    options : BiLMOptions
        The architecture.
    epochs, minutes : float or None
        How long; one of them is None.
    vocabulary, negatives : int
        Words of the softmax at most, and the sample of them that a step is trained against.
    streams, unroll : int
        Of a batch: parallel streams, and the steps through which gradients go back.
    dropout : float
        Share of the inputs of LSTM layers and of the softmax that is set to zero.
    learning_rate, clip_norm : float
        Of Adam at its highest, and of all gradients together.
    precision : {"float32", "tf32", "bfloat16", "float64"}
        Of the biLM's matrix products; tf32 on an NVIDIA GPU under JAX alone.
    seed : int
        Decides everything that is drawn.
    """

    options: BiLMOptions
    epochs: float | None = None
    minutes: float | None = None
    vocabulary: int = 30_000
    negatives: int = 1024
    streams: int = 128
    unroll: int = 20
    dropout: float = 0.1
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    precision: str = "float32"
    seed: int = 0

    def check(self, text: Text) -> int:
        """Return how many words the softmax has.

        Parameters
        ----------
        text : Text
            What to train on.

        Returns
        -------
        int
            `vocabulary`, or all distinct words of the text with its three marks if that is fewer.

        Raises
        ------
        PretrainingError
            If the text is too short for these settings, or they make no sense.
        """
        if (self.epochs is None) == (self.minutes is None):
            raise PretrainingError(messages.EPOCHS_OR_MINUTES)
        n_words, n_batch = text.n_tokens + 2 * len(text.documents), self.streams * self.unroll
        if n_words < n_batch:
            raise PretrainingError(
                messages.TOO_LITTLE_TEXT,
                found=n_words,
                expected=n_batch,
                streams=self.streams,
                unroll=self.unroll,
            )
        n_vocabulary = min(self.vocabulary, text.n_training_words)
        if 2 * self.negatives > n_vocabulary:
            found, expected = f"{self.negatives:,}", f"at most half of the vocabulary of {n_vocabulary:,} words"
            raise PretrainingError(messages.INVALID_VALUE, name="negatives", found=found, expected=expected)
        return n_vocabulary
