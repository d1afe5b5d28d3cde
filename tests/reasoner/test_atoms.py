"""Atoms against every expression of the language, formed one by one; and the real problems that they must solve."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import open_kb, read_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import (
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
    length,
    named_classes,
    subexpressions,
)
from neurontology.reasoner import enumeration
from neurontology.reasoner.atoms import AtomTable, atoms_of, enumerate_atoms
from neurontology.reasoner.bitset import pack, unpack
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.language import CONSTRUCTORS, Language
from neurontology.reasoner.learning import InductionOptions
from neurontology.reasoner.solve import is_annotation, solve

EX = "http://example.org/"
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


def interpret(tmp: Path, text: str) -> Interpretation:
    file = tmp / "o.ttl"
    file.write_text(HEAD + text)
    return Interpretation(read_owl([file]).index)


def literals(classes: list[str], constructors: tuple[str, ...]) -> list[ClassExpression]:
    """What restrictions of depth 1 are formed of, ⊤ and ⊥ aside."""
    names: list[ClassExpression] = [Named(EX + c) for c in classes]
    signed = names + ([Not(n) for n in names] if "not" in constructors else [])
    pairs: list[ClassExpression] = []
    for a, b in itertools.combinations(signed, 2):
        pairs += [And((a, b))] if "and" in constructors else []
        pairs += [Or((a, b))] if "or" in constructors else []
    return signed + pairs


def restrictions(
    fillers: list[ClassExpression], roles: list[Role], constructors: tuple[str, ...]
) -> Iterator[ClassExpression]:
    for role in roles:
        for filler in fillers:
            if "some" in constructors:
                yield Some(role, filler)
            if "only" in constructors:
                yield Only(role, filler)
            for number in range(2, 6):
                if "min" in constructors:
                    yield AtLeast(number, role, filler)
                if "max" in constructors:
                    yield AtMost(number - 1, role, filler)
        if "only" in constructors:
            yield Only(role, Bottom())


def language_of(
    classes: list[str], roles: list[str], constructors: tuple[str, ...], depth: int
) -> list[ClassExpression]:
    """Every atom of the language, by its definition."""
    both = [Role(EX + r) for r in roles] + ([Role(EX + r, True) for r in roles] if "inverse" in constructors else [])
    atoms: list[ClassExpression] = [Top(), *(Named(EX + c) for c in classes)]
    fillers = [Top(), *literals(classes, constructors)]
    for _ in range(depth):
        new = list(restrictions(fillers, both, constructors))
        atoms += new
        fillers = fillers + new
    return atoms


def check(model: Interpretation, rows: np.ndarray, atoms: AtomTable, everything: list[ClassExpression]) -> None:
    shortest: dict[tuple[bool, ...], int] = {}
    for expression in everything:
        extension = tuple(model.retrieve(expression)[rows].tolist())
        shortest[extension] = min(length(expression), shortest.get(extension, 1_000))
    shortest.pop((False,) * len(rows), None)
    found = {tuple(e): n for e, n in zip(unpack(atoms.extents, len(rows)).tolist(), atoms.lengths, strict=True)}
    assert len(found) == len(atoms)
    assert found == shortest
    for expression, others, extent, size in zip(
        atoms.expressions, atoms.equivalents, atoms.extents, atoms.lengths, strict=True
    ):
        assert length(expression) == size
        for each in (expression, *others):
            assert (pack(model.retrieve(each)[rows][None, :])[0] == extent).all()
        assert list(map(length, others)) == sorted(map(length, others))
        assert size <= min(map(length, others), default=size)


people = st.integers(0, 4)
typings = st.sets(st.tuples(people, st.sampled_from("ABC")), min_size=1, max_size=7)
linkings = st.sets(st.tuples(people, st.sampled_from("rrs"), people), min_size=2, max_size=14)


@settings(max_examples=100, deadline=None)
@given(
    types=typings,
    told=linkings,
    rows=st.sets(people, min_size=2),
    chosen=st.sets(st.sampled_from([c for c in CONSTRUCTORS if c != "data"])),
    depth=st.integers(0, 2),
    words=st.sampled_from([1, 1 << 25]),
)
def test_every_extension_of_the_language_once_by_a_shortest_expression(
    tmp_path_factory: pytest.TempPathFactory,
    types: set[tuple[int, str]],
    told: set[tuple[int, str, int]],
    rows: set[int],
    chosen: set[str],
    depth: int,
    words: int,
) -> None:
    text = [f":{r} a owl:ObjectProperty ." for r in "rs"] + [f":{i} a owl:NamedIndividual ." for i in range(5)]
    text += [f":{i} a :{c} ." for i, c in sorted(types)] + [f":{x} :{r} :{y} ." for x, r, y in sorted(told)]
    model = interpret(tmp_path_factory.mktemp("kb"), "\n".join(text))
    constructors = tuple(sorted(chosen))
    if depth == 2 and {"and", "or"} & chosen:
        constructors = tuple(c for c in constructors if c not in ("max", "inverse"))
    classes = sorted({c for _, c in types})
    used = sorted({r for _, r, _ in told})
    everything = language_of(classes, used, constructors, depth)
    examples = np.asarray(sorted(rows))
    try:
        with pytest.MonkeyPatch.context() as patch:  # many fillers in one block, or each in one of its own
            patch.setattr(enumeration, "_WORDS", words)
            atoms = enumerate_atoms(model, examples, language=Language(constructors, depth=depth))
    except DataError:
        extensions = {tuple(model.retrieve(e)[examples].tolist()) for e in everything}
        assert extensions <= {(True,) * len(rows), (False,) * len(rows)}
        return
    assert atoms.truncated is None
    check(model, examples, atoms, everything)


def subsumed(told: set[tuple[str, str]], classes: list[str]) -> dict[str, set[str]]:
    """Classes below each class, itself included, by repeated joining."""
    below = {c: {c} for c in classes}
    for _ in classes:
        for low, high in told:
            below[high] |= below[low]
    return below


@settings(max_examples=100, deadline=None)
@given(
    types=st.sets(st.tuples(people, st.sampled_from("ABCDE")), min_size=1, max_size=8),
    told=linkings,
    above=st.sets(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("ABCDE")), max_size=6),
    rows=st.sets(people, min_size=1),
    chosen=st.sets(st.sampled_from(["some", "only", "min", "max", "inverse"])),
)
def test_representatives_and_their_equivalents_stand_in_the_order_of_preference(
    tmp_path_factory: pytest.TempPathFactory,
    types: set[tuple[int, str]],
    told: set[tuple[int, str, int]],
    above: set[tuple[str, str]],
    rows: set[int],
    chosen: set[str],
) -> None:
    """Every expression of depth 1 is formed and ranked by its definition."""
    text = [f":{r} a owl:ObjectProperty ." for r in "rs"] + [f":{i} a owl:NamedIndividual ." for i in range(5)]
    text += [f":{c} a owl:Class ." for c in "ABCDE"] + [f":{a} rdfs:subClassOf :{b} ." for a, b in sorted(above)]
    text += [f":{i} a :{c} ." for i, c in sorted(types)] + [f":{x} :{r} :{y} ." for x, r, y in sorted(told)]
    model = interpret(tmp_path_factory.mktemp("kb"), "\n".join(text))
    below = subsumed(above, list("ABCDE"))
    inhabited = [c for c in "ABCDE" if any(low in below[c] for _, low in types)]
    examples = np.asarray(sorted(rows))
    links = {Role(EX + r): {(x, y) for x, p, y in told if p == r} for r in "rs"}
    if "inverse" in chosen:
        links |= {Role(EX + r, True): {(y, x) for x, p, y in told if p == r} for r in "rs"}
    roles: list[Role] = []
    for role, pairs in links.items():
        if pairs and pairs not in [links[known] for known in roles]:
            roles.append(role)
    sizes = {EX + c: len(below[c]) for c in "ABCDE"}
    fillers: list[ClassExpression] = [*(Named(EX + c) for c in inhabited), Top(), Bottom()]

    def rank(e: ClassExpression) -> tuple[object, ...]:
        filler = getattr(e, "filler", e)
        universal = isinstance(e, Only | AtMost)
        size = 5 if filler == Top() else 0 if filler == Bottom() else sizes[filler.iri]
        kind = "" if filler is e else {Some: "some", Only: "only", AtLeast: "min", AtMost: "max"}[type(e)]
        awkward = kind != "" and e.role.inverse
        role = roles.index(e.role) if kind else 0
        return length(e), universal, size, awkward, kind, getattr(e, "number", 0), role, fillers.index(filler)

    by_extension: dict[tuple[bool, ...], list[ClassExpression]] = {}
    formed = [e for e in restrictions(fillers, roles, tuple(chosen)) if not isinstance(e, Only) or e.filler != Top()]
    formed = [e for e in formed if getattr(e, "filler", None) != Bottom() or isinstance(e, Only)]
    for e in {*fillers[:-1], *formed}:
        extension = tuple(model.retrieve(e)[examples].tolist())
        if any(extension) and (length(e) == 1 or not all(extension)):
            by_extension.setdefault(extension, []).append(e)
    expected = sorted((sorted(group, key=rank) for group in by_extension.values()), key=lambda group: rank(group[0]))
    atoms = atoms_of(model, examples, Language(tuple(sorted(chosen))))
    assert tuple(atoms.expressions) == tuple(group[0] for group in expected)
    assert tuple(atoms.equivalents) == tuple(tuple(group[1:51]) for group in expected)


def test_a_flat_expression_is_nested_though_a_deep_one_is_shorter(tmp_path: Path) -> None:
    """∃r.∃r.⊤ and ∃r.(B ⊓ ¬C) are one extension: depth 3 reaches ∃s.∃s.X through the longer one only."""
    text = """
    :r a owl:ObjectProperty . :s a owl:ObjectProperty . :a0 :s :a1 . :a1 :s :a2 . :a2 :r :a3 . :a3 :r :a4 . :a3 a :B .
    :b0 :s :b1 . :b1 :s :b2 . :b2 :r :b3 . :b3 a :C .
    :c0 :s :c1 . :c1 :s :c2 . :c2 :r :c3 . :c3 a :B , :C .
    :d0 :s :d1 . :d1 :s :d2 . :d2 :r :d3 .
    """
    model = interpret(tmp_path, text)
    rows = model.positions([EX + name for name in ("a0", "b0", "c0", "d0")])
    constructors = ("some", "not", "and")
    atoms = enumerate_atoms(model, rows, language=Language(constructors, depth=3))
    check(model, rows, atoms, language_of(["B", "C"], ["r", "s"], constructors, 3))
    assert {tuple(e) for e in unpack(atoms.extents, 4).tolist()} >= {(True, False, False, False)}


def test_nesting_goes_deeper_than_a_longer_flat_expression(tmp_path: Path) -> None:
    """On a chain of links, only nesting tells the individuals apart, to any depth."""
    text = ":r a owl:ObjectProperty . " + " ".join(f":n{i} :r :n{i + 1} ." for i in range(6))
    model = interpret(tmp_path, text)
    rows = np.arange(model.size)
    for depth in range(1, 5):
        atoms = enumerate_atoms(model, rows, language=Language(("some",), depth=depth))
        assert len(atoms) == depth + 1
        assert atoms.lengths.tolist() == [1 + 2 * d for d in range(depth + 1)]


def test_data_properties(tmp_path: Path) -> None:
    text = ":x a owl:DatatypeProperty . :b a owl:DatatypeProperty . :c a owl:DatatypeProperty ."
    text += "".join(
        f':i{k} :x {k * k} ; :b {str(k > 3).lower()} ; :c "{"red" if k % 2 else "blue"}" .' for k in range(8)
    )
    model = interpret(tmp_path, text)
    atoms = enumerate_atoms(model, np.arange(8), language=Language(("data",), max_values=2))
    extents = {tuple(np.flatnonzero(e).tolist()) for e in unpack(atoms.extents, 8)}
    ups, downs = [tuple(range(k, 8)) for k in range(8)], [tuple(range(k)) for k in range(1, 8)]
    assert extents == {*ups, *downs, (1, 3, 5, 7), (0, 2, 4, 6)}
    assert HasValue(EX + "c", "red", "http://www.w3.org/2001/XMLSchema#string") in atoms.expressions
    few = enumerate_atoms(model, np.arange(8), language=Language(("data",), max_values=2, max_thresholds=3))
    bounds = {e.value for e in few.expressions if isinstance(e, DataBound)}
    assert bounds <= {"0", "16", "9", "49"}
    assert len(bounds) == 3 or len(bounds) == 2


def test_values_that_are_no_numbers_leave_the_thresholds_of_the_others(tmp_path: Path) -> None:
    text = ':x a owl:DatatypeProperty . :i8 :x "NaN"^^xsd:double . :i9 :x "many"^^xsd:integer .'
    model = interpret(tmp_path, text + "".join(f":i{k} :x {k} ." for k in range(8)))
    atoms = enumerate_atoms(model, np.arange(10), language=Language(("data",), max_values=0))
    extents = {tuple(np.flatnonzero(e).tolist()) for e in unpack(atoms.extents, 10)} - {tuple(range(10))}
    assert extents == {tuple(range(k, 8)) for k in range(8)} | {tuple(range(k)) for k in range(1, 8)}


def test_the_representative(tmp_path: Path) -> None:
    text = """
    :Top rdfs:subClassOf :Root . :Low rdfs:subClassOf :Top . :q owl:inverseOf :p . :p a owl:ObjectProperty .
    :a :p :b . :b a :Low . :c a :Other . :d a :Last .
    """
    model = interpret(tmp_path, text)
    atoms = enumerate_atoms(model, np.arange(model.size), language=Language(CONSTRUCTORS))
    # Asserted p, not what is entailed; the lowest class; ∃ before ∀ and ≤.
    assert Some(Role(EX + "p"), Named(EX + "Low")) in atoms.expressions
    assert not any(c in (EX + "Top", EX + "Root") for e in atoms.expressions for c in named_classes(e))
    assert Named(EX + "Low") in atoms.expressions
    position = atoms.expressions.index(Named(EX + "Low"))
    assert atoms.equivalents[position][:2] == (Named(EX + "Top"), Named(EX + "Root"))
    used = {p.role for e in atoms.expressions for p in subexpressions(e) if isinstance(p, Some | Only | AtLeast)}
    assert Role(EX + "p") in used
    assert Role(EX + "q") not in used or Role(EX + "p", True) not in used


def test_aliases_and_null(tmp_path: Path) -> None:
    text = """
    :a :p :x , :n . :b :p :y . :c :p :x , :y . :x a :Building . :x a :WN_Building . :y a :WN_Building .
    :y a :WN_Alone . :n a :null .
    """
    model = interpret(tmp_path, text + ":p a owl:ObjectProperty .")
    atoms = enumerate_atoms(model, np.arange(model.size), language=Language(CONSTRUCTORS))
    names = {
        iri.removeprefix(EX)
        for expressions in (atoms.expressions, *atoms.equivalents)
        for expression in expressions
        for iri in named_classes(expression)
    }
    assert names == {"Building", "WN_Alone"}


def test_limits_are_reported_and_keep_the_short(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    text = ":r a owl:ObjectProperty . " + " ".join(
        f":i{x} :r :i{y} . :i{x} a :C{c} ." for x, y, c in rng.integers(0, 12, (30, 3)).tolist()
    )
    model = interpret(tmp_path, text)
    rows = np.arange(model.size)
    whole = enumerate_atoms(model, rows, language=Language(CONSTRUCTORS, max_pairs=100_000))
    assert whole.truncated is None
    few = enumerate_atoms(model, rows, language=Language(CONSTRUCTORS, max_pairs=100_000, max_atoms=100))
    assert len(few) == 100
    assert few.truncated is not None and "100" in few.truncated
    assert few.lengths.tolist() == whole.lengths[:100].tolist()
    flat = enumerate_atoms(model, rows, language=Language(CONSTRUCTORS, max_pairs=10))
    assert flat.truncated is not None and "unions" in flat.truncated
    again = enumerate_atoms(model, rows, language=Language(CONSTRUCTORS, max_pairs=10))
    assert again.expressions == flat.expressions
    for language in (Language(CONSTRUCTORS, depth=3, max_fillers=50), Language(CONSTRUCTORS, max_candidates=200)):
        assert enumerate_atoms(model, rows, language=language).truncated


def test_unknown_constructors_are_wrong_calls() -> None:
    with pytest.raises(UsageError, match="some"):
        Language(("sum",))
    with pytest.raises(UsageError, match="depth"):
        Language(depth=-1)


FAMILY = {
    "Aunt": 15,
    "Brother": 5,
    "Cousin": 17,
    "Daughter": 5,
    "Father": 5,
    "Granddaughter": 7,
    "Grandfather": 7,
    "Grandgranddaughter": 7,
    "Grandgrandfather": 9,
    "Grandgrandmother": 9,
    "Grandgrandson": 9,
    "Grandmother": 7,
    "Grandson": 7,
    "Mother": 5,
    "PersonWithASibling": 3,
    "Sister": 5,
    "Son": 5,
    "Uncle": 15,
}


@pytest.mark.parametrize(("name", "size"), FAMILY.items())
def test_the_family_benchmark_is_solved(shared_data: Path, name: str, size: int) -> None:
    problem = read_problem(shared_data / "dl-learner" / "family-benchmark" / f"{name}.conf")
    kb = open_kb(list(find_knowledge(problem)))
    induction = solve(kb, problem, InductionOptions(top=1))
    best = induction.solutions[0]
    assert (best.confusion.fp, best.confusion.fn) == (0, 0)
    assert best.length <= size
    # The table's extents are one thing, what the expression retrieves is another.
    model = Interpretation(kb.index)
    held = model.retrieve(best.expression)
    assert held[model.positions(problem.positives)].all()
    assert not held[model.positions(problem.negatives)].any()


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("ecii-aaai/problems/trains/trains_owl", 5),
        ("ecii-aaai/problems/poker/pair_owl", 5),
        ("ecii-aaai/problems/forte/uncle_owl_large", 13),
        ("ecii-aaai/problems/moral_reasoner/moral_all_examples_simple_owl", 1),
        ("ecii-aaai/problems/yinyang/GrandParent", 5),
        ("dl-learner/arch/arch_owl.conf", 6),
    ],
)
def test_small_owl_problems_are_solved(shared_data: Path, file: str, size: int) -> None:
    path = shared_data / file
    problem = read_problem(path if path.is_file() else sorted(path.glob("*/*.conf"))[0])
    kb = open_kb(list(find_knowledge(problem)))
    best = solve(kb, problem, InductionOptions(top=1)).solutions[0]
    assert (best.confusion.fp, best.confusion.fn) == (0, 0)
    assert best.length <= size


def test_flat_annotations_are_told_from_other_knowledge(tmp_path: Path) -> None:
    head = (
        "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . :r a owl:ObjectProperty .\n"
    )
    cases = {
        ":a :r :b . :b a :C .": True,
        ":a :r :b . :b :r :c .": False,
        ":a a :C . :b a :D .": False,
        ":v a owl:DatatypeProperty . :a :r :b ; :v 3 .": False,
    }
    for text, flat in cases.items():
        (tmp_path / "o.ttl").write_text(head + text)
        assert is_annotation(Interpretation(read_owl([tmp_path / "o.ttl"]).index)) is flat, text
