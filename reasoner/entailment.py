"""The open world: which examples *follow* to be in an expression, by a reasoner, beside the closed-world retrieval.

The search takes what is not known as false. OWL does not [1]_: an individual is an instance of ∀R.C or ¬C only if it is
one in every model of the ontology, and may be one of ∃R.C without a known filler. For each expression there is a fresh
class that holds the examples in it, and the reasoner is asked for its instances. It is given the axioms that can
matter (the ⊥-locality module of the terms at hand) and what is said of the examples and of all that they are linked to.
Names are not unique in the open world: ≥n counts only what is known to be different.

.. [1] OWL 2 Web Ontology Language Direct Semantics (Second Edition), W3C Recommendation, 2012, section 2.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, NamedNode, Triple

from ..ontology.assertions import assertions_about, kinds_of
from ..ontology.axioms import Axioms
from ..ontology.errors import DataError, UsageError, near_matches
from ..ontology.expression import And, AtLeast, AtMost, ClassExpression, Named, subexpressions
from ..ontology.hermit import Hermit
from ..ontology.kb import KB
from ..ontology.locality import Axiom, axioms_of, module
from ..ontology.syntax.rdf import declarations, node_of, to_triples
from ..ontology.vocabulary import BUILT_IN, NEURONTOLOGY, SUBCLASS, TYPE
from .confusion import Confusion
from .elk import Elk, outside_el
from .interpretation import Interpretation

if TYPE_CHECKING:
    from .solve import PosedProblem

_REASONERS: dict[str, type[Hermit] | type[Elk]] = {"hermit": Hermit, "elk": Elk}
REASONERS = tuple(_REASONERS)
"""Reasoners that can be asked."""

_QUERY, _ASKED = NEURONTOLOGY + "query/", NEURONTOLOGY + "asked"


@dataclass(frozen=True)
class Entailment:
    """What a reasoner says of one expression.

    Attributes
    ----------
    reasoner
        Which one.
    confusion
        Counts of the entailed instances among the examples; whoever does not follow to be one counts as none.
    instances
        IRIs of the examples that follow to be instances, sorted.
    only_closed_world, only_open_world
        IRIs of the examples that are instances in one of the two worlds only, sorted.
    not_asked
        Why the reasoner cannot be asked about this expression, or None; all else is empty then.
    """

    reasoner: str
    confusion: Confusion
    instances: tuple[str, ...] = ()
    only_closed_world: tuple[str, ...] = ()
    only_open_world: tuple[str, ...] = ()
    not_asked: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the two worlds disagree about an example."""
        return bool(self.only_closed_world or self.only_open_world)

    def to_json(self) -> dict[str, Any]:
        """Record that stands as ``entailment`` in the one of a solution."""
        if self.not_asked is not None:
            return {"reasoner": self.reasoner, "not_asked": self.not_asked}
        counts = self.confusion
        return {
            "reasoner": self.reasoner,
            "differs": self.differs,
            "tp": counts.tp,
            "fp": counts.fp,
            "tn": counts.tn,
            "fn": counts.fn,
            "instances": list(self.instances),
            "only_closed_world": list(self.only_closed_world),
            "only_open_world": list(self.only_open_world),
        }


