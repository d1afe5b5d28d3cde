"""The groups behind the published verification table, and its own figures beside those computed here.

With arXiv 2308.03999 came a spreadsheet: for each confirmed unit a sheet (here ``neuron_K.csv``) whose columns ``data``
and ``group`` list the unit's activations on its target images (group 1) and on all others (group 2), beside other
columns with notes and sums; and a ``summary.csv`` with a row a unit. The sheets hold all 1467 images of the published
row, the activation files of `published` a part of them.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from ..bridge.table_headers import column
from ..ontology.errors import DataError, UsageError
from .published import activation, csv_rows, table_files, units_named
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, verify_unit

#: Columns of the published summary by the figure of a row that they give; z is negative where the label holds.
FIGURES: Final = {
    "targetactivations": "target_percent",
    "nontargetactivations": "non_target_percent",
    "targetmean": "target_mean",
    "nontargetmean": "non_target_mean",
    "targetmedian": "target_median",
    "nontargetmedian": "non_target_median",
    "zscore": "z",
    "pvalue": "p",
}
_UNIT = re.compile(r"(?:neuron|unit)[ _-]*(\d+)", re.IGNORECASE)
_BOUND = re.compile(r"<\s*(\d*\.?\d+(?:e-?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class GroupSheet:
    """A unit's activations on the images of its label and on others.

    Attributes
    ----------
    path
        Where it was read from.
    unit
        The unit, from the file's name.
    target, others
        Activations on the two groups.
    """

    path: Path
    unit: int
    target: npt.NDArray[np.float64]
    others: npt.NDArray[np.float64]


@dataclass(frozen=True)
class PublishedRow:
    """What a summary says of a unit.

    Attributes
    ----------
    unit, label
        The unit and its label, as printed.
    figures
        The cells by the names of `FIGURES`, as printed.
    """

    unit: int
    label: str
    figures: dict[str, str]


def is_group_sheet(path: Path) -> bool:
    """Whether a file has the two columns of a group sheet."""
    header = next(_lines(path), [])
    return None not in (column(header, ("data",)), column(header, ("group",)))


def _is_summary(path: Path) -> bool:
    return any(row and _UNIT.fullmatch(row[0].strip()) for row in _lines(path))


def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the rows for as long as they can be read; who reads all of them says what is wrong with the rest."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream, suppress(csv.Error):
        yield from csv.reader(stream)


def read_group_sheet(path: Path) -> GroupSheet:
    """Read the groups of one unit.

    Raises
    ------
    DataError
        The file's name does not carry one unit, a column is missing, or a cell is no activation or group.
    """
    units = units_named(path)
    if len(units) > 1:
        raise DataError(f"the name carries {len(units)} units", where=path, expected="one, as the sheet has one group")
    lines = csv_rows(path)
    header = next(lines, (1, []))[1]
    data_at, group_at = column(header, ("data",)), column(header, ("group",))
    if data_at is None or group_at is None:
        raise DataError("there are no groups", where=f"{path}:1", expected="columns data and group")
    groups: dict[str, list[float]] = {"1": [], "2": []}
    for line, cells in lines:
        data, group = (cells[at].strip() if at < len(cells) else "" for at in (data_at, group_at))
        if not data and not group:
            continue
        if group not in groups:
            raise DataError(f"the group is {group!r}", where=f"{path}:{line}", expected="1 (target) or 2 (others)")
        groups[group].append(activation(data, f"{path}:{line}"))
    return GroupSheet(path, units[0], np.array(groups["1"]), np.array(groups["2"]))


def read_summary(path: Path) -> dict[int, PublishedRow]:
    """Read the published summary: rows that begin with ``neuron_K``, then the label, then the figures of `FIGURES`.

    Raises
    ------
    UsageError
        There is no such file.
    DataError
        It has no such row, no header above them, or a unit twice.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=path, expected="a summary as published, such as summary.csv")
    lines = csv_rows(path)
    header = next(lines, (1, []))[1]
    places = {figure: column(header, (name,)) for name, figure in FIGURES.items()}
    if all(place is None for place in places.values()):
        raise DataError(
            "the header has none of the published figures",
            where=f"{path}:1",
            expected="columns such as target activations, non-target activations, z-score, p-value",
        )
    found: dict[int, PublishedRow] = {}
    for line, cells in lines:
        match = _UNIT.fullmatch(cells[0].strip()) if cells else None
        if match is None:
            continue
        unit = int(match[1])
        if unit in found:
            raise DataError(f"unit {unit} has two rows", where=f"{path}:{line}", expected="one")
        found[unit] = PublishedRow(
            unit,
            cells[1].strip() if len(cells) > 1 else "",
            {f: cells[at].strip() for f, at in places.items() if at is not None and at < len(cells)},
        )
    if not found:
        raise DataError("no row is about a unit", where=path, expected="rows that begin with neuron_0, neuron_3, …")
    return found


