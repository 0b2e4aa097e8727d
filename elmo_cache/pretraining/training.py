"""The training itself: steps, schedule, held-out perplexity, checkpoints, and going on from one."""

import csv
import json
import math
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cache.files import atomic_path, remove_strays
from cache.runtime.progress import note_on, progress_bar
from cache.runtime.quiet import quiet_import
from elmo_cache import messages
from elmo_cache.encoders.bilm.weights import write_weights
from elmo_cache.errors import PretrainingError
from elmo_cache.pretraining.batches import Batch, Batches
from elmo_cache.pretraining.checkpoints import Position, load_checkpoint, save_checkpoint
from elmo_cache.pretraining.settings import Settings
from elmo_cache.pretraining.text import Text

__all__ = ["pretrain", "schedule"]

WARM_UP = 0.02
LOG_HEADER = ("step", "epoch", "words", "seconds", "loss", "perplexity_forward", "perplexity_backward")
_CHECKPOINT_VERSION = 2
_STEPS_AHEAD = 8
"""Steps that may be under way when the loss of the one before them is looked at."""
_MEMORY = 0.98
"""How much of the shown loss is that of steps before."""


def schedule(done: float) -> float:
    """Return the learning rate, as a share of the highest, when a share of the training is done.

    It rises in a straight line over the first fiftieth and falls along a cosine to 0.
    """
    return min(1.0, done / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def pretrain(
    text: Text,
    settings: Settings,
    out: Path,
    *,
    checkpoint_minutes: float = 5.0,
    dtype: str = "float32",
    show: bool = True,
) -> Position:
    """Train a biLM, or go on from the checkpoint in `out`.

    Beside `checkpoint.npz` the folder holds `options.json` and `weights.hdf5` in the public format, and `log.csv`;
    all are written at every checkpoint.

    Parameters
    ----------
    text : Text
        What to read.
    settings : Settings
        What decides the weights; they and the text must be those of the checkpoint.
    out : Path
        A folder, made if there is none.
    checkpoint_minutes : float
        Time between checkpoints.
    dtype : {"float32", "float16"}
        Of the numbers in `weights.hdf5`.
    show : bool
        Show a progress bar.

    Returns
    -------
    Position
        How far training is: at its end.

    Raises
    ------
    PretrainingError
        If text and settings make no training, the checkpoint is of another one, or the loss is not finite: the last
        checkpoint then stays.
    """
    n_vocabulary = settings.check(text)
    identity = {**asdict(settings), "text": text.digest, "version": _CHECKPOINT_VERSION}
    identity["options"] = settings.options.to_json()
    out.mkdir(parents=True, exist_ok=True)
    remove_strays(out)
    checkpoint = load_checkpoint(out / "checkpoint.npz", identity)
    training = _Training(text, settings, n_vocabulary, out, identity, dtype)
    if checkpoint is not None:
        training.restore(*checkpoint)
    training.run(checkpoint_minutes, show)
    return training.position


class _Training:
    def __init__(
        self, text: Text, settings: Settings, n_vocabulary: int, out: Path, identity: dict[str, Any], dtype: str
    ):
        with quiet_import():
            from elmo_cache.pretraining.model import LanguageModel, Perplexity, initial_weights
        self.settings, self.out, self.identity, self.dtype = settings, out, identity, dtype
        self.batches = Batches(text, settings, n_vocabulary)
        self.model = LanguageModel(settings, n_vocabulary)
        self.model.start(initial_weights(settings.options, settings.seed), settings.seed)
        self.perplexity = Perplexity(self.model)
        self.position = Position()
        self.losses: deque[tuple[int, Any]] = deque()
        self.n_steps = None if settings.epochs is None else math.ceil(settings.epochs * self.batches.n_batches)

    def variables(self) -> list[Any]:
        model = self.model
        return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]

    def restore(self, arrays: list[np.ndarray], position: Position) -> None:
        for variable, array in zip(self.variables(), arrays, strict=True):
            variable.assign(array)
        self.position = position

    def done(self) -> float:
        """Return the share of the training that is done; more than 1 if time has run out."""
        if self.n_steps is not None:
            return self.position.step / self.n_steps
        assert self.settings.minutes is not None
        return self.position.elapsed_s / (60 * self.settings.minutes)

    def run(self, checkpoint_minutes: float, show: bool) -> None:
        position = self.position
        began, saved = time.monotonic() - position.elapsed_s, position.elapsed_s
        in_words = self.n_steps is not None
        n_batch = self.settings.streams * self.settings.unroll
        total = self.n_steps * n_batch if self.n_steps is not None else int(60 * (self.settings.minutes or 0))
        start = position.n_words if in_words else int(position.elapsed_s)
        with progress_bar(total, "training", "words" if in_words else "s", show, min(start, total)) as bar:
            while self.done() < 1:
                for batch in self.batches.training(position.epoch, position.batch):
                    self._step(batch)
                    position.elapsed_s = time.monotonic() - began
                    if self.done() >= 1 or position.elapsed_s - saved >= 60 * checkpoint_minutes:
                        self._checkpoint()
                        saved = position.elapsed_s = time.monotonic() - began
                    bar.update(min(total, position.n_words if in_words else int(position.elapsed_s)) - bar.n)
                    note_on(bar, self._note())
                    if self.done() >= 1:
                        break
                else:
                    position.epoch, position.batch = position.epoch + 1, 0

    def _step(self, batch: Batch) -> None:
        position = self.position
        # Of the step's end, not its beginning, or the first one would do nothing.
        ahead = 1 / self.n_steps if self.n_steps is not None else 0.0
        loss = self.model.step(batch, self.settings.learning_rate * schedule(self.done() + ahead))
        position.batch += 1
        position.step += 1
        position.n_words += self.settings.streams * self.settings.unroll
        self.losses.append((position.step, loss))
        self._look_at_losses(_STEPS_AHEAD)

    def _look_at_losses(self, n_left: int) -> None:
        """Take the losses of all steps but the last few, which a GPU may still be computing."""
        position = self.position
        while len(self.losses) > n_left:
            step, loss = self.losses.popleft()
            loss = float(loss)
            if not math.isfinite(loss):
                raise self._diverged(f"The loss is {loss}", step)
            position.loss = loss if position.loss is None else _MEMORY * position.loss + (1 - _MEMORY) * loss

    def _checkpoint(self) -> None:
        """Measure perplexity, then write everything: weights that are no use replace none that are."""
        position = self.position
        self._look_at_losses(0)
        self.model.synchronise()
        forward, backward = self.perplexity.measure(self.batches.held_out())
        if not (math.isfinite(forward) and math.isfinite(backward)):
            raise self._diverged(
                f"The held-out perplexity is {forward:.3g} forward and {backward:.3g} backward", position.step
            )
        row = [position.step, position.epoch + position.batch / self.batches.n_batches, position.n_words]
        position.log.append([*row, round(position.elapsed_s), position.loss, forward, backward])
        with atomic_path(self.out / "options.json") as path:
            path.write_text(json.dumps(self.settings.options.to_json(), indent=2) + "\n", encoding="ascii")
        with atomic_path(self.out / "weights.hdf5") as path:
            write_weights(path, self.model.tensors(), {"float16": "<f2", "float32": "<f4"}[self.dtype])
        with atomic_path(self.out / "log.csv") as path, path.open("w", newline="", encoding="ascii") as file:
            writer = csv.writer(file)
            writer.writerow(LOG_HEADER)
            writer.writerows([f"{x:.6g}" if isinstance(x, float) else x for x in line] for line in position.log)
        arrays = [np.asarray(variable) for variable in self.variables()]
        save_checkpoint(self.out / "checkpoint.npz", arrays, position, self.identity)

    def _diverged(self, found: str, step: int) -> PretrainingError:
        settings, log = self.settings, self.position.log
        advice = PretrainingError(
            messages.GENTLER_TRAINING, learning_rate=settings.learning_rate, clip_norm=settings.clip_norm
        )
        if not log:
            return PretrainingError(messages.DIVERGED_AT_ONCE, found=found, step=step, advice=advice)
        return PretrainingError(
            messages.DIVERGED, found=found, step=step, path=self.out, kept=log[-1][0], advice=advice
        )

    def _note(self) -> str:
        text = "" if self.position.loss is None else f"loss {self.position.loss:.3f}"
        if self.position.log:
            forward, backward = self.position.log[-1][-2:]
            text += f", held-out perplexity {forward:.0f} / {backward:.0f}"
        return text