@dataclass(frozen=True)
class OpenWorld:
    """What a reasoner says of several expressions.

    Attributes
    ----------
    reasoner
        Which one.
    expressions
        One entry for each expression.
    notes
        What the reasoner left out of account.
    """

    reasoner: str
    expressions: tuple[Entailment, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenWorldAnswers:
    """Who follows to be in expressions, for the examples of any number of learning problems.

    Attributes
    ----------
    reasoner
        Which one.
    entailed
        IRIs of those who follow to be instances of each expression.
    not_asked
        Why the reasoner cannot be asked about an expression.
    notes
        What the reasoner left out of account.
    model
        The closed-world model.
    rows
        Rows of the examples in it.
    """

    reasoner: str
    entailed: dict[ClassExpression, frozenset[str]]
    not_asked: dict[ClassExpression, str]
    notes: tuple[str, ...]
    model: Interpretation
    rows: dict[str, int]

    def compare(self, expression: ClassExpression, positives: Sequence[str], negatives: Sequence[str]) -> Entailment:
        """Compare the two worlds for the examples of one problem, which are among those asked about."""
        if expression in self.not_asked:
            return Entailment(self.reasoner, Confusion(0, 0, 0, 0), not_asked=self.not_asked[expression])
        extension = self.model.retrieve(expression)
        examples = {*positives, *negatives}
        closed = {iri for iri in examples if extension[self.rows[iri]]}
        opened = self.entailed[expression] & examples
        tp, fp = (sum(iri in opened for iri in side) for side in (positives, negatives))
        return Entailment(
            self.reasoner,
            Confusion(tp=tp, fp=fp, tn=len(negatives) - fp, fn=len(positives) - tp),
            instances=tuple(sorted(opened)),
            only_closed_world=tuple(sorted(closed - opened)),
            only_open_world=tuple(sorted(opened - closed)),
        )


def require_reasoner(reasoner: str) -> None:
    """Make sure, before the work of minutes, that there is a reasoner.

    Raises
    ------
    UsageError
        There is none of this name.
    MissingDependencyError
        It is not installed.
    """
    if reasoner not in REASONERS:
        raise UsageError(f"there is no reasoner {reasoner!r}", hint=near_matches(reasoner, REASONERS))
    _REASONERS[reasoner]((), 1)


def check_posed(
    posed: PosedProblem,
    expressions: Sequence[ClassExpression],
    *,
    reasoner: str = "hermit",
    time_limit: float = 300,
) -> OpenWorld:
    """Ask a reasoner which examples of a learning problem follow to be instances of its solutions.

    The rest as for :func:`check_entailment`.
    """
    problem = posed.problem
    return check_entailment(
        posed.kb,
        expressions,
        problem.positives,
        problem.negatives,
        reasoner=reasoner,
        time_limit=time_limit,
        model=posed.interpretation,
    )


def check_entailment(
    kb: KB,
    expressions: Sequence[ClassExpression],
    positives: Sequence[str],
    negatives: Sequence[str],
    *,
    reasoner: str = "hermit",
    time_limit: float = 300,
    model: Interpretation | None = None,
) -> OpenWorld:
    """Ask a reasoner which examples follow to be instances of class expressions.

    Parameters
    ----------
    kb
        The knowledge base; all its assertions count, what its runs recorded is left out.
    expressions
        What to ask about.
    positives, negatives
        IRIs of the examples.
    reasoner
        ``hermit``, or ``elk``, which is faster and knows the language EL only.
    time_limit
        Seconds for the reasoner.
    model
        The closed-world model, if it is at hand.

    Returns
    -------
    OpenWorld
        One entry for each expression, in their order.

    Raises
    ------
    UsageError
        There is no such reasoner, or an example or a name is unknown.
    DataError
        The ontology is inconsistent, so that everything would follow from it.
    MissingDependencyError
        Java or the reasoner is not installed.
    NeurontologyError
        The reasoner fails or takes too long.
    """
    asked = ask_open_world(
        kb, expressions, [*positives, *negatives], reasoner=reasoner, time_limit=time_limit, model=model
    )
    found = tuple(asked.compare(e, positives, negatives) for e in expressions)
    return OpenWorld(reasoner, found, asked.notes)


def ask_open_world(
    kb: KB,
    expressions: Iterable[ClassExpression],
    examples: Sequence[str],
    *,
    reasoner: str = "hermit",
    time_limit: float = 300,
    model: Interpretation | None = None,
) -> OpenWorldAnswers:
    """Ask a reasoner once about expressions of several learning problems.

    Parameters
    ----------
    examples
        IRIs of the examples of all problems.

    The rest as for :func:`check_entailment`; what is asked twice is asked once.
    """
    require_reasoner(reasoner)
    model = model or Interpretation(kb.index)
    distinct = list(dict.fromkeys(expressions))
    rows = {iri: int(row) for iri, row in zip(examples, model.positions(examples), strict=True)}
    axioms = kb.index.axioms
    outside = outside_el if reasoner == "elk" else lambda e: _outside_owl(e, axioms)
    reasons = {e: outside(e) for e in distinct}
    asked = {f"{_QUERY}{at}": e for at, e in enumerate(distinct) if not reasons[e]}
    found: dict[str, frozenset[str]] = {}
    notes: tuple[str, ...] = ()
    if asked:
        knowledge = _knowledge(kb, asked, examples)
        asking = _REASONERS[reasoner](kinds_of(kb, {t for axiom in knowledge for t in axiom.terms}), time_limit)
        answer = asking.instances(knowledge, list(asked))
        notes = asking.notes
        if answer is None:
            raise DataError(
                "the ontology is inconsistent: everything follows from it, so that the open world tells nothing",
                where=kb.path,
                hint="`neurontology kb check` says which axioms contradict each other",
            )
        found = answer
    return OpenWorldAnswers(
        reasoner=reasoner,
        entailed={e: found[iri] for iri, e in asked.items()},
        not_asked={e: reason for e, reason in reasons.items() if reason},
        notes=notes,
        model=model,
        rows=rows,
    )


def _knowledge(kb: KB, queries: dict[str, ClassExpression], examples: Sequence[str]) -> list[Axiom]:
    """Definitions of the queries, what is said of the examples, and the axioms that can matter to either."""
    index = kb.index
    schema = axioms_of(index.schema)
    # What axioms name takes part in any conclusion about whom they hold of.
    named = sorted(t for axiom in schema for t in axiom.terms if t in index.individuals)
    queried = [_query(iri, expression) for iri, expression in queries.items()]
    signature = {term for axiom in queried for term in axiom.terms}
    data = {t for axiom in (*schema, *queried) for t in axiom.terms if t in index.data_properties}
    told = assertions_about(kb, dict.fromkeys([*examples, *named]), data)
    told += [Triple(NamedNode(iri), TYPE, NamedNode(_ASKED)) for iri in examples]
    assertions = Axiom(tuple(told), frozenset(_terms(told)))
    chosen, _ = module(signature | assertions.terms, index, schema)
    return [*chosen, assertions, *queried]


def _query(iri: str, expression: ClassExpression) -> Axiom:
    """Axiom that makes the asked individuals of an expression, and nobody else, instances of a fresh class.

    That whoever is an instance is in the expression need not be said: no other axiom gives the class instances.
    """

    def node(key: str) -> BlankNode:
        return BlankNode(f"query-{key}")

    guarded = And((Named(_ASKED), expression))
    stated = Triple(node_of(guarded, node), SUBCLASS, NamedNode(iri))
    triples = [stated, *to_triples(guarded, node)]
    return Axiom((*triples, *declarations(expression)), frozenset(_terms(triples)))


def _terms(triples: Sequence[Triple]) -> set[str]:
    nodes = (node for triple in triples for node in (triple.subject, triple.predicate, triple.object))
    return {n.value for n in nodes if isinstance(n, NamedNode) and not n.value.startswith(BUILT_IN)}


def _outside_owl(expression: ClassExpression, axioms: Axioms) -> str | None:
    """Why OWL 2 DL does not allow an expression, or None: it counts fillers of a composite property.

    OWL 2 Structural Specification, section 11.2: a property that chains or transitivity add to, and what is above
    it, must not stand in a cardinality restriction.
    """
    counted = {e.role.iri for e in subexpressions(expression) if isinstance(e, AtLeast | AtMost)}
    composite = {sup.iri for _, sup in axioms.chains}
    grown = True
    while grown:
        above = {sup.iri for sub, sup in axioms.sub_properties if sub.iri in composite} - composite
        composite |= above
        grown = bool(above)
    found = sorted(counted & composite)
    return f"OWL does not allow counting by the transitive or composed property <{found[0]}>" if found else None
