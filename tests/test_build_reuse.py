"""Builds that copy what other caches have: equal vectors, whatever corpus, order and numbering, and only those."""

import re
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from errors_expected import raises
from memory_corpus import MemoryCorpus
from numpy_encoder import ALL_LAYERS, HashEncoder
from small_build import build_small, corpus
from small_cache import contents
from tiny_elmo import SMALL, write_elmo
from worker_encoder import mortal

from cache import CorruptFileError, FeatureCache, MismatchError, NotACacheError, Split, pack, verify
from cache import messages as store
from cache.errors import CacheWarning
from elmo_cache import EncoderError, TextRule, build, messages
from elmo_cache.cli import main
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import BuildSettings

Row = tuple[str, str | None, str]
ROWS = corpus()._documents
NEW: list[Row] = [("train", "neg", "an added row"), ("test", "pos", "word3 word1 another")]


class Counting(HashEncoder):
    """Keeps what it was asked for; one unlike it in `shift` gives other vectors under the same description."""

    def __init__(self, shift: float = 0.0, **options: Any):
        super().__init__(**options)
        self.shift, self.asked = shift, list[list[str]]()

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        assert documents, "there is something to encode"
        self.asked += [list(words) for words in documents]
        return [rows + np.float32(self.shift) for rows in super().encode(documents, progress=progress)]


def by_words(split: Split) -> dict[tuple[str, ...], bytes]:
    return {tuple(split.tokens(i)): rows.tobytes() for i, rows in enumerate(split)}


def all_by_words(path: Path, layer: str | None = None) -> dict[tuple[str, ...], bytes]:
    with FeatureCache(path) as features:
        return {words: rows for name in features for words, rows in by_words(features.split(name, layer)).items()}


def check_mixed(new: Path, olds: Sequence[Path], encoder: Counting, fresh: Path, layer: str | None = None) -> None:
    """What an old cache has is its own bit for bit, the rest is what a build without others makes of it."""
    have: dict[tuple[str, ...], bytes] = {}
    for old in reversed(olds):
        have |= all_by_words(old, layer)
    found, expected = all_by_words(new, layer), all_by_words(fresh, layer)
    assert found.keys() == expected.keys()
    assert found == {words: have.get(words, rows) for words, rows in expected.items()}
    asked = [tuple(words) for words in encoder.asked]
    assert set(asked) == {words for words in expected if words not in have}
    assert not verify(new)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rule": TextRule("whitespace", max_tokens=3)},
        {"rule": TextRule("whitespace", max_tokens=4, keep="first", literal_padding=True)},
        {"rule": TextRule("whitespace", num_words=9, max_tokens=5)},
    ],
    ids=["uncut", "window", "padding", "rare words"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "packed"])
def test_only_new_documents_are_encoded(tmp_path: Path, packed: bool, options: dict[str, Any]) -> None:
    # The old vectors are all shifted, so that it can be seen where a vector comes from.
    old = tmp_path / "old"
    build_small(old, encoder=Counting(0.5), **options).close()
    if packed:
        pack(old, tmp_path / "old.h5")
        old = tmp_path / "old.h5"
    rows = [*NEW, *ROWS[::-1], *ROWS[:7]]
    bigger, encoder = MemoryCorpus(rows), Counting()

    build_small(tmp_path / "fresh", corpus=bigger, encoder=Counting(), **options).close()
    with build_small(tmp_path / "new", corpus=bigger, encoder=encoder, reuse=[old], **options) as features:
        assert [len(features[name]) for name in ("train", "test")] == [48, 11] and features.complete

    check_mixed(tmp_path / "new", [old], encoder, tmp_path / "fresh")
    if not options:
        assert sorted(map(len, encoder.asked)) == [3, 3]
    assert contents(tmp_path / "new")["train.documents.h5"] == contents(tmp_path / "fresh")["train.documents.h5"]


