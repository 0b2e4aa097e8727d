"""A training's losses as TensorBoard reads them."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from cache.errors import OutputError
from trainer import messages
from trainer.errors import TrialsError
from trainer.learners.base import Fit
from trainer.runs.results import TrialResult

__all__ = ["check_tensorboard", "write_tensorboard"]


def check_tensorboard() -> None:
    """Check that there is something to write with.

    Raises
    ------
    TrialsError
        If a package is missing that Keras's callback writes with, whatever the backend.
    """
    if missing := [name for name in ("tensorflow", "tensorboard") if find_spec(name) is None]:
        raise TrialsError(messages.NO_TENSORBOARD, package=missing[0])


def write_tensorboard(folder: Path, result: TrialResult, fit: Fit) -> None:
    """Write the losses of a training by epoch into `folder/MODEL-NNN`, with Keras's own callback.

    A model without epochs has none.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    if not fit.training_losses:
        return
    import keras

    path = folder / f"{result.model}-{result.trial:03d}"
    writer = keras.callbacks.TensorBoard(str(path), write_graph=False)
    try:
        writer.set_model(SimpleNamespace(optimizer=None))
        for epoch, losses in enumerate(zip(fit.training_losses, fit.validation_losses, strict=True)):
            writer.on_epoch_end(epoch, dict(zip(("loss", "val_loss"), losses, strict=True)))
        for part in writer._writers.values():
            part.close()
    except Exception as error:  # TensorFlow's own errors, which are no OSError
        raise OutputError(messages.NOT_WRITABLE, path=path, error=error, name="tensorboard") from error
