"""`elmo-cache build`."""

import shlex
import sys
from pathlib import Path

import click

from cache import CacheError, FeatureCache, MismatchError, OutputError
from cache.runtime.console import Subcommand, workers_option
from cache.runtime.processes import Workers
from elmo_cache import messages
from elmo_cache.commands.corpus_options import CorpusRequest, corpus_options, corpus_parameters
from elmo_cache.commands.options import encoder_options, normalize_option, tokenizer_option
from elmo_cache.commands.reporting import describe_plan
from elmo_cache.encoders import Encoder, load_encoder
from elmo_cache.encoders.bilm.streams import PACKINGS
from elmo_cache.encoders.devices import computed_on
from elmo_cache.errors import EncoderError
from elmo_cache.extraction.build import Build
from elmo_cache.extraction.plan import SHARD_TOKENS, BuildPlan, BuildSettings, check_disk
from elmo_cache.text.corpora.catalog import is_named_as_text
from elmo_cache.text.corpora.imdb import read_word_index
from elmo_cache.text.rule import MOST_TOKENS, TextRule

__all__ = ["build_command"]

_MOST_DIGITS = 18  # of a number that means anything


@click.command(
    name="build",
    short_help="Encode a corpus into a cache, resume or extend it.",
    cls=Subcommand,
    option_groups={
        "Input": corpus_parameters(),
        "Amount": ["limits", "everything", "reuse"],
        "Text": ["tokenizer", "normalize", "max_tokens", "keep"],
        "Encoder": ["encoder_name", "layers", "precision", "engine", "streams"],
        "Parallel": ["workers", "share", "shard_tokens"],
        "Repeating the 2018 notebook": ["num_words", "literal_padding"],
    },
)
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@corpus_options
@encoder_options
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="SPLIT=N",
    help="Encode only N documents of a split, a random sample. Repeat it for other splits; splits that you do not name "
    "are encoded whole. A larger limit later extends the cache.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Extend a cache that was built with --limit to the whole corpus."
)
@tokenizer_option
@normalize_option
@click.option(
    "--num-words",
    type=click.IntRange(5, MOST_TOKENS),
    metavar="N",
    help="As Keras's load_data: keep the N-4 most frequent words, replace others by <UNK>, begin with <START>.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(0, MOST_TOKENS),
    default=TextRule.max_tokens,
    show_default=True,
    help="Keep at most this many tokens per document (0 = all).",
)
@click.option(
    "--keep",
    type=click.Choice(["last", "first"]),
    default=TextRule.keep,
    show_default=True,
    help="Which end of a long document to keep.",
)
@click.option(
    "--literal-padding",
    is_flag=True,
    help="Pad every document to --max-tokens with the word <PAD>.",
)
@click.option(
    "--shard-tokens",
    type=click.IntRange(1, MOST_TOKENS),
    default=SHARD_TOKENS,
    show_default=True,
    help="Most tokens per shard file.",
)
@click.option(
    "--streams",
    type=click.IntRange(1, 65_536),
    metavar="N",
    help="Documents encoded side by side, fixed when the cache is created.  [default: "
    f"{PACKINGS['cpu'][0]} on a CPU, {PACKINGS['gpu'][0]} on a GPU]",
)
@click.option(
    "--reuse",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="CACHE",
    help="Copy the vectors of documents that this cache already has; may be repeated.",
)
@workers_option
@click.option("--shard", "share", metavar="K/N", help="Build only part K of N (for job arrays).")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and stop.")
def build_command(
    out: Path,
    corpus: CorpusRequest,
    encoder_name: str,
    layers: str,
    precision: str,
    engine: str,
    limits: tuple[str, ...],
    everything: bool,
    tokenizer: str | None,
    normalize: str | None,
    num_words: int | None,
    max_tokens: int,
    keep: str,
    literal_padding: bool,
    shard_tokens: int,
    streams: int | None,
    reuse: tuple[Path, ...],
    workers: str,
    share: str | None,
    dry_run: bool,
) -> None:
    """Encode a corpus into the cache OUT, or finish or extend one.

    You can interrupt a build at any time. Run the same command to resume.

    \b
    elmo-cache build --limit train=2000 --limit test=1000
    elmo-cache build imdb.elmo --all
    elmo-cache build imdb.elmo --corpus aclimdb --aclimdb aclImdb_v1.tar.gz
    elmo-cache build my.elmo --corpus reviews.csv --text-column body --label-column stars --test-share 0.2
    elmo-cache build my.elmo --corpus train.parquet --corpus test.parquet
    elmo-cache build new.elmo --corpus bigger.csv --reuse my.elmo
    elmo-cache build big.elmo --encoder path/to/elmo_2x4096_512 --dry-run
    elmo-cache build big.elmo --encoder original --workers auto
    """
    _check_place(out)
    wanted, pool = _parse_limits(limits), Workers.parse(workers)
    if wanted and everything:
        raise click.UsageError("--all and --limit contradict each other: give one of them")
    word_index = corpus.options["imdb_word_index"]
    ranks_only = word_index if corpus.names != ("imdb",) and num_words is not None else None
    text = corpus.open(imdb_word_index=None) if ranks_only else corpus.open()
    encoder = load_encoder(encoder_name, layers=layers, precision=precision, engine=engine)
    if streams is not None:
        _set_streams(encoder, streams)
    rule = TextRule(
        tokenizer=tokenizer,
        normalize=normalize,
        num_words=num_words,
        word_ranks=read_word_index(ranks_only) if ranks_only else None,
        max_tokens=max_tokens,
        keep=keep,
        literal_padding=literal_padding,
    )
    settings = BuildSettings(wanted, rule, shard_tokens, _parse_share(share), reuse)
    with Build(text, encoder, out, settings, progress=True) as begun:
        plan = begun.plan
        _check_streams(plan, streams)
        # A dry run loads no library that computes, so it does not know on what; nor what other processes have.
        where, warning = computed_on(encoder) if pool.in_this_process and not dry_run else ("", None)
        click.echo("\n".join(describe_plan(plan, text, encoder_name, where, wanted)))
        if warning:
            click.echo(f"Warning: {warning}", err=True)
        check_disk(plan)
        if dry_run:
            click.echo("Dry run: nothing was written.")
            return
        if not (limits or everything):
            _check_growth(plan)
        begun.run(pool)
    with FeatureCache(out) as features:
        click.echo(f"{out} holds " + ", ".join(f"{name} {len(features[name]):,}" for name in features) + " documents.")