def test_nothing_new_calls_no_encoder(tmp_path: Path) -> None:
    build_small(tmp_path / "old").close()
    encoder = Counting()
    other_numbers = MemoryCorpus([("all", None, text) for _, _, text in ROWS[::-1] if text] * 2)
    with build_small(tmp_path / "new", corpus=other_numbers, encoder=encoder, reuse=tmp_path / "old") as features:
        assert len(features["all"]) == 2 * sum(bool(text) for _, _, text in ROWS) and features.label_names is None
    assert not encoder.asked and not verify(tmp_path / "new")
    old = all_by_words(tmp_path / "old")
    assert all_by_words(tmp_path / "new") == {words: rows for words, rows in old.items() if words}


def test_all_layers(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5, layers=ALL_LAYERS)).close()
    encoder, bigger = Counting(layers=ALL_LAYERS), MemoryCorpus([*NEW, *ROWS])
    build_small(tmp_path / "fresh", corpus=bigger, encoder=Counting(layers=ALL_LAYERS)).close()
    build_small(tmp_path / "new", corpus=bigger, encoder=encoder, reuse=[tmp_path / "old"]).close()
    for layer in ALL_LAYERS.views:
        if layer != "mix":  # its sum is rounded: the shift of a mix is no mix of shifts
            check_mixed(tmp_path / "new", [tmp_path / "old"], encoder, tmp_path / "fresh", layer)


def test_the_first_of_several_caches_is_copied(tmp_path: Path) -> None:
    build_small(tmp_path / "a", encoder=Counting(0.5), corpus=MemoryCorpus(ROWS[:20])).close()
    build_small(tmp_path / "b", encoder=Counting(-0.5), corpus=MemoryCorpus(ROWS[10:])).close()
    encoder, bigger = Counting(), MemoryCorpus([*ROWS, *NEW])
    build_small(tmp_path / "fresh", corpus=bigger, encoder=Counting()).close()
    olds = [tmp_path / "a", tmp_path / "b"]
    build_small(tmp_path / "new", corpus=bigger, encoder=encoder, reuse=olds).close()
    check_mixed(tmp_path / "new", olds, encoder, tmp_path / "fresh")


def test_of_a_growing_cache_the_finished_shards_are_copied(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5)).close()
    (tmp_path / "old" / "train-00001.h5").unlink()
    encoder = Counting()
    build_small(tmp_path / "fresh", encoder=Counting()).close()
    with FeatureCache(tmp_path / "old") as features:
        assert 0 < len(features["train"]) < 40
    build_small(tmp_path / "new", encoder=encoder, reuse=[tmp_path / "old"]).close()
    check_mixed(tmp_path / "new", [tmp_path / "old"], encoder, tmp_path / "fresh")


def test_a_limit_and_shares(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5)).close()
    bigger, asked = MemoryCorpus([*NEW, *ROWS]), []
    build_small(tmp_path / "fresh", corpus=bigger, encoder=Counting()).close()
    for number in (2, 1, 3):
        encoder = Counting()
        settings = BuildSettings(shard_tokens=60, share=(number, 3), reuse=(tmp_path / "old",))
        with Build(bigger, encoder, tmp_path / "new", settings) as begun:
            n_new = begun.plan.encoded_documents
            begun.run()
        assert len(encoder.asked) == n_new
        asked += encoder.asked
    whole = Counting()
    whole.asked = asked
    check_mixed(tmp_path / "new", [tmp_path / "old"], whole, tmp_path / "fresh")

    encoder = Counting()
    with build_small(tmp_path / "few", encoder=encoder, reuse=[tmp_path / "old"], limit={"train": 5, "test": 1}) as few:
        assert len(few["train"]) == 5 and not encoder.asked
    with build_small(tmp_path / "few", encoder=encoder, reuse=[tmp_path / "old"]) as more:
        assert len(more["train"]) == 40 and not encoder.asked


