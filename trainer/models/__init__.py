"""The models that trials compare: the built-in ones, one subject a file, and what finds yours by name or by file."""
