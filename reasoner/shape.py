"""Shapes: the read-once and/or trees of up to four leaves, by number.

A shape is a chain ((leaf0 op1 leaf1) op2 leaf2) op3 leaf3, or the pair of pairs. Numbers order formulas that
tie in everything else. Leaves within a shape stand in one canonical order (:func:`canonical`).
"""

from __future__ import annotations

import numpy as np

from .formula import Formula

AND, OR = 1, 2
# Typed numbers: a kernel would be compiled anew for every plain constant that it is called with.
LITERAL, AND2, OR2, AND3, OR3, OR_AND, AND_OR = (np.int32(i) for i in range(1, 8))
PAIRS_AND, PAIRS_OR = np.int32(16), np.int32(17)
# Rows: leaves, op1, op2, op3. 6 = (a|b)&c, 7 = (a&b)|c, 10 = (a|b)&c&d, 12 = (a|b|c)&d, 14 = ((a&b)|c)&d;
# each odd number is the dual of the even one before it. 16 = (a|b)&(c|d): its op2 joins the two pairs.
CHAINS = np.array(
    [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [2, AND, 0, 0],
        [2, OR, 0, 0],
        [3, AND, AND, 0],
        [3, OR, OR, 0],
        [3, OR, AND, 0],
        [3, AND, OR, 0],
        [4, AND, AND, AND],
        [4, OR, OR, OR],
        [4, OR, AND, AND],
        [4, AND, OR, OR],
        [4, OR, OR, AND],
        [4, AND, AND, OR],
        [4, AND, OR, AND],
        [4, OR, AND, OR],
        [4, OR, AND, OR],
        [4, AND, OR, AND],
    ],
    dtype=np.int32,
)
# EXTEND[shape, op - 1]: the chain shape made by joining one more leaf to a shape of up to three leaves.
EXTEND = np.array(
    [[0, 0], [AND2, OR2], [AND3, AND_OR], [OR_AND, OR3], [8, 13], [12, 9], [10, 15], [14, 11]], dtype=np.int32
)


def build(shape: int, leaves: list[Formula]) -> Formula:
    """Formula of a shape with its leaves in order.

    Examples
    --------
    >>> str(build(OR_AND, [Formula.of(0), Formula.of(1), Formula.of(2)]))
    '(2 & (0 | 1))'
    """
    count, *operators = CHAINS[shape].tolist()
    join = {AND: Formula.conjunction, OR: Formula.disjunction}
    if shape >= PAIRS_AND:
        inner = join[operators[0]]
        return join[operators[1]](inner(*leaves[:2]), inner(*leaves[2:]))
    formula = leaves[0]
    for operator, leaf in zip(operators[: count - 1], leaves[1:], strict=False):
        formula = join[operator](formula, leaf)
    return formula
