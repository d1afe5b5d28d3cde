"""Consistency of what extensions add: HermiT on the module that they touch, and the axioms to blame."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyoxigraph import NamedNode, RdfFormat, Triple, serialize

from .errors import MissingDependencyError, NeurontologyError, UsageError, near_matches
from .index import KBIndex
from .kb import KB
from .locality import Axiom, axioms_of, declarations, module
from .names import NameTable, local_name
from .statements import text_of
from .syntax.rdf import for_owl_tools
from .vocabulary import NEURONTOLOGY, OWL, TYPE

REASONERS = ("hermit",)
MAX_WITNESSES = 2_000
"""Distinct combinations of types among the individuals that are given to the reasoner, at most."""
MAX_TESTS = 150
"""Runs of the reasoner spent on an explanation, at most; each takes half a second and more."""
_MEMORY = "-Xmx2000M"
_WITNESS = NEURONTOLOGY + "witness/"


@dataclass(frozen=True)
class Consistency:
    """Verdict of a reasoner.

    Attributes
    ----------
    reasoner
        Which one.
    extensions
        The extensions looked at.
    axioms, classes
        Size of the module.
    consistent
        Whether it has a model.
    unsatisfiable
        IRIs of the classes that can have no instance; of an inconsistent module none are listed.
    explanation
        Axioms that together are to blame, in Manchester-like words; empty if all is well.
    minimal
        Whether each of them is needed.
    """

    reasoner: str
    extensions: tuple[str, ...]
    axioms: int
    classes: int
    consistent: bool
    unsatisfiable: tuple[str, ...]
    explanation: tuple[str, ...]
    minimal: bool

    def to_json(self) -> dict[str, Any]:
        """Record with the keys of ``kb check --json``."""
        return {
            "reasoner": self.reasoner,
            "extensions": list(self.extensions),
            "module_axioms": self.axioms,
            "module_classes": self.classes,
            "consistent": self.consistent,
            "unsatisfiable": list(self.unsatisfiable),
            "explanation": list(self.explanation),
            "minimal": self.minimal,
        }


def check(kb: KB, *, reasoner: str = "hermit", time_limit: float = 300) -> Consistency:
    """Ask a reasoner whether what the extensions add contradicts the knowledge base or itself.

    The reasoner sees the module of the extensions' terms, the extensions' own individuals, and one witness for
    each distinct combination of told types that other individuals have in the module; links between those are
    left out. An inconsistency, or else the first class without possible instances, is explained.

    Raises
    ------
    UsageError
        There is no such reasoner.
    MissingDependencyError
        Java is not installed.
    NeurontologyError
        The reasoner fails, or takes longer than `time_limit` seconds for one question.
    """
    if reasoner not in REASONERS:
        raise UsageError(f"there is no reasoner {reasoner!r}", hint=near_matches(reasoner, REASONERS))
    extensions = [e for e in kb.entries if e.kind == "extension"]
    stated = [q.triple for e in extensions for q in kb.store.quads_for_pattern(None, None, None, NamedNode(e.iri))]
    own = axioms_of(stated)
    index = kb.index
    signature = {term for axiom in own for term in axiom.terms}
    names = tuple(e.name for e in extensions)
    if not signature:
        return Consistency(reasoner, names, 0, 0, True, (), (), True)
    known = axioms_of(t for t in index.schema if t not in set(stated))
    chosen, terms = module(signature, index, [*own, *known])
    heads = {axiom.head for axiom in own}
    given = [axiom for axiom in chosen if axiom.head not in heads]
    given += _witnesses(index, terms, {text_of(a.head.subject) for a in own if a.is_assertion})
    # Declared kinds of properties decide how their axioms are read, wherever they are declared.
    kinds = _declared_kinds(kb, terms)
    hermit = Hermit(kinds, time_limit)
    unsatisfiable = hermit.unsatisfiable([*given, *own])
    classes = sum(1 for term in terms if term in index.classes)
    size = len(given) + len(own)
    if unsatisfiable == ():
        return Consistency(reasoner, names, size, classes, True, (), (), True)
    goal: list[Axiom] = []
    if unsatisfiable is not None:
        witness = Triple(NamedNode(_WITNESS + "explained"), TYPE, NamedNode(unsatisfiable[0]))
        goal = axioms_of([witness])
    blamed, minimal = _explain(lambda axioms: hermit.is_consistent([*goal, *axioms]), given, own)
    return Consistency(
        reasoner,
        names,
        size,
        classes,
        consistent=unsatisfiable is not None,
        unsatisfiable=unsatisfiable or (),
        explanation=tuple(describe_axiom(axiom, kb.names) for axiom in blamed),
        minimal=minimal,
    )


class Hermit:
    """HermiT, as owlready2 brings it, on axioms in a temporary file that is always removed.

    Parameters
    ----------
    kinds
        Declarations that every question includes.
    time_limit
        Seconds for one question.

    Raises
    ------
    MissingDependencyError
        Java is not installed.
    """

    def __init__(self, kinds: Iterable[Triple], time_limit: float) -> None:
        import owlready2

        java = shutil.which(owlready2.JAVA_EXE)
        if java is None:
            raise MissingDependencyError(
                "the reasoner HermiT needs Java, which is not installed",
                hint="install a Java runtime, such as Debian's default-jre-headless; everything else works without",
            )
        folder = Path(owlready2.__file__).parent / "hermit"
        self._command = [java, _MEMORY, "-cp", f"{folder}:{folder / 'HermiT.jar'}"]
        self._command.append("org.semanticweb.HermiT.cli.CommandLine")
        self._kinds = list(kinds)
        self._limit = time_limit
        self.tests = 0

    def unsatisfiable(self, axioms: Sequence[Axiom]) -> tuple[str, ...] | None:
        """Classes that can have no instances, sorted; None if the axioms are inconsistent."""
        answer = self._ask(axioms, "-U")
        if answer is None:
            return None
        lines = (line.strip() for line in answer.splitlines()[1:])
        return tuple(sorted(line[1:-1] for line in lines if line.startswith("<")))

    def is_consistent(self, axioms: Sequence[Axiom]) -> bool:
        """Whether the axioms have a model."""
        return self._ask(axioms, "-k") is not None

    def _ask(self, axioms: Sequence[Axiom], question: str) -> str | None:
        self.tests += 1
        triples = dict.fromkeys([*self._kinds, *declarations(axioms), *(t for a in axioms for t in a.triples)])
        with tempfile.TemporaryDirectory(prefix="neurontology-") as folder:
            file = Path(folder) / "module.nt"
            serialize(for_owl_tools(triples), str(file), format=RdfFormat.N_TRIPLES)
            try:
                result = subprocess.run(
                    [*self._command, question, file.as_uri()],
                    capture_output=True,
                    text=True,
                    timeout=self._limit,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise NeurontologyError(
                    f"HermiT has not answered within {self._limit:g} seconds on {len(axioms)} axioms",
                    hint="check smaller extensions one after the other",
                ) from error
        if result.returncode == 0:
            return result.stdout
        if "InconsistentOntologyException" in result.stderr:
            return None
        reason = next((line for line in result.stderr.splitlines() if line.strip()), "no reason given")
        raise NeurontologyError(f"HermiT failed ({reason.strip()})")


def describe_axiom(axiom: Axiom, names: NameTable) -> str:
    """Words for an axiom: ``Car SubClassOf Vehicle``; expressions in Manchester syntax where they can be read."""
    from .errors import DataError
    from .syntax.manchester import render
    from .syntax.rdf import describe_triples, from_triples

    describe = describe_triples(axiom.triples[1:])

    def words(node: Any) -> str:
        if isinstance(node, NamedNode) and node.value.startswith(_WITNESS):
            return "some individual"
        try:
            return render(from_triples(describe, node), names.short)
        except DataError:
            return str(node)

    head = axiom.head
    predicate = local_name(head.predicate.value)
    verb = {"type": "Type", "disjointWith": "DisjointWith", "equivalentClass": "EquivalentTo", "domain": "Domain"}
    verb |= {"range": "Range", "subClassOf": "SubClassOf", "subPropertyOf": "SubPropertyOf", "inverseOf": "InverseOf"}
    return f"{words(head.subject)} {verb.get(predicate, predicate)} {words(head.object)}"


def _declared_kinds(kb: KB, terms: Iterable[str]) -> list[Triple]:
    """What kind of property, with which characteristics, each term is declared to be in the knowledge graphs."""
    graphs = {e.iri for e in kb.entries if e.kind != "run"}
    found: dict[Triple, None] = {}
    for term in sorted(terms):
        for quad in kb.store.quads_for_pattern(NamedNode(term), TYPE, None, None):
            in_knowledge = isinstance(quad.graph_name, NamedNode) and quad.graph_name.value in graphs
            kind = text_of(quad.object)
            if in_knowledge and kind.startswith(OWL) and kind.endswith("Property"):
                found[quad.triple] = None
    return list(found)


def _witnesses(index: KBIndex, terms: Iterable[str], own: set[str]) -> list[Axiom]:
    """One individual for each distinct set of told types, as far as these are in the module."""
    ids = {i: term for term in terms if (i := index.classes.id(term)) is not None}
    types = np.asarray(index.types)
    types = types[np.isin(types[:, 1], np.fromiter(ids, np.int64, len(ids)))]
    combinations: dict[frozenset[int], None] = {}
    order = np.argsort(types[:, 0], kind="stable")
    types = types[order]
    for group in np.split(types, np.flatnonzero(np.diff(types[:, 0])) + 1):
        if len(group) and index.individuals[int(group[0, 0])] not in own:
            combinations[frozenset(group[:, 1].tolist())] = None
            if len(combinations) >= MAX_WITNESSES:
                break
    triples = [
        Triple(NamedNode(f"{_WITNESS}{number}"), TYPE, NamedNode(ids[c]))
        for number, classes in enumerate(combinations)
        for c in sorted(classes)
    ]
    return axioms_of(triples)


def _explain(
    is_consistent: Callable[[Sequence[Axiom]], bool], given: Sequence[Axiom], added: Sequence[Axiom]
) -> tuple[list[Axiom], bool]:
    """Find axioms that are to blame together: first among the added ones, then among those given.

    Divide and conquer (QuickXplain, U. Junker, AAAI 2004), so that n axioms of which k are to blame take about
    k log n tests.
    """
    tests = 0

    class OutOfTestsError(Exception):
        pass

    def consistent(axioms: Sequence[Axiom]) -> bool:
        nonlocal tests
        tests += 1
        if tests > MAX_TESTS:
            raise OutOfTestsError
        return is_consistent(axioms)

    def narrow(background: list[Axiom], changed: bool, candidates: list[Axiom]) -> list[Axiom]:
        if changed and not consistent(background):
            return []
        if len(candidates) == 1:
            return candidates
        half = len(candidates) // 2
        first, second = candidates[:half], candidates[half:]
        from_second = narrow([*background, *first], bool(first), second)
        from_first = narrow([*background, *from_second], bool(from_second), first)
        return [*from_first, *from_second]

    blamed = list(added)
    context = list(given)
    try:
        if added:
            blamed = narrow(context, True, blamed)
        if context:
            context = narrow(blamed, True, context)
    except OutOfTestsError:
        return [*context, *blamed] if len(context) + len(blamed) <= 50 else blamed, False
    return [*context, *blamed], True
