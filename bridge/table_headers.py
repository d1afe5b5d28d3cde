"""The headers of tables of activations, as different people write them: which column is what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..ontology.errors import DataError

#: Columns that say which image a row is, what it shows, and its content; the first that is there counts.
ID: Final = ("id", "ids")
FILES: Final = ("filenames", "filename", "path", "paths", "image", "file")
CLASSES: Final = ("classnames", "classname", "class", "classes", "label", "labels", "concept")
CONTENT: Final = ("sha256",)

_UNIT = re.compile(r"(?:(?:unit|neuron)s?[ _-]*)?([0-9]{1,9})", re.IGNORECASE)


def unit_columns(header: Sequence[str], where: str) -> dict[int, int]:
    """Places of the units' columns, which are named by numbers, also as ``unit_3`` or ``Neuron 3``.

    Raises
    ------
    DataError
        A unit has two columns.

    Examples
    --------
    >>> unit_columns(["Filenames", "1", " neuron_0"], "table.csv:1")
    {1: 1, 0: 2}
    """
    places: dict[int, int] = {}
    for place, name in enumerate(header):
        if (match := _UNIT.fullmatch(name.strip())) is None:
            continue
        unit = int(match[1])
        if unit in places:
            raise DataError(f"unit {unit} has two columns", where=where, expected="one column for each unit")
        places[unit] = place
    return places


def column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Place of the first of these names in a header, whatever its case, spaces and underscores; None without.

    Examples
    --------
    >>> column(["0", "Class Names", "FILENAMES"], CLASSES), column(["0"], FILES)
    (1, None)
    """
    plain = ["".join(char for char in name.casefold() if char.isalnum()) for name in header]
    return next((plain.index(name) for name in names if name in plain), None)
