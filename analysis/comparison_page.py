"""The page of two runs beside each other, unit by unit: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..ontology.errors import UsageError
from ..ontology.staging import building, refuse_existing
from .comparison import CHANGES
from .report_pages import page_environment, page_parts

PAGE: Final = "index.html"

#: What each change means, in the order in which they are listed.
CHANGE_WORDS: Final = dict(
    zip(
        CHANGES,
        (
            "the same label",
            "another label",
            "a label in the second run only",
            "a label in the first run only",
            "no label in either",
        ),
        strict=True,
    )
)
_SIDE, _MARGIN, _TOP = 260.0, 34.0, 10.0


@dataclass(frozen=True)
class Dot:
    """A unit at its two AUCs, in pixels, and in which of the runs its label is confirmed."""

    x: float
    y: float
    kind: str
    title: str


def write_comparison(comparison: Mapping[str, Any], out: Path) -> Path:
    """Write a new directory with ``index.html``.

    The page asks the network for nothing, and its content security policy forbids it to. The same comparison gives the
    same bytes.

    Parameters
    ----------
    comparison
        What ``compare --json`` prints of two runs: `comparison.compare_runs` and `lineup.line_up` together.
    out
        The directory, which must not exist or be empty. It appears when it is complete.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    UsageError
        `out` exists and is not empty, or the comparison is of more than two runs.
    MissingDependencyError
        Jinja2 is not installed.
    """
    refuse_existing(out)
    if "units" not in comparison:
        raise UsageError("a page shows two runs unit by unit", expected="two runs")
    page = (
        page_environment()
        .get_template("comparison.html")
        .render(
            **comparison,
            change_words=CHANGE_WORDS,
            verdict_kinds=_verdict_kinds(comparison["units"]),
            dots=_dots(comparison["units"]),
            side=_SIDE,
            margin=_MARGIN,
            top=_TOP,
            **page_parts("comparison.js"),
        )
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with building(out) as folder:
        (folder / PAGE).write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return out / PAGE


def verdict_kind(unit: Mapping[str, Any], run: str) -> str:
    """What kind of verdict a unit has in the ``first`` or ``second`` run, fit for a style."""
    if unit[run] is None:
        return "unlabelled"
    verdict = unit[f"{run}_verdict"]
    return "unverified" if verdict is None else str(verdict).partition(":")[0].replace(" ", "-")


def _verdict_kinds(units: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
    return {unit["unit"]: (verdict_kind(unit, "first"), verdict_kind(unit, "second")) for unit in units}


def _dots(units: Sequence[Mapping[str, Any]]) -> list[Dot]:
    dots = []
    for unit in units:
        first, second = unit["first_auc"], unit["second_auc"]
        if first is None or second is None:
            continue
        confirmed = [unit[f"{run}_verdict"] == "confirmed" for run in ("first", "second")]
        kind = "both" if all(confirmed) else "one" if any(confirmed) else "neither"
        x, y = _MARGIN + _SIDE * first, _TOP + _SIDE * (1 - second)
        dots.append(Dot(round(x, 1), round(y, 1), kind, f"unit {unit['unit']}: {first:.3f}, {second:.3f}"))
    return dots
