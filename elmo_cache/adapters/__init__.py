"""The adapters of `cache.adapters`, under a name that does not clash with a module of yours named `cache`."""