def verify_groups(paths: Iterable[str | Path], criteria: Criteria = PUBLISHED_CRITERIA) -> list[VerificationRow]:
    """Verify the units whose groups are given, as `published.verify_table` does from the files.

    A label is that of a summary among the files; without one it is the name of the sheet.

    Parameters
    ----------
    paths
        Group sheets and summaries, or folders of them.
    criteria
        As for `verification.verify_unit`.

    Raises
    ------
    UsageError, DataError
        As for the readers; or two sheets are about one unit.
    """
    sheets: dict[int, GroupSheet] = {}
    labels: dict[int, str] = {}
    for path in table_files(paths):
        if is_group_sheet(path):
            sheet = read_group_sheet(path)
            if sheet.unit in sheets:
                raise DataError(
                    f"unit {sheet.unit} has two sheets", where=path, expected=f"one, as {sheets[sheet.unit].path}"
                )
            sheets[sheet.unit] = sheet
        elif _is_summary(path):
            rows = (cells for _, cells in csv_rows(path) if len(cells) > 1)
            labels.update({int(m[1]): cells[1] for cells in rows if (m := _UNIT.fullmatch(cells[0].strip()))})
        else:
            raise DataError(
                "this is neither the groups of a unit nor a summary",
                where=path,
                expected="columns data and group, or rows that begin with neuron_0, neuron_3, …",
                hint="tables of activations are verified apart from groups",
            )
    return adjust(
        verify_unit(
            np.concatenate((sheet.target, sheet.others)),
            np.arange(sheet.target.size + sheet.others.size) < sheet.target.size,
            unit=unit,
            label=labels.get(unit) or sheet.path.stem,
            criteria=criteria,
        )
        for unit, sheet in sorted(sheets.items())
    )


def beside_published(rows: Sequence[VerificationRow], summary: dict[int, PublishedRow]) -> list[dict[str, Any]]:
    """Set the published figures beside those of the same units computed here.

    Returns
    -------
    list of dict
        For each unit in both: ``unit``, ``label`` (as published), ``figures`` with ``published`` (a number, or text
        such as ``< .00001``), ``computed`` and ``agrees`` by figure; ``p_of_z``, the one-sided p that follows from the
        published z, and ``p_follows``: whether the published p is that. A number agrees that is the same as far as
        it is printed, or percentages to three decimals, z to four, all others to a two-thousandth; a bound, if the
        computed p is below it.
    """
    records = []
    for row in rows:
        if (told := summary.get(row.unit)) is None:
            continue
        figures = {}
        for name, printed in told.figures.items():
            computed = getattr(row, name)
            number = _number(printed)
            figures[name] = {
                "published": printed if number is None else number,
                "computed": computed,
                "agrees": None if computed is None else _agrees(name, printed, computed),
            }
        z = _number(told.figures.get("z", ""))
        p_of_z = None if z is None else float(norm.cdf(z))
        printed = told.figures.get("p", "")
        follows = None if p_of_z is None or not printed else _agrees("p", printed, p_of_z)
        records.append(
            {"unit": row.unit, "label": told.label, "figures": figures, "p_of_z": p_of_z, "p_follows": follows}
        )
    if not records:
        raise UsageError(
            "the summary has none of these units",
            expected=f"rows for some of the units {', '.join(str(row.unit) for row in rows[:10])}",
        )
    return records


def _number(printed: str) -> float | None:
    try:
        value = float(printed)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _agrees(name: str, printed: str, computed: float) -> bool:
    if (bound := _BOUND.fullmatch(printed)) is not None:
        return computed < float(bound[1])
    if (number := _number(printed)) is None:
        return False
    digits, _, exponent = printed.lower().partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    needed = 1e-3 if name.endswith("_percent") else 1e-4 if name == "z" else 1e-3 * abs(number)
    return abs(number - computed) <= max(last_digit, needed) / 2
