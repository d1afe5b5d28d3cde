"""The tables published with Dalal et al. (arXiv 2308.03999), and the verification table made from them.

The format is CSV, one file per label: a column per unit (``0`` to ``63``) with its activation,
``Class_names`` (the search keyword, which is the label's concept), ``Filenames``, and in some files
``Predicted_classes``. The order of the columns, case, spaces and underscores in their names and in the classes do not
matter, and the file names are not needed. The name of the file says which units carry the label: ``neuron_0_…`` one,
``neuron_22_54_…`` two; what follows (``and``, ``googleImages``, ``1stconcept``) carries no meaning. Below the
images stand an empty row and a row with the percentage of activating images per unit, without class and file
name; both are a footer, not images.

A unit's *target* images are those of the files that carry its number and whose ``Class_names`` is that
file's label (the class of most of its images; every published file has a single one). Its *non-target* images
are all images of the files that do not carry its number. An image that occurs in several files counts each
time, as it did in the published tables.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..bridge.table_headers import CLASSES, FILES, column, unit_columns
from ..ontology.errors import DataError, UsageError
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, verify_unit

CLASS_COLUMN: Final = "Class_names"
FILE_COLUMN: Final = "Filenames"

_NAME = re.compile(r"(?:neuron|unit)s?[ _-]*(\d+(?:[ _-]+\d+)*)(?=[ _.-])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class PublishedTable:
    """One published file.

    Attributes
    ----------
    path
        Where it was read from.
    units
        The units whose label its images show, from the file's name; none where it carries none.
    label
        The label: the class of most of its images; empty without units.
    classes, filenames
        Class and file name of each image; a file name that the file does not tell is empty.
    columns
        The unit of each column of ``activations``.
    activations
        Shape (images, units in the file).
    """

    path: Path
    units: tuple[int, ...]
    label: str
    classes: tuple[str, ...]
    filenames: tuple[str, ...]
    columns: tuple[int, ...]
    activations: npt.NDArray[np.float64]

    def unit(self, unit: int) -> npt.NDArray[np.float64]:
        """Activations of one unit on all images of the file, shape (images,).

        Raises
        ------
        DataError
            The file has no column for that unit.
        """
        if unit not in self.columns:
            raise DataError(
                f"there is no column for unit {unit}",
                where=self.path,
                expected=f"a column {unit} as in the other files",
            )
        return self.activations[:, self.columns.index(unit)]


def table_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files that are given, and those with the suffix csv in folders that are, each once.

    Raises
    ------
    UsageError
        A path does not exist, a folder holds no CSV file, or nothing is given.
    """
    files: dict[Path, Path] = {}
    for given in map(Path, paths):
        if given.is_dir():
            found = sorted(path for path in given.iterdir() if path.suffix.lower() == ".csv")
            if not found:
                inner = sorted(child.name for child in given.iterdir() if child.is_dir())
                raise UsageError(
                    "the folder holds no CSV file",
                    where=given,
                    expected="the published tables, one CSV file per label",
                    hint=f"it has the sub-folders {', '.join(inner)}" if inner else None,
                )
        elif given.is_file():
            found = [given]
        else:
            raise UsageError("there is no such file or folder", where=given)
        for file in found:
            files.setdefault(file.resolve(), file)
    if not files:
        raise UsageError("no tables were given", expected="files or folders in the published CSV format")
    return list(files.values())


def units_named(path: Path) -> tuple[int, ...]:
    """Units that a file's name carries.

    Raises
    ------
    DataError
        It carries none, or one twice.
    """
    match = _NAME.match(path.name)
    if match is None:
        raise DataError(
            "the file's name does not say which units carry its label",
            where=path,
            expected="a name such as neuron_0_….csv or neuron_22_54_….csv",
            hint="say it in a file of labels (--labels), or compare all units with all concepts (--matrix)",
        )
    units = tuple(int(number) for number in re.findall(r"\d+", match[1]))
    if len(set(units)) < len(units):
        raise DataError("the file's name carries a unit twice", where=path)
    return units


