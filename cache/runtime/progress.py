"""One look for every progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

__all__ = ["note_on", "progress_bar"]


@contextmanager
def progress_bar(
    total: int | None, label: str, unit: str, show: bool = True, initial: int = 0
) -> Iterator["tqdm[Any]"]:
    """Show how much of `total` is done, the rate and the time left; `update(n)` advances it.

    It appears after half a second. Where stderr is a file, it writes a line every half minute.

    Parameters
    ----------
    total : int or None
        How much there is to do, in `unit`; None if that is not known.
    label : str
        What is done; it stands before the bar.
    unit : str
        As `B` or `run`.
    show : bool
        False for a bar that shows nothing.
    initial : int
        How much was done before.

    Yields
    ------
    tqdm
    """
    to_terminal = _is_terminal()
    with tqdm(
        total=total,
        initial=initial,
        desc=label,
        unit=unit,
        unit_scale=True,
        disable=not show or sys.stderr is None,
        delay=0.5,
        dynamic_ncols=to_terminal,
        mininterval=0.1 if to_terminal else 30,
    ) as bar:
        yield bar


def note_on(bar: "tqdm[Any]", text: str) -> None:
    """Show a text behind a progress bar; at once on a terminal, with its next line in a file."""
    bar.set_postfix_str(text, refresh=_is_terminal())


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()  # None: closed when Python started
