"""What an encoder makes of a few sentences here, in numbers that fit on a page: for a report to others."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from elmo_cache.encoders.bilm.encoder import BiLMEncoder

__all__ = ["SENTENCES", "TOLERANCE", "Summary", "compare_with_allennlp", "off_float64", "summaries", "versions"]

SENTENCES = (
    "The cat is on the mat",
    "This film is not what I expected of it , and the better for that .",
    "na\u00efve caf\u00e9 \u6620\u753b \U0001f3ac \u2026 don't co-operate 1,000.50 <br />",
)
"""Words apart by spaces."""

TOLERANCE = 1e-5
"""Of its norm that a sentence's checksum may be off float64's: float32 is at some 1e-6, TF32 in its place at 1e-4."""

_IN_FLOAT64 = {
    # imdb-v3; layers 0, 1, 2 and the mix of each sentence
    "7cd94ce17b6cb888": (
        *(-4.435663, 3.906060, 12.383897, 3.951432),
        *(-9.344315, -1.465321, 3.363690, -2.481982),
        *(-0.718333, -6.445796, 8.285258, 0.373710),
    )
}
"""By the weights, checksums as an independent program of our tests computes them in float64."""
_PACKAGES = ("elmo-cache", "keras", "tensorflow", "jax", "jaxlib", "torch", "numpy", "h5py")


@dataclass(frozen=True)
class Summary:
    """The vectors of a sentence from one layer, in short.

    Attributes
    ----------
    sentence, layer : str
        What of: `layer` is `0`, `1`, … or `mix`.
    norm : float
        The root of the sum of all squares.
    checksum : float
        The sum of all numbers, each times the cosine of its place: 0 the first number of the first word, 1 the second.
    first : tuple of float
        The first three numbers of the first word.
    """

    sentence: str
    layer: str
    norm: float
    checksum: float
    first: tuple[float, ...]

    @classmethod
    def of(cls, sentence: str, layer: str, vectors: np.ndarray) -> "Summary":
        """Summarise vectors `(n_words, dim)`.

        Examples
        --------
        >>> Summary.of("so good", "0", np.array([[3.0, 0.0], [0.0, 4.0]]))
        Summary(sentence='so good', layer='0', norm=5.0, checksum=-0.95997, first=(3.0, 0.0))
        """
        numbers = vectors.astype(np.float64).ravel()
        checksum = float(numbers @ np.cos(np.arange(numbers.size)))
        first = tuple(float(x) for x in vectors[0, :3])
        return cls(sentence, layer, float(np.linalg.norm(numbers)), round(checksum, 6), first)


def summaries(encoder: BiLMEncoder) -> Iterator[Summary]:
    """Encode `SENTENCES` and yield the summary of each layer of each, and of the mix.

    Parameters
    ----------
    encoder : BiLMEncoder
        With `layers="all"`.
    """
    mix = encoder.layers.views["mix"]
    for sentence, rows in zip(SENTENCES, encoder.encode([text.split(" ") for text in SENTENCES]), strict=True):
        parts = dict(encoder.layers.split_columns(rows))
        parts["layer_0"] = np.concatenate([parts["layer_0"]] * 2, axis=1)  # both directions begin with the word itself
        for k, layer in enumerate(parts.values()):
            yield Summary.of(sentence, str(k), layer)
        yield Summary.of(sentence, "mix", np.sum([mix[name] * part for name, part in parts.items()], axis=0))


def off_float64(weights: str, found: Sequence[Summary]) -> float | None:
    """Return how far checksums are from those in float64, the farthest, as a part of its norm.

    Parameters
    ----------
    weights : str
        The fingerprint of the encoder's weights.
    found : sequence of Summary
        What `summaries` yields.

    Returns
    -------
    float or None
        None for weights of which those in float64 are not known.
    """
    expected = _IN_FLOAT64.get(weights[:16])
    if expected is None:
        return None
    parts = [abs(one.checksum - right) / one.norm for one, right in zip(found, expected, strict=True)]
    return float(np.max(parts))  # NaN if one is


def versions() -> str:
    """Return the versions of what computes, and of the system, on one line; what is not installed is left out."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join([*found, f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}"])


def compare_with_allennlp() -> str:
    """Return a program that prints the same numbers by AllenNLP, and what has to be known of it."""
    texts = "\n".join(f"    {text!r}," for text in SENTENCES)
    return f"""\
The same numbers by AllenNLP, from the same two files (pip install allennlp==0.9.0, which needs an old Python):

import numpy as np
from allennlp.commands.elmo import ElmoEmbedder

for text in [
{texts}
]:
    # A new one for each sentence: AllenNLP's keeps its state from one call to the next.
    layers = ElmoEmbedder("options.json", "weights.hdf5").embed_sentence(text.split(" "))
    print(text)
    for name, x in [*enumerate(layers), ("mix", layers.mean(0))]:
        print(name, np.linalg.norm(x), x.ravel() @ np.cos(np.arange(x.size)), x[0, :3])

In float32 norms should agree to five digits and more, and checksums to a hundred-thousandth of the norm. This has not
been tried on the published weights: please report what you see."""
