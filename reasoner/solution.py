"""What a search answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .formula import Formula

SearchProgress: TypeAlias = Callable[[float, float], None]
"""Told every now and then: the best score so far, and that no hypothesis has more than a second number."""


@dataclass(frozen=True)
class Solution:
    """The best formula of one extension on the examples.

    ``equivalent`` lists further formulas of the same extension and length, as many as were met (at most 16).
    """

    formula: Formula
    score: float
    tp: int
    fp: int
    length: int
    equivalent: tuple[Formula, ...]


@dataclass(frozen=True)
class SearchResult:
    """Ranked solutions and what is proved about them.

    ``proved_optimal``: the list is exactly the best ``top`` of all hypotheses, in order. ``upper_bound``: no
    hypothesis scores more. ``nodes``: false positives counted, the unit of work. ``elapsed``: seconds.
    """

    solutions: tuple[Solution, ...]
    proved_optimal: bool
    upper_bound: float
    nodes: int
    elapsed: float
