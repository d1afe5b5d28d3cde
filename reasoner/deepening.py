"""How deep to nest restrictions: deeper atoms are tried while they can give a better answer.

Iterative deepening (Korf 1985) over the depth of the atoms. Each depth is judged by a search that stops after
a fixed amount of work, never after a time, so that the choice does not depend on the machine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from .atoms import AtomTable, atoms_of, check_distinguished
from .interpretation import Interpretation
from .language import CONSTRUCTORS, Language
from .learning import InductionOptions
from .search import search
from .start_class import restrict_atoms, without_negation

MAX_DEPTH = 4
"""Deepest nesting that is tried."""

TRIAL_NODES = 2_000_000
"""Work of the search that judges one depth, in its own units."""

AUTOMATIC = Language(CONSTRUCTORS, max_atoms=30_000, max_fillers=1_000, max_pairs=5_000, max_candidates=300_000)
"""Language whose depth is to be found; its limits keep the enumeration to seconds."""


def tables_by_depth(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    *,
    ignored: Collection[str] = (),
    properties: Collection[str] | None = None,
    language: Language = AUTOMATIC,
) -> Iterator[AtomTable]:
    """Make the tables of atoms among which :func:`deepen` chooses, from depth 1 on.

    Which they are does not depend on which of the examples are positive.

    Parameters
    ----------
    interpretation, rows, ignored, properties, language
        As for :func:`deepen`.
    """
    before = -1
    for depth in range(1, MAX_DEPTH + 1):
        nested = dataclasses.replace(language, depth=depth)
        atoms = atoms_of(interpretation, rows, nested, ignored=ignored, properties=properties)
        if len(atoms) == before > 1:
            return
        before = len(atoms)
        yield atoms
        if len(atoms) >= language.max_atoms:
            return


def deepen(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    positives: NDArray[np.integer],
    negatives: NDArray[np.integer],
    options: InductionOptions,
    *,
    ignored: Collection[str] = (),
    properties: Collection[str] | None = None,
    language: Language = AUTOMATIC,
    within: NDArray[np.bool_] | None = None,
) -> AtomTable:
    """Atoms of the depth with the best answer, and the shortest among the best.

    It ends at :data:`MAX_DEPTH`, when the limits leave no room for a deeper atom, when a depth adds none, and
    when the answer is perfect and no deeper expression can be shorter.

    Parameters
    ----------
    interpretation, rows, ignored, properties
        As for :func:`~neurontology.reasoner.atoms.enumerate_atoms`.
    positives, negatives
        Places of the examples in `rows`.
    options
        How the answers will be searched.
    language
        What atoms are made of; its depth does not count.
    within
        Boolean, shape (examples,): the examples that an answer may hold for, see :mod:`.start_class`.

    Raises
    ------
    DataError
        No expression of any depth distinguishes any two examples.
    """
    best: tuple[float, int] | None = None
    chosen: AtomTable | None = None
    tables = tables_by_depth(interpretation, rows, ignored=ignored, properties=properties, language=language)
    for depth, atoms in enumerate(tables, 1):
        judged = atoms if within is None else restrict_atoms(atoms, within, negation="not" in options.operators)
        trial = search(
            judged.extents,
            judged.lengths,
            judged.priorities,
            np.asarray(positives, np.int64),
            np.asarray(negatives, np.int64),
            n=len(rows),
            score=options.score,
            max_atoms=options.max_atoms,
            operators=(options if within is None else without_negation(options)).operators,
            top=1,
            # A ripple search starts from the best small formulas, so these choose the depth.
            strategy="exact" if options.strategy == "ripple" else options.strategy,
            node_limit=TRIAL_NODES,
        ).solutions
        if not trial:  # no expression has the support that the score asks for
            chosen = chosen or atoms
            continue
        found = trial[0]
        quality = (found.score, -found.length)
        if best is None or quality > best:
            best, chosen = quality, atoms
        perfect = found.tp == len(positives) and found.fp == 0
        # An atom of depth d has at least d restrictions of length 2 and a name.
        if perfect and found.length <= 2 * (depth + 1) + 1:
            break
    assert chosen is not None
    check_distinguished(chosen)
    return chosen
