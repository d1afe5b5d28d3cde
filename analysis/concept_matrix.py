"""All units against all concepts: whether a unit's label is the concept that it answers to most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..bridge.activations import Activations
from ..bridge.table_headers import column
from ..ontology.errors import DataError, UsageError, near_matches
from .published import PublishedTable, csv_rows, plain, read_published
from .verification import PUBLISHED_CRITERIA, Criteria, JsonValue, Scalar, VerificationRow, adjust, verify_unit

_UNIT_COLUMNS: Final = ("unit", "neuron")
_LABEL_COLUMNS: Final = ("label", "description", "concept")


@dataclass(frozen=True, eq=False)
class ConceptImages:
    """Activations of units on images that each show one concept.

    Attributes
    ----------
    units
        Numbers of the units, one a column.
    values
        Shape (images, units).
    concepts
        The concept of each image.
    labels
        The concepts that a unit is labelled with, by its number; units without a label are absent.
    """

    units: tuple[int, ...]
    values: npt.NDArray[np.floating]
    concepts: tuple[str, ...]
    labels: Mapping[int, tuple[str, ...]]

    @classmethod
    def of_tables(
        cls, tables: Sequence[PublishedTable], given: Mapping[int, Sequence[str]] | None = None
    ) -> ConceptImages:
        """Take the images of published tables, and the labels given, or else those that the files are named after.

        Raises
        ------
        DataError
            The files do not hold the same units.
        UsageError
            A label is given to a unit that is not there, or is no class of the images.
        """
        units = tables[0].columns
        labels: dict[int, tuple[str, ...]] = {}
        for table in tables:
            if set(table.columns) != set(units):
                raise DataError(
                    f"the file holds {len(table.columns)} units",
                    where=table.path,
                    expected=f"the {len(units)} units of {tables[0].path.name}",
                )
            for unit in table.units:
                labels[unit] = tuple(dict.fromkeys((*labels.get(unit, ()), table.label)))
        concepts = tuple(concept for table in tables for concept in table.classes)
        if given is not None:
            labels = _known_labels(given, units, concepts, tables[0].path)
        order = [[table.columns.index(unit) for unit in units] for table in tables]
        return cls(
            units=units,
            values=np.concatenate([t.activations[:, columns] for t, columns in zip(tables, order, strict=True)]),
            concepts=concepts,
            labels=labels,
        )

    @classmethod
    def of_activations(cls, activations: Activations, labels: Mapping[int, Sequence[str]]) -> ConceptImages:
        """Take the images of an activation directory by the classes in its ``images.csv``.

        Where images are held out, only these are taken: the labels may have been induced from the others.

        Parameters
        ----------
        activations
            The activations.
        labels
            Labels of units, each a class of the images. Case, blanks and underscores do not matter.

        Raises
        ------
        UsageError
            No image has a class, there is no such unit, or a label is no class of the images.
        """
        held_out = any(image.split == "holdout" for image in activations.images)
        rows = [
            (row, image.label)
            for row, image in enumerate(activations.images)
            if image.label is not None and (not held_out or image.split == "holdout")
        ]
        if not rows:
            raise UsageError(
                "no image has a class", where=activations.path, expected="classes in images.csv, one concept an image"
            )
        concepts = tuple(concept for _, concept in rows)
        units = tuple(range(activations.units))
        return cls(
            units=units,
            values=np.asarray(activations.values[[row for row, _ in rows]]),
            concepts=concepts,
            labels=_known_labels(labels, units, concepts, activations.path),
        )


def _known_labels(
    labels: Mapping[int, Sequence[str]], units: Sequence[int], concepts: Sequence[str], where: Path
) -> dict[int, tuple[str, ...]]:
    """Labels as the images have them."""
    known = {plain(concept): concept for concept in concepts}
    chosen: dict[int, tuple[str, ...]] = {}
    for unit, names in labels.items():
        if unit not in units:
            raise UsageError(
                f"there is no unit {unit}", where=where, expected=f"numbers from {min(units)} to {max(units)}"
            )
        for name in names:
            if plain(name) not in known:
                raise UsageError(
                    f"no image shows {name!r}, the label of unit {unit}",
                    where=where,
                    hint=near_matches(name, sorted(set(concepts))),
                )
        chosen[unit] = tuple(dict.fromkeys(known[plain(name)] for name in names))
    return chosen


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One unit against one concept.

    Attributes
    ----------
    row
        The unit verified as if the concept were its label.
    own
        Whether the concept is a label of the unit.
    rank
        Place of the concept among all concepts by the unit's AUC, 1 for the highest, equal ones sharing the
        best; None where it could not be tested.
    """

    row: VerificationRow
    own: bool
    rank: int | None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the cell as a mapping fit for strict JSON."""
        return {**self.row.to_json(), "own_label": self.own, "auc_rank": self.rank}

    def to_columns(self) -> dict[str, Scalar]:
        """Return the cell as a mapping to single values, fit for a line of a table."""
        return {**self.row.to_columns(), "own_label": self.own, "auc_rank": self.rank}


def concept_images(paths: Sequence[Path], labels: Path | None = None) -> ConceptImages:
    """Read tables in the published format, or one activation directory, with the labels that a file gives.

    Tables need no file of labels if their names carry the units, see `published`.

    Raises
    ------
    UsageError, DataError
        As for the readers.
    """
    given = read_labels(labels) if labels is not None else None
    if len(paths) == 1 and (paths[0] / "meta.json").is_file():
        return ConceptImages.of_activations(Activations.open(paths[0]), given or {})
    return ConceptImages.of_tables(read_published(paths, named=False), given)


def concept_matrix(
    images: ConceptImages, criteria: Criteria = PUBLISHED_CRITERIA, *, units: Sequence[int] | None = None
) -> list[MatrixCell]:
    """Verify every unit on every concept, p-values adjusted over all of them.

    The target images are those of the concept, the non-target images all others.

    Parameters
    ----------
    images
        What to compare.
    criteria
        How to judge.
    units
        Which units; all by default.

    Returns
    -------
    list of MatrixCell
        By unit, then by concept in alphabetical order.

    Raises
    ------
    UsageError
        There is no such unit.
    """
    chosen = images.units if units is None else tuple(units)
    for unit in chosen:
        if unit not in images.units:
            raise UsageError(
                f"there is no unit {unit}", expected=f"numbers from {min(images.units)} to {max(images.units)}"
            )
    names = sorted(set(images.concepts))
    shown = np.array(images.concepts)
    masks = {name: shown == name for name in names}
    rows = adjust(
        verify_unit(images.values[:, images.units.index(unit)], masks[name], unit=unit, label=name, criteria=criteria)
        for unit in chosen
        for name in names
    )
    cells = []
    for start in range(0, len(rows), len(names)):
        of_unit = rows[start : start + len(names)]
        aucs = [row.auc for row in of_unit if row.auc is not None]
        for row in of_unit:
            rank = None if row.auc is None else 1 + sum(auc > row.auc for auc in aucs)
            cells.append(MatrixCell(row, row.label in images.labels.get(row.unit, ()), rank))
    return cells


def label_rows(images: ConceptImages, criteria: Criteria = PUBLISHED_CRITERIA) -> list[VerificationRow]:
    """Verify the labels alone, p-values adjusted over them.

    Raises
    ------
    UsageError
        No unit has a label.
    """
    if not images.labels:
        raise UsageError("no unit has a label", expected="--labels FILE, or --matrix")
    shown = np.array(images.concepts)
    return adjust(
        verify_unit(images.values[:, images.units.index(unit)], shown == name, unit=unit, label=name, criteria=criteria)
        for unit, names in sorted(images.labels.items())
        for name in names
    )


def read_labels(path: Path) -> dict[int, tuple[str, ...]]:
    """Read labels of units from a CSV file with the columns ``unit`` and ``label`` (or description, concept).

    Rows without a label are passed over; several rows of a unit are several labels.

    Raises
    ------
    UsageError
        There is no such file.
    DataError
        A column is missing, or a unit is no number.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=path, expected="a CSV file with the columns unit and label")
    labels: dict[int, tuple[str, ...]] = {}
    lines = csv_rows(path)
    header = next(lines, (1, []))[1]
    unit_at, label_at = column(header, _UNIT_COLUMNS), column(header, _LABEL_COLUMNS)
    if unit_at is None or label_at is None:
        raise DataError(
            f"the columns are {', '.join(header) or 'absent'}",
            where=f"{path}:1",
            expected=f"a column unit and one of {', '.join(_LABEL_COLUMNS)}",
        )
    for line, cells in lines:
        number, name = (cells[at].strip() if at < len(cells) else "" for at in (unit_at, label_at))
        if not number and not name:
            continue
        if not number.isdecimal():
            raise DataError(f"the unit is {number!r}", where=f"{path}:{line}", expected="a number")
        if name:
            labels[int(number)] = tuple(dict.fromkeys((*labels.get(int(number), ()), name)))
    return labels
