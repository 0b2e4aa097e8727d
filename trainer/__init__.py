"""The experiment: two small classifiers on cached ELMo vectors and static word vectors, over and over.

`elmo-train trials` runs it. It knows the files that `cache` defines, and nothing of how the vectors were made.
"""
