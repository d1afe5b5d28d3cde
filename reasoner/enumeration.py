"""Atoms by observational equivalence: expressions by rising length, one for each distinct extension.

Albarghouthi, Gulwani and Kincaid, "Recursive Program Synthesis", CAV 2013, call it so. An expression is nested
further only if no shorter or flatter one has its extension over *all* individuals; it becomes an atom if no
shorter one has its extension over the examples. Since an expression's extension depends only on those of its
parts, nothing is lost: every extension of the language is found, with a shortest expression for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.expression import Bottom, ClassExpression, DataBound, HasValue, Role, Top
from .bitset import Words, pack, word_count
from .compiled import kernel
from .data_values import BOOLEAN, PropertyValues
from .distinct import DistinctRows
from .extents import class_extents, gather
from .interpretation import Interpretation
from .language import Language
from .preference import Expressions, Keys
from .restrictions import Form, restrict_to_counted, restrict_to_members

_CELLS, _WORDS = 1 << 24, 1 << 25
"""Individuals times fillers, and packed words of all restrictions to them, in the largest block."""

_EMPTY, _FULL = 0, 1
"""Numbers of the extensions of nobody and of everybody."""


@kernel
def _prefer(groups: NDArray[np.int32], keys: Keys, best: NDArray[np.int64]) -> None:
    """Write the place of the smallest keys of each group to ``best``, which holds -1."""
    for i in range(groups.shape[0]):
        group = groups[i]
        j = best[group]
        if j < 0 or keys[i, 0] < keys[j, 0] or (keys[i, 0] == keys[j, 0] and keys[i, 1] < keys[j, 1]):
            best[group] = i


@dataclass(frozen=True)
class Candidates:
    """Expressions with their extensions over the examples.

    Attributes
    ----------
    expressions
        What they are made of.
    keys
        int64, shape (k, 2): how each is made and which is preferred, see :mod:`.preference`.
    groups
        int32, shape (k,): number of each extension.
    best
        int64, shape (groups,): place of the preferred expression, -1 for an extension of no candidate.
    extents
        Packed extensions, shape (groups, words).
    """

    expressions: Expressions
    keys: Keys
    groups: NDArray[np.int32]
    best: NDArray[np.int64]
    extents: Words


@dataclass
class Fillers:
    """Expressions of one length that restrictions are formed of.

    They are classes, given by their columns in the model's `kinds`, or the complements of these if `complement`;
    else they are given by their packed extensions over all individuals.
    """

    ids: NDArray[np.int64]
    columns: NDArray[np.int64] | None = None
    extents: Words | None = None
    complement: bool = False


@dataclass
class Offer:
    """Expressions that may be nested: the number of each extension, depth, keys, own number or -1."""

    groups: NDArray[np.int32]
    depths: NDArray[np.int64]
    keys: Keys
    ids: NDArray[np.int64]


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
        IRIs of classes and properties that no expression may use, beside those that are never named, see
        :meth:`.named_classes.NamedClasses.usable`.
    properties
        The only object properties that expressions may use; all by default.

    Attributes
    ----------
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
        self._n = interpretation.size
        self._limits: list[str] = []
        self._below_everything = len(interpretation.index.classes)
        self._ignored = ignored
        self._roles = self._distinct_roles(ignored, properties)
        told = interpretation.told_properties
        awkward = [int(role.inverse or role.iri not in told) for role in self._roles]
        named = interpretation.named
        self._columns = named.usable(ignored)
        iris = [named.iris[column] for column in self._columns.tolist()]
        self._expressions = Expressions(iris, named.below[self._columns], self._roles, awkward)
        # Over the examples: what was found. Nobody and everybody come first.
        self._distinct = DistinctRows(word_count(len(rows)), language.max_atoms + 1)
        self._distinct.add(pack(np.repeat([[False], [True]], len(rows), axis=1)))
        self._keys: list[Keys] = []
        self._groups: list[NDArray[np.int32]] = []
        # Over all individuals: what is nested further, and how flat the flattest expression of each is.
        self._known = DistinctRows(word_count(self._n))
        self._flattest = np.empty(0, np.int64)
        self._offered = DistinctRows(word_count(self._n))
        self._offers: list[Offer] = []
        self._by_length: dict[int, list[Fillers]] = {}
        self._links: dict[tuple[int, bool], sparse.csr_matrix] = {}
        self._candidates = 0
        self._pairs = 0
        self._kept = 0

    @property
    def truncated(self) -> str | None:
        """What was left out because of a limit."""
        return "; ".join(self._limits) or None

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
            distinct.setdefault(model.digest(role), role)
        return list(distinct.values())

    def _files(self, length: int, fillers: Fillers) -> None:
        self._by_length.setdefault(length, []).append(fillers)

    # -- enumeration ------------------------------------------------------------------------------------

    def run(self) -> Candidates:
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
        keys, groups = np.concatenate(self._keys), np.concatenate(self._groups)
        best = np.full(len(self._distinct), -1, np.int64)
        _prefer(groups, keys, best)
        return Candidates(self._expressions, keys, groups, best, self._distinct.rows)

    def _start(self) -> dict[int, tuple[NDArray[np.int64], Words]]:
        """Register ⊤ and the named classes; give the distinct literals that pairs are made of, by length."""
        model, constructors = self.interpretation, self.language.constructors
        columns = self._columns
        ids = np.arange(len(columns))
        for at, bits in class_extents(model.kinds, model.kind, columns, self.rows):
            self._found(1, self._expressions.keys(ids[at]), bits)
        top = self._expressions.add_bases([Top()], 1, self._below_everything, 0)
        self._found(1, self._expressions.keys(top), self._distinct.rows[_FULL : _FULL + 1])
        if self.language.depth < 1 or not self._roles:
            return {}
        self._files(1, Fillers(ids, columns))
        self._files(1, Fillers(top, extents=pack(np.ones((1, self._n), np.bool_))))
        if "only" in constructors:
            bottom = self._expressions.add_bases([Bottom()], 1, 0, 0)
            self._files(1, Fillers(bottom, extents=pack(np.zeros((1, self._n), np.bool_))))
        nesting = self.language.depth > 1 or {"not", "and", "or"} & set(constructors)
        if not nesting or not len(ids):
            return {}
        everything = pack(np.ones((1, self._n), np.bool_))
        self._new(np.concatenate([np.zeros_like(everything), everything]))
        everywhere = class_extents(model.kinds, model.kind, columns, np.arange(self._n))
        packed = np.concatenate([bits for _, bits in everywhere])
        # Of several classes with one extension the most specific.
        ranked = np.lexsort((ids, model.named.below[columns]))
        first = np.sort(ranked[self._new(packed[ranked])])
        literals = {1: (ids[first], packed[first])}
        if "not" in constructors:
            negated = packed[first] ^ everything
            second = self._new(negated)
            operands = first[second]
            made = self._expressions.add(self._expressions.complements(ids[operands]), np.zeros(len(operands), int))
            literals[2] = (made, negated[second])
            if len(made):
                self._files(2, Fillers(made, columns[operands], complement=True))
        return literals

    def _new(self, extents: Words) -> NDArray[np.int64]:
        """Note extensions as known at depth 0; the places of those that were not, each once."""
        before = len(self._known)
        groups = self._known.add(extents)
        self._flattest = np.concatenate([self._flattest, np.zeros(len(self._known) - before, np.int64)])
        places, first = np.unique(groups, return_index=True)
        return np.sort(first[places >= before])

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
                    b = np.arange(a + 1 if one == other else 0, len(right))
                    bits = left_bits[a] & right_bits[b] if kind == "and" else left_bits[a] | right_bits[b]
                    self._offer(
                        bits,
                        self._expressions.joined(kind, length, np.full(len(b), left[a]), right[b]),
                        np.zeros(len(b), np.int64),
                    )

    def _restrict_data(self) -> None:
        """Form the restrictions of data properties, all of length 3."""
        for iri in self.interpretation.data_properties:
            if iri in self._ignored:
                continue
            formed = list(_data_restrictions(iri, self.interpretation.values(iri), self.language, self._n))
            if not formed:
                continue
            ids = self._expressions.add_bases([expression for expression, _ in formed], 3, self._below_everything, 1)
            self._candidates += len(ids)
            block = max(1, _CELLS // self._n)
            for start in range(0, len(ids), block):
                part = ids[start : start + block]
                members = np.stack([extension for _, extension in formed[start : start + block]])
                keys = self._expressions.keys(part)
                self._found(3, keys, pack(members[:, self.rows]))
                if self.language.depth > 1:
                    self._offer(pack(members), keys, self._expressions.depths(part), part)

    def _restrict(self, length: int, role: int, fillers: Fillers, *, counting: bool) -> None:
        """Form the restrictions of a role to the given fillers; ≥n and ≤n if `counting`, else ∃ and ∀."""
        kinds = [k for k in (("min", "max") if counting else ("some", "only")) if k in self.language.constructors]
        if not kinds:
            return
        depths = self._expressions.depths(fillers.ids)
        usable = depths < self.language.depth
        deep = depths + 1 < self.language.depth
        for everyone in (True, False):
            chosen = np.flatnonzero(usable & (deep if everyone else ~deep))
            if not len(chosen):
                continue
            if kinds == ["some"] and isinstance(self._expressions.base(int(fillers.ids[0])), Top):
                self._candidates += 1
                self._restrict_to_anything(length, role, fillers.ids, everyone)
            elif kinds == ["some"] and fillers.columns is not None and not fillers.complement:
                allowed = chosen[: max(0, self.language.max_candidates - self._candidates)]
                if len(allowed) < len(chosen):
                    self._limit_candidates()
                self._candidates += len(allowed)
                self._restrict_to_classes(length, role, fillers.ids[allowed], fillers.columns[allowed], everyone)
            elif not self._count_fillers(kinds, length, role, fillers, chosen, everyone):
                return

    def _restrict_to_classes(
        self, length: int, role: int, ids: NDArray[np.int64], columns: NDArray[np.int64], everyone: bool
    ) -> None:
        """Form ∃R.A for many classes A at once."""
        model = self.interpretation
        rows = np.arange(self._n) if everyone else self.rows
        for at, bits in class_extents(model.kinds, model.kind, columns, rows, model.role(self._roles[role])):
            keys = self._expressions.restricted("some", length, 0, role, ids[at])
            self._take(length, keys, bits, ids[at], everyone)

    def _restrict_to_anything(self, length: int, role: int, top: NDArray[np.int64], everyone: bool) -> None:
        """Form ∃R.⊤."""
        holds = np.diff(self.interpretation.role(self._roles[role]).indptr) > 0
        keys = self._expressions.restricted("some", length, 0, role, top)
        self._take(length, keys, pack((holds if everyone else holds[self.rows])[None, :]), top, everyone)

    def _count_fillers(
        self, kinds: Sequence[str], length: int, role: int, fillers: Fillers, chosen: NDArray[np.int64], everyone: bool
    ) -> bool:
        """Form restrictions by counting fillers, in blocks; false if a limit ended it."""
        links = self._linked(role, everyone)
        degrees = np.diff(links.indptr).astype(np.int64)
        forms = self._forms(kinds, int(degrees.max(initial=0)), fillers.ids)
        if not forms:
            return True
        subjects = max(1, links.shape[0])
        block = max(1, min(_CELLS // subjects, _WORDS // (len(forms) * word_count(subjects))))
        counts = None
        if fillers.columns is not None:
            model = self.interpretation
            counts = (model.of_kinds(links) @ model.kinds).tocsc()[:, fillers.columns[chosen]]
            counts.sort_indices()
        for start in range(0, len(chosen), block):
            part = chosen[start : start + block]
            if self._candidates + len(part) > self.language.max_candidates:
                self._limit_candidates()
                return False
            if counts is None:
                assert fillers.extents is not None
                restricted, largest = restrict_to_members(links, fillers.extents[part], forms)
            else:
                some = counts[:, start : start + block]
                restricted, largest = restrict_to_counted(some, degrees, forms, complement=fillers.complement)
            ids = fillers.ids[part]
            for (kind, number), bits in zip(forms, restricted, strict=True):
                everybody_or_nobody = {"some": not largest, "min": number > largest, "max": number >= largest}
                if everybody_or_nobody.get(kind):
                    continue
                self._candidates += len(part)
                keys = self._expressions.restricted(kind, length, number, role, ids)
                self._take(length, keys, bits, ids, everyone)
        return True

    def _forms(self, kinds: Sequence[str], most: int, ids: NDArray[np.int64]) -> list[Form]:
        """Restrictions to fillers, of which an individual has so many at most, that can make a difference."""
        first = self._expressions.base(int(ids[0]))
        bottom, top = isinstance(first, Bottom), isinstance(first, Top)
        least = {"min": 2, "max": 1}
        forms: list[Form] = []
        for kind in kinds:
            if kind == "some" or (kind == "only" and not top):
                forms.append((kind, 0))
            elif kind in least and not bottom:
                forms += [(kind, number) for number in range(least[kind], min(most, self.language.max_cardinality) + 1)]
        return forms

    def _linked(self, role: int, everyone: bool) -> sparse.csr_matrix:
        """Links of a role from all individuals or from the examples, int32."""
        if (role, everyone) not in self._links:
            links = self.interpretation.role(self._roles[role]).astype(np.int32)
            self._links[role, True] = links
            self._links[role, False] = links[self.rows]
        return self._links[role, everyone]

    def _take(self, length: int, keys: Keys, extents: Words, fillers: NDArray[np.int64], everyone: bool) -> None:
        """Register restrictions as atoms and, where they may be nested further, as fillers."""
        if not everyone:
            return self._found(length, keys, extents)
        found = np.zeros((len(extents), word_count(len(self.rows))), np.uint64)
        gather(extents, self.rows, found)
        self._found(length, keys, found)
        self._offer(extents, keys, self._expressions.depths(fillers) + 1)

    def _found(self, length: int, keys: Keys, extents: Words) -> None:
        """Register atoms by their packed extensions over the examples."""
        groups = self._distinct.add(extents)
        kept = groups > (_EMPTY if length == 1 else _FULL)
        if groups.min(initial=0) < 0:
            self._limit(f"atoms beyond the first {self.language.max_atoms:,} by length")
        self._keys.append(keys[kept])
        self._groups.append(groups[kept])

    # -- fillers ----------------------------------------------------------------------------------------

    def _offer(
        self, extents: Words, keys: Keys, depths: NDArray[np.int64], ids: NDArray[np.int64] | None = None
    ) -> None:
        """Remember expressions for nesting, of whose extension none is known that is as flat."""
        known = self._known.find(extents)
        useful = np.flatnonzero((known < 0) | (self._flattest[known] > depths) if len(self._flattest) else known < 0)
        if len(useful):
            self._offers.append(
                Offer(
                    self._offered.add(extents[useful]),
                    depths[useful],
                    keys[useful],
                    np.full(len(useful), -1) if ids is None else ids[useful],
                )
            )

    def _keep_fillers(self, length: int) -> None:
        """Add what was offered for one length to what is nested further, the preferred first."""
        if not self._offers:
            return
        groups = np.concatenate([offer.groups for offer in self._offers])
        depths = np.concatenate([offer.depths for offer in self._offers])
        keys = np.concatenate([offer.keys for offer in self._offers])
        ids = np.concatenate([offer.ids for offer in self._offers])
        extents = self._offered.rows
        self._offers, self._offered = [], DistinctRows(word_count(self._n))
        # Of each extension the flattest expression, then the preferred one; these in the same order.
        order = np.lexsort((keys[:, 1], keys[:, 0], depths))
        _, first = np.unique(groups[order], return_index=True)
        chosen = order[np.sort(first)]
        room = self.language.max_fillers - self._kept
        if len(chosen) > room:
            self._limit(f"restrictions of more than {self.language.max_fillers:,} nested expressions")
            chosen = chosen[:room]
        if not len(chosen):
            return
        self._kept += len(chosen)
        bits = extents[groups[chosen]]
        known = self._known.add(bits)
        self._flattest = np.concatenate([self._flattest, np.empty(len(self._known) - len(self._flattest), np.int64)])
        self._flattest[known] = depths[chosen]
        numbers = ids[chosen]
        unnumbered = numbers < 0
        numbers[unnumbered] = self._expressions.add(keys[chosen][unnumbered], depths[chosen][unnumbered])
        self._files(length, Fillers(numbers, extents=bits))

    def _limit_candidates(self) -> None:
        self._limit(f"restrictions beyond the first {self.language.max_candidates:,} by length")

    def _limit(self, what: str) -> None:
        if what not in self._limits:
            self._limits.append(what)


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
        # The first spelling of each value stands for it.
        spelling: dict[float | tuple[str, str], tuple[str, str]] = {}
        for at in inside.tolist():
            literal, order = values.literals[at], float(values.orders[at])
            value = literal if np.isnan(order) else order
            spelling[value] = min(literal, spelling.get(value, literal))
        if len(spelling) <= language.max_values:
            for datatype, lexical in sorted(spelling.values()):
                yield HasValue(iri, lexical, datatype), members(values.equal(lexical, datatype))
        # Not a number, or no value at all, lies beyond no threshold.
        levels = sorted(v for v in spelling if isinstance(v, float))
        if len(levels) > 1 and space != BOOLEAN:
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