def _label(path: Path, classes: Sequence[str]) -> str:
    counts = Counter(map(plain, classes)).most_common(2)
    spelling = {plain(shown): shown for shown in reversed(classes)}
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        first, second = sorted(spelling[name] for name, _ in counts)
        raise DataError(
            f"{first!r} and {second!r} have equally many images, so that the file has no label",
            where=path,
            expected=f"one value of {CLASS_COLUMN} for most images",
        )
    return spelling[counts[0][0]]


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file, each with the number of its last line.

    Raises
    ------
    DataError
        It is not CSV, or not UTF-8 text.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(
                f"this is not readable as CSV ({error})", where=f"{path}:{reader.line_num}", expected="UTF-8 CSV"
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(f"this is not readable as CSV ({error})", where=path, expected="UTF-8 CSV") from error


def activation(cell: str, where: str) -> float:
    """Read an activation.

    Raises
    ------
    DataError
        It is no finite number.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"the activation is {cell!r}", where=where, expected="a finite number")
    return value


def _read(path: Path, *, named: bool) -> PublishedTable:
    units = units_named(path) if named or _NAME.match(path.name) else ()
    classes: list[str] = []
    filenames: list[str] = []
    activations: list[list[float]] = []
    lines = csv_rows(path)
    header = next(lines, (1, []))[1]
    numbered = sorted(unit_columns(header, f"{path}:1").items(), key=lambda item: item[1])
    class_at, file_at = column(header, CLASSES), column(header, FILES)
    if class_at is None or not numbered:
        missing = "no column of a unit" if class_at is not None else "no column with the class of each image"
        raise DataError(
            f"there is {missing}" if header else "the file is empty",
            where=f"{path}:1",
            expected=f"columns 0, 1, … for the units, {CLASS_COLUMN} and {FILE_COLUMN}",
            hint=f"the header has {', '.join(map(repr, header[:8]))}" if header else None,
        )
    footer = False
    for line, cells in lines:
        where = f"{path}:{line}"
        if not any(cell.strip() for cell in cells):
            footer = True
            continue
        if len(cells) != len(header):
            raise DataError(
                f"the row has {len(cells)} cells",
                where=where,
                expected=f"{len(header)} as in the header",
            )
        shown = cells[class_at].strip()
        filename = "" if file_at is None else cells[file_at].strip()
        if not shown and not filename:
            footer = True
            continue
        if footer or not shown:
            raise DataError(
                "an image stands below the footer" if footer else "the row has no class",
                where=where,
                expected=f"images with {CLASS_COLUMN} and {FILE_COLUMN}, an empty row, the footer",
            )
        classes.append(shown)
        filenames.append(filename)
        activations.append([activation(cells[at], f"{where}, unit {unit}") for unit, at in numbered])
    if not activations:
        raise DataError("the table holds no images", where=path)
    return PublishedTable(
        path=path,
        units=units,
        label=_label(path, classes) if units else "",
        classes=tuple(classes),
        filenames=tuple(filenames),
        columns=tuple(unit for unit, _ in numbered),
        activations=np.array(activations),
    )


def read_published(paths: Iterable[str | Path], *, named: bool = True) -> list[PublishedTable]:
    """Read tables in the published CSV format.

    Parameters
    ----------
    paths
        Files, or folders whose ``*.csv`` files are read in the order of their names. A file given twice is
        read once.
    named
        Whether the name of each file must carry the units that have its label.

    Returns
    -------
    list of PublishedTable

    Raises
    ------
    UsageError
        A path does not exist, or a folder holds no CSV file.
    DataError
        A file does not have the published format; the message names file, line and column.
    """
    return _one_spelling([_read(path, named=named) for path in table_files(paths)])


def _one_spelling(tables: Sequence[PublishedTable]) -> list[PublishedTable]:
    """Write classes that differ in case, spaces and underscores alone as most images have it."""
    counts = Counter(shown for table in tables for shown in table.classes)
    spelling: dict[str, str] = {}
    for shown, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        spelling.setdefault(plain(shown), shown)
    if len(spelling) == len(counts):
        return list(tables)
    return [
        replace(
            table,
            label=spelling[plain(table.label)] if table.units else "",
            classes=tuple(spelling[plain(shown)] for shown in table.classes),
        )
        for table in tables
    ]


def plain(name: str) -> str:
    """Name of a class by which it is compared: without regard to case, spaces and underscores.

    Examples
    --------
    >>> plain(" Night_Table")
    'night table'
    """
    return " ".join(name.replace("_", " ").casefold().split())


def verify_table(paths: Iterable[str | Path], criteria: Criteria = PUBLISHED_CRITERIA) -> list[VerificationRow]:
    """Verify every unit that the given published tables carry, each against all the other tables.

    The figures of the non-target images depend on which files are given. The published tables used 46.

    Parameters
    ----------
    paths
        As for `read_published`.
    criteria
        As for `verification.verify_unit`; the default is that of the published tables.

    Returns
    -------
    list of VerificationRow
        One per unit and label in ascending order, adjusted over all of them.

    Raises
    ------
    UsageError, DataError
        As for `read_published`.
    """
    tables = read_published(paths)
    rows = []
    for unit, label in sorted({(unit, table.label) for table in tables for unit in table.units}):
        target = [
            table.unit(unit)[np.array(table.classes) == label]
            for table in tables
            if unit in table.units and table.label == label
        ]
        others = [table.unit(unit) for table in tables if unit not in table.units]
        values = np.concatenate(target + others)
        mask = np.arange(values.size) < sum(part.size for part in target)
        rows.append(verify_unit(values, mask, unit=unit, label=label, criteria=criteria))
    return adjust(rows)
