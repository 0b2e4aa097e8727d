"""`python -m elmo_cache.pretraining`: train the biLM of an encoder on one's own text."""
