"""Runs compared: the same models with other settings, or other models, on the same documents."""

from collections.abc import Mapping, Sequence
from itertools import chain

from trainer import messages
from trainer.errors import TrialsError
from trainer.report.metrics import ACCURACY, Metric
from trainer.report.several import documents_of
from trainer.report.statistics import PairedDifference, method, summarize, verdict
from trainer.report.tables import differences_block, ruled, shared_difference, values_by_model, wrapped
from trainer.runs.results import TrialResult

__all__ = ["check_documents", "comparison_table"]

_MOST_TOLD = 6
"""Of more differences none is told in a sentence: they stand in the table."""

Runs = Mapping[str, Sequence[TrialResult]]
"""Results by the name of the run."""
_Pair = tuple[str, str, PairedDifference]


def check_documents(runs: Runs) -> None:
    """Check that runs can be compared trial by trial.

    Raises
    ------
    TrialsError
        If there are fewer than two, they have no trial in common, or a trial has another seed or other documents.
    """
    names = list(runs)
    if len(names) < 2:
        raise TrialsError(messages.ONE_RUN)
    first = {result.trial: result for result in runs[names[0]]}
    for name in names[1:]:
        shared = [result for result in runs[name] if result.trial in first]
        if not shared:
            raise TrialsError(messages.NO_COMMON_TRIAL, name=names[0], other=name)
        for result in shared:
            other = first[result.trial]
            if result.seed != other.seed:
                error = TrialsError(messages.OTHER_SEED, found=other.seed, expected=result.seed)
            elif documents_of(result) != documents_of(other):
                sets = zip(("training", "validation", "test"), documents_of(result), documents_of(other), strict=True)
                differing = " and ".join(kind for kind, one, another in sets if one != another)
                error = TrialsError(messages.OTHER_IN_TRIAL, trial=result.trial, name=differing)
            else:
                continue
            raise TrialsError(messages.OTHER_DOCUMENTS, name=names[0], other=name, error=error)


def comparison_table(runs: Runs, metric: Metric = ACCURACY) -> str:
    """Return the table for the terminal: each run and model, and paired differences to the first run.

    A model is compared with itself in the first run that has it. If no two runs share a model, each is compared with
    the first model of the first run.

    Parameters
    ----------
    runs : mapping of str to sequence of TrialResult
        As `check_documents` wants them.
    metric : Metric

    Raises
    ------
    TrialsError
        If a run has no results, or none with this metric.

    Examples
    --------
    >>> rest = {"best_epoch": 3, "epochs": 5, "validation_loss": 0.6, "seconds": 2.5, "seed": 0}
    >>> rest |= {"train_hash": "0a", "validation_hash": "0b", "test_hash": "0c"}
    >>> runs = {f"r{n}": [TrialResult(t, "elmo", 0.6 + n * t / 100, **rest) for t in (1, 2)] for n in (1, 2)}
    >>> print("\\n".join(comparison_table(runs).splitlines()[:10]))
    Accuracy in %
    run  model  trials   mean ± sd         range
    --------------------------------------------
     r1   elmo       2  61.5 ± 0.7  61.0 to 62.0
     r2   elmo       2  63.0 ± 1.4  62.0 to 64.0
    <BLANKLINE>
    elmo: paired differences in percentage points
             trials  mean   sd   95 % interval               p  better  equal  worse
    --------------------------------------------------------------------------------
    r2 - r1       2  +1.5  0.7  too few trials  too few trials       2      0      0
    """
    values = {name: values_by_model(results, metric) for name, results in runs.items()}
    rows = [["run", "model", "trials", "mean ± sd", "range"]]
    for name, run in values.items():
        for model, found in run.items():
            s = summarize(list(found.values()))
            mean = metric.show(s.mean) + ("" if s.sd is None else f" ± {metric.show(s.sd)}")
            rows.append([name, model, f"{s.n:,}", mean, f"{metric.show(s.min)} to {metric.show(s.max)}"])
    blocks = [ruled(metric.title, rows)]
    sentences = []
    pairs = _pairs(values, metric)
    for model, of_model in pairs.items():
        named = {f"{name} - {other}": difference for name, other, difference in of_model}
        title = f"{model}: paired" if model else "Paired"
        blocks.append(differences_block(f"{title} differences in {metric.unit}", named, metric))
        sentences += [f"{model}: {verdict(*pair, metric)}" if model else verdict(*pair, metric) for pair in of_model]
    differences = [difference for of_model in pairs.values() for _, _, difference in of_model]
    if len(differences) > _MOST_TOLD:
        sentences = []
    if note := method(differences, chain(*runs.values())):
        sentences.append(note)
    return "\n\n".join([*blocks, *map(wrapped, sentences)])


def _pairs(values: Mapping[str, Mapping[str, Mapping[int, float]]], metric: Metric) -> dict[str, list[_Pair]]:
    """Return what is compared with what, by model; by "" where no two runs share a model."""
    pairs: dict[str, list[_Pair]] = {}
    for model in dict.fromkeys(model for run in values.values() for model in run):
        (first, baseline), *others = [(name, run[model]) for name, run in values.items() if model in run]
        for name, found in others:
            if difference := shared_difference(found, baseline, metric):
                pairs.setdefault(model, []).append((name, first, difference))
    if pairs:
        return pairs
    (first, run), *other_runs = values.items()
    model, baseline = next(iter(run.items()))
    for name, other_run in other_runs:
        for other_model, found in other_run.items():
            if difference := shared_difference(found, baseline, metric):
                pairs.setdefault("", []).append((f"{other_model} ({name})", f"{model} ({first})", difference))
    return pairs
