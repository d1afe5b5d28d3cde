"""What a command shows: text, tables, JSON and progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else 160)


def say(text: str) -> None:
    """Write a text to standard output, with a line end."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def warn(text: str) -> None:
    """Write a warning to standard error."""
    sys.stderr.write(f"warning: {text}\n")


def print_json(value: object) -> None:
    """Write the one document of `--json`."""
    say(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table for people."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(r[position], int | float | None) for r in rows)
        # Numbers stay whole on a narrow terminal, where text gives way; their headers break at spaces.
        width = (
            max(len(text) for text in (*column.split(), *(cell_text(r[position]) for r in rows))) if numeric else None
        )
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", width=width)
    for row in rows:
        table.add_row(*(cell_text(value) for value in row))
    _console().print(table)


def cell_text(value: object) -> str:
    """Write a value as a cell: four digits, a dash for what is unknown."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[..., None] | None]:
    """Give a callback that draws a progress bar, on a terminal only: done, in all, and proved if that is known."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int, proved: int | None = None) -> None:
            shown = what if proved is None else f"{what} ({proved} proved)"
            bar.update(task, completed=done, total=total, description=shown)

        yield report


@contextmanager
def search_line(score: str) -> Iterator[Callable[[float, float], None] | None]:
    """Give a callback that shows how far a search is, and since when, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=_console(stderr=True), transient=True) as line:
        task = line.add_task("forming atoms and searching", total=None)

        def report(best: float, bound: float) -> None:
            line.update(task, description=f"searching: best {score} {best:.4f}, nothing above {bound:.4f}")

        yield report


@contextmanager
def stage_bars() -> Iterator[Callable[[str, int, int], None] | None]:
    """Give a callback that draws a bar for each stage of a build, with its rate and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done)

        yield report


def open_world_cell(entailment: dict[str, Any]) -> str:
    """How a solution fares in the open world, as one cell of a table."""
    if "not_asked" in entailment:
        return f"not asked: {entailment['not_asked']}"
    if not entailment["differs"]:
        return "agrees"
    return f"differs: -{len(entailment['only_closed_world'])} +{len(entailment['only_open_world'])}"
