"""Ranges that a unit's activations fall into by themselves: k-means in one dimension, solved exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: Ends whose starts are found together, rather than by halving on.
AT_ONCE = 32


def natural_ranges(values: NDArray[np.floating], ranges: int) -> tuple[float, ...] | None:
    """Cut values into ranges with the least sum of squared distances to the mean of their range.

    In one dimension the clusters of an optimal k-means are intervals, so dynamic programming over the sorted values
    finds the optimum that Lloyd's iterations only approach (Wang and Song 2011, "Ckmeans.1d.dp", The R Journal 3/2);
    as the best cut moves up with the values, it is looked for by divide and conquer: O(ranges · n log n). Among equal
    optima the lower cuts are taken.

    Parameters
    ----------
    values
        Shape (n,), finite.
    ranges
        Number of ranges, at least 1.

    Returns
    -------
    tuple of float or None
        The ``ranges - 1`` cuts between neighbouring ranges, ascending: halfway between their means, so that a value
        seen later belongs to the range with the nearest mean. None with fewer distinct values than ranges.

    Examples
    --------
    >>> import numpy as np
    >>> natural_ranges(np.array([1.0, 2.0, 9.0, 10.0, 11.0, 30.0]), 3)
    (5.75, 20.0)
    """
    distinct, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    if len(distinct) < ranges:
        return None
    # About the mean, so that large values with small differences keep their digits.
    middle = float(np.average(distinct, weights=counts))
    shifted, weights = distinct - middle, counts.astype(np.float64)
    zero = np.zeros(1)
    number = np.concatenate([zero, np.cumsum(weights)])
    total = np.concatenate([zero, np.cumsum(weights * shifted)])
    squares = np.concatenate([zero, np.cumsum(weights * shifted**2)])
    ends = _best_ends(number, total, squares, ranges)
    means = [middle + float((total[b] - total[a]) / (number[b] - number[a])) for a, b in pairwise(ends)]
    return tuple((low + high) / 2 for low, high in pairwise(means))


def _best_ends(
    number: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64], ranges: int
) -> list[int]:
    """Positions at which the ranges begin, and the end of the last one."""
    n = len(number) - 1
    starts = np.zeros((ranges, n + 1), np.int64)
    cost = np.full(n + 1, np.inf)
    for end in range(1, n + 1):
        cost[end] = squares[end] - total[end] ** 2 / number[end]
    for k in range(1, ranges):
        cost = _next_layer(number, total, squares, cost, k, starts[k])
    ends = [n]
    for k in range(ranges - 1, -1, -1):
        ends.append(int(starts[k, ends[-1]]))
    return ends[::-1]


def _next_layer(
    number: NDArray[np.float64],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    before: NDArray[np.float64],
    k: int,
    starts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Least cost of the first values in ``k + 1`` ranges, for every number of values; writes where the last begins."""
    n = len(number) - 1
    cost = np.full(n + 1, np.inf)

    def solve(ends: NDArray[np.int64], low: int, high: int) -> None:
        tried = np.arange(low, high + 1)
        sums = total[ends, None] - total[tried]
        with np.errstate(divide="ignore", invalid="ignore"):  # of starts that are not before their end
            apart = squares[ends, None] - squares[tried] - sums * sums / (number[ends, None] - number[tried])
        costs = np.where(tried < ends[:, None], before[tried] + np.maximum(apart, 0.0), np.inf)
        at = costs.argmin(axis=1)
        cost[ends], starts[ends] = costs[np.arange(len(ends)), at], low + at

    # Spans of ends, with the starts among which theirs are: the start of the middle end bounds those on both sides.
    spans = [(k + 1, n, k, n - 1)]
    while spans:
        first, last, low, high = spans.pop()
        if last - first < AT_ONCE:
            if first <= last:
                solve(np.arange(first, last + 1), low, high)
            continue
        end = (first + last) // 2
        solve(np.asarray([end]), low, min(high, end - 1))
        at = int(starts[end])
        spans += [(first, end - 1, low, at), (end + 1, last, at, high)]
    return cost