def test_workers_copy_as_one_process_does(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5)).close()
    pack(tmp_path / "old", tmp_path / "old.h5")
    bigger = MemoryCorpus([*NEW, *ROWS])
    build_small(tmp_path / "alone", corpus=bigger, reuse=[tmp_path / "old"]).close()
    with pytest.warns(CacheWarning, match=re.escape(store.WORKER_DIED)):
        for name in ("old", "old.h5"):
            out = tmp_path / f"new-{name}"
            encoder = mortal(tmp_path, deaths=1)
            build_small(out, corpus=bigger, encoder=encoder, reuse=[tmp_path / name], workers=2).close()
            assert contents(out) == contents(tmp_path / "alone")


class _FailsAt(HashEncoder):
    """Raises at its n-th call."""

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def encode(self, documents: Any, *, progress: Any = None) -> list[np.ndarray]:
        self.n -= 1
        if not self.n:
            raise MemoryError
        return super().encode(documents, progress=progress)


def test_an_interrupted_build_goes_on_with_or_without(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5)).close()
    bigger = MemoryCorpus([*[("train", "neg", f"new row {i}") for i in range(40)], *ROWS])
    old = {"corpus": bigger, "reuse": [tmp_path / "old"]}
    build_small(tmp_path / "whole", **old).close()
    with pytest.raises(MemoryError):
        build_small(tmp_path / "new", encoder=_FailsAt(3), **old)
    before = contents(tmp_path / "new")
    assert "train-00001.h5" in before and len(before) < len(contents(tmp_path / "whole"))
    build_small(tmp_path / "without", corpus=bigger, encoder=Counting()).close()
    for name, data in before.items():
        (tmp_path / "without" / name).write_bytes(data)

    build_small(tmp_path / "new", **old).close()
    assert contents(tmp_path / "new") == contents(tmp_path / "whole")

    for name in contents(tmp_path / "without").keys() - before.keys():
        (tmp_path / "without" / name).unlink()
    encoder = Counting()
    with build_small(tmp_path / "without", corpus=bigger, encoder=encoder) as features:
        assert features.complete and encoder.asked and not verify(tmp_path / "without")


