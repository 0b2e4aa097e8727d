"""Running trials and keeping their results: what a folder has already is not run again."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cache.files import remove_strays
from cache.runtime.processes import Workers
from trainer import messages
from trainer.errors import TrialsError, invalid
from trainer.experiment import Experiment, Outcome
from trainer.models.named import models_of
from trainer.protocols import is_whole
from trainer.runs.config import RunConfig
from trainer.runs.details import Details
from trainer.runs.folder import only_run
from trainer.runs.results import MOST_TRIALS, TrialResult, read_results
from trainer.runs.rows import write_rows
from trainer.runs.saved_weights import save_weights
from trainer.runs.settings import MODELS
from trainer.runs.tensorboard import write_tensorboard
from trainer.runs.workers import run_trials_elsewhere

__all__ = ["run_trials"]


def run_trials(
    experiment: Experiment,
    models: Sequence[str],
    n_trials: int,
    out: Path,
    *,
    workers: Workers = Workers(),  # noqa: B008, frozen
    tensorboard: Path | None = None,
    on_epoch: Callable[[int, str, int, float], None] | None = None,
    on_result: Callable[[TrialResult], None] | None = None,
    on_end: Callable[[list[TrialResult]], None] | None = None,
) -> list[TrialResult]:
    """Run trials 1 to `n_trials` of some models; what `out` has already is not run again.

    Parameters
    ----------
    experiment : Experiment
        What the trials share.
    models : sequence of str
        Names out of `MODELS` or the experiment's `models`.
    n_trials : int
        How many trials there shall be, 1 to `MOST_TRIALS`.
    out : Path
        Folder of the results: `config.json`, `trials.csv`, `epochs.csv`, `classes.csv`, `weights/MODEL-NNN.npz`. Made
        if it is not there.
    workers : Workers
        Processes that trials run in, each with a cache and vectors of its own.
    tensorboard : Path, optional
        Folder that gets each training's losses for TensorBoard.
    on_epoch : callable, optional
        Called with trial, model, epoch and validation loss, if all is run in this process.
    on_result : callable, optional
        Called with every new result, which is in the folder by then.
    on_end : callable, optional
        Called with all results while no other run may change the folder.

    Returns
    -------
    list of TrialResult
        All results of the folder, also those of earlier runs, by trial, and then in the order of `MODELS`, yours last.

    Raises
    ------
    TrialsError
        If the folder holds trials of other settings or damaged results, or another run is in it; if there is no model,
        or one of another name, or one of yours cannot be made; if the number of trials is out of its range, or the
        cache has too few documents.
    SelectionError
        If the cache has no such layer.
    OutputError
        If the folder cannot be written to.
    WorkersError
        If workers cannot be had, or died again and again; finished trials stay.
    """
    models = list(models_of([experiment.models.get(name, name) for name in models]))
    if not is_whole(n_trials, 1, MOST_TRIALS):
        raise invalid("n", n_trials, f"a whole number from 1 to {MOST_TRIALS:,}")
    experiment.check_pool()
    wanted = RunConfig.of(experiment, models)
    experiment.trial(1)  # too few documents: noticed before anything is written
    with only_run(out, "weights"):
        remove_strays(out)
        remove_strays(out / "weights")
        results = read_results(out / "trials.csv")
        found = RunConfig.read(out)
        if found is None and results:
            raise TrialsError(messages.CONFIG_MISSING, path=out, found="trials.csv")
        joined = found.joined(wanted, {result.model for result in results}, out) if found else wanted
        if joined != found:
            joined.write(out)
        done = {(result.trial, result.model) for result in results}
        details = Details.read(out, done)
        all_wanted = ((number, model) for number in range(1, n_trials + 1) for model in models)
        pending = [trial for trial in all_wanted if trial not in done]
        order = _in_order([*joined.models, *(result.model for result in results)])

        def keep(found: Outcome) -> None:
            result = found.result
            if found.weights:
                save_weights(out, result.model, result.trial, found.weights)
            details.add((result.trial, result.model), found.fit, found.scores, experiment.classes)
            details.write(out, order)
            results.append(result)
            results.sort(key=lambda r: (r.trial, order.index(r.model)))
            write_rows(out / "trials.csv", TrialResult, results)
            if tensorboard is not None:
                write_tensorboard(tensorboard, result, found.fit)
            if on_result:
                on_result(result)

        if workers.in_this_process:
            for number, model in pending:
                keep(experiment.run(model, number, on_epoch=on_epoch and partial(on_epoch, number, model)))
        else:
            run_trials_elsewhere(experiment, pending, workers, keep)
        if on_end:
            on_end(results)
    return results


def _in_order(models: Sequence[str]) -> list[str]:
    """Return models in the order in which results list them: the built-in ones first."""
    return [model for model in MODELS if model in models] + sorted(set(models) - set(MODELS))
