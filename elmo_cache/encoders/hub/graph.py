"""A TF-Hub module's own graph, loaded by `tensorflow_hub` and run by TensorFlow; imports both."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.errors import EncoderError

with quiet_import():
    import tensorflow as tf
    import tensorflow_hub

__all__ = ["SIGNATURE", "HubModule"]

SIGNATURE = "tokens"
INPUTS = {"tokens", "sequence_len"}


class HubModule:
    """A module's graph, loaded by TensorFlow, and its signature `tokens`.

    Parameters
    ----------
    directory : Path
        A module's folder, with all its files.

    Raises
    ------
    EncoderError
        If TensorFlow cannot load it, or it has no such signature.

    Attributes
    ----------
    signatures, outputs : list of str
        The names of the module's signatures, and of the outputs of `tokens`.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        # A module in TF1-Hub's format is the graph without tags; in any other SavedModel there is one to choose.
        tags: list[str] | None = [] if (directory / "tfhub_module.pb").exists() else None
        try:
            # The variables live as long as what was loaded.
            self._loaded = tensorflow_hub.load(str(directory), tags=tags)
            self.signatures = sorted(self._loaded.signatures)
        except Exception as error:  # a stranger's graph can make TensorFlow raise nearly anything
            raise EncoderError(messages.MODULE_NOT_LOADED, path=directory, error=error) from error
        if SIGNATURE not in self.signatures:
            found = ", ".join(self.signatures) or "none"
            raise EncoderError(messages.NO_SIGNATURE, path=directory, name=SIGNATURE, found=found)
        self._function = self._loaded.signatures[SIGNATURE]
        inputs = set(self._function.structured_input_signature[1])
        if inputs != INPUTS:
            name, found, expected = (
                f"the input of the signature {SIGNATURE!r}",
                ", ".join(sorted(inputs)),
                ", ".join(sorted(INPUTS)),
            )
            raise EncoderError(messages.INVALID_ENTRY, where=directory, name=name, found=found, expected=expected)
        self.outputs = sorted(self._function.structured_outputs)

    def run(self, documents: Sequence[Sequence[bytes]], outputs: Iterable[str]) -> dict[str, np.ndarray]:
        """Run one batch.

        Parameters
        ----------
        documents : sequence of sequence of bytes
            Words in UTF-8, none of them empty; at least one document, none of them empty.
        outputs : iterable of str
            Names of outputs.

        Returns
        -------
        dict of str to ndarray of float32, (n_docs, at least the longest document's n_tokens, width)
            The outputs. What stands behind a document's last token means nothing.

        Raises
        ------
        EncoderError
            If the graph fails, or makes arrays of another shape.
        """
        lengths = [len(document) for document in documents]
        tokens = [[*document, *[b""] * (max(lengths) - len(document))] for document in documents]
        try:
            found = self._function(tokens=tf.constant(tokens, tf.string), sequence_len=tf.constant(lengths, tf.int32))
            arrays = {name: np.asarray(found[name].numpy(), np.float32) for name in outputs}
        except Exception as error:  # a stranger's graph can make TensorFlow raise nearly anything
            raise EncoderError(messages.GRAPH_FAILED, path=self.directory, name=SIGNATURE, error=error) from error
        for name, array in arrays.items():
            if array.ndim != 3 or len(array) != len(lengths) or array.shape[1] < max(lengths):
                raise EncoderError(
                    messages.INVALID_ENTRY,
                    where=self.directory,
                    name=f"the shape of the output {name}",
                    found=array.shape,
                    expected=f"({len(lengths)}, {max(lengths)}, width)",
                )
        return arrays
