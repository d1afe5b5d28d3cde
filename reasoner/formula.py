"""Formulas over numbered atoms: and/or trees in negation normal form, kept in one normal form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal as Choice


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """An atom or its complement."""

    atom: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """A literal, or a conjunction or disjunction of formulas.

    Build it with :meth:`of`, :meth:`conjunction` and :meth:`disjunction`: they flatten nested operands of the
    same kind and sort them, so that equal formulas compare equal. A literal has its :class:`Literal` as its
    only operand.

    Examples
    --------
    >>> a, b = Formula.of(0), Formula.of(1, negated=True)
    >>> str(Formula.conjunction(b, a)), Formula.conjunction(a, b) == Formula.conjunction(b, a)
    ('(0 & !1)', True)
    """

    kind: Choice["literal", "and", "or"]
    operands: tuple[Formula, ...] | tuple[Literal]

    @classmethod
    def of(cls, atom: int, negated: bool = False) -> Formula:
        """Make the formula of one literal."""
        return cls("literal", (Literal(atom, negated),))

    @classmethod
    def conjunction(cls, *operands: Formula) -> Formula:
        """Intersection of one or more formulas."""
        return cls._join("and", operands)

    @classmethod
    def disjunction(cls, *operands: Formula) -> Formula:
        """Union of one or more formulas."""
        return cls._join("or", operands)

    @classmethod
    def _join(cls, kind: Choice["and", "or"], operands: tuple[Formula, ...]) -> Formula:
        flat: list[Formula] = []
        for operand in operands:
            flat.extend(operand.children if operand.kind == kind else (operand,))
        return flat[0] if len(flat) == 1 else cls(kind, tuple(sorted(flat, key=Formula._order)))

    def _order(self) -> tuple[int, str, tuple[Literal, ...]]:
        literals = tuple(self.literals())
        return (len(literals), self.kind, literals)

    @property
    def children(self) -> tuple[Formula, ...]:
        """Operands of a conjunction or disjunction, none for a literal."""
        return tuple(operand for operand in self.operands if isinstance(operand, Formula))

    def literals(self) -> Iterator[Literal]:
        """Literals from left to right."""
        for operand in self.operands:
            if isinstance(operand, Literal):
                yield operand
            else:
                yield from operand.literals()

    def length(self, atom_lengths: Sequence[int]) -> int:
        """Description length: atoms by their own lengths, each negation and each binary connective 1.

        Examples
        --------
        >>> Formula.disjunction(Formula.of(0), Formula.of(1, True)).length([1, 3])
        6
        """
        leaves = list(self.literals())
        return sum(int(atom_lengths[leaf.atom]) + leaf.negated for leaf in leaves) + len(leaves) - 1

    def __str__(self) -> str:
        if self.kind == "literal":
            leaf = next(self.literals())
            return f"{'!' if leaf.negated else ''}{leaf.atom}"
        return f"({(' & ' if self.kind == 'and' else ' | ').join(map(str, self.children))})"
