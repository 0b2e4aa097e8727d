"""Convolution of width 3, ReLU and maximum over each document, as one layer over documents that stand end to end."""

from typing import Any

from cache.runtime.quiet import quiet_import

with quiet_import():
    from keras import layers, ops

__all__ = ["WIDTH", "RaggedConvolution"]

WIDTH = 3


class RaggedConvolution(layers.Layer):
    """`Conv1D(filters, 3, padding="same", activation="relu")` and `GlobalMaxPooling1D` as one, without padding.

    Its weights have the names, shapes and starting values of `Conv1D`'s: `kernel`, float32 `(3, dim, filters)`, and
    `bias`, float32 `(filters,)`, where `dim` is that of the rows and of the words together, in this order. Rows are
    multiplied by `gamma`, float32 `()`, which is not trained: a variable, so that one compiled model serves for all
    values.

    It takes the documents of a batch end to end, as `trainer.feed.RaggedBatches` lays them out, and computes the same
    as Keras's two layers do on documents padded in front with zeros. One product gives each row's shares in the
    convolution at its own place and at its two neighbours'; a word that stands in many rows is multiplied once; bias
    and ReLU, which never decrease, come after the maximum.

    The gradient goes through a maximum to one place for each document and filter. That of the kernel is computed from
    the rows around those places alone, not by a second product as large as the first. There is none for words, which
    are frozen, nor, by default, for rows.

    Parameters
    ----------
    filters : int
        Number of filters.
    rows_need_gradient : bool
        Whether something before the layer is trained through its rows.
    """

    def __init__(self, filters: int, *, rows_need_gradient: bool = False, **keywords: Any):
        super().__init__(**keywords)
        self.filters = filters
        self.rows_need_gradient = rows_need_gradient

    def build(self, shapes: dict[str, tuple[int | None, ...]]) -> None:
        """Create the weights for inputs of these shapes: Glorot-uniform, zeros for the bias, one for gamma."""
        dim = sum(int(shapes[name][-1] or 0) for name in ("rows", "words") if name in shapes)
        self.kernel = self.add_weight(shape=(WIDTH, dim, self.filters), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")
        self.gamma = self.add_weight(shape=(), initializer="ones", trainable=False, name="gamma")

    def call(self, inputs: dict[str, Any]) -> Any:
        """Return what each filter finds at most in each document.

        Parameters
        ----------
        inputs : dict
            `places` and `blocks`, and `rows` or both of `words` and `word_of_row` or all three:

            - `rows`: float32 `(n_rows, dim)`, what float16 is cast to; zeros before, between and after documents.
            - `words`: float32 `(n_words, dim)`, the vectors of a batch's distinct words; the first one is zeros.
            - `word_of_row`: int32 `(n_rows,)`, the word that stands in each row, 0 where there is none.
            - `places`: int32 `(n_blocks, block_size)`, places of the convolution: i stands for the rows i to i + 2. All
              places of a block are of one document.
            - `blocks`: int32 `(n_docs, n)`, the blocks that a document's maximum is taken over.

        Returns
        -------
        tensor of float32, (n_docs, filters)
        """
        # Reshaped, it is a tensor also where TensorFlow would see a variable, which `custom_gradient` treats otherwise.
        kernel = ops.reshape(self.kernel, self.kernel.shape)

        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def maxima(kernel: Any, *rows: Any) -> Any:
            given = {**inputs, "rows": rows[0]} if rows else inputs
            found, winners = self._maxima(kernel, given)

            def gradient(*args: Any, upstream: Any = None) -> Any:
                upstream, at = args[0] if upstream is None else upstream, winners()
                of_kernel = self._kernel_gradient(upstream, at, given)
                return (of_kernel, self._rows_gradient(upstream, at, kernel, rows[0])) if rows else of_kernel

            return found, gradient

        found = maxima(kernel, inputs["rows"]) if self.rows_need_gradient else maxima(kernel)
        return ops.relu(found + self.bias)

    def compute_output_shape(self, shapes: dict[str, tuple[int | None, ...]]) -> tuple[int | None, int]:
        """Return `(n_docs, filters)`."""
        return shapes["blocks"][0], self.filters

    def _maxima(self, kernel: Any, inputs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the maxima `(n_docs, filters)`, and a function for the places they stand at, of the same shape."""
        rows, words, places, blocks = (inputs.get(name) for name in ("rows", "words", "places", "blocks"))
        dim, n = 0 if rows is None else rows.shape[-1], self.filters
        shares: Any = 0
        if rows is not None:
            shares = ops.matmul(rows, self._side_by_side(kernel[:, :dim] * self._scale()))
        if words is not None:
            of_words = ops.matmul(words, self._side_by_side(kernel[:, dim:]))
            shares = shares + ops.take(of_words, inputs["word_of_row"], axis=0)
        convolved = shares[:-2, :n] + shares[1:-1, n : 2 * n] + shares[2:, 2 * n :]
        candidates = ops.take(convolved, places, axis=0)
        of_blocks = ops.take(ops.max(candidates, axis=1), blocks, axis=0)
        found = ops.max(of_blocks, axis=1)

        def winners() -> Any:
            (n_docs, width), size = ops.shape(blocks), ops.shape(places)[1]
            which = ops.argmax(ops.equal(of_blocks, found[:, None]), axis=1)
            block = ops.take(blocks, which + ops.arange(n_docs, dtype=which.dtype)[:, None] * width)
            within = block[:, :, None] * size + ops.arange(size, dtype=block.dtype)  # (n_docs, filters, block_size)
            values = ops.take(candidates, within * n + ops.arange(n, dtype=block.dtype)[:, None])
            at = ops.argmax(ops.equal(values, found[:, :, None]), axis=2)
            return ops.take(places, block * size + at)

        return found, winners

    def _scale(self) -> Any:
        return ops.reshape(self.gamma, ())

    def _side_by_side(self, kernel: Any) -> Any:
        """Return a kernel `(3, dim, filters)` as `(dim, 3 * filters)`."""
        return ops.reshape(ops.transpose(kernel, (1, 0, 2)), (-1, WIDTH * self.filters))

    def _kernel_gradient(self, upstream: Any, winners: Any, inputs: dict[str, Any]) -> Any:
        near = ops.transpose(winners)[:, :, None] + ops.arange(WIDTH, dtype=winners.dtype)  # (filters, n_docs, 3)
        weights = ops.transpose(upstream)[:, None, :]
        parts = []
        if "rows" in inputs:
            parts.append(self._summed(weights, ops.take(inputs["rows"], near, axis=0)) * self._scale())
        if "words" in inputs:
            words = ops.take(inputs["words"], ops.take(inputs["word_of_row"], near), axis=0)
            parts.append(self._summed(weights, words))
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=1)

    def _summed(self, weights: Any, vectors: Any) -> Any:
        """Sum vectors `(filters, n_docs, 3, dim)` over documents, weighted: `(3, dim, filters)`."""
        dim = vectors.shape[-1]
        flat = ops.reshape(vectors, (self.filters, -1, WIDTH * dim))
        return ops.transpose(ops.reshape(ops.matmul(weights, flat), (self.filters, WIDTH, dim)), (1, 2, 0))

    def _rows_gradient(self, upstream: Any, winners: Any, kernel: Any, rows: Any) -> Any:
        dim = rows.shape[-1]
        near = winners[:, :, None] + ops.arange(WIDTH, dtype=winners.dtype)  # (n_docs, filters, 3)
        weights = ops.transpose(kernel[:, :dim] * self._scale(), (2, 0, 1))
        shares = upstream[:, :, None, None] * weights
        return ops.segment_sum(
            ops.reshape(shares, (-1, dim)), ops.reshape(near, (-1,)), num_segments=ops.shape(rows)[0]
        )
