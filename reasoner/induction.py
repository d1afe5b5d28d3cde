"""One concept-induction problem in progress: literals, pool of answers, what is still open."""

from __future__ import annotations

import math
import time
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from .beam import beam_search
from .bitset import Words
from .forms import (
    AND_ORS,
    CONJUNCTIONS,
    DISJUNCTIONS,
    FORMS,
    OR_ANDS,
    PAIR_UNIONS,
    UNION_PAIRS,
    run,
    task_bounds,
)
from .formula import Formula
from .literals import prepare
from .pool import COUNT, NODES, bound, make_pool, ranking
from .score import Score
from .shape import AND, CHAINS, OR, build
from .solution import Solution
from .universe import Universe, make_scratch, make_universe

MAX_EQUIVALENT = 16
BUDGET = 4_000_000  # words between two looks at the clock: some milliseconds
FOREVER = 1 << 62


class Induction:
    """The state of one search; :func:`neurontology.reasoner.search.search` describes the parameters."""

    def __init__(
        self,
        extents: Words,
        lengths: NDArray[np.int32],
        priorities: NDArray[np.int64],
        positives: NDArray[np.int64],
        negatives: NDArray[np.int64],
        *,
        n: int,
        score: Score,
        max_atoms: int,
        conjunction: bool,
        disjunction: bool,
        negation: bool,
        top: int,
        width: int,
    ) -> None:
        self._literals = prepare(extents, lengths, priorities, positives, negatives, n, score, negation)
        self._ground = self._literals.ground
        self._pool = make_pool(self._ground, top)
        self._scratch = make_scratch(self._ground)
        self._universe = make_universe(self._ground)
        self._max_atoms = max_atoms
        self._conjunction = conjunction
        self._disjunction = disjunction
        self._width = width
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

    def prove(self, deadline: float, node_limit: int | None) -> bool:
        """Search until the pool is proved to hold the best, or a limit is reached; lowers ``upper_bound``."""
        node_stop = FOREVER if node_limit is None else node_limit
        open_bound = -math.inf
        if self._max_atoms > 1:
            chains = [(self._universe, self._max_atoms >= 3)]
            open_bound = self._work(self._universe, self._max_atoms >= 3, deadline, node_stop)
        outers = self._outers() if self._max_atoms >= 4 else []
        for reach, operator, outer in outers:
            if reach < self._pool.threshold[0] or reach <= open_bound:
                break
            if time.perf_counter() >= deadline or self.nodes >= node_stop:
                open_bound = max(open_bound, reach)
                break
            universe = make_universe(self._ground, operator, outer)
            open_bound = max(open_bound, self._work(universe, True, deadline, node_stop))
        full = self._pool.state[COUNT] == len(self._pool.score) - 1
        proved = open_bound == -math.inf or (full and open_bound < self._pool.threshold[0])
        self.upper_bound = self._best if proved else max(self._best, open_bound)
        return proved

    def _outers(self) -> list[tuple[float, int, int]]:
        """Outer literals of four-literal chains by falling bounds: (bound, operator, literal)."""
        g, u = self._ground, self._universe
        outers = []
        if self._conjunction:
            outers += [(self._bound(int(u.t[i]), 0), AND, i) for i in range(len(u.t))]
        if self._disjunction:
            outers += [(self._bound(g.positives, int(u.f[i])), OR, i) for i in range(len(u.t))]
        return sorted(outers, key=lambda task: (-task[0], task[1:]))

    def _work(self, universe: Universe, triples: bool, deadline: float, node_stop: int) -> float:
        """Work through one universe; returns the highest bound left open, -inf if none is."""
        allowed = np.zeros(FORMS, bool)
        allowed[CONJUNCTIONS] = self._conjunction
        allowed[DISJUNCTIONS] = self._disjunction
        both = self._conjunction and self._disjunction
        allowed[[OR_ANDS, AND_ORS]] = both and triples
        allowed[[UNION_PAIRS, PAIR_UNIONS]] = both and self._max_atoms >= 4 and not universe.operator
        bounds = np.full((FORMS, len(universe.t)), -np.inf)
        task_bounds(self._ground, universe, triples, bounds)
        form, at = np.nonzero(allowed[:, None] & (bounds >= self._pool.threshold[0]))
        bounds = bounds[form, at]
        order = np.argsort(-bounds, kind="stable")
        form, at, bounds = form[order].astype(np.int8), at[order].astype(np.int32), bounds[order]
        next_task, budget = 0, BUDGET
        while next_task < len(form) and bounds[next_task] >= self._pool.threshold[0]:
            if time.perf_counter() >= deadline or self.nodes >= node_stop:
                return float(bounds[next_task])
            reached = run(
                self._ground,
                self._pool,
                universe,
                self._scratch,
                form,
                at,
                bounds,
                next_task,
                triples,
                budget,
                node_stop,
            )
            budget = BUDGET if reached >= 0 else 2 * budget
            next_task = reached if reached >= 0 else -1 - reached
        return -math.inf

    def solutions(self) -> tuple[Solution, ...]:
        """Contents of the pool, best first."""
        pool = self._pool
        return tuple(
            Solution(
                formula=self._formula(pool.shape[i], pool.leaves[i]),
                score=float(pool.score[i]),
                tp=int(pool.counts[i, 0]),
                fp=int(pool.counts[i, 1]),
                length=int(pool.length[i]),
                equivalent=self._equivalent(i),
            )
            for i in ranking(pool)
        )

    def _formula(self, shape: int, leaves: NDArray[np.int32]) -> Formula:
        first = [self._literals.members[i][0] for i in leaves[: CHAINS[shape, 0]]]
        return build(shape, [Formula.of(*member) for member in first])

    def _equivalent(self, i: int) -> tuple[Formula, ...]:
        pool = self._pool
        found: dict[Formula, None] = {}
        kept = range(pool.same_count[i])
        shapes = [(pool.shape[i], pool.leaves[i])]
        shapes += [(pool.same_shape[i, k], pool.same_leaves[i, k]) for k in kept]
        for shape, leaves in shapes:
            members = [self._literals.members[leaf] for leaf in leaves[: CHAINS[shape, 0]]]
            for choice in islice(product(*members), MAX_EQUIVALENT + 1):
                found.setdefault(build(shape, [Formula.of(*member) for member in choice]))
        found.pop(self._formula(pool.shape[i], pool.leaves[i]))
        return tuple(islice(found, MAX_EQUIVALENT))
