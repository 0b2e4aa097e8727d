"""`elmo-cache export`, each format read back by the library it is for and held against `split[i]`."""

import json
import resource
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import error_of, run_cache
from errors_expected import raises, said
from numpy_encoder import ALL_LAYERS
from small_cache import DOCUMENTS, write_cache

from cache import ExportError, FeatureCache, messages
from cache.adapters.arrow import record_batches, to_table
from cache.export import export
from cache.pooling import POOLINGS, pool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cache(tmp_path / "c.elmo")
    return tmp_path / "c.elmo"


@pytest.fixture
def all_layers(tmp_path: Path) -> Path:
    write_cache(tmp_path / "all.elmo", layers=ALL_LAYERS)
    return tmp_path / "all.elmo"


def test_parquet_holds_a_row_a_document(folder: Path, tmp_path: Path) -> None:
    done = run_cache("export", folder, tmp_path / "c.parquet", "--format", "parquet")
    assert done.exit_code == 0 and "c.parquet: 10 documents, " in done.stdout
    table = pq.read_table(tmp_path / "c.parquet")
    assert table.schema.field("vectors").type == pa.list_(pa.list_(pa.float32(), 8))
    rows = iter(table.to_pylist())
    features = FeatureCache(folder)
    for name in ("train", "test"):
        split = features[name]
        assert split.labels is not None and features.label_names
        for i, vectors in enumerate(split):
            row = next(rows)
            assert (row["id"], row["split"]) == (split.doc_ids[i], name)
            assert row["label"] == features.label_names[split.labels[i]]
            assert row["tokens"] == ["���" if word == "\ud800" else word for word in split.tokens(i)]
            assert np.array_equal(np.reshape(row["vectors"], (-1, 8)), vectors.astype(np.float32))
    assert not list(rows)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_parquet_of_pooled_vectors(folder: Path, tmp_path: Path, pooling: str) -> None:
    run_cache("export", folder, tmp_path / "c.parquet", "--format", "parquet", "--pool", pooling, "--split", "train")
    table = pq.read_table(tmp_path / "c.parquet")
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 16 if pooling == "mean+max" else 8)
    expected = [pool(vectors, pooling) for vectors in FeatureCache(folder)["train"]]
    assert np.array_equal(np.stack(table["vector"].to_pylist()), expected)


def test_pandas_reads_it(folder: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    run_cache("export", folder, tmp_path / "c.parquet", "--format", "parquet", "--pool", "mean")
    frame = pandas.read_parquet(tmp_path / "c.parquet")
    assert list(frame.columns) == ["id", "split", "label", "tokens", "vector"]
    expected = pool(FeatureCache(folder)["test"][0], "mean")
    assert np.array_equal(np.stack(frame[frame.split == "test"].vector), [expected])


def test_polars_reads_it(folder: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    run_cache("export", folder, tmp_path / "c.parquet", "--format", "parquet")
    frame = polars.read_parquet(tmp_path / "c.parquet")
    assert frame.schema["vectors"] == polars.List(polars.Array(polars.Float32, 8))
    assert np.array_equal(np.array(frame["vectors"][0].to_list(), np.float16), FeatureCache(folder)["train"][0])


def test_hugging_face_reads_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    run_cache("export", folder, tmp_path / "c.parquet", "--format", "parquet")
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "c.parquet"), split="train", cache_dir=str(tmp_path / "hf")
    )
    assert np.array_equal(np.array(loaded[0]["vectors"], np.float16), FeatureCache(folder)["train"][0])
    features = FeatureCache(folder)
    straight = datasets.Dataset(to_table(features["train"], features.label_names))
    assert straight[0]["tokens"] == features["train"].tokens(0)


def test_record_batches_are_bounded(tmp_path: Path) -> None:
    words = [["w"] * 30_000 for _ in range(5)] + [["w"]] * 5_000
    write_cache(tmp_path / "long", {"train": words}, shard_tokens=100_000)
    split = FeatureCache(tmp_path / "long")["train"]
    sizes = [(batch.num_rows, sum(map(len, batch["tokens"]))) for batch in record_batches(split, pooling="max")]
    assert sum(n_documents for n_documents, _ in sizes) == 5_005
    assert max(n_documents for n_documents, _ in sizes) == 4_096 and max(n_tokens for _, n_tokens in sizes) <= 65_536


def test_allennlp_has_a_dataset_a_document(folder: Path, tmp_path: Path) -> None:
    run_cache("export", folder, tmp_path / "c.hdf5", "--format", "allennlp", "--split", "train")
    split = FeatureCache(folder)["train"]
    with h5py.File(tmp_path / "c.hdf5") as file:
        assert set(file) == {*map(str, range(9)), "sentence_to_index"}
        for i, doc_id in enumerate(split.doc_ids):
            assert file[str(doc_id)].dtype == np.float32
            assert np.array_equal(file[str(doc_id)][()], split[i].astype(np.float32))
        index = json.loads(file["sentence_to_index"][0])
    assert index["the cat"] == "8" and len(DOCUMENTS["train"]) == 9


