"""A progress bar on standard error for what takes longer than a second; none where nobody looks."""

import time
from contextlib import AbstractContextManager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

__all__ = ["Meter"]

_PATIENCE_S: Final = 1.0
_STEP_S: Final = 0.1


class Meter(AbstractContextManager["Meter"]):
    """Shows ``label``, a share of a total and a note; nothing within the first second or off a terminal."""

    def __init__(self, label: str, *, enabled: bool) -> None:
        console = Console(stderr=True)
        self._console = console if enabled and console.is_terminal else None
        self._label = label
        self._bar: Progress | None = None
        self._next = time.monotonic() + _PATIENCE_S

    def update(self, done: float, total: float | None, text: str) -> None:
        """``done`` of ``total`` (null: unknown), in any unit; ``text`` says what has been reached."""
        now = time.monotonic()
        if self._console is None or now < self._next:
            return
        self._next = now + _STEP_S
        if self._bar is None:
            texts = TextColumn("{task.description}"), TextColumn("{task.fields[text]}")
            columns = (SpinnerColumn(), texts[0], BarColumn(), texts[1], TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._bar.add_task(self._label, total=total, text=text)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, text=text)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