def _check_place(out: Path) -> None:
    if not out.is_dir() and is_named_as_text(out):
        raise OutputError(messages.CACHE_IS_TEXT_FILE, path=out, name=shlex.quote(str(out)))


def _check_growth(plan: BuildPlan) -> None:
    """Ask before a finished cache of some documents becomes one of all of them; without a terminal `--all` says so."""
    before = plan.previous.splits if plan.previous else {}
    grown = [name for name, split in before.items() if plan.manifest.splits[name].n_documents > split.n_documents]
    if not grown:
        return
    n_before = sum(before[name].n_documents for name in grown)
    n_after = sum(plan.manifest.splits[name].n_documents for name in grown)
    splits = ", ".join(grown)
    fact = CacheError(messages.BUILT_WITH_SOME, path=plan.directory, found=n_before, expected=n_after, splits=splits)
    if not sys.stdin.isatty():
        raise MismatchError(messages.GROWS_UNASKED, error=fact)
    click.confirm(f"{fact} Encode the others too?", abort=True)


def _set_streams(encoder: Encoder, streams: int) -> None:
    if not hasattr(encoder, "n_streams"):
        raise EncoderError(messages.NO_STREAMS, name=encoder.name)
    encoder.n_streams = streams


def _check_streams(plan: BuildPlan, streams: int | None) -> None:
    fixed = plan.previous.computation.get("n_streams") if plan.previous else streams
    if streams is not None and fixed != streams:
        raise MismatchError(messages.OTHER_STREAMS, found=streams, path=plan.directory, expected=fixed)


def _parse_limits(limits: tuple[str, ...]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for limit in limits:
        split, _, count = limit.partition("=")
        if not split or not _is_number(count) or len(count) > _MOST_DIGITS:
            example = f"train={limit}" if _is_number(limit) else "train=4000"
            expected = f"expected SPLIT=N, such as {example}; repeat --limit for another split"
            raise click.BadParameter(f"{limit!r}: {expected}", param_hint="--limit")
        if wanted.setdefault(split, int(count)) != int(count):
            raise click.BadParameter(
                f"{split} was given {wanted[split]} and {int(count)}: leave one of them out", param_hint="--limit"
            )
    return wanted


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _parse_share(share: str | None) -> tuple[int, int]:
    if share is None:
        return 1, 1
    number, _, of = share.partition("/")
    is_pair = _is_number(number) and _is_number(of) and len(share) <= _MOST_DIGITS
    if not (is_pair and 1 <= int(number) <= int(of)):
        raise click.BadParameter(f"{share!r}: expected K/N with K from 1 to N, as 3/16", param_hint="--shard")
    return int(number), int(of)
