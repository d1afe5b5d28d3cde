"""Values of data properties: when two are equal, and which is larger.

Numbers of all types form one value space [1]_; dates, times and their parts one for each datatype. A time
without a zone counts as UTC. All else is equal only to the same text of the same datatype.

.. [1] W3C XML Schema Definition Language 1.1 Part 2: Datatypes, W3C Recommendation, 2012.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..ontology.vocabulary import XSD

_INTEGERS = (
    "integer nonNegativeInteger positiveInteger nonPositiveInteger negativeInteger long int short byte "
    "unsignedLong unsignedInt unsignedShort unsignedByte"
)
NUMERIC = frozenset(XSD + name for name in ("decimal", "float", "double", *_INTEGERS.split()))
"""Datatypes of numbers."""

TEMPORAL = frozenset(
    XSD + name
    for name in ("dateTime", "dateTimeStamp", "date", "time", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay")
)
"""Datatypes of dates and times, and of parts of dates."""

BOOLEAN = XSD + "boolean"
_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$")


def space_of(datatype: str) -> str:
    """Name of the value space in which a datatype's values are compared."""
    return "number" if datatype in NUMERIC else datatype


def order_of(lexical: str, datatype: str) -> float:
    """Place of a value in the order of its space; NaN where it has none.

    Examples
    --------
    >>> order_of("1.5e1", XSD + "double"), order_of("--03", XSD + "gMonth"), order_of("red", XSD + "string")
    (15.0, 3.0, nan)
    >>> order_of("2020-01-02", XSD + "date") - order_of("2020-01-01", XSD + "date")
    86400.0
    """
    text = lexical.strip()
    try:
        if datatype in NUMERIC:
            return float(text)
        if datatype == BOOLEAN:
            return {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}.get(text, np.nan)
        if datatype in TEMPORAL:
            return _moment(text, datatype.removeprefix(XSD))
    except ValueError:
        # An ill-typed literal denotes no value, hence has no place in any order.
        pass
    return np.nan


def _moment(text: str, kind: str) -> float:
    zone = _ZONE.search(text)
    plain = text[: zone.start()] if zone else text
    offset = zone[0].replace("Z", "+00:00") if zone and kind in ("dateTime", "dateTimeStamp", "date", "time") else ""
    full = {"date": f"{plain}T00:00:00", "time": f"1970-01-01T{plain}", "gYear": f"{plain}-01-01T00:00:00"}
    full["gYearMonth"] = f"{plain}-01T00:00:00"
    if kind in ("gMonth", "gDay"):
        return float(int(plain.lstrip("-")))
    if kind == "gMonthDay":
        month, day = plain.lstrip("-").split("-")
        return 100.0 * int(month) + int(day)
    moment = datetime.fromisoformat(full.get(kind, plain) + offset)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class PropertyValues:
    """Values of one data property.

    Attributes
    ----------
    rows
        int64, shape (assertions,): row of the individual that has the value.
    literals
        Shape (assertions,): datatype and lexical form of the value.
    """

    rows: NDArray[np.int64]
    literals: tuple[tuple[str, str], ...]

    @cached_property
    def orders(self) -> NDArray[np.float64]:
        """float64, shape (assertions,): places of the values in their order, NaN where there is none."""
        known = {pair: order_of(pair[1], pair[0]) for pair in set(self.literals)}
        return np.asarray([known[pair] for pair in self.literals], np.float64)

    @cached_property
    def spaces(self) -> NDArray[np.str_]:
        """Shape (assertions,): value space of each value."""
        return np.asarray([space_of(datatype) for datatype, _ in self.literals], np.str_)

    def equal(self, value: str, datatype: str) -> NDArray[np.int64]:
        """Rows of the individuals that have a value."""
        order = order_of(value, datatype)
        if np.isnan(order):
            same = np.asarray([pair == (datatype, value) for pair in self.literals], np.bool_)
        else:
            same = (self.spaces == space_of(datatype)) & (self.orders == order)
        found: NDArray[np.int64] = self.rows[same]
        return found

    def beyond(self, facet: str, value: str, datatype: str) -> NDArray[np.int64]:
        """Rows of the individuals with a value at or beyond a threshold; `facet` is ``>=`` or ``<=``."""
        threshold = order_of(value, datatype)
        comparable = self.spaces == space_of(datatype)
        reached = self.orders >= threshold if facet == ">=" else self.orders <= threshold
        found: NDArray[np.int64] = self.rows[comparable & reached]
        return found
