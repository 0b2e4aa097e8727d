"""Batches: every word once an epoch in each direction, with its neighbour as the target; the sampled candidates."""

from pathlib import Path

import numpy as np
import pytest
from tiny_pretraining import settings, write_text

from elmo_cache.pretraining.batches import Batches, log_uniform_candidates
from elmo_cache.pretraining.text import Text, read_text
from elmo_cache.pretraining.training import schedule


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Text:
    return read_text([write_text(tmp_path_factory.mktemp("batches") / "text.txt")], "whitespace", show=False)


def word_of(ids: np.ndarray) -> str:
    """Decode a row of character ids."""
    data = [int(i) - 1 for i in ids]
    inside = data[1 : data.index(259)]
    return {256: "<S>", 257: "</S>"}.get(inside[0]) or bytes(inside).decode()


def read_direction(batches: Batches, direction: int, epoch: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return each stream's words in the order of the text, and their targets, None where there is none."""
    words, targets = [], []
    for batch in batches.training(epoch):
        rows = [word_of(ids) if ids.any() else "" for ids in batch["characters_short"]]
        rows += [word_of(ids) if ids.any() else "" for ids in batch["characters_long"]]
        vocabulary = [batches.text.words[i + 1] for i in batch["candidates"]]
        words.append(np.array(rows, object)[batch[f"words_{direction}"]])
        found = np.array(vocabulary, object)[batch[f"targets_{direction}"]]
        found[batch[f"weights_{direction}"] == 0] = None
        targets.append(found)
    order = slice(None, None, -1 if direction else 1)
    return [np.concatenate(parts[order]).T.tolist() for parts in (words, targets)]  # type: ignore[return-value]


@pytest.mark.parametrize("direction", [0, 1])
def test_an_epoch_reads_every_document_once(text: Text, direction: int) -> None:
    batches = Batches(text, settings(), n_vocabulary=40)

    words, targets = read_direction(batches, direction, epoch=1)

    flat = sum(words, [])
    documents = " ".join(flat).split("<S>")[1:]
    expected = sorted(" ".join(text.words[i] for i in document) for document in text.documents)
    # Only the last documents may be missing, or be cut: what does not fill a batch.
    complete = [document.removesuffix(" ").removesuffix("</S>").strip() for document in documents[:-1]]
    assert sum(map(len, text.documents)) + 2 * len(text.documents) - len(flat) < 4 * 5
    assert len(complete) >= len(expected) - 4
    assert not set(complete) - set(expected)
    known = {*text.words[1:41]}
    for stream, aims in zip(words, targets, strict=True):
        following = [*stream[1:], None] if direction == 0 else [None, *stream[:-1]]
        end = "</S>" if direction == 0 else "<S>"
        for word, after, aim in zip(stream, following, aims, strict=True):
            assert aim == (None if word == end or after is None else after if after in known else "<UNK>")


def test_state_starts_anew_with_each_document(text: Text) -> None:
    batches = Batches(text, settings(), n_vocabulary=40)
    streams = batches._epoch(0)

    for i, batch in enumerate(batches.training(0)):
        here = slice(5 * i, 5 * i + 5)
        assert (
            (batch["keep_0"][..., 0] == 0) == ((streams.words[here] == 1) | (here.start + np.arange(5) == 0)[:, None])
        ).all()
        here = slice(len(streams.words) - 5 * i - 5, len(streams.words) - 5 * i)
        last = (np.arange(here.start, here.stop) == len(streams.words) - 1)[:, None]
        assert ((batch["keep_1"][..., 0] == 0) == ((streams.words[here] == 2) | last)).all()


def test_batches_depend_on_their_number_alone(text: Text) -> None:
    batches = Batches(text, settings(), n_vocabulary=40)
    every = list(batches.training(2))

    for batch, again in zip(every[3:], Batches(text, settings(), n_vocabulary=40).training(2, start=3), strict=True):
        assert batch.keys() == again.keys()
        assert all((batch[name] == again[name]).all() for name in batch)


def test_expected_counts_are_the_frequencies() -> None:
    drawn, expected = np.zeros((2, 50))
    n = 4000
    for seed in range(n):
        candidates, log_expected = log_uniform_candidates(np.random.default_rng(seed), 10, 50)
        assert len({*candidates.tolist()}) == 10
        drawn[candidates] += 1 / n
        expected += np.exp(log_expected) / n
    # Given the number of tries they are not the exact probabilities of this sample, but near them (as in TensorFlow).
    assert np.abs(drawn - expected).max() < 0.03
    assert drawn[0] > 3 * drawn[10] > 3 * drawn[49] > 0


def test_schedule() -> None:
    rates = [schedule(done) for done in np.linspace(0, 1, 501)]

    assert rates[5] == pytest.approx(0.5, abs=0.001)
    assert max(rates) == rates[10] > 0.99
    assert all(a > b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert rates[250] == pytest.approx(0.5)
    assert rates[500] == pytest.approx(0)


def test_held_out_words_are_packed_whole(text: Text) -> None:
    batches = Batches(text, settings(), n_vocabulary=40)

    n_forward = sum(batch["weights_0"].sum() for batch in batches.held_out())
    n_backward = sum(batch["weights_1"].sum() for batch in batches.held_out())

    assert n_forward == n_backward == sum(len(document) + 1 for document in text.held_out)


def test_compressed_text_is_the_same(tmp_path: Path) -> None:
    import gzip
    import lzma

    plain = write_text(tmp_path / "text.txt")
    for suffix, module in ((".gz", gzip), (".xz", lzma)):
        (tmp_path / f"text.txt{suffix}").write_bytes(module.compress(plain.read_bytes()))  # type: ignore[attr-defined]

    digests = {read_text([plain.with_name(plain.name + s)], "keras", show=False).digest for s in ("", ".gz", ".xz")}

    assert len(digests) == 1


def test_both_tokenizers_take_turns(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("".join(f"One, TWO{i}!\n" for i in range(100)), encoding="utf-8")

    text = read_text([tmp_path / "text.txt"], "both", show=False)

    documents = [[text.words[i] for i in document] for document in text.documents + text.held_out]
    assert sorted(documents) == sorted(
        [["one", f"two{i}"] if i % 2 == 0 else ["One", ",", f"TWO{i}", "!"] for i in range(100)]
    )
