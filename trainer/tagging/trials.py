"""Running trials on tags and keeping their results: what a folder has already is not run again."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cache.files import remove_strays
from trainer import messages
from trainer.errors import TrialsError
from trainer.runs.folder import only_run
from trainer.runs.rows import write_rows
from trainer.tagging.config import TagConfig
from trainer.tagging.experiment import TagExperiment, TagModel
from trainer.tagging.results import TagResult, read_tag_results

__all__ = ["RESULTS", "run_tag_trials"]

RESULTS = "tags.csv"


def run_tag_trials(
    experiment: TagExperiment,
    models: Mapping[str, TagModel],
    n_trials: int,
    out: Path,
    *,
    source: str,
    on_epoch: Callable[[int, str, int, float], None] | None = None,
    on_result: Callable[[TagResult], None] | None = None,
    on_end: Callable[[list[TagResult]], None] | None = None,
) -> list[TagResult]:
    """Run trials 1 to `n_trials` of some models; what `out` has already is not run again.

    Parameters
    ----------
    experiment : TagExperiment
        What the trials share.
    models : mapping of str to TagModel
        As `models_of` returns them.
    n_trials : int
        How many trials there shall be, at least 1.
    out : Path
        Folder of the results: `config.json`, `tags.csv`. Created if it does not exist.
    source : str
        Where the static vectors come from.
    on_epoch : callable, optional
        Called with trial, model, epoch and validation loss of an LSTM.
    on_result : callable, optional
        Called with every new result.
    on_end : callable, optional
        Called with all results while no other run may change the folder.

    Returns
    -------
    list of TagResult
        All results of the folder, also those of earlier runs, by trial, and then in the order of the models.

    Raises
    ------
    TrialsError
        If the folder holds trials of other settings or damaged results, or another run is in it, or the cache has too
        few sentences.
    SelectionError
        If the cache has no such layer.
    OutputError
        If the folder cannot be written to.
    """
    wanted = TagConfig.of(experiment, models, source)
    experiment.trial(1)  # too few sentences: noticed before anything is written
    with only_run(out):
        remove_strays(out)
        results = read_tag_results(out / RESULTS)
        found = TagConfig.read(out)
        if found is None and results:
            raise TrialsError(messages.CONFIG_MISSING, path=out, found=RESULTS)
        joined = found.joined(wanted, {result.model for result in results}, out) if found else wanted
        if joined != found:
            joined.write(out)
        done = {(result.trial, result.model) for result in results}
        # `static` comes first, as the others are compared to it; then the command's models, in its order.
        order = sorted({**models, **joined.models}, key=lambda name: name != "static")
        results.sort(key=lambda r: (r.trial, order.index(r.model)))
        for number in range(1, n_trials + 1):
            for name, model in models.items():
                if (number, name) in done:
                    continue
                result = experiment.run(name, model, number, on_epoch=on_epoch and partial(on_epoch, number, name))
                results.append(result)
                results.sort(key=lambda r: (r.trial, order.index(r.model)))
                write_rows(out / RESULTS, TagResult, results)
                if on_result:
                    on_result(result)
        if on_end:
            on_end(results)
    return results
