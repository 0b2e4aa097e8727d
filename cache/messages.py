"""The messages of this package's errors and warnings, with fields for their data; see `cache.errors.CacheError`."""

# Arguments
INVALID_VALUE = "{option[name]} is {found!r}, expected {expected}."
OUT_OF_RANGE = "{option[name]} is out of range: expected {expected}."
NOT_INSTALLED = '{name} needs {package}. Install it: pip install "{install}".'

# Opening a cache
NO_CACHE = "No cache at {path}. Create one with `elmo-cache build`, or pass the path of an existing cache."
NO_CACHE_BUT = "No cache at {path}. Did you mean {found}?"
NO_MANIFEST = (
    "{path} is a folder, but not of a cache: it has no manifest.json. If its build has just begun, try again later; a "
    "folder of results is for `elmo-train plot`."
)
NOT_A_CACHE = (
    "{path} is not a cache. Expected a folder, or a file made by `elmo-cache pack`. To build a cache of a text or "
    "table: `elmo-cache build my.elmo --corpus {name}`."
)
NEWER_FORMAT = "{path} has format version {found}; this package reads up to version {expected}. Upgrade elmo-cache."

# Choosing splits, layers and documents
NO_SPLIT = "{path} has no split {name!r}; it has {found}."
NO_LAYER = "{path} has no layer {name!r}; it has {found}. `elmo-cache build --layers all` stores every layer."
NO_TAGS = "{path} has no tags. Build a cache with tags: `elmo-cache build OUT --corpus FILE --tag-column COLUMN`."
NO_TAG_SET = "{path} has no tag set {name!r}; it has {found}."
SEVERAL_TAG_SETS = "{path} has several tag sets: {found}. Choose one with {option.tags:NAME}."
NO_IDS = "{path}: the corpus has no ids. Find documents by their position with `Split.at`."
NO_ID = "{path} has no document with the id {name!r}."
NOT_SELECTED = "The document at position {name} of the corpus is not among these {n:,}."
NO_INDEX = "Index {name} is out of range for a split of length {n:,}."
NOT_AN_INDEX = "Cannot select documents by {found}. Use an int, a slice, a list of ints or a boolean mask."
MASK_LENGTH = "The mask has {found:,} entries, expected {expected:,}: one per document."
NO_SINGLE_ARRAY = (
    "Documents have different lengths and do not form one array. Use split.padded(length), split.batches(size), or "
    "split[i] for one document."
)
VECTOR_SHAPE = "The vector has the shape {found}, expected {expected}."
NO_DIRECTION = "The vector is zero or not finite, so no token is near it."

# Keras, PyTorch and scikit-learn
NO_INPUTS = "There are no splits and no documents. Pass at least one of them."
DOCUMENTS_TYPE = "documents has the type {found}, expected a Split. Give the size of a batch as batch_size=32."
CACHE_AS_SPLIT = "splits is a whole cache, which has {found}. Pass one of its splits, such as features['train']."
SPLITS_TYPE = (
    "splits has the type {found}, expected a Split, or a dict of them such as {{'features': features['train']}}."
)
OTHER_DOCUMENTS = (
    "The split {name!r} has other documents than the one for token ids and labels. Select the same ones from each."
)
THREADS_MIX_EPOCHS = (
    "With workers={found}, Keras on {name} would mix batches of different epochs. Use workers=1, or Keras on "
    "TensorFlow."
)
LENGTHS_DIFFER = (
    "Batches with trim=True differ in length, which Keras on TensorFlow does not accept. Pass it "
    "cache.adapters.tensorflow.dataset(batches), or use trim=False."
)
EMPTY_DOCUMENT = (
    "Document {name} of the batch has no tokens and cannot be packed. Leave out empty documents with "
    "split[split.lengths > 0], or use `padded`."
)
NOT_A_SPLIT = "X has the type {found}, expected a Split, such as features['train'] or features['train'][:200]."
UNWEIGHTED_POOLING = "Pooling {found!r} has no weights. Use {expected}, or weights=None."
VECTORS_SHAPE = (
    "vectors has the shape {found}, expected ({expected}, dim): one row per word of the cache's vocabulary, in the "
    "order of token ids."
)

# Writing files
NO_FOLDER = "Cannot write {path}: the folder {folder} does not exist."
NOT_WRITABLE = "Cannot write {path}: {error}. Choose a folder that you can write to."
DISK_FULL = (
    "Cannot write {path}: {error} ({sizes}). Free some space and run the same command again, which keeps what is "
    "finished."
)
FILE_TOO_LARGE = (
    "Cannot write {path}: {error}. The file system or a limit (`ulimit -f`) allows no file of this size. In a build, "
    "choose smaller {option.shard_tokens}."
)
CANNOT_WRITE = "Cannot write {path}: {error}."
CANNOT_REMOVE = "Cannot remove {path}: {error}."
NO_FILE_NAME = "{path} is a folder. Pass the name of a file."
SPECIAL_FILE = "{path} is a pipe, a socket or a device. Choose another path."
FILE_EXISTS = "{path} exists. Remove it, or choose another name."

# Packing and exporting
ALREADY_PACKED = "{path} is already one file. Copy it."
UNFINISHED = "{path} is unfinished: {name} has {found} of {expected} shards. Run the same `elmo-cache build` to resume."
INSIDE_CACHE = "{path} is inside the cache's own folder. Choose a place outside it."
NO_SPACE = "{path} needs {expected:,} bytes; the disk has {found:,} free. Free some space, or choose another folder."
NAME_OF_DOCUMENTS = "{path} stores vectors as {name!r}, a name that packed files use for documents. Keep the folder."
SEVERAL_SPLITS = "{path} has several splits: {found}. A file in {name} format holds one: add {option.split:NAME}."
POOLED_EXPORT = "{name} files have one vector per token. Export pooled vectors as parquet."

