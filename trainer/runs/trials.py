"""Running trials and keeping their results: what a folder has already is not run again."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cache.errors import OutputError
from cache.files import remove_strays
from cache.runtime.processes import Workers
from trainer.errors import TrialsError
from trainer.experiment import Experiment
from trainer.runs.results import TrialResult, read_results, write_results
from trainer.runs.saved_weights import save_weights
from trainer.runs.settings import MODELS, read_config, refuse_other_settings, write_config
from trainer.runs.workers import run_trials_elsewhere

__all__ = ["run_trials"]

N_WORDS = 20
"""Of so many of the most frequent words `config.json` keeps a hash of the static vector."""


def run_trials(
    experiment: Experiment,
    models: Sequence[str],
    n_trials: int,
    out: Path,
    *,
    workers: Workers = Workers(),  # noqa: B008, frozen
    on_epoch: Callable[[int, str, int, float], None] | None = None,
    on_result: Callable[[TrialResult], None] | None = None,
) -> list[TrialResult]:
    """Run trials 1 to `n_trials` of some models; what `out` has already is not run again.

    Parameters
    ----------
    experiment : Experiment
        What the trials share.
    models : sequence of str
        Names out of `MODELS`.
    n_trials : int
        How many trials there shall be.
    out : Path
        Folder of the results: `config.json`, `trials.csv`, `weights/MODEL-NNN.npz`. Made if it is not there.
    workers : Workers
        Processes that trials run in, each with a cache and vectors of its own.
    on_epoch : callable, optional
        Called with trial, model, epoch and validation loss, if all is run in this process.
    on_result : callable, optional
        Called with every new result.

    Returns
    -------
    list of TrialResult
        All results of the folder, also those of earlier runs, by trial and then in the order of `MODELS`.

    Raises
    ------
    TrialsError
        If the folder holds trials of other settings or damaged results, a model has another name, or the cache has too
        few documents.
    SelectionError
        If the cache has no such layer.
    OutputError
        If the folder cannot be written to.
    WorkersError
        If workers cannot be had, or died again and again; finished trials stay.
    """
    for model in models:
        if model not in MODELS:
            raise TrialsError(f"--models names {model!r}, expected some of {', '.join(MODELS)}")
    experiment.check_pool()
    found, wanted = read_config(out), _config_of(experiment)
    if found:
        refuse_other_settings(out, found, wanted)
    experiment.trial(1)  # too few documents: noticed before anything is written
    try:
        (out / "weights").mkdir(parents=True, exist_ok=True)
        remove_strays(out)
        remove_strays(out / "weights")
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    if not found:
        write_config(out, wanted)
    results = read_results(out / "trials.csv")
    done = {(result.trial, result.model) for result in results}
    wanted_trials = ((number, model) for number in range(1, n_trials + 1) for model in dict.fromkeys(models))
    pending = [trial for trial in wanted_trials if trial not in done]

    def keep(found: tuple[TrialResult, dict[str, np.ndarray]]) -> None:
        result, weights = found
        save_weights(out, result.model, result.trial, weights)
        results.append(result)
        results.sort(key=lambda r: (r.trial, MODELS.index(r.model)))
        write_results(out / "trials.csv", results)
        if on_result:
            on_result(result)

    if not workers.in_this_process:
        run_trials_elsewhere(experiment, pending, workers, keep)
        return results
    for number, model in pending:
        keep(experiment.run(model, number, on_epoch=on_epoch and partial(on_epoch, number, model)))
    return results


def _config_of(experiment: Experiment) -> dict[str, Any]:
    """Return what `config.json` holds: everything needed to run the same trials again, or use what they trained."""
    features, vectors = experiment.features, experiment.vectors
    manifest = features.manifest
    return {
        "settings": experiment.settings.to_json(),
        "pool": {split: len(experiment.pooled(split)) for split in ("train", "test")},
        "gamma": experiment.gamma,
        "cache": {
            "path": str(features.path),
            "encoder": manifest.names.get("encoder"),
            "corpus": manifest.names.get("corpus"),
            "encoding": manifest.encoding_fingerprint,
            "encoding_options": dict(manifest.encoding),
            "corpus_fingerprint": manifest.corpus_fingerprint,
            "label_names": list(features.label_names or ()),
        },
        "vectors": {
            "source": experiment.settings.vectors,
            "name": vectors.name,
            "dim": vectors.dim,
            "sha256": vectors.fingerprint,
            "words": vectors.word_hashes(features.vocabulary, N_WORDS),
        },
    }
