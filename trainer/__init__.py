"""The experiment: classifiers on cached ELMo vectors and static word vectors. Nothing is here yet."""
