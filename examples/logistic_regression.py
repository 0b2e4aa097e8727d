"""How far does a logistic regression get on pooled word vectors, ELMo's against static ones, with ever more reviews?

    python examples/logistic_regression.py --cache imdb.elmo --out curve.png

Each review becomes one vector, the mean of its tokens' vectors. A logistic regression learns from 200 to 15,000
training reviews and is scored on all test reviews. Small training sets are drawn several times, because with few
reviews the accuracy depends on which ones they are; both kinds of vectors always see the same draws.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cache import CacheError, FeatureCache, Split
from cache.files import atomic_path
from cache.runtime.progress import progress_bar
from elmo_cache.adapters.sklearn import Pooled, PooledStatic
from trainer import load_static_vectors

SIZES = (200, 500, 1000, 2000, 5000, 15000)
MAX_DRAWS = 10
REVIEWS_DRAWN = 10_000  # of one size, in all draws together: large training sets hardly differ, and take long
CANDIDATES = {"logisticregression__C": np.logspace(-4, 0, 5)}
FOLDS = 5

Accuracies = dict[int, list[float]]
"""By number of training reviews, one for each draw; fractions."""


@click.command()
@click.option("--cache", "path", type=click.Path(path_type=Path), default="imdb.elmo", show_default=True)
@click.option("--vectors", default="glove-50d", show_default=True, help="Static vectors, as `elmo-train trials` has.")
@click.option("--out", type=click.Path(path_type=Path), default="curve.png", show_default=True, help="The picture.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which reviews are drawn.")
def main(path: Path, vectors: str, out: Path, seed: int) -> None:
    """Compare mean-pooled ELMo with mean-pooled static vectors, by number of training reviews."""
    try:
        with FeatureCache(path) as features:
            curves, n_test = learning_curves(features, vectors, seed)
        click.echo(f"Accuracy in % on {n_test:,} test reviews: mean and standard deviation over training sets")
        click.echo(table(curves))
        draw(curves, n_test, out)
        click.echo(f"Picture: {out}")
    except CacheError as error:
        raise click.ClickException(str(error)) from error


def learning_curves(features: FeatureCache, source: str, seed: int) -> tuple[dict[str, Accuracies], int]:
    """Return the accuracies of both kinds of vectors, by name, and the number of test reviews."""
    train, test = features["train"][: max(SIZES)], features["test"]  # no more is read than is drawn
    if train.labels is None or test.labels is None or min(len(train), len(test)) == 0:
        raise click.ClickException(f"{features.path} needs reviews with labels in `train` and in `test`")
    if min(np.bincount(train.labels, minlength=2)) < FOLDS:
        raise click.ClickException(f"{features.path} has a class with fewer than {FOLDS} training reviews")
    static = load_static_vectors(source, features.vocabulary)
    transformers = {f"ELMo ({features.manifest.names['encoder']})": Pooled("mean")}
    transformers[static.name] = PooledStatic(static.matrix, "mean")
    curves = {}
    for name, transformer in transformers.items():
        # Every document is read and pooled once; a draw then picks rows of this array.
        train_x, test_x = pool(transformer, train, f"{name}, train"), pool(transformer, test, f"{name}, test")
        sets = list(training_sets(len(train), seed))
        accuracies: Accuracies = {}
        with progress_bar(sum(map(len, sets)), f"{name}, learning", "review") as bar:
            for rows in sets:
                model = classifier().fit(train_x[rows], train.labels[rows])
                accuracies.setdefault(len(rows), []).append(model.score(test_x, test.labels))
                bar.update(len(rows))
        curves[name] = accuracies
    return curves, len(test)


def training_sets(n_train: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the rows of each training set: up to ten draws of a size, one of all reviews."""
    for size in sorted({min(size, n_train) for size in SIZES}):
        n_draws = 1 if size == n_train else min(MAX_DRAWS, max(1, REVIEWS_DRAWN // size))
        for draw_number in range(n_draws):
            yield np.random.default_rng([seed, size, draw_number]).permutation(n_train)[:size]


def classifier() -> GridSearchCV:
    """Return a logistic regression whose C is chosen by cross-validation within the training set it is given."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return GridSearchCV(model, CANDIDATES, cv=FOLDS)


def pool(transformer: Pooled, split: Split, label: str) -> np.ndarray:
    """Return one vector for each document, with a progress bar."""
    blocks = []
    with progress_bar(len(split), label, "review") as bar:
        for start in range(0, len(split), 500):
            blocks.append(transformer.fit_transform(split[start : start + 500]))
            bar.update(len(blocks[-1]))
    return np.concatenate(blocks)


def table(curves: dict[str, Accuracies]) -> str:
    """Return the accuracies as text, a line for each size."""
    names, sizes = list(curves), list(next(iter(curves.values())))
    widths = [max(11, len(name)) for name in names]
    lines = ["  ".join(["reviews", "sets", *(name.rjust(w) for name, w in zip(names, widths, strict=True))])]
    for size in sizes:
        cells = [mean_and_sd(curves[name][size]).rjust(width) for name, width in zip(names, widths, strict=True)]
        lines.append("  ".join([f"{size:7,}", f"{len(curves[names[0]][size]):4}", *cells]))
    return "\n".join(lines)


def mean_and_sd(accuracies: list[float]) -> str:
    """Return `72.3 ± 1.2` in %, or the one accuracy there is."""
    mean = f"{100 * np.mean(accuracies):.1f}"
    return mean if len(accuracies) == 1 else f"{mean} ± {100 * np.std(accuracies, ddof=1):.1f}"


def draw(curves: dict[str, Accuracies], n_test: int, path: Path) -> None:
    """Draw the learning curves: a dot for every training set, a line through the means, a bar of one sd either way."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    ax = figure.subplots()
    for color, shift, (name, accuracies) in zip(("C1", "C0"), (1.02, 0.98), curves.items(), strict=True):
        sizes = np.array(list(accuracies)) * shift  # side by side, so that neither hides the other
        for size, found in zip(sizes, accuracies.values(), strict=True):
            ax.plot([size] * len(found), [100 * a for a in found], "o", color=color, markersize=4, alpha=0.35)
        means = [100 * np.mean(found) for found in accuracies.values()]
        sds = [100 * np.std(found, ddof=1) if len(found) > 1 else 0 for found in accuracies.values()]
        ax.errorbar(sizes, means, sds, color=color, marker="o", markersize=6, capsize=3, label=name)
    ticks = list(next(iter(curves.values())))
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{size:,}" for size in ticks])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="training reviews", ylabel=f"accuracy (% of {n_test:,} test reviews)")
    ax.set_title("Logistic regression on the mean of a review's word vectors", fontsize=11)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.legend(
        loc="lower right",
        frameon=False,
        title="mean ± one standard deviation;\ndots: single training sets",
        title_fontsize=8,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=200)


if __name__ == "__main__":
    main()
