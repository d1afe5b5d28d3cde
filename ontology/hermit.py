"""HermiT, the OWL 2 reasoner that owlready2 brings, as a process of its own with a time limit.

HermiT 1.3.8 misses instances where axioms promise data values: with D ≡ ∃age.[≥ 5] among other data ranges it may not
see that somebody of age 6 is a D, and whether it does depends on the order in which Java's identity hash codes put
things. Two remedies: the hash codes count from one, so that the same question gets the same answer; and instances are
asked for a second time without the promises (:func:`without_data_promises`), of which HermiT knows no such failure.
All that it finds either way does follow, so the answers are united.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Triple, serialize

from .errors import MissingDependencyError, NeurontologyError
from .locality import Axiom, declarations
from .syntax.rdf import for_owl_tools
from .vocabulary import EQUIVALENT, OWL, SUBCLASS, TYPE

_JAVA_OPTIONS = (
    "-Xmx2000M",
    # Identity hash codes in sequence, not at random; a Java without this option goes on without it.
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:hashCode=3",
)
_ON_PROPERTY = NamedNode(OWL + "onProperty")
_DATA_PROPERTY = NamedNode(OWL + "DatatypeProperty")
_LINE = re.compile(r"^(SubClassOf|EquivalentClasses|Type)\( ((?:<[^>]*>\s*)+)\)$", re.MULTILINE)
_THING = OWL + "Thing"
_IRI = re.compile(r"<([^>]*)>")


class Hermit:
    """HermiT, as owlready2 brings it, on axioms in a temporary file that is always removed.

    Parameters
    ----------
    kinds
        Declarations that every question includes.
    time_limit
        Seconds for one question.

    Attributes
    ----------
    tests
        Number of questions so far.
    notes
        What was left out of account: nothing, HermiT knows all of OWL 2 DL.

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
        self._command = [java, *_JAVA_OPTIONS, "-cp", f"{folder}:{folder / 'HermiT.jar'}"]
        self._command.append("org.semanticweb.HermiT.cli.CommandLine")
        self._kinds = list(kinds)
        self._limit = time_limit
        self.tests = 0
        self.notes: tuple[str, ...] = ()

    def unsatisfiable(self, axioms: Sequence[Axiom]) -> tuple[str, ...] | None:
        """Classes that can have no instances, sorted; None if the axioms are inconsistent."""
        answer = self._ask(self._triples(axioms), len(axioms), "-U")
        if answer is None:
            return None
        lines = (line.strip() for line in answer.splitlines()[1:])
        return tuple(sorted(line[1:-1] for line in lines if line.startswith("<")))

    def is_consistent(self, axioms: Sequence[Axiom]) -> bool:
        """Whether the axioms have a model."""
        return self._ask(self._triples(axioms), len(axioms), "-k") is not None

    def instances(self, axioms: Sequence[Axiom], classes: Collection[str]) -> dict[str, frozenset[str]] | None:
        """Individuals that follow to be in each of the classes (open world); None if the axioms are inconsistent.

        The whole ontology is classified and its individuals are realised, so that many classes cost little more
        than one. Where axioms promise data values it is done a second time without these, see above.
        """
        triples = self._triples(axioms)
        found: dict[str, frozenset[str]] = dict.fromkeys(classes, frozenset())
        weaker = without_data_promises(triples)
        for asked in [triples] if weaker == triples else [triples, weaker]:
            answer = self._ask(asked, len(axioms), "-c", "-I")
            if answer is None:
                return None
            found = {iri: found[iri] | members for iri, members in _realised(answer, classes).items()}
        return found

    def _triples(self, axioms: Sequence[Axiom]) -> list[Triple]:
        triples = dict.fromkeys([*self._kinds, *declarations(axioms), *(t for a in axioms for t in a.triples)])
        return list(for_owl_tools(triples))

    def _ask(self, triples: Sequence[Triple], axioms: int, *question: str) -> str | None:
        self.tests += 1
        with tempfile.TemporaryDirectory(prefix="neurontology-") as folder:
            file = Path(folder) / "module.nt"
            serialize(triples, str(file), format=RdfFormat.N_TRIPLES)
            try:
                result = subprocess.run(
                    [*self._command, *question, file.as_uri()],
                    capture_output=True,
                    text=True,
                    timeout=self._limit,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise NeurontologyError(
                    f"HermiT has not answered within {self._limit:g} seconds on {axioms} axioms",
                    hint="give it more time, or less to look at: smaller extensions, fewer examples",
                ) from error
        if result.returncode == 0:
            return result.stdout
        if "InconsistentOntologyException" in result.stderr:
            return None
        reason = next((line for line in result.stderr.splitlines() if line.strip()), "no reason given")
        raise NeurontologyError(f"HermiT failed ({reason.strip()})")


def _realised(answer: str, classes: Collection[str]) -> dict[str, set[str]]:
    """Members of classes in what HermiT prints: direct types, and the hierarchy."""
    above: dict[str, set[str]] = defaultdict(set)
    types: list[list[str]] = []
    for kind, listed in _LINE.findall(answer):
        iris = _IRI.findall(listed)
        if kind == "Type":
            types.append(iris)
        else:
            for iri in iris:
                above[iri].update(iris if kind == "EquivalentClasses" else iris[1:])
    found: dict[str, set[str]] = {iri: set() for iri in classes}
    for individual, direct in types:
        # That a class is below owl:Thing is not printed; that one is equivalent to it is.
        seen, waiting = {direct, _THING}, [direct, _THING]
        while waiting:
            for iri in above[waiting.pop()] - seen:
                seen.add(iri)
                waiting.append(iri)
        for iri in seen & found.keys():
            found[iri].add(individual)
    return found


def without_data_promises(triples: Sequence[Triple]) -> list[Triple]:
    """Leave out what axioms promise about data values; all that is left follows from them.

    C ⊑ ∃age.[≥ 5] is left out, and of C ≡ ∃age.[≥ 5] only ∃age.[≥ 5] ⊑ C stays; so for all expressions with a
    restriction of a data property anywhere in them.

    Parameters
    ----------
    triples
        An ontology in RDF, with the kinds of its properties and blank nodes for anonymous classes.
    """
    kinds = {t.subject for t in triples if t.predicate == TYPE and t.object == _DATA_PROPERTY}
    parts: dict[object, list[Triple]] = defaultdict(list)
    for triple in triples:
        if isinstance(triple.subject, BlankNode):
            parts[triple.subject].append(triple)

    def inside(node: object) -> dict[Triple, None]:
        """Triples that make up an anonymous class, without the axioms about it."""
        found: dict[Triple, None] = {}
        waiting, seen = [node], {node}
        while waiting:
            for triple in parts[waiting.pop()]:
                if triple.predicate not in (SUBCLASS, EQUIVALENT):
                    found[triple] = None
                    if isinstance(triple.object, BlankNode) and triple.object not in seen:
                        seen.add(triple.object)
                        waiting.append(triple.object)
        return found

    def of_data(node: object) -> bool:
        return any(t.predicate == _ON_PROPERTY and t.object in kinds for t in inside(node))

    kept = dict.fromkeys(triples)
    for triple in triples:
        left, right = triple.subject, triple.object
        if triple.predicate not in (SUBCLASS, EQUIVALENT) or not (of_data(right) or of_data(left)):
            continue
        if triple.predicate == EQUIVALENT and not (of_data(left) and of_data(right)):
            del kept[triple]
            if not of_data(right):
                kept[Triple(left, SUBCLASS, right)] = None
            elif isinstance(right, NamedNode | BlankNode):
                kept[Triple(right, SUBCLASS, left)] = None
        elif of_data(right):
            del kept[triple]
            for part in inside(right) if isinstance(right, BlankNode) else ():
                kept.pop(part, None)
    return list(kept)
