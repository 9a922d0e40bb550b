"""What people see in a terminal: a progress line, tables, and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

ERRORS = Console(stderr=True)
OUT = Console(width=None if sys.stdout.isatty() else 120)


class Steps:
    """A progress bar over a known number of parts, with a changing line about what is being done."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Show `total` parts, none done."""
        self._progress = progress
        self._task = progress.add_task("starting", total=total)

    def say(self, text: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=text[:70])

    def done(self) -> None:
        """Count one part as done."""
        self._progress.advance(self._task)


@contextmanager
def steps(total: int) -> Iterator[Steps]:
    """Yield a progress bar on standard error; it is silent where nobody watches."""
    columns = (SpinnerColumn(), BarColumn(24), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=ERRORS, transient=True) as progress:
        yield Steps(progress, total)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*[cell(value) for value in row])
    OUT.print(table)


def cell(value: object) -> str:
    """Return a value as people read it: four or five digits, thousands apart, nothing for None."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


def print_json(value: Any) -> None:
    """Print JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, allow_nan=False) + "\n")
