"""What models are compared by."""

from dataclasses import dataclass

__all__ = ["ACCURACY", "METRICS", "Metric"]


@dataclass(frozen=True)
class Metric:
    """What models are compared by, and how its numbers are shown."""

    field: str
    """Of `TrialResult`."""
    noun: str
    title: str
    """Over a table."""
    unit: str
    """Of a difference, over a table."""
    points: str
    """Of a difference, in a sentence."""
    factor: float = 100
    """From a value to the number that is shown, with so many `decimals`."""
    decimals: int = 1
    higher_is_better: bool = True

    def show(self, value: float | None) -> str:
        """Return a value as a table shows it; None as a dash."""
        return "-" if value is None else f"{self.factor * value:.{self.decimals}f}"


ACCURACY = Metric("accuracy", "accuracy", "Accuracy in %", "percentage points", "points")
METRICS = {
    "accuracy": ACCURACY,
    "macro-f1": Metric("macro_f1", "macro-F1", "Macro-F1 in %", "percentage points", "points of macro-F1"),
    "log-loss": Metric(
        "log_loss", "log-loss", "Log-loss in nats", "nats", "nats of log-loss", 1, 3, higher_is_better=False
    ),
}
"""By the name that `--metric` takes."""