def test_allennlp_has_all_layers_where_the_cache_has(all_layers: Path, tmp_path: Path) -> None:
    run_cache("export", all_layers, tmp_path / "c.hdf5", "--format", "allennlp", "--split", "test")
    features = FeatureCache(all_layers)
    expected = np.stack([features.split("test", layer)[0] for layer in (0, 1, 2)])
    with h5py.File(tmp_path / "c.hdf5") as file:
        assert file["0"].shape == (3, 3, 8) and np.array_equal(file["0"][()], expected.astype(np.float32))
    run_cache("export", all_layers, tmp_path / "top.hdf5", "--format", "allennlp", "--split", "test", "--layer", "top")
    with h5py.File(tmp_path / "top.hdf5") as file:
        assert np.array_equal(file["0"][()], features.split("test", "top")[0].astype(np.float32))


def test_safetensors(folder: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    run_cache("export", folder, tmp_path / "c.safetensors", "--format", "safetensors", "--split", "train")
    split = FeatureCache(folder)["train"]
    with safetensors.safe_open(tmp_path / "c.safetensors", "numpy") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no mapping
        metadata = file.metadata()
    assert json.loads(metadata["vocabulary"]) == split.vocabulary
    assert json.loads(metadata["label_names"]) == ["neg", "pos"]
    assert np.array_equal(found["doc_ids"], split.doc_ids) and np.array_equal(found["labels"], split.labels)
    assert found["rows"].dtype == np.float16 and found["rows"].shape == (split.n_tokens, 8)
    for i, vectors in enumerate(split):
        of_document = slice(found["indptr"][i], found["indptr"][i + 1])
        assert np.array_equal(found["rows"][of_document], vectors)
        assert np.array_equal(found["token_ids"][of_document], split.token_ids(i))


def test_a_cache_without_labels(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", labelled=False)
    features = FeatureCache(tmp_path / "c")
    for format in ("parquet", "safetensors"):
        export(features, tmp_path / format, format, split="train")
    assert pq.read_table(tmp_path / "parquet")["label"].null_count == 9
    header = (tmp_path / "safetensors").read_bytes()
    assert b'"labels"' not in header and b"label_names" not in header


@pytest.mark.parametrize("format", ["allennlp", "safetensors"])
def test_what_a_format_has_no_room_for_is_refused(folder: Path, tmp_path: Path, format: str) -> None:
    features = FeatureCache(folder)
    with raises(messages.SEVERAL_SPLITS, ExportError, path=folder, name=format, found="train, test"):
        export(features, tmp_path / "out", format)
    with raises(messages.POOLED_EXPORT, ExportError, name=format):
        export(features, tmp_path / "out", format, split="train", pooling="mean")
    data = {"path": folder, "found": "train, test"}
    error = error_of(run_cache("export", folder, tmp_path / "out", "--format", format))
    assert said(messages.SEVERAL_SPLITS, name=format, **data) in error
    error = error_of(run_cache("export", folder, tmp_path / "out", "--format", format, "--split", "other"))
    assert said(messages.NO_SPLIT, name="other", **data) in error
    assert not (tmp_path / "out").exists()


def test_a_damaged_shard_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_text("what was there")
    shard = folder / "train-00001.h5"
    shard.write_bytes(shard.read_bytes()[:-600])
    error = error_of(run_cache("export", folder, tmp_path / "out.parquet", "--format", "parquet"))
    assert "train-00001.h5" in error
    assert (tmp_path / "out.parquet").read_text() == "what was there" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("n_documents", [1, 40, 5000])
def test_a_disk_too_full_for_allennlp_is_noticed_before_hdf5_writes(
    tmp_path: Path, n_documents: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where HDF5 itself cannot write, it crashes: there is room for all of the file before it begins."""
    words = [[f"w{i}"] * (i % 3) for i in range(n_documents)]
    write_cache(tmp_path / "c", {"train": words})
    reserved: list[int] = []
    monkeypatch.setattr("cache.hdf5.reserve", lambda path, n_bytes: reserved.append(n_bytes))
    assert run_cache("export", tmp_path / "c", tmp_path / "c.hdf5", "--format", "allennlp").exit_code == 0
    assert reserved[0] >= (tmp_path / "c.hdf5").stat().st_size
    monkeypatch.undo()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        done = run_cache("export", tmp_path / "c", tmp_path / "d.hdf5", "--format", "allennlp")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    too_large = said(messages.FILE_TOO_LARGE, path=tmp_path / "d.hdf5", error="File too large")
    assert error_of(done) == f"Error: {too_large}"
    assert not list(tmp_path.glob("*d.hdf5*")) and not list(tmp_path.glob(".*.tmp"))
