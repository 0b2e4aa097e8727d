"""Options that say what text is encoded, and the corpus that they make."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from elmo_cache import messages
from elmo_cache.errors import CorpusError
from elmo_cache.text.corpora import Corpus, CorpusOptions, open_corpus
from elmo_cache.text.corpora.derived import DividedCorpus, JoinedCorpus, RenamedCorpus
from elmo_cache.text.corpora.files import QUOTINGS
from elmo_cache.text.corpora.tables import split_of_name

__all__ = ["CorpusRequest", "corpus_options", "corpus_parameters"]

_Command = TypeVar("_Command", bound=Callable[..., None])


@dataclass(frozen=True)
class CorpusRequest:
    """What the options say; `open` makes the corpus of it.

    Attributes
    ----------
    names : tuple of str
        Names or paths, a split each if there are several.
    split_names : str or None
        Their splits, between commas.
    test_share, validation_share : float
    split_seed : int
    rename_labels : str or None
        As `positive=pos,negative=neg`.
    options : dict
        Those of `CorpusOptions`.
    """

    names: tuple[str, ...]
    split_names: str | None
    test_share: float
    validation_share: float
    split_seed: int
    rename_labels: str | None
    options: dict[str, Any]

    def open(self, **more: Any) -> Corpus:
        """Return the corpus; `more` options replace those of the command line.

        Raises
        ------
        CorpusError
            As `open_corpus`; or if the splits of several files are not clear.
        """
        options = {**self.options, **more}
        corpora = [open_corpus(name, **options) for name in self.names]
        corpus = corpora[0] if len(corpora) == 1 and self.split_names is None else self._joined(corpora)
        if self.test_share or self.validation_share:
            corpus = DividedCorpus(corpus, self.test_share, self.validation_share, self.split_seed)
        if self.rename_labels is not None:
            corpus = RenamedCorpus(corpus, _pairs(self.rename_labels))
        return corpus

    def _joined(self, corpora: list[Corpus]) -> Corpus:
        if self.split_names is not None:
            splits: list[str | None] = list(self.split_names.split(","))
        else:
            splits = [split_of_name(Path(name).name) for name in self.names]
        if len(splits) != len(corpora) or None in splits:
            raise CorpusError(messages.SPLITS_NOT_TOLD, n=len(corpora))
        return JoinedCorpus([(str(split), corpus) for split, corpus in zip(splits, corpora, strict=True)])


def corpus_options(command: _Command) -> _Command:
    """Add the options, and give the command a `CorpusRequest` as `corpus`."""

    @functools.wraps(command)
    def packed(**given: Any) -> None:
        request = {name: given.pop(name) for name in CorpusRequest.__dataclass_fields__ if name != "options"}
        options = {name: given.pop(name) for name in CorpusOptions.__dataclass_fields__}
        for name in ("label_names", "tag_columns"):
            if options[name] is not None:
                options[name] = options[name].split(",")
        command(corpus=CorpusRequest(options=options, **request), **given)

    for option in reversed(_OPTIONS):
        packed = option(packed)
    return cast(_Command, packed)


def corpus_parameters() -> list[str]:
    """Return the parameters of these options, in the order of the help."""
    return [str(option.name) for option in click.command()(corpus_options(lambda **_: None)).params]


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in text.split(","):
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise click.BadParameter(f"{text!r}: expected OLD=NEW,…, as positive=pos", param_hint="--rename-labels")
        if pairs.setdefault(old, new) != new:
            raise click.BadParameter(
                f"{old} was given two names, {pairs[old]} and {new}: leave one of them out",
                param_hint="--rename-labels",
            )
    return pairs


class _Share(click.FloatRange):
    """A share from 0 to below 1; a percentage is explained."""

    def __init__(self) -> None:
        super().__init__(0, 1, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            percent = float(str(value).removesuffix("%"))
        except ValueError:
            percent = 0.0
        if 1 <= percent < 100:
            self.fail(f"{value} is not below 1. For {percent:g} %, give {percent / 100:g}.", param, ctx)
        return super().convert(value, param, ctx)


_OPTIONS = [
    click.option(
        "--corpus",
        "names",
        multiple=True,
        default=("sample",),
        show_default=True,
        help="What to encode: sample, imdb or aclimdb; a file (.csv .tsv .json .jsonl .parquet .feather .arrow .txt "
        ".conllu .conll .iob .fasta; text may be compressed); or a folder. Repeat it for one file per split.",
    ),
    click.option("--text-column", help="Column or key of the text.  [default: text, or tokens]"),
    click.option("--label-column", help="Column of the label.  [default: label, if present]"),
    click.option("--split-column", help="Column of the split.  [default: split, if present]"),
    click.option("--id-column", help="Column of the document's name, for `find` and the output of `predict`."),
    click.option("--labels", "label_names", metavar="A,B,…", help="Class names, in order of their index."),
    click.option("--rename-labels", metavar="OLD=NEW,…", help="Rename classes, as in positive=pos,negative=neg."),
    click.option("--split-names", metavar="A,B,…", help="Split of each --corpus, when the file names do not tell."),
    click.option(
        "--test-share",
        type=_Share(),
        default=0.0,
        help="Put this share of the documents into a test split, stratified by class; duplicates stay together.",
    ),
    click.option(
        "--validation-share",
        type=_Share(),
        default=0.0,
        help="The same for a validation split.",
    ),
    click.option(
        "--split-seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default=True,
        help="Random seed of --test-share and --validation-share.",
    ),
    click.option(
        "--token-column",
        help="Column of the tokens in CoNLL files: a number from 1; in .conllu a name.  [default: form, or 1]",
    ),
    click.option(
        "--tag-column",
        "tag_columns",
        metavar="A,B,…",
        help="Columns of tags to keep: in CoNLL files as for --token-column; in tables, columns of lists.",
    ),
    click.option(
        "--quoting",
        type=click.Choice(QUOTINGS),
        help="Quotation marks in .csv and .tsv: around cells (csv), or part of the text (none).  [default: csv; .tsv "
        "files are inspected]",
    ),
    click.option(
        "--delimiter", metavar="CHARACTER", help="Delimiter of .csv and .tsv (or tab).  [default: comma, tab]"
    ),
    click.option("--encoding", help="Encoding of text files.  [default: utf-8]"),
    click.option(
        "--aclimdb",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The official folder or .tar.gz, for --corpus aclimdb.",
    ),
    click.option(
        "--imdb-npz",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Keras's imdb.npz for --corpus imdb, instead of a download.",
    ),
    click.option(
        "--imdb-word-index",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Keras's imdb_word_index.json, for --corpus imdb, or for the word ranks of --num-words.",
    ),
]
