"""Trials on tokens with tags: how well linear probes and small taggers read tags off the vectors."""
