"""The bidirectional language model: options, weights, characters, the Keras models, the encoder."""
