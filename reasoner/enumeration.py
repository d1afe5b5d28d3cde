"""Atoms by observational equivalence: expressions by rising length, one for each distinct extension.

Albarghouthi, Gulwani and Kincaid, "Recursive Program Synthesis", CAV 2013, call it so. An expression is nested
further only if no shorter or flatter one has its extension over *all* individuals; it becomes an atom if no
shorter one has its extension over the examples. Since an expression's extension depends only on those of its
parts, nothing is lost: every extension of the language is found, with a shortest expression for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from ..ontology.names import local_name
from .bitset import Words, pack, unpack
from .data_values import BOOLEAN, PropertyValues
from .interpretation import Interpretation
from .language import Language

ALIAS = "WN_"
"""Prefix of the local name of a WordNet class that stands beside another class of the same name."""

MAX_EQUIVALENTS = 50
"""Expressions of one extension that are remembered, at most."""

_CELLS = 1 << 24
"""Entries of the largest dense block."""


class Recipe(NamedTuple):
    """How an expression is made of others; recipes of equal preference sort by kind, number, role, parts."""

    kind: str
    number: int
    role: int
    first: int
    second: int


class Rank(NamedTuple):
    """Preference among expressions with one extension, the smallest first.

    Short; then with few ∀ and ≤, which hold for whoever has no filler at all; then specific, by the number of
    classes below those named (⊤ counts as being above all); then asserted properties before inverses and
    entailed ones; then a fixed order.
    """

    length: int
    universal: int
    below: int
    awkward: int
    recipe: Recipe


@dataclass
class Found:
    """An atom and what else has its extension."""

    rank: Rank
    others: list[Rank] = field(default_factory=list)


@dataclass
class Fillers:
    """Expressions of one length that restrictions are formed of.

    ``extents`` holds a column for each, CSR over all individuals, or packed rows. ``complement`` says that
    the complements of the columns are meant.
    """

    ids: NDArray[np.int64]
    extents: sparse.csr_matrix | Words
    complement: bool = False


class Enumeration:
    """Enumerates the atoms of a language.

    Parameters
    ----------
    interpretation
        The closed-world model.
    rows
        int64, shape (n,): the example individuals.
    language
        What is formed.
    ignored
        IRIs of classes and properties that no expression may use. A class called ``null`` is always among
        them, and so is a class ``WN_X`` beside a class ``X``: the two are one concept under two names.
    properties
        The only object properties that expressions may use; all by default.

    Attributes
    ----------
    atoms
        Found atoms by their packed extension over the examples, words of ``ceil(n / 64)``.
    truncated
        What was left out because of a limit, or None.
    """

    def __init__(
        self,
        interpretation: Interpretation,
        rows: NDArray[np.int64],
        language: Language,
        *,
        ignored: Collection[str] = (),
        properties: Collection[str] | None = None,
    ) -> None:
        self.interpretation = interpretation
        self.rows = rows
        self.language = language
        self.atoms: dict[bytes, Found] = {}
        self._limits: list[str] = []
        self._n = interpretation.size
        self._full = pack(np.ones((1, len(rows)), np.bool_))[0].tobytes()
        self._empty = bytes(len(self._full))
        self._below_everything = len(interpretation.index.classes)
        self._ranks: list[Rank] = []
        self._bases: list[ClassExpression | None] = []
        self._depths: list[int] = []
        self._made: dict[int, ClassExpression] = {}
        self._flattest: dict[bytes, int] = {}
        self._by_length: dict[int, list[Fillers]] = {}
        self._offered: dict[tuple[bytes, int], tuple[Rank, int | None]] = {}
        self._candidates = 0
        self._pairs = 0
        self._kept = 0
        self._ignored = ignored
        self._roles = self._distinct_roles(ignored, properties)
        self._awkward_roles = [
            int(role.inverse or role.iri not in interpretation.told_properties) for role in self._roles
        ]
        self._links: dict[tuple[int, bool], sparse.csr_matrix] = {}

    @property
    def truncated(self) -> str | None:
        """What was left out because of a limit."""
        return "; ".join(self._limits) or None

    # -- what expressions are made of -------------------------------------------------------------------

    def _distinct_roles(self, ignored: Collection[str], properties: Collection[str] | None) -> list[Role]:
        """Roles with distinct links, asserted properties first."""
        model = self.interpretation
        allowed = [p for p in model.properties if p not in ignored and (not properties or p in properties)]
        candidates = [Role(p) for p in allowed]
        if "inverse" in self.language.constructors:
            candidates += [Role(p, True) for p in allowed]
        candidates.sort(key=lambda r: (r.inverse, r.iri not in model.told_properties, r.iri))
        distinct: dict[bytes, Role] = {}
        for role in candidates:
            links = model.role(role)
            links.sort_indices()
            distinct.setdefault(links.indptr.tobytes() + links.indices.tobytes(), role)
        return list(distinct.values())

    def _class_columns(self) -> NDArray[np.int64]:
        """Columns of the classes that may be used."""
        model = self.interpretation
        iris = [model.index.classes[int(c)] for c in model.classes]
        allowed = [iri not in self._ignored and local_name(iri) != "null" for iri in iris]
        names = {local_name(iri) for iri, use in zip(iris, allowed, strict=True) if use}
        return np.asarray(
            [
                column
                for column, (iri, use) in enumerate(zip(iris, allowed, strict=True))
                if use and not ((name := local_name(iri)).startswith(ALIAS) and name.removeprefix(ALIAS) in names)
            ],
            np.int64,
        )

    def _add_base(self, expression: ClassExpression, below: int, depth: int) -> int:
        rank = Rank(1 if depth == 0 else 3, 0, below, 0, Recipe("", 0, 0, len(self._ranks), 0))
        return self._add(rank, depth, expression)

    def _add(self, rank: Rank, depth: int, base: ClassExpression | None = None) -> int:
        self._ranks.append(rank)
        self._bases.append(base)
        self._depths.append(depth)
        return len(self._ranks) - 1

    def _restricted(self, length: int, form: Recipe, filler: int) -> Rank:
        """Rank of a restriction to a filler."""
        inner = self._ranks[filler]
        return Rank(
            length,
            inner.universal + (form.kind in ("only", "max")),
            inner.below,
            inner.awkward + self._awkward_roles[form.role],
            form._replace(first=filler),
        )

    def _files(self, length: int, fillers: Fillers) -> None:
        self._by_length.setdefault(length, []).append(fillers)

    # -- enumeration ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Enumerate."""
        literals = self._start()
        length = 2
        while length < max([3, *(known + 3 for known in self._by_length)]):
            length += 1
            if length == 3 and "data" in self.language.constructors and self.language.depth >= 1:
                self._restrict_data()
            self._pair(literals, length)
            for role in range(len(self._roles)):
                for fillers in list(self._by_length.get(length - 2, ())):
                    self._restrict(length, role, fillers, counting=False)
                for fillers in list(self._by_length.get(length - 3, ())):
                    self._restrict(length, role, fillers, counting=True)
            self._keep_fillers(length)

    def _start(self) -> dict[int, tuple[NDArray[np.int64], Words]]:
        """Register ⊤ and the named classes; give the distinct literals that pairs are made of, by length."""
        model, constructors = self.interpretation, self.language.constructors
        columns = self._class_columns()
        names = [model.index.classes[int(c)] for c in model.classes[columns]]
        below = [len(model.index.hierarchy.descendants(int(c))) for c in model.classes[columns]]
        ids = np.asarray(
            [self._add_base(Named(name), size, 0) for name, size in zip(names, below, strict=True)], np.int64
        )
        membership = model.membership
        if len(columns) < membership.shape[1]:
            membership = membership[:, columns]
        self._found(1, ids, self._packed(membership, self.rows))
        top = self._add_base(Top(), self._below_everything, 0)
        self._found(1, np.asarray([top]), np.frombuffer(self._full, np.uint64)[None, :])
        if self.language.depth < 1 or not self._roles:
            return {}
        self._files(1, Fillers(ids, membership))
        self._files(1, Fillers(np.asarray([top]), pack(np.ones((1, self._n), np.bool_))))
        if "only" in constructors:
            bottom = self._add_base(Bottom(), 0, 0)
            self._files(1, Fillers(np.asarray([bottom]), pack(np.zeros((1, self._n), np.bool_))))
        nesting = self.language.depth > 1 or {"not", "and", "or"} & set(constructors)
        if not nesting or not len(ids):
            return {}
        everything = pack(np.ones((1, self._n), np.bool_))[0]
        known = {everything.tobytes(), bytes(everything.nbytes)}
        packed = self._packed(membership, None)
        ranked = sorted(range(len(ids)), key=lambda k: (below[k], k))
        first = [k for k in ranked if self._is_new(packed[k].tobytes(), known)]
        first.sort()
        literals = {1: (ids[first], packed[first])}
        for key in known:
            self._flattest[key] = 0
        if "not" in constructors:
            negated = packed[first] ^ everything
            second = [k for k in range(len(first)) if self._is_new(negated[k].tobytes(), known)]
            operands = [first[k] for k in second]
            recipes = [Recipe("not", 0, 0, int(ids[k]), 0) for k in operands]
            made = np.asarray(
                [self._add(Rank(2, 0, below[k], 0, r), 0) for k, r in zip(operands, recipes, strict=True)], np.int64
            )
            literals[2] = (made, negated[second])
            for key in known:
                self._flattest[key] = 0
            if len(made):
                self._files(2, Fillers(made, membership[:, operands], complement=True))
        return literals

    @staticmethod
    def _is_new(key: bytes, known: set[bytes]) -> bool:
        if key in known:
            return False
        known.add(key)
        return True

    def _pair(self, literals: dict[int, tuple[NDArray[np.int64], Words]], length: int) -> None:
        """Form intersections and unions of two literals."""
        kinds = [kind for kind in ("and", "or") if kind in self.language.constructors]
        for one in sorted(literals):
            other = length - 1 - one
            if other < one or other not in literals:
                continue
            (left, left_bits), (right, right_bits) = literals[one], literals[other]
            count = (len(left) * (len(left) - 1) // 2 if one == other else len(left) * len(right)) * len(kinds)
            self._pairs += count
            if count and self._pairs > self.language.max_pairs:
                self._limit(
                    "intersections and unions inside restrictions, which would be more than "
                    f"{self.language.max_pairs:,}"
                )
                return
            for kind in kinds:
                for a in range(len(left)):
                    start = a + 1 if one == other else 0
                    bits = left_bits[a] & right_bits[start:] if kind == "and" else left_bits[a] | right_bits[start:]
                    for offset, row in enumerate(bits):
                        b = start + offset
                        self._offer_filler(
                            row.tobytes(),
                            Rank(
                                length,
                                0,
                                self._ranks[left[a]].below + self._ranks[right[b]].below,
                                0,
                                Recipe(kind, 0, 0, int(left[a]), int(right[b])),
                            ),
                            0,
                        )

    def _restrict_data(self) -> None:
        """Form the restrictions of data properties, all of length 3."""
        for iri in self.interpretation.data_properties:
            if iri in self._ignored:
                continue
            for expression, members in _data_restrictions(iri, self.interpretation.values(iri), self.language, self._n):
                identifier = self._add_base(expression, self._below_everything, 1)
                self._candidates += 1
                row = pack(members[self.rows][None, :])
                self._found(3, np.asarray([identifier]), row)
                if self.language.depth > 1:
                    key = pack(members[None, :])[0].tobytes()
                    self._offer_filler(key, self._ranks[identifier], 1, identifier)

    def _restrict(self, length: int, role: int, fillers: Fillers, *, counting: bool) -> None:
        """Form the restrictions of a role to the given fillers; ≥n and ≤n if `counting`, else ∃ and ∀."""
        kinds = [k for k in (("min", "max") if counting else ("some", "only")) if k in self.language.constructors]
        usable = np.asarray([self._depths[i] < self.language.depth for i in fillers.ids], np.bool_)
        if not kinds or not usable.any():
            return
        deep = np.asarray([self._depths[i] + 1 < self.language.depth for i in fillers.ids], np.bool_)
        for everyone in (True, False):
            chosen = np.flatnonzero(usable & (deep if everyone else ~deep))
            links = self._linked(role, everyone)
            degree = np.asarray(links.sum(axis=1)).ravel().astype(np.int32)
            block = max(1, _CELLS // max(1, links.shape[0]))
            product = None
            if len(chosen) and not isinstance(fillers.extents, np.ndarray):
                columns = fillers.extents
                if len(chosen) < columns.shape[1]:
                    columns = columns[:, chosen]
                product = (links @ columns).tocsc()
            for start in range(0, len(chosen), block):
                part = chosen[start : start + block]
                if self._candidates + len(part) > self.language.max_candidates:
                    self._limit(f"restrictions beyond the first {self.language.max_candidates:,} by length")
                    return
                if product is not None:
                    counts = product[:, start : start + block].toarray()
                else:
                    assert isinstance(fillers.extents, np.ndarray)
                    counts = links @ unpack(fillers.extents[part], self._n).T.astype(np.int32)
                if fillers.complement:
                    counts = degree[:, None] - counts
                for kind, number, holds in self._forms(kinds, counts, degree, fillers.ids[part]):
                    self._candidates += len(part)
                    self._take(length, Recipe(kind, number, role, 0, 0), fillers.ids[part], holds, everyone)

    def _forms(
        self, kinds: Sequence[str], counts: NDArray[np.int32], degree: NDArray[np.int32], ids: NDArray[np.int64]
    ) -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
        """Restrictions by the number of fillers that count and the number of all fillers."""
        largest = int(counts.max(initial=0))
        bottom = isinstance(self._bases[ids[0]], Bottom)
        top = isinstance(self._bases[ids[0]], Top)
        for kind in kinds:
            if kind == "some" and largest:
                yield kind, 0, counts > 0
            elif kind == "only" and not top:
                yield kind, 0, counts == degree[:, None]
            elif kind == "min" and not bottom:
                for number in range(2, min(largest, self.language.max_cardinality) + 1):
                    yield kind, number, counts >= number
            elif kind == "max" and not bottom:
                for number in range(1, min(largest - 1, self.language.max_cardinality) + 1):
                    yield kind, number, counts <= number

    def _linked(self, role: int, everyone: bool) -> sparse.csr_matrix:
        """Links of a role from all individuals or from the examples, int32."""
        if (role, everyone) not in self._links:
            links = self.interpretation.role(self._roles[role]).astype(np.int32)
            self._links[role, True] = links
            self._links[role, False] = links[self.rows]
        return self._links[role, everyone]

    def _take(
        self, length: int, form: Recipe, fillers: NDArray[np.int64], holds: NDArray[np.bool_], everyone: bool
    ) -> None:
        """Register restrictions as atoms and, where they may be nested further, as fillers."""
        shown = pack(np.ascontiguousarray((holds[self.rows] if everyone else holds).T))
        self._found(length, fillers, shown, form)
        if everyone:
            bits = pack(np.ascontiguousarray(holds.T))
            width = bits.shape[1] * 8
            text = bits.tobytes()
            for at, filler in enumerate(fillers.tolist()):
                key, depth = text[at * width : (at + 1) * width], self._depths[filler] + 1
                if self._flattest.get(key, depth + 1) > depth:
                    self._offer_filler(key, self._restricted(length, form, filler), depth)

    def _found(
        self,
        length: int,
        parts: NDArray[np.int64],
        extents: Words,
        form: Recipe | None = None,
    ) -> None:
        """Register atoms by their packed extensions over the examples: `parts`, or the restrictions to them."""
        width = extents.shape[1] * 8
        text = extents.tobytes()
        limit = self.language.max_atoms
        for at, part in enumerate(parts.tolist()):
            key = text[at * width : (at + 1) * width]
            if key == self._empty or (key == self._full and length > 1):
                continue
            known = self.atoms.get(key)
            if known is None and len(self.atoms) >= limit:
                self._limit(f"atoms beyond the first {limit:,} by length")
                continue
            rank = self._ranks[part] if form is None else self._restricted(length, form, part)
            if known is None:
                self.atoms[key] = Found(rank)
                continue
            if rank < known.rank:
                known.rank, rank = rank, known.rank
            if len(known.others) < 2 * MAX_EQUIVALENTS:
                known.others.append(rank)

    # -- fillers ----------------------------------------------------------------------------------------

    def _offer_filler(self, key: bytes, rank: Rank, depth: int, identifier: int | None = None) -> None:
        """Remember an expression for nesting if none of its extension is as flat."""
        flattest = self._flattest.get(key)
        if flattest is not None and flattest <= depth:
            return
        known = self._offered.get((key, depth))
        if known is None or rank < known[0]:
            self._offered[key, depth] = (rank, identifier)

    def _keep_fillers(self, length: int) -> None:
        """Add what was offered for one length to what is nested further, the preferred first."""
        chosen: list[tuple[Rank, int, bytes, int | None]] = []
        for (key, depth), (rank, identifier) in self._offered.items():
            chosen.append((rank, depth, key, identifier))
        self._offered.clear()
        chosen.sort(key=lambda item: (item[1], item[0]))
        ids, keys = [], []
        for rank, depth, key, identifier in chosen:
            flattest = self._flattest.get(key)
            if flattest is not None and flattest <= depth:
                continue
            if self._kept >= self.language.max_fillers:
                self._limit(f"restrictions of more than {self.language.max_fillers:,} nested expressions")
                break
            self._kept += 1
            self._flattest[key] = depth
            keys.append(key)
            ids.append(self._add(rank, depth) if identifier is None else identifier)
        if ids:
            bits = np.frombuffer(b"".join(keys), np.uint64).reshape(len(keys), -1)
            self._files(length, Fillers(np.asarray(ids, np.int64), bits))

    def _limit(self, what: str) -> None:
        if what not in self._limits:
            self._limits.append(what)

    def _packed(self, columns: sparse.csr_matrix, rows: NDArray[np.int64] | None) -> Words:
        """Pack the columns of a sparse matrix over the given rows, or all."""
        chosen = (columns if rows is None else columns[rows]).tocsc()
        n, count = chosen.shape
        block = max(1, _CELLS // max(1, n))
        packed = np.zeros((count, -(-n // 64)), np.uint64)
        for start in range(0, count, block):
            part = chosen[:, start : start + block].toarray().T
            packed[start : start + block] = pack(np.ascontiguousarray(part))
        return packed

    # -- expressions ------------------------------------------------------------------------------------

    def expression(self, recipe: Recipe) -> ClassExpression:
        """Expression that a recipe makes."""
        if not recipe.kind:
            base = self._bases[recipe.first]
            assert base is not None
            return base
        first = self._part(recipe.first)
        match recipe.kind:
            case "not":
                return Not(first)
            case "and":
                return And((first, self._part(recipe.second)))
            case "or":
                return Or((first, self._part(recipe.second)))
        role = self._roles[recipe.role]
        match recipe.kind:
            case "some":
                return Some(role, first)
            case "only":
                return Only(role, first)
            case "min":
                return AtLeast(recipe.number, role, first)
            case _:
                return AtMost(recipe.number, role, first)

    def _part(self, identifier: int) -> ClassExpression:
        if identifier not in self._made:
            self._made[identifier] = self.expression(self._ranks[identifier].recipe)
        return self._made[identifier]


def _data_restrictions(
    iri: str, values: PropertyValues, language: Language, n: int
) -> Iterator[tuple[ClassExpression, NDArray[np.bool_]]]:
    """Restrictions of a data property, with their instances."""

    def members(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        extension = np.zeros(n, np.bool_)
        extension[rows] = True
        return extension

    for space in np.unique(values.spaces).tolist():
        inside = np.flatnonzero(values.spaces == space)
        ordered = not np.isnan(values.orders[inside]).any() and space != BOOLEAN
        # The first spelling of each value stands for it.
        spelling: dict[float | tuple[str, str], tuple[str, str]] = {}
        for at in inside.tolist():
            literal, order = values.literals[at], float(values.orders[at])
            value = literal if np.isnan(order) else order
            spelling[value] = min(literal, spelling.get(value, literal))
        if len(spelling) <= language.max_values:
            for datatype, lexical in sorted(spelling.values()):
                yield HasValue(iri, lexical, datatype), members(values.equal(lexical, datatype))
        if ordered and len(spelling) > 1:
            levels = sorted(v for v in spelling if isinstance(v, float))
            places = np.unique(
                np.linspace(0, len(levels) - 1, min(len(levels), language.max_thresholds)).round().astype(int)
            )
            for place in places.tolist():
                datatype, lexical = spelling[levels[place]]
                for facet in (">=", "<="):
                    yield (
                        DataBound(iri, facet, lexical, datatype),
                        members(values.beyond(facet, lexical, datatype)),
                    )