class _OfItsCall(Counting):
    """Gives vectors that depend on all that it is asked for at once, as rounding may; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = list[int]()

    def encode(
        self, documents: Sequence[Sequence[str]], *, progress: Callable[[int], None] | None = None
    ) -> list[np.ndarray]:
        self.calls.append(len(documents))
        self.shift = sum(map(len, documents)) / 64
        return super().encode(documents, progress=progress)


def test_few_new_documents_are_encoded_in_one_call_whatever_shards_are_there(tmp_path: Path) -> None:
    build_small(tmp_path / "old").close()
    bigger = MemoryCorpus([*[("train", "neg", f"new row {i}") for i in range(12)], *ROWS])
    encoder = _OfItsCall()
    options: dict[str, Any] = {"corpus": bigger, "reuse": [tmp_path / "old"]}
    build_small(tmp_path / "whole", encoder=encoder, **options).close()
    whole = contents(tmp_path / "whole")
    assert sum(name.startswith("train-") for name in whole) >= 4 and encoder.calls == [12]

    for missing in (["train-00001.h5"], ["train-00000.h5", "train-00003.h5", "test-00000.h5"]):
        for name in missing:
            (tmp_path / "whole" / name).unlink()
        before = {path.name: path.stat().st_ino for path in (tmp_path / "whole").iterdir()}
        encoder = _OfItsCall()
        build_small(tmp_path / "whole", encoder=encoder, **options).close()
        assert contents(tmp_path / "whole") == whole and encoder.calls == [12]
        after = {path.name: path.stat().st_ino for path in (tmp_path / "whole").iterdir()}
        assert before.items() <= after.items() and after.keys() - before.keys() == set(missing)

    calls = []
    for number in (2, 1):
        encoder = _OfItsCall()
        settings = BuildSettings(shard_tokens=60, share=(number, 2), reuse=(tmp_path / "old",))
        with Build(bigger, encoder, tmp_path / "shares", settings) as begun:
            begun.run()
        calls += encoder.calls
    assert contents(tmp_path / "shares") == whole and calls == [12]


def test_calls_have_a_shard_of_new_tokens_at_most_and_sixteen_shards(tmp_path: Path) -> None:
    """With more, a build that is stopped would lose more."""
    old = [("train", None, f"a b c d e f g h i {i}") for i in range(120)]
    new = [("train", None, f"new {i}") for i in range(100)]
    build_small(tmp_path / "old", corpus=MemoryCorpus(old)).close()
    encoder = _OfItsCall()
    build_small(tmp_path / "new", corpus=MemoryCorpus([*old, *new]), encoder=encoder, reuse=[tmp_path / "old"]).close()
    assert sum(encoder.calls) == 100 and 200 / 60 < len(encoder.calls) <= 8 and max(encoder.calls) * 2 <= 60

    encoder = _OfItsCall()
    one = MemoryCorpus([*old, *[("train", None, f"a b c d e f g h j {i}") for i in range(120)], ("train", None, "one")])
    build_small(tmp_path / "older", corpus=MemoryCorpus(one._documents[:-1])).close()
    with build_small(tmp_path / "newer", corpus=one, encoder=encoder, reuse=[tmp_path / "older"]) as features:
        assert features.manifest.splits["train"].n_shards > 32 and encoder.calls == [1]
        assert not verify(tmp_path / "newer")


class _SameMemory(HashEncoder):
    """Returns each time the same array, grown at most."""

    def begin(self, documents: Any, *, progress: Any = None) -> Callable[[], tuple[np.ndarray, bool]]:
        rows = np.concatenate(super().encode(documents)).astype(np.float16)
        self._buffer = getattr(self, "_buffer", np.empty((2**12, rows.shape[1]), np.float16))
        self._buffer[: len(rows)] = rows
        return lambda: (self._buffer[: len(rows)], True)


def test_rows_that_were_overwritten_are_in_no_shard(tmp_path: Path) -> None:
    build_small(tmp_path / "old").close()
    bigger = MemoryCorpus([*[("train", "neg", f"new row {i}") for i in range(40)], *ROWS])
    options: dict[str, Any] = {"corpus": bigger, "reuse": [tmp_path / "old"]}
    build_small(tmp_path / "new", **options).close()
    whole = contents(tmp_path / "new")
    (tmp_path / "new" / "train-00001.h5").unlink()
    for index in range(2, 6):
        (tmp_path / "new" / f"train-{index:05}.h5").unlink()
    kept = contents(tmp_path / "new")

    with raises(messages.ARRAY_USED_AGAIN, EncoderError):
        build_small(tmp_path / "new", encoder=_SameMemory(), **options)

    assert contents(tmp_path / "new") == kept, "no shard of two groups is left, and what was there before stays"
    build_small(tmp_path / "new", **options).close()
    assert contents(tmp_path / "new") == whole


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from memory_corpus import MemoryCorpus
from numpy_encoder import HashEncoder
from small_build import build_small, corpus
rows = [("train", "neg", f"new row {{i}}") for i in range(60)] + corpus()._documents
build_small(Path(sys.argv[2]), corpus=MemoryCorpus(rows), encoder=HashEncoder(slow_s=float(sys.argv[3])),
            reuse=[sys.argv[1]])
"""


@pytest.mark.slow
def test_a_killed_build_goes_on(tmp_path: Path) -> None:
    build_small(tmp_path / "old", encoder=Counting(0.5)).close()
    code = KILLED.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", code, str(tmp_path / "old")]
    subprocess.run([*command, str(tmp_path / "whole"), "0"], check=True)
    process = subprocess.Popen([*command, str(tmp_path / "new"), "0.2"])
    while not (tmp_path / "new" / "train-00001.h5").exists():
        assert process.poll() is None
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert len(contents(tmp_path / "new")) < len(contents(tmp_path / "whole"))
    subprocess.run([*command, str(tmp_path / "new"), "0"], check=True)
    assert contents(tmp_path / "new") == contents(tmp_path / "whole")


