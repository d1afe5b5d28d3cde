"""What follows from the axioms under the closed world: links of roles, and instances of defined classes.

Links are closed under sub-properties, inverses, symmetry, transitivity and property chains. Instances are
closed under rules *body ⊑ class*, which are what axioms say about single individuals: a definition
C ≡ D gives the rule D ⊑ C and, for the parts of D that are names, C ⊑ part; C ⊑ ∀R.D gives ∃R⁻.C ⊑ D; domain
and range give ∃R.⊤ ⊑ C and ∃R⁻.⊤ ⊑ C. C ⊑ ∃R.{a} gives links. An axiom that would need an unknown individual or a
choice (∃ or ⊔ on the right) adds nothing, and neither does one that would make two names one individual (a functional
property with two fillers, ≤): names are unique unless ``owl:sameAs`` joins them.

A body that looks at what is *not* in a class (¬, ∀, ≤) is evaluated once that class is complete: the rules
are stratified [1]_. A rule that depends on the complement of what it defines has no such order and is left
out; if it would then still add something, a warning says so.

.. [1] Apt, Blair, Walker, "Towards a theory of declarative knowledge", 1988.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # which imports csgraph when it is first used: it takes a twentieth of a second

from ..ontology.axioms import NOMINAL, Axioms
from ..ontology.expression import (
    And,
    AtLeast,
    AtMost,
    ClassExpression,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
    subexpressions,
)
from ..ontology.index import KBIndex
from .data_values import PropertyValues
from .retrieval import Extension, evaluate

log = logging.getLogger(__name__)


def close_links(told: Mapping[str, sparse.csr_matrix], axioms: Axioms) -> dict[str, sparse.csr_matrix]:
    """Links of the object properties that have any, told or entailed.

    Parameters
    ----------
    told
        Boolean CSR, shape (n, n), by property.
    axioms
        Their sub-properties and chains hold.
    """
    links = dict(told)

    def get(role: Role) -> sparse.csr_matrix | None:
        found = links.get(role.iri)
        return found.T.tocsr() if role.inverse and found is not None else found

    def add(role: Role, found: sparse.csr_matrix) -> bool:
        if role.inverse:
            found = found.T.tocsr()
        before = links.get(role.iri)
        joined = found if before is None else (before + found).astype(np.bool_)
        links[role.iri] = joined
        return bool(joined.nnz > (0 if before is None else before.nnz))

    changed = set(links)
    while changed:
        now, changed = changed, set()
        for sub, sup in axioms.sub_properties:
            if (sub.iri in now or sub.iri in changed) and (found := get(sub)) is not None and add(sup, found):
                changed.add(sup.iri)
        for chain, sup in axioms.chains:
            if any(role.iri in now or role.iri in changed for role in chain):
                parts = [get(role) for role in chain]
                known = [part for part in parts if part is not None]
                if len(known) == len(parts):
                    composed = known[0]
                    for part in known[1:]:
                        composed = (composed @ part).astype(np.bool_)
                    if add(sup, composed.tocsr()):
                        changed.add(sup.iri)
    return {iri: matrix for iri, matrix in links.items() if matrix.nnz}


@dataclass(frozen=True)
class Rule:
    """Whoever is in the body, or has a value of the data property, is an instance of the class.

    `restates` marks what a definition C ≡ D says of the instances of C: those that D itself gave need it not.
    """

    body: ClassExpression | None
    head: str
    data_property: str | None = None
    restates: bool = False


@dataclass(frozen=True)
class LinkRule:
    """Whoever is in the body has a link of the role to the one individual of the class `target`."""

    body: ClassExpression
    role: Role
    target: Named


def link_rules_of(axioms: Axioms) -> list[LinkRule]:
    """Rules that the axioms *C ⊑ ∃R.{a}* give (``owl:hasValue``), definitions included.

    A body that looks at what is not in a class is left out: the link could take away what led to it.
    """
    found: dict[LinkRule, None] = {}

    def conclude(body: ClassExpression, head: ClassExpression) -> None:
        match head:
            case Some(role, Named(iri) as target) if iri.startswith(NOMINAL):
                found[LinkRule(body, role, target)] = None
            case And(operands):
                for operand in operands:
                    conclude(body, operand)

    for body, head in axioms.inclusions:
        if not any(isinstance(part, Not | Only | AtMost) for part in subexpressions(body)):
            conclude(body, head)
    return list(found)


def rules_of(axioms: Axioms, *, linked: set[str], valued: set[str]) -> list[Rule]:
    """Rules that the axioms give.

    Parameters
    ----------
    axioms
        The axioms.
    linked, valued
        Object properties with links and data properties with values; domains and ranges of others say nothing.
    """
    rules: dict[Rule, None] = {}
    inclusions = set(axioms.inclusions)

    def conclude(body: ClassExpression, head: ClassExpression, restates: bool = False) -> None:
        match head:
            case Named(iri):
                if body != head and not iri.startswith(NOMINAL):
                    rules[Rule(body, iri, restates=restates)] = None
            case And(operands):
                for operand in operands:
                    conclude(body, operand, restates)
            case Only(role, filler):
                conclude(Some(Role(role.iri, not role.inverse), body), filler, restates)

    for body, head in axioms.inclusions:
        conclude(body, head, isinstance(body, Named) and (head, body) in inclusions)
    for iri, head in axioms.domains:
        if iri in linked:
            conclude(Some(Role(iri), Top()), head)
        if iri in valued:
            for part in head.operands if isinstance(head, And) else (head,):
                if isinstance(part, Named) and not part.iri.startswith(NOMINAL):
                    rules[Rule(None, part.iri, iri)] = None
    for iri, head in axioms.ranges:
        if iri in linked:
            conclude(Some(Role(iri, True), Top()), head)
    return list(rules)


@dataclass
class Saturation:
    """Closes the instances of classes under rules.

    Attributes
    ----------
    index
        Index of the knowledge base; its hierarchy is followed upwards.
    size
        Number of individuals.
    links
        Their links by role.
    data
        Their values by data property.
    told
        Instances by class, bool of shape (size,), closed under the hierarchy.
    single
        The individual of a name, bool of shape (size,); nobody if there is none.
    """

    index: KBIndex
    size: int
    links: Callable[[Role], sparse.csr_matrix]
    data: Callable[[str], PropertyValues]
    told: Callable[[str], Extension]
    single: Callable[[str], Extension]
    _extensions: dict[str, Extension] = field(default_factory=dict)

    def role(self, role: Role) -> sparse.csr_matrix:
        """Links of a role."""
        return self.links(role)

    def values(self, iri: str) -> PropertyValues:
        """Values of a data property."""
        return self.data(iri)

    def instances(self, iri: str) -> Extension:
        """Instances of a class so far."""
        if iri not in self._extensions:
            alone = iri.startswith(NOMINAL)
            self._extensions[iri] = self.single(iri.removeprefix(NOMINAL)) if alone else self.told(iri)
        return self._extensions[iri]

    def run(self, rules: Sequence[Rule]) -> list[tuple[str, NDArray[np.intp]]]:
        """Classes with the individuals that the rules add to them."""
        added: dict[str, Extension] = {}
        names = {name for rule in rules for name, _ in _uses_of(rule)}
        above = self._above({rule.head for rule in rules}, names)
        left, restating = list(rules), []
        while True:
            stratum = _strata(
                [(name, rule.head) for rule in left for name, _ in _uses_of(rule)]
                + [(head, upper) for head, uppers in above.items() for upper in uppers]
            )
            circular = [
                rule
                for rule in left
                if any(not positive and stratum[name] == stratum[rule.head] for name, positive in _uses_of(rule))
            ]
            levels = {stratum[rule.head] for rule in circular}
            spared = {rule for rule in left if rule.restates and stratum[rule.head] in levels}
            if not spared:
                break
            restating += [rule for rule in left if rule in spared]
            left = [rule for rule in left if rule not in spared]
        by_stratum: dict[int, list[Rule]] = defaultdict(list)
        for rule in left:
            if rule not in circular:
                by_stratum[stratum.get(rule.head, -1)].append(rule)
        # What circular definitions say of told instances does not depend on any order.
        self._close(restating, above, added)
        for _, group in sorted(by_stratum.items()):
            self._close(group, above, added)
        undecided = [rule for rule in circular if (self._body(rule) & ~self.instances(rule.head)).any()]
        if undecided:
            log.warning(
                "%d definitions depend on the complement of what they define and are not used, such as that of %s",
                len(undecided),
                undecided[0].head,
            )
        return [(iri, np.flatnonzero(new)) for iri, new in sorted(added.items())]

    def _close(self, rules: Sequence[Rule], above: Mapping[str, list[str]], added: dict[str, Extension]) -> None:
        """Apply rules until nothing is new."""
        changed = True
        while changed:
            changed = False
            for rule in rules:
                new = self._body(rule) & ~self.instances(rule.head)
                if new.any():
                    changed = True
                    added[rule.head] = added.get(rule.head, np.zeros(self.size, np.bool_)) | new
                    for upper in (rule.head, *above[rule.head]):
                        self._extensions[upper] = self.instances(upper) | new

    def _body(self, rule: Rule) -> Extension:
        if rule.body is not None:
            return evaluate(rule.body, self)
        assert rule.data_property is not None
        found = np.zeros(self.size, np.bool_)
        found[self.values(rule.data_property).rows] = True
        return found

    def _above(self, heads: set[str], used: set[str]) -> dict[str, list[str]]:
        """For each head, the classes above it that rules look at."""
        relevant = heads | used
        found = {}
        for head in sorted(heads):
            identifier = self.index.classes.id(head)
            upper = () if identifier is None else self.index.stated.ancestors(identifier)
            names = (self.index.classes[int(i)] for i in upper)
            found[head] = [name for name in names if name in relevant and name != head]
        return found


def _uses_of(rule: Rule) -> list[tuple[str, bool]]:
    return [] if rule.body is None else list(_uses(rule.body, True))


def _uses(expression: ClassExpression, positive: bool) -> Iterator[tuple[str, bool]]:
    """Named classes of an expression, and whether more instances of them can only add to it."""
    match expression:
        case Named(iri):
            yield iri, positive
        case Not(operand):
            yield from _uses(operand, not positive)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _uses(operand, positive)
        case Some(_, filler) | Only(_, filler) | AtLeast(_, _, filler):
            yield from _uses(filler, positive)
        case AtMost(_, _, filler):
            yield from _uses(filler, not positive)


def _strata(edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Number of each name's strongly connected component, such that edges never lead to a lower number."""
    names = sorted({name for edge in edges for name in edge})
    number = {name: i for i, name in enumerate(names)}
    if not names:
        return {}
    rows, columns = (np.asarray([number[e[k]] for e in edges], np.int64) for k in (0, 1))
    graph = sparse.csr_matrix((np.ones(len(edges), np.bool_), (rows, columns)), shape=(len(names),) * 2)
    count, label = sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    between = {(int(a), int(b)) for a, b in zip(label[rows], label[columns], strict=True) if a != b}
    followers: dict[int, list[int]] = defaultdict(list)
    waiting = np.zeros(count, np.int64)
    for a, b in sorted(between):
        followers[a].append(b)
        waiting[b] += 1
    ready = [c for c in range(count) if not waiting[c]]
    order: dict[int, int] = {}
    while ready:
        component = ready.pop(0)
        order[component] = len(order)
        for follower in followers[component]:
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    return {name: order[int(label[i])] for name, i in number.items()}