# Damaged caches
REPAIR = "Repair it with `elmo-cache verify --discard` and the same `elmo-cache build`."
RESTORE = "Restore the file, or remove it and run the same `elmo-cache build` again, which keeps finished shards."
FETCH_AGAIN = "Copy the file again, or create it again with `elmo-cache pack`."
FILE_MISSING = "{path} is missing. Create it again with the same `elmo-cache build`."
NOT_A_FILE = "{path} is not a file. Remove it and run the same `elmo-cache build`."
FOREIGN_FILE = "{path} is not part of this cache."
PACKED_DISCARD = "{path} is one file, from which nothing can be discarded. {repair}"
CANNOT_OPEN = "{path} cannot be opened: {error}."
OPEN_OTHERWISE = "{path} is open in this process with other settings. Close it there first."
CANNOT_READ = "{path} cannot be read: {error}. {repair}"
DAMAGED = "{path} is damaged: {error}. {repair}"
WRONG_CHECKSUM = "{path} is damaged: its checksum is {found!s:.12}…, expected {expected!s:.12}…. {repair}"
WRONG_FILE = "{path} is the wrong file: its {name} is {found!r}, expected {expected!r}. {repair}"
DATASET_MISSING = "{path} lacks the dataset {name!r}. {repair}"
DATASET_INVALID = "{path}: the dataset {name!r} is {found}, expected {expected}. {repair}"
DATASET_DAMAGED = "{path}: the dataset {name!r} is damaged: {error}. {repair}"
OFFSETS_INVALID = "{path}: {name!r} does not fit {expected}. {repair}"
VALUES_INVALID = "{path}: {name!r} has values other than {expected}. {repair}"
TOKENS_INVALID = "{path}: {name!r} has values other than {expected} in documents {start} to {stop}. {repair}"
NOT_UTF8 = "{path}: {name!r} is not UTF-8. {repair}"
MANIFEST_TOO_LARGE = "{path} has {found:,} bytes; a manifest has at most {expected:,}. {repair}"
NOT_JSON = "{path} is not JSON: {error}. {repair}"
NOT_A_MANIFEST = '{path} is not the manifest of a cache: it lacks "format": "{expected}". {repair}'
MANIFEST_INVALID = "{path} is invalid: {error}. {repair}"

# What is wrong in a file, as a part of another message
LINK_OR_ATTRIBUTES = "{name!r} is not a plain {expected}"
LARGER_THAN_FILE = "{name!r} is larger than its file"
FILTERED = "{name!r} is compressed, or stored through another filter"
ATTRIBUTE_TYPE = "the attribute {name!r} is neither text nor an integer"
NO_SIGNATURE = "it does not begin like an HDF5 file"
OTHER_SUPERBLOCK = "it has another version of the HDF5 format, superblock {found}, expected {expected}"
OTHER_ROOT = "its root has another version of the HDF5 format, or is damaged"
ENDS_EARLY = "it ends at byte {n:,}, before its rows do"
NAME_INVALID = "{name} {found!r}: expected at most {n} letters, digits and {expected}"
NAMES_INVALID = "the names of labels or tags are not a list of distinct strings"
COUNT_INVALID = "{found} is not a number of documents or tokens"
PLAN_INVALID = "the plan of a split is not a sequence of ranges"
NO_SPLITS = "it has no splits, or shards of no tokens"
FINGERPRINT = "the {name} does not have the fingerprint that is stated"
COLUMNS_INVALID = "the dataset {name!r} has {found} columns, expected 1 to {expected}"
NO_DEFAULT_LAYER = "the default layer {name!r} is not among {found}"
LAYER_DATASETS = "the layer {name!r} has the datasets {found}, expected some of {expected}"
LAYER_WEIGHT = "the layer {name!r} has a weight beyond ±{expected}"
LAYER_COLUMNS = "the layer {name!r} has {found} columns, which is not a multiple of each dataset's"
ARRAY_TOO_LARGE = "it has {found:,} bytes, expected at most {expected:,}"
ARRAY_METHOD = "its compression method is not supported"
ARRAY_LENGTH = "its header says {expected}, and {found:,} bytes follow"

# Downloads: the reason alone, as a part of another message
DOWNLOAD_FOLDER = "cannot be kept in {path} ({error})"
DOWNLOAD_FAILED = "cannot be downloaded ({error})"
DOWNLOAD_CUT_SHORT = "cannot be downloaded ({found:,} of {expected:,} bytes came)"
DOWNLOAD_TOO_LARGE = "more than {expected} bytes came, it is another file"
DOWNLOAD_WRONG = "{error}; try again"

# Workers
NO_SCHEDULER = "No Dask scheduler answers at {path}: {error}. Start one with `dask scheduler`, or correct the address."
NO_WORKERS = "The Dask cluster at {path} has no workers. Start some with `dask worker {path}`."
WORKERS_UNFIT = "{n} of {expected} workers cannot be used, so no work was started. {path}: {error}"
WORKER_VERSION = "elmo-cache {found} is installed, expected {expected}."
WORKER_DIED = "A worker process died, perhaps for lack of memory. Its work is repeated."
WORKERS_DIED = (
    "Workers died {n} times without finishing anything, perhaps for lack of memory: {error}. Use fewer of them "
    "({option.workers}) and run the same command to resume."
)
NO_SLOT = "{path}: no free slot for a worker."
