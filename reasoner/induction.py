"""One concept-induction problem in progress: literals, pool of answers, what is still open."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beam import beam_search
from .forms import (
    AND_ORS,
    CONJUNCTIONS,
    DISJUNCTIONS,
    FORMS,
    OR_ANDS,
    PAIR_UNIONS,
    UNION_PAIRS,
    and_ors,
    conjunctions,
    disjunctions,
    or_ands,
    reach_steps,
    task_bounds,
)
from .literals import Literals
from .pairs import pair_unions, union_pairs
from .pool import (
    COUNT,
    LITERAL_LENGTH,
    NODES,
    WORK,
    WORST_LENGTH,
    aim,
    bound,
    make_pool,
)
from .pooled import pooled_solutions
from .shape import AND, OR
from .solution import SearchProgress, Solution
from .universe import FALSE, GAINS, ID, TRUE, Universe, make_scratch, make_universe

BUDGET = 50_000_000  # words between two looks at the clock, at first: some ten milliseconds
LEAST_BUDGET = 1_000_000
PATIENCE = 20_000_000  # columns looked at for the bounds of a universe: some milliseconds
FOREVER = 1 << 62
# Fewest leaves of a form.
LEAVES = {CONJUNCTIONS: 2, OR_ANDS: 3, DISJUNCTIONS: 2, AND_ORS: 3, UNION_PAIRS: 4, PAIR_UNIONS: 4}
KERNELS = {
    CONJUNCTIONS: conjunctions,
    OR_ANDS: or_ands,
    DISJUNCTIONS: disjunctions,
    AND_ORS: and_ors,
    UNION_PAIRS: union_pairs,
    PAIR_UNIONS: pair_unions,
}


class Induction:
    """The state of one search; :func:`neurontology.reasoner.search.search` describes the parameters."""

    def __init__(
        self,
        literals: Literals,
        *,
        max_atoms: int,
        conjunction: bool,
        disjunction: bool,
        top: int,
        width: int,
        progress: SearchProgress | None = None,
    ) -> None:
        self._literals = literals
        self._ground = literals.ground
        self._pool = make_pool(self._ground, top)
        self._scratch = make_scratch(self._ground)
        self._universe = make_universe(self._ground, counts=literals.counts, lists=literals.lists)
        self._max_atoms = max_atoms
        self._conjunction = conjunction
        self._disjunction = disjunction
        self._width = width
        self._progress = progress
        self._elsewhere = -math.inf  # highest bound of what is open outside the universe in work
        self._speed = 1e9  # words a second, as last seen
        self.upper_bound = self._bound(self._ground.positives, 0)

    def _bound(self, t: int, f: int) -> float:
        g = self._ground
        return float(bound(g.score, g.minimum_recall, t, f, g.positives, g.negatives))

    @property
    def nodes(self) -> int:
        """False positives counted so far."""
        return int(self._pool.state[NODES])

    @property
    def _best(self) -> float:
        return float(self._pool.score[: self._pool.state[COUNT]].max())

    def guess(self) -> None:
        """Fill the pool by beam search."""
        beam_search(
            self._ground,
            self._pool,
            self._universe,
            self._scratch,
            width=self._width,
            max_atoms=self._max_atoms,
            conjunction=self._conjunction,
            disjunction=self._disjunction,
        )

    def reaches(self, threshold: float, deadline: float, work_limit: int, *, exact: bool) -> bool | None:
        """Decide whether some formula has at least this score; None if a limit was reached before.

        Parameters
        ----------
        threshold
            The score.
        deadline
            Time of the clock at which to give up.
        work_limit
            Words to read before giving up.
        exact
            Whether all formulas count, or only those that the beam search finds.
        """
        aim(self._ground, self._pool, threshold)
        self.guess()
        if not self._hit and exact and not self.prove(deadline, None, work_limit) and not self._hit:
            return None
        return self._hit

    @property
    def _hit(self) -> bool:
        return bool(self._pool.threshold[0] == math.inf)

    def prove(self, deadline: float, node_limit: int | None, work_limit: int | None = None) -> bool:
        """Search until the pool is proved to hold the best, or a limit is reached; lowers ``upper_bound``."""
        node_stop = FOREVER if node_limit is None else node_limit
        work_stop = FOREVER if work_limit is None else work_limit
        open_bound = -math.inf
        outers = self._outers() if self._max_atoms >= 4 else []
        if self._max_atoms > 1:
            self._elsewhere = outers[0][0] if outers else -math.inf
            open_bound = self._work(self._universe, self._max_atoms >= 3, deadline, node_stop, work_stop)
        for reach, operator, outer in outers:
            if reach < self._pool.threshold[0] or reach <= open_bound:
                break
            if not self._matters(reach, int(self._ground.literal[outer, LITERAL_LENGTH]) + 1, 3):
                continue
            if self._stopped(deadline, node_stop, work_stop):
                open_bound = max(open_bound, reach)
                break
            universe = make_universe(self._ground, operator, outer)
            self._elsewhere = max(open_bound, reach)
            open_bound = max(open_bound, self._work(universe, True, deadline, node_stop, work_stop))
        full = self._pool.state[COUNT] == len(self._pool.score) - 1
        proved = open_bound == -math.inf or bool(full and open_bound < self._pool.threshold[0])
        self.upper_bound = self._best if proved else max(self._best, open_bound)
        return proved

    def _stopped(self, deadline: float, node_stop: int, work_stop: int) -> bool:
        return self.nodes >= node_stop or self._pool.state[WORK] >= work_stop or time.perf_counter() >= deadline

    def _matters(self, bounds: Any, length: int, leaves: int) -> Any:
        """Whether formulas of at most these scores may enter the pool: at the worst one's score only if not longer.

        The formulas have at least so many leaves, and ``length`` besides them.
        """
        pool, shortest = self._pool, self._universe.shortest
        if length + leaves * (shortest + 1) - 1 > pool.state[WORST_LENGTH]:
            return bounds > pool.threshold[0]
        return bounds >= pool.threshold[0]

    def _outers(self) -> list[tuple[float, int, int]]:
        """Outer literals of four-literal chains by falling bounds: (bound, operator, literal)."""
        literal = self._universe.literal
        outers = []
        if self._conjunction:
            outers += [(self._bound(int(t), 0), AND, int(i)) for i, t in zip(literal[ID], literal[TRUE], strict=True)]
        if self._disjunction:
            p = self._ground.positives
            outers += [(self._bound(p, int(f)), OR, int(i)) for i, f in zip(literal[ID], literal[FALSE], strict=True)]
        return sorted(outers, key=lambda task: (-task[0], task[1:]))

    def _tasks(self, universe: Universe, triples: bool) -> dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """Places and bounds of the outer literals of every form that the operators allow, by falling bounds."""
        g, u = self._ground, universe
        forms = []
        if self._conjunction:
            forms.append(CONJUNCTIONS)
        if self._disjunction:
            forms.append(DISJUNCTIONS)
        if self._conjunction and self._disjunction and triples:
            forms += [OR_ANDS, AND_ORS]
            if self._max_atoms >= 4 and not u.operator:
                forms += [UNION_PAIRS, PAIR_UNIONS]
        bounds = np.empty((FORMS, len(u.by_t)))
        steps = np.empty((3, 2 * u.p + 3), np.int32)
        steps = steps[:, : reach_steps(u, self._scratch.items[GAINS], PATIENCE, steps)]
        task_bounds(g, u, triples, np.ascontiguousarray(steps), bounds)
        tasks = {}
        for form in forms:
            at = np.flatnonzero(self._matters(bounds[form], u.length, LEAVES[form]))
            at = at[np.argsort(-bounds[form, at], kind="stable")]
            tasks[form] = at.astype(np.int32), bounds[form, at]
        return tasks

    def _work(self, universe: Universe, triples: bool, deadline: float, node_stop: int, work_stop: int) -> float:
        """Work through one universe; returns the highest bound left open, -inf if none is.

        The form whose next task has the highest bound goes on, for a budget of words, and no more than half
        of what the time left affords.
        """
        tasks = self._tasks(universe, triples)
        place = dict.fromkeys(tasks, 0)
        budget = dict.fromkeys(tasks, BUDGET)
        while True:
            left = [(bounds[place[form]], -form) for form, (_, bounds) in tasks.items() if place[form] < len(bounds)]
            highest, negated = max(left, default=(-math.inf, 0))
            if highest == -math.inf or highest < self._pool.threshold[0]:
                return -math.inf
            if self._stopped(deadline, node_stop, work_stop):
                return float(highest)
            if self._progress is not None:
                self._progress(self._best, max(self._best, float(highest), self._elsewhere))
            now = time.perf_counter()
            form = -negated
            at, bounds = tasks[form]
            before = self._pool.state[WORK]
            affordable = max(LEAST_BUDGET, (deadline - now) * self._speed / 2) if deadline < math.inf else math.inf
            affordable = min(affordable, max(LEAST_BUDGET, work_stop - before))
            reached = KERNELS[form](
                self._ground,
                self._pool,
                universe,
                self._scratch,
                at,
                bounds,
                place[form],
                triples,
                int(min(budget[form], affordable)),
                node_stop,
            )
            words = int(self._pool.state[WORK] - before)
            if words >= LEAST_BUDGET:
                self._speed = words / max(time.perf_counter() - now, 1e-9)
            if reached < 0:  # broken off: the same task again, with more
                reached = -1 - reached
                budget[form] *= 2
            place[form] = reached

    def solutions(self) -> tuple[Solution, ...]:
        """Contents of the pool, best first."""
        return pooled_solutions(self._pool, self._literals)
