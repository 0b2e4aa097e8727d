"""The `elmo-cache` command. Keras and TensorFlow are imported only when there is something to encode."""

import json
from pathlib import Path

import click

from cache import FeatureCache, verify
from cache.adapters.console import Commands, human_bytes, human_count, quiet_import
from cache.adapters.progress import progress_bar
from elmo_cache.corpora import open_corpus
from elmo_cache.corpora.imdb import read_word_index
from elmo_cache.encoders import DEFAULT_ENCODER, embedded_encoders, load_encoder
from elmo_cache.extraction import run
from elmo_cache.ingestion import TextRule
from elmo_cache.planning import SHARD_TOKENS, check_disk, default_tokenizer, prepare
from elmo_cache.reporting import cache_facts, cache_size_bytes, describe_cache, describe_plan
from elmo_cache.tokenization import TOKENIZERS

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="elmo-cache")
def main(debug: bool) -> None:
    """Run ELMo once over a corpus and keep the vector of every token.

    \b
    elmo-cache build                  25,000 real IMDB reviews with the embedded encoder, into imdb.elmo
    elmo-cache info imdb.elmo         what a cache holds
    elmo-cache verify imdb.elmo       check every byte of it
    """


@main.command(name="build")
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@click.option(
    "--corpus",
    "corpus_name",
    default="sample",
    show_default=True,
    help="sample, imdb, aclimdb, or a file: .csv .tsv .jsonl (columns below) or .txt (a document a line).",
)
@click.option(
    "--encoder",
    "encoder_name",
    default=DEFAULT_ENCODER,
    show_default=True,
    help="An embedded encoder's name, or a folder or .zip with an ELMo's options and weights.",
)
@click.option(
    "--layers",
    type=click.Choice(["mix", "top", "all"]),
    default="mix",
    show_default=True,
    help="The mean of all layers, the last one, or each of them.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the encoder's matrix products.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="SPLIT=N",
    help="Only N documents of a split, a random sample; may be repeated, and raised later.",
)
@click.option(
    "--tokenizer",
    type=click.Choice(list(TOKENIZERS)),
    help="How text is split. Default: keras for IMDB and with imdb-v1, else words.",
)
@click.option(
    "--num-words",
    type=int,
    metavar="N",
    help="As in Keras's load_data: only the N-4 most frequent words stay, others are <UNK>; <START> comes first.",
)
@click.option("--max-tokens", type=int, default=500, show_default=True, help="Window in tokens; 0 for none.")
@click.option(
    "--keep",
    type=click.Choice(["last", "first"]),
    default="last",
    show_default=True,
    help="The end that a document longer than the window keeps.",
)
@click.option(
    "--literal-padding",
    is_flag=True,
    help="Fill every document to the window with the word <PAD>, as the 2018 notebook did.",
)
@click.option("--shard-tokens", type=int, default=SHARD_TOKENS, show_default=True, help="Tokens a shard file.")
@click.option(
    "--aclimdb",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="For --corpus aclimdb: the official folder or its .tar.gz.",
)
@click.option(
    "--imdb-npz",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="For --corpus imdb: Keras's imdb.npz, instead of a download.",
)
@click.option(
    "--imdb-word-index",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Keras's imdb_word_index.json: for --corpus imdb, or the ranks that --num-words goes by.",
)
@click.option("--text-column", default="text", show_default=True, help="For .csv, .tsv, .jsonl.")
@click.option("--label-column", help="Default: 'label', if there is one.")
@click.option("--split-column", help="Default: 'split', if there is one.")
@click.option("--labels", metavar="A,B,…", help="Class names in the order of their indices.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
def build_command(
    out: Path,
    corpus_name: str,
    encoder_name: str,
    layers: str,
    precision: str,
    limits: tuple[str, ...],
    tokenizer: str | None,
    num_words: int | None,
    max_tokens: int,
    keep: str,
    literal_padding: bool,
    shard_tokens: int,
    aclimdb: Path | None,
    imdb_npz: Path | None,
    imdb_word_index: Path | None,
    text_column: str,
    label_column: str | None,
    split_column: str | None,
    labels: str | None,
    dry_run: bool,
) -> None:
    """Encode a corpus into the cache OUT, or finish or extend one.

    The same command after an interruption goes on where it stopped; a larger --limit adds documents.

    \b
    elmo-cache build --limit train=2000 --limit test=1000
    elmo-cache build imdb.elmo --corpus aclimdb --aclimdb aclImdb_v1.tar.gz
    elmo-cache build my.elmo --corpus reviews.csv --text-column body --label-column stars
    elmo-cache build big.elmo --encoder path/to/elmo_2x4096_512 --dry-run
    """
    wanted = _parse_limits(limits)
    ranks_only = imdb_word_index if corpus_name != "imdb" and num_words is not None else None
    corpus = open_corpus(
        corpus_name,
        aclimdb=aclimdb,
        imdb_npz=imdb_npz,
        imdb_word_index=None if ranks_only else imdb_word_index,
        text_column=text_column,
        label_column=label_column,
        split_column=split_column,
        label_names=labels.split(",") if labels is not None else None,
    )
    encoder = load_encoder(encoder_name, layers=layers, precision=precision)
    rule = TextRule(
        tokenizer=tokenizer or default_tokenizer(corpus, encoder),
        num_words=num_words,
        word_ranks=read_word_index(ranks_only) if ranks_only else None,
        max_tokens=max_tokens,
        keep=keep,
        literal_padding=literal_padding,
    )
    with prepare(corpus, encoder, out, limit=wanted, rule=rule, shard_tokens=shard_tokens, progress=True) as plan:
        click.echo("\n".join(describe_plan(plan, corpus.name, encoder_name, rule)))
        check_disk(plan)
        if dry_run:
            click.echo("Dry run: nothing was written.")
            return
        if plan.pending:
            with quiet_import():
                import keras  # noqa: F401
        run(plan, progress=True)
    with FeatureCache(out) as features:
        click.echo(f"{out} holds " + ", ".join(f"{name} {len(features[name]):,}" for name in features) + " documents.")


@main.command()
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def info(out: Path, as_json: bool) -> None:
    """Say what the cache OUT holds, and whether its build is finished.

    \b
    elmo-cache info imdb.elmo
    elmo-cache info imdb.elmo --json
    """
    with FeatureCache(out) as features:
        facts = cache_facts(features)
    click.echo(json.dumps(facts, indent=1) if as_json else "\n".join(describe_cache(facts)))


@main.command(name="verify")
@click.argument("out", default="imdb.elmo", type=click.Path(path_type=Path))
@click.option("--discard", is_flag=True, help="Remove what is bad, so that the same build makes it again.")
def verify_command(out: Path, discard: bool) -> None:
    """Recompute every hash in the cache OUT; exit code 1 if anything is bad, missing or foreign.

    \b
    elmo-cache verify imdb.elmo
    elmo-cache verify imdb.elmo --discard
    """
    total = cache_size_bytes(out)
    with progress_bar(total, "verifying", "B") as bar:
        problems = verify(out, discard=discard, progress=bar.update)
    for problem in problems:
        click.echo(f"{problem.kind}: {problem.message}{' (removed)' if problem.discarded else ''}")
    if problems:
        what_next = "the same `elmo-cache build` makes them again" if discard else "--discard removes the bad ones"
        click.echo(f"{out}: {human_count(len(problems), 'problem')}; {what_next}.")
        raise SystemExit(1)
    click.echo(f"{out}: every hash is right ({human_bytes(total)}).")


@main.command()
def encoders() -> None:
    """List the encoders that can be used here, and how to use others.

    \b
    elmo-cache encoders
    """
    click.echo("name       dim  architecture  size     comes from")
    for encoder in embedded_encoders():
        options = encoder.options
        click.echo(
            f"{encoder.name:8}  {2 * options.projection_dim:4}  {options.architecture:12}  "
            f"{human_bytes(encoder.size_bytes):7}  this package; IMDB text in Keras's tokens"
        )
    click.echo(
        "\n--encoder PATH takes any other ELMo: a folder, or a .zip, with one *options*.json and one *.hdf5 in the\n"
        "public format of bilm-tf and AllenNLP. The original ELMo (2x4096_512, 1024-d, 374 MB) is published at\n"
        "https://allennlp.s3.amazonaws.com/models/elmo/2x4096_512_2048cnn_2xhighway/ as\n"
        "elmo_2x4096_512_2048cnn_2xhighway_options.json and …_weights.hdf5; other languages by NLPL as .zip."
    )


def _parse_limits(limits: tuple[str, ...]) -> dict[str, int]:
    wanted = {}
    for limit in limits:
        split, _, count = limit.partition("=")
        if not split or not count.isdecimal():
            raise click.BadParameter(f"{limit!r}: expected SPLIT=N, as train=4000", param_hint="--limit")
        wanted[split] = int(count)
    return wanted


if __name__ == "__main__":
    main()
