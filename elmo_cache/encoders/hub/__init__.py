"""ELMo as TensorFlow Hub publishes it: handle to folder, variables to weights, or the module's own graph run."""
