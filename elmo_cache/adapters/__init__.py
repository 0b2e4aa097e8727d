"""What hands a split to other libraries: `cache.adapters`, under a name that no file of yours hides."""
