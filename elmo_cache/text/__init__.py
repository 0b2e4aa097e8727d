"""Text: corpora, tokenisers, the rule by which text becomes tokens, the vocabulary, and the reader."""