@pytest.mark.parametrize("damaged", ["train-00002.h5", "train.documents.h5", "old.h5"])
def test_a_damaged_source_is_an_error(tmp_path: Path, damaged: str) -> None:
    old = tmp_path / "old"
    build_small(old).close()
    pack(old, tmp_path / "old.h5")
    path = tmp_path / damaged if damaged == "old.h5" else old / damaged
    name = {"train-00002.h5": "features", "train.documents.h5": "token_ids", "old.h5": "train/features"}[damaged]
    with h5py.File(path, "r+") as file:
        values = file[name][:]
        flat = values.reshape(-1).view(np.uint16 if values.dtype == np.float16 else values.dtype)
        flat[3] ^= 1
        file[name][...] = values
    source = tmp_path / "old.h5" if damaged == "old.h5" else old
    encoder = Counting()

    damage = CorruptFileError(store.WRONG_CHECKSUM, path=re.compile(f"{path.name}$"))
    with raises(messages.REUSE_DAMAGED, CorruptFileError, error=damage, path=source):
        build_small(tmp_path / "new", encoder=encoder, reuse=[source], corpus=MemoryCorpus([*ROWS, *NEW]))

    assert not encoder.asked and not (tmp_path / "new").exists()


def test_damage_where_nothing_is_copied_from_is_no_matter(tmp_path: Path) -> None:
    build_small(tmp_path / "old", corpus=MemoryCorpus([*ROWS[:40], ("test", "neg", "not asked for")])).close()
    (tmp_path / "old" / "test-00000.h5").write_bytes(b"nothing")
    with build_small(tmp_path / "new", reuse=[tmp_path / "old"], corpus=MemoryCorpus(ROWS[:40])) as features:
        assert features.complete


def test_a_source_that_is_replaced_is_refused(tmp_path: Path) -> None:
    """Between plan and copy another cache came to lie there."""
    build_small(tmp_path / "old", shard_tokens=10**6).close()
    settings = BuildSettings(reuse=(tmp_path / "old",))
    with Build(corpus(), Counting(), tmp_path / "new", settings) as begun:
        for path in (tmp_path / "old").iterdir():
            path.unlink()
        build_small(tmp_path / "old", corpus=MemoryCorpus([*ROWS[1:], ROWS[0]]), shard_tokens=10**6).close()
        replaced = CorruptFileError(store.WRONG_FILE, name="corpus")
        with raises(messages.REUSE_DAMAGED, CorruptFileError, error=replaced, path=tmp_path / "old"):
            begun.run()
    assert not (tmp_path / "new").exists()


class _Described(Counting):
    description = {"model": "hash", "precision": "bfloat16"}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"encoder": _Described()}, r"encoder\.precision is 'bfloat16' there, None here"),
        ({"encoder": HashEncoder(dim=4)}, r"layers\.stored is \[\['features', 4\]\] there, \[\['features', 8\]\] here"),
        ({"rule": TextRule("whitespace", max_tokens=7)}, r"text\.max_tokens is 7 there, 500 here"),
        ({"rule": TextRule("words")}, r"text\.tokenizer is 'words' there, 'whitespace' here"),
    ],
    ids=["precision", "dim", "window", "tokeniser"],
)
def test_another_encoding_is_refused(tmp_path: Path, options: dict[str, Any], found: str) -> None:
    build_small(tmp_path / "old", **options).close()
    with raises(messages.REUSE_OF_OTHER_ENCODING, MismatchError, path=tmp_path / "old", found=re.compile(found)):
        build_small(tmp_path / "new", reuse=[tmp_path / "old"])
    assert not (tmp_path / "new").exists()


def test_the_tokeniser_keeps_the_version_of_the_cache_that_is_reused(tmp_path: Path) -> None:
    build_small(tmp_path / "old", rule=TextRule("whitespace", tokenizer_version=1)).close()
    encoder = Counting()
    with build_small(tmp_path / "new", encoder=encoder, reuse=[tmp_path / "old"]) as features:
        assert "tokenizer_version" not in features.encoding["text"] and not encoder.asked


