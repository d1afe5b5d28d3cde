"""Retrieval against sets and loops written from the semantics, and against owlready2's HermiT."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from neurontology.reasoner.atoms import enumerate_atoms, pack
from neurontology.reasoner.interpretation import Interpretation

EX = "http://example.org/"
NAMES = ["A", "B", "C", "D"]
LINKS = {"A": ["B"], "B": ["C"], "C": [], "D": ["C"]}
TYPES = {0: ["A"], 1: ["B", "D"], 2: [], 3: ["D"], 4: ["C"]}
ROLE = {(0, 1), (0, 3), (1, 1), (2, 4), (2, 0), (2, 3)}


@pytest.fixture(scope="module")
def interpretation(tmp_path_factory: pytest.TempPathFactory) -> Interpretation:
    lines = ["@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines.append("@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :r a owl:ObjectProperty .")
    lines += [f":{c} a owl:Class ." for c in NAMES]
    lines += [f":{c} rdfs:subClassOf :{p} ." for c, parents in LINKS.items() for p in parents]
    lines += [f":i{i} a owl:NamedIndividual ." for i in TYPES]
    lines += [f":i{i} a :{c} ." for i, types in TYPES.items() for c in types]
    lines += [f":i{s} :r :i{o} ." for s, o in ROLE]
    file = tmp_path_factory.mktemp("kb") / "o.ttl"
    file.write_text("\n".join(lines))
    return Interpretation(read_owl([file]).index)


def above(name: str) -> set[str]:
    return {name}.union(*(above(p) for p in LINKS[name]))


def holds(expression: ClassExpression, i: int) -> bool:
    """Membership of individual i, by the definition of each constructor."""

    def fillers(role: Role) -> set[int]:
        return {s for s, o in ROLE if o == i} if role.inverse else {o for s, o in ROLE if s == i}

    match expression:
        case Top():
            return True
        case Bottom():
            return False
        case Named(iri):
            return any(iri.removeprefix(EX) in above(t) for t in TYPES[i])
        case Not(operand):
            return not holds(operand, i)
        case And(operands):
            return all(holds(o, i) for o in operands)
        case Or(operands):
            return any(holds(o, i) for o in operands)
        case Some(role, filler):
            return any(holds(filler, f) for f in fillers(role))
        case Only(role, filler):
            return all(holds(filler, f) for f in fillers(role))
        case AtLeast(n, role, filler):
            return sum(holds(filler, f) for f in fillers(role)) >= n
        case AtMost(n, role, filler):
            return sum(holds(filler, f) for f in fillers(role)) <= n
        case _:
            raise AssertionError(expression)


roles = st.builds(Role, st.just(EX + "r"), st.booleans())
expressions = st.recursive(
    st.sampled_from([Top(), Bottom(), *(Named(EX + n) for n in NAMES)]),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.tuples(inner, inner)),
        st.builds(Or, st.tuples(inner, inner)),
        st.builds(Some, roles, inner),
        st.builds(Only, roles, inner),
        st.builds(AtLeast, st.integers(0, 3), roles, inner),
        st.builds(AtMost, st.integers(0, 3), roles, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(expression=expressions)
def test_retrieval_follows_the_semantics(interpretation: Interpretation, expression: ClassExpression) -> None:
    found = interpretation.retrieve(expression)
    names = [interpretation.iri(row).removeprefix(EX) for row in range(interpretation.size)]
    assert dict(zip(names, found.tolist(), strict=True)) == {f"i{i}": holds(expression, i) for i in TYPES}


def test_unknown_names_are_wrong_calls(interpretation: Interpretation) -> None:
    with pytest.raises(UsageError, match="no such class"):
        interpretation.retrieve(Named(EX + "Z"))
    with pytest.raises(UsageError, match="no such object property"):
        interpretation.retrieve(Some(Role(EX + "s"), Top()))
    with pytest.raises(UsageError, match="no such individual"):
        interpretation.positions([EX + "i0", EX + "nobody"])


def test_atoms_are_the_distinct_extensions(interpretation: Interpretation) -> None:
    rows = np.arange(interpretation.size)
    atoms = enumerate_atoms(interpretation, rows)
    candidates = [Top(), *(Named(EX + n) for n in NAMES)]
    candidates += [Some(Role(EX + "r"), c) for c in candidates]
    by_extent: dict[tuple[bool, ...], set[ClassExpression]] = {}
    for candidate in candidates:
        by_extent.setdefault(tuple(interpretation.retrieve(candidate).tolist()), set()).add(candidate)
    wanted = {e: c for e, c in by_extent.items() if any(e)}
    assert len(atoms) == len(wanted)
    for expression, equivalents, extent in zip(atoms.expressions, atoms.equivalents, atoms.extents, strict=True):
        found = interpretation.retrieve(expression)
        assert pack(found[None, :])[0].tolist() == extent.tolist()
        assert {expression, *equivalents} == wanted[tuple(found.tolist())]


def test_the_representative_is_short_then_specific(interpretation: Interpretation) -> None:
    # i0 alone: A (length 1) before any restriction. B, above A, has a larger extension here.
    atoms = enumerate_atoms(interpretation, interpretation.positions([EX + "i0", EX + "i3"]))
    by_members = dict(zip(atoms.extents[:, 0].tolist(), atoms.expressions, strict=True))
    assert by_members[0b01] == Named(EX + "A")
    assert atoms.equivalents[atoms.expressions.index(Named(EX + "A"))][0] == Named(EX + "B")


def test_examples_that_nothing_distinguishes(interpretation: Interpretation) -> None:
    with pytest.raises(DataError, match="distinguishes"):
        enumerate_atoms(interpretation, interpretation.positions([EX + "i3"]))


@pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
def test_positive_retrieval_agrees_with_hermit(tmp_path: Path) -> None:
    """Without negation and universal quantification, closed and open world retrieve the same."""
    import owlready2

    world = owlready2.World(filename=str(tmp_path / "w.sqlite3"))
    onto = world.get_ontology(EX)
    with onto:
        classes = {n: owlready2.types.new_class(n, (owlready2.Thing,)) for n in NAMES}
        for name, parents in LINKS.items():
            classes[name].is_a.extend(classes[p] for p in parents)
        role = owlready2.types.new_class("r", (owlready2.ObjectProperty,))
        people = {i: owlready2.Thing(f"i{i}") for i in TYPES}
        for i, types in TYPES.items():
            people[i].is_a.extend(classes[t] for t in types)
        for s, o in sorted(ROLE):
            people[s].r.append(people[o])
        questions = {
            "Q0": (classes["C"], Named(EX + "C")),
            "Q1": (role.some(classes["B"]), Some(Role(EX + "r"), Named(EX + "B"))),
            "Q2": (
                classes["C"] & role.some(role.some(classes["D"])),
                And((Named(EX + "C"), Some(Role(EX + "r"), Some(Role(EX + "r"), Named(EX + "D"))))),
            ),
            "Q3": (
                owlready2.Inverse(role).some(classes["A"]) | classes["A"],
                Or((Some(Role(EX + "r", True), Named(EX + "A")), Named(EX + "A"))),
            ),
        }
        for name, (question, _) in questions.items():
            owlready2.types.new_class(name, (owlready2.Thing,)).equivalent_to.append(question)
    onto.save(str(tmp_path / "o.owl"))
    with onto:
        owlready2.sync_reasoner(world, debug=0)
    ours = Interpretation(read_owl([tmp_path / "o.owl"]).index)
    for name, (_, expression) in questions.items():
        entailed = {individual.name for individual in onto[name].instances()}
        found = ours.retrieve(expression)
        assert {ours.iri(r).rpartition("#")[2].rpartition("/")[2] for r in np.flatnonzero(found)} == entailed, name
