"""A folder of results: its settings, its trials, their saved weights, and what is read from it again."""