def test_the_cache_itself_and_what_is_none(tmp_path: Path) -> None:
    build_small(tmp_path / "c").close()
    (tmp_path / "link").symlink_to(tmp_path / "c")
    with raises(messages.REUSE_OF_ITSELF, MismatchError, path=tmp_path / "link"):
        build_small(tmp_path / "c", reuse=[tmp_path / "link"])
    with pytest.raises(NotACacheError):
        build_small(tmp_path / "new", reuse=[tmp_path / "nowhere"])
    (tmp_path / "file").write_text("text")
    with raises(store.NOT_A_CACHE, NotACacheError, path=tmp_path / "file"):
        build_small(tmp_path / "new", reuse=[tmp_path / "file"])
    assert not (tmp_path / "new").exists()


def test_a_changed_corpus_is_told_of_reuse(tmp_path: Path) -> None:
    build_small(tmp_path / "c").close()
    with raises(messages.OTHER_CORPUS, MismatchError, path=tmp_path / "c"):
        build_small(tmp_path / "c", corpus=MemoryCorpus([*ROWS, *NEW]))


def test_the_command_says_how_much_is_copied(tmp_path: Path) -> None:
    encoder = str(write_elmo(tmp_path / "elmo", SMALL))
    lines = [f"document {i} of a few" for i in range(30)]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "b.txt").write_text("\n".join(["one that is new", *lines[::-1]]) + "\n")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["build", *arguments, "--encoder", encoder, "--tokenizer", "words"])
        assert done.exit_code == 0, done.output
        return done.output

    run(str(tmp_path / "a.elmo"), "--corpus", str(tmp_path / "a.txt"))
    bigger = [str(tmp_path / "b.elmo"), "--corpus", str(tmp_path / "b.txt"), "--reuse", str(tmp_path / "a.elmo")]
    dry = run(*bigger, "--dry-run")
    assert f"reuse    30 documents (150 tokens) copied from {tmp_path / 'a.elmo'}\n" in dry
    assert "encode   1 document (4 tokens) that these caches do not have\n" in dry and "4 tokens to encode" in dry
    assert not (tmp_path / "b.elmo").exists()
    run(*bigger)
    old, new = all_by_words(tmp_path / "a.elmo"), all_by_words(tmp_path / "b.elmo")
    assert {words: new[words] for words in old} == old and new.keys() - old == {("one", "that", "is", "new")}
    again = run(*bigger)
    assert "reuse    0 documents (0 tokens) copied from" in again and "nothing left to do" in again


@pytest.mark.slow
def test_memory_of_the_plan(tmp_path: Path) -> None:
    """Of documents beyond what reading the corpus takes; blocks of tokens and the vocabulary are small here."""
    n_documents = 20_000
    rows: list[Row] = [("train", None, f"w{i % 997} w{i % 991}") for i in range(n_documents)]

    class Zeros(HashEncoder):
        def encode(self, documents: Any, *, progress: Any = None) -> list[np.ndarray]:
            return [np.zeros((len(words), 8), np.float16) for words in documents]

    build(MemoryCorpus(rows), Zeros(), tmp_path / "old").close()
    bigger = MemoryCorpus([*rows[::-1], ("train", None, "new words")])
    peaks = []  # the first without, the second with the other cache
    for reuse in ((), (tmp_path / "old",)):
        tracemalloc.start()
        with Build(bigger, Zeros(), tmp_path / "new", BuildSettings(reuse=reuse)) as begun:
            peaks.append(tracemalloc.get_traced_memory()[1])
            assert begun.plan.encoded_documents == (1 if reuse else n_documents + 1)
        tracemalloc.stop()
    assert peaks[1] / (2 * n_documents) < 200, "bytes for each old and each new document, what reading takes included"
    assert build(bigger, Zeros(), tmp_path / "new", reuse=tmp_path / "old").complete
