"""What the fault tests tried, survived and detected, for the table at the end of the run."""

from dataclasses import asdict, dataclass

__all__ = ["counts", "record", "table"]


@dataclass
class _Row:
    tried: int = 0
    survived: int = 0
    detected: int = 0


_ROWS: dict[str, _Row] = {}


def record(kind: str, *, tried: int = 1, survived: int = 0, detected: int = 0) -> None:
    """Count cases of one kind.

    Parameters
    ----------
    kind : str
        As `crash points` or `hostile inputs`, and after a colon what exactly.
    tried : int
        Cases.
    survived : int
        Of these, after which everything finished was there and the same command ended in the same bytes.
    detected : int
        Of these, that were named in one line.
    """
    row = _ROWS.setdefault(kind, _Row())
    row.tried += tried
    row.survived += survived
    row.detected += detected


def counts() -> dict[str, dict[str, int]]:
    """Return what was recorded, by kind, as arguments of `record`."""
    return {kind: asdict(row) for kind, row in _ROWS.items()}


def table() -> list[str]:
    """Return the lines of the table, with a sum for each kind; none if nothing was recorded."""
    if not _ROWS:
        return []
    rows = dict(sorted(_ROWS.items()))
    for kind in dict.fromkeys(name.partition(":")[0] for name in rows):
        parts = [row for name, row in _ROWS.items() if name.partition(":")[0] == kind]
        totals = (sum(column) for column in zip(*((r.tried, r.survived, r.detected) for r in parts), strict=True))
        rows[f"= {kind}"] = _Row(*totals)
    width = max(map(len, rows))
    lines = [f"{'':{width}}  tried  survived  detected"]
    lines += [
        f"{name:{width}}  {r.tried:5}  {r.survived or '-':>8}  {r.detected or '-':>8}" for name, r in rows.items()
    ]
    return lines
