"""One search by AUROC in progress: the literals in order of activation, the pool of answers, what is still open."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from .bitset import Words, mask, popcount, word_count
from .compiled import Scalar, kernel
from .contexts import DONE, INNER, NOBODY, ONE, PAIR, PAIRS, TASK, TWO, make_scratch, work_through
from .extents import gather
from .literals import prepare
from .pool import COUNT, LEAF, SHAPE, WORK, Ground, Pool, make_pool
from .pooled import pooled_solutions
from .ranked_pool import OUT_OF_REACH, aim_ranked, offer_ranked
from .ranking import PLANES, Ranking, exact_totals, reach, round_weights
from .score import Score
from .shape import AND, CHAINS, EXTEND, LITERAL, OR
from .solution import SearchProgress, Solution

LEAST_BUDGET = 1_000_000  # words read between two looks at the clock: a millisecond
BUDGET = 50_000_000
FOREVER = 1 << 62


@kernel
def _offer_listed(
    rank: Ranking,
    pool: Pool,
    shape: Scalar,
    leaves: NDArray[np.int64],
    used: Scalar,
    order: NDArray[np.int64],
    size: NDArray[np.int64],
    total: NDArray[np.int64],
) -> None:
    """Offer the formulas that have one of the listed literals after the ``used`` leaves given."""
    for x in range(order.shape[0]):
        i = order[x]
        leaves[used] = i
        offer_ranked(rank, pool, shape, leaves[0], leaves[1], leaves[2], leaves[3], size[i], total[i])


class RankedSearch:
    """The state of one search; :func:`neurontology.reasoner.auroc.search_auroc` describes the parameters.

    ``weights`` are the centred ranks of the images, and ``least`` the fewest members and others of a formula.
    """

    def __init__(
        self,
        extents: Words,
        lengths: NDArray[np.int32],
        priorities: NDArray[np.int64],
        weights: NDArray[np.int64],
        images: NDArray[np.int64],
        *,
        score: Score,
        least: int,
        max_atoms: int,
        conjunction: bool,
        disjunction: bool,
        negation: bool,
        top: int,
        progress: SearchProgress | None = None,
    ) -> None:
        n = len(images)
        order = np.argsort(-weights, kind="stable")
        rows = np.zeros((len(extents), word_count(n)), np.uint64)
        gather(extents, images[order], rows)
        nobody = np.empty(0, np.int64)
        self._literals = prepare(rows, lengths, priorities, np.arange(n), nobody, n, score, negation)
        self._rank = _ranking(self._literals.ground, weights[order], n, least)
        self._pool = make_pool(self._rank.ground, top)
        self._scratch = make_scratch(self._rank)
        self._max_atoms = max_atoms
        self._operators = [int(o) for o, allowed in ((AND, conjunction), (OR, disjunction)) if allowed]
        self._top = top
        self._progress = progress
        self._elsewhere = -math.inf  # highest bound of what is open besides the tasks in work
        self._speed = 1e9  # words a second, as last seen
        self.upper_bound = self._reach(self._rank.valid, 0, 0)

    @property
    def work(self) -> int:
        """Words read so far."""
        return int(self._pool.state[WORK])

    def _reach(self, inside: Words, size: int, total: int) -> float:
        return max(float(reach(self._rank, inside, size, total)), 0.0)

    def _best(self) -> float:
        return float(self._pool.score[: self._pool.state[COUNT]].max(initial=0.0))

    def guess(self, width: int) -> None:
        """Fill the pool by beam search: literals, then extensions of the ``width`` best formulas of each size."""
        r = self._rank
        beam = make_pool(r.ground, width)
        self._extend(beam, beam, -1, 0)
        for _ in range(1, self._max_atoms):
            following = make_pool(r.ground, width)
            for i in range(beam.state[COUNT]):
                for operator in self._operators:
                    self._extend(following, beam, i, operator)
            beam = following

    def _extend(self, following: Pool, before: Pool, entry: int, operator: int) -> None:
        """Offer what joining one literal to an entry of ``before`` makes to the pool and to ``following``."""
        r = self._rank
        inside, settled, added = r.valid, 0, 0
        shape, used, leaves = int(LITERAL), 0, np.full(4, NOBODY)
        if operator:
            known = before.entry[entry]
            used = int(CHAINS[known[SHAPE], 0])
            leaves[:used] = known[LEAF : LEAF + used]
            shape = int(EXTEND[known[SHAPE], operator - 1])
            inside = self._members(known[SHAPE], leaves)
            if operator == OR:
                settled, added = int(popcount(inside)), self._total(inside)
                inside = r.valid & ~inside
        size, total = np.empty(len(r.size), np.int64), np.empty(len(r.size), np.int64)
        exact_totals(r.columns, r.weight, inside, size, total)
        size, total = size + settled, total + added
        product = size * (r.n - size)
        usable = np.flatnonzero((size >= r.least) & (size <= r.n - r.least))
        score = total[usable] / product[usable]
        for target in (self._pool, following):
            most = 4 * len(target.score)
            some = usable
            if len(usable) > most:
                some = usable[np.sort(np.argpartition(-score, most)[:most])]
            _offer_listed(r, target, np.int32(shape), leaves.copy(), used, some, size, total)

    def _members(self, shape: int, leaves: NDArray[np.int64]) -> Words:
        count, *operators = CHAINS[shape].tolist()
        columns = self._rank.columns
        found: Words = columns[:, leaves[0]].copy()
        for operator, leaf in zip(operators[: count - 1], leaves[1:count], strict=True):
            found = found & columns[:, leaf] if operator == AND else found | columns[:, leaf]
        return found

    def _total(self, members: Words) -> int:
        size, total = np.empty(1, np.int64), np.empty(1, np.int64)
        exact_totals(np.ascontiguousarray(members[:, None]), self._rank.weight, self._rank.valid, size, total)
        return int(total[0])

    def prove(self, deadline: float, work_limit: int | None = None) -> bool:
        """Search until the pool is proved to hold the best, or a limit is reached; lowers ``upper_bound``."""
        work_stop = FOREVER if work_limit is None else work_limit
        left = -math.inf
        rounds = ((PAIRS,), (ONE,), (TWO, PAIR))[: self._max_atoms - 1]
        for kinds in rounds:
            tasks, bounds = self._tasks(kinds)
            self._elsewhere = left if kinds == rounds[-1] else self.upper_bound
            left = max(left, self._work(tasks, bounds, deadline, work_stop))
        full = self._pool.state[COUNT] == self._top
        proved = left == -math.inf or bool(full and left < self._pool.threshold[0])
        self.upper_bound = self._best() if proved else max(self._best(), left)
        return proved

    def reaches(self, threshold: float, deadline: float, work_limit: int, *, exact: bool, width: int) -> bool | None:
        """Decide, with an empty pool for one formula, whether some formula has at least this AUROC.

        Parameters
        ----------
        threshold
            The AUROC.
        deadline, work_limit
            Time of the clock, and words read, at which to give up; then the answer may be None.
        exact
            Whether all formulas count, or only those that the beam search finds.
        width
            Of that beam search, with which an exact one begins.
        """
        aim_ranked(self._pool, threshold)
        self.guess(width)
        if not self._hit and exact and not self.prove(deadline, work_limit) and not self._hit:
            return None
        return self._hit

    @property
    def _hit(self) -> bool:
        return bool(self._pool.threshold[0] == OUT_OF_REACH)

    def _tasks(self, kinds: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Tasks and their bounds, the highest first."""
        r = self._rank
        free = sum(self._operators)
        all_ = self._reach(r.valid, 0, 0)
        tasks: list[tuple[int, int, int, int]] = []
        bounds: list[float] = []
        for kind in kinds:
            if kind == PAIRS and free:
                tasks.append((kind, 0, 0, free))
                bounds.append(all_)
            elif kind == PAIR and len(self._operators) == 2:
                for operator in self._operators:
                    tasks += [(kind, i, operator, free) for i in range(len(r.size) - 1)]
                    bounds += [all_] * (len(r.size) - 1)
            elif kind in (ONE, TWO):
                above, below = self._literal_bounds
                for operator, reached in ((AND, below), (OR, above)):
                    if operator in self._operators:
                        tasks += [(kind, i, int(operator), free) for i in range(len(r.size))]
                        bounds += reached
        order = np.argsort(-np.asarray(bounds), kind="stable")
        return np.asarray(tasks, np.int64).reshape(-1, 4)[order], np.asarray(bounds)[order]

    @property
    def _literal_bounds(self) -> tuple[list[float], list[float]]:
        """Best AUROC of the sets above (unions) and below (intersections) every literal."""
        r = self._rank
        total = np.empty(len(r.size), np.int64)
        exact_totals(r.columns, r.weight, r.valid, np.empty(len(r.size), np.int64), total)
        below = [self._reach(np.ascontiguousarray(r.columns[:, i]), 0, 0) for i in range(len(r.size))]
        above = [self._reach(r.valid & ~r.columns[:, i], int(r.size[i]), int(total[i])) for i in range(len(r.size))]
        return above, below

    def _work(self, tasks: NDArray[np.int64], bounds: NDArray[np.float64], deadline: float, work_stop: int) -> float:
        """Work through the tasks; returns the highest bound left open, -inf if none is.

        A context in which the work runs out is begun anew with more.
        """
        s, state = self._scratch, self._pool.state
        s.state[:] = 0
        budget = BUDGET
        while not s.state[DONE]:
            now = time.perf_counter()
            if now >= deadline or self.work >= work_stop:
                return float(bounds[s.state[TASK]])
            if self._progress is not None:
                self._progress(self._best(), max(self._best(), float(bounds[s.state[TASK]]), self._elsewhere))
            affordable = max(LEAST_BUDGET, (deadline - now) * self._speed / 2) if deadline < math.inf else math.inf
            before, place = int(state[WORK]), s.state[: INNER + 1].copy()
            work_through(self._rank, self._pool, s, tasks, bounds, before + int(min(budget, affordable)))
            words = int(state[WORK]) - before
            if words >= LEAST_BUDGET:
                self._speed = words / max(time.perf_counter() - now, 1e-9)
            budget = 2 * budget if (place == s.state[: INNER + 1]).all() else BUDGET
        return -math.inf

    def solutions(self) -> tuple[Solution, ...]:
        """Contents of the pool, best first."""
        return pooled_solutions(self._pool, self._literals)


def _ranking(ground: Ground, weights: NDArray[np.int64], n: int, least: int) -> Ranking:
    """Lay out the literals for the kernels; ``weights`` are in the order of the places."""
    words = word_count(n)
    row, inverted = ground.literal[:, 0], ground.literal[:, 1].astype(bool)
    valid = mask(np.arange(n), n)
    rows = ground.positive[row, :words]
    rows[inverted] = ~rows[inverted] & valid
    weight = np.zeros(64 * words, np.int64)
    weight[:n] = weights
    base, unit, planes = np.zeros(words, np.int64), np.zeros(words, np.int64), np.zeros((words, PLANES), np.uint64)
    round_weights(weight, n, base, unit, planes)
    size = popcount(rows)
    place = np.empty(len(size), np.int64)
    place[np.argsort(size, kind="stable")] = np.arange(len(size))
    return Ranking(
        ground=ground,
        columns=np.ascontiguousarray(rows.T),
        valid=valid,
        weight=weight,
        size=size,
        place=place,
        base=base,
        unit=unit,
        planes=planes,
        n=n,
        least=least,
        shortest=int(ground.literal[:, 2].min()),
    )
