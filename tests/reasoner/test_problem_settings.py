"""What problem files ask for is honoured, or said not to be; what the caller asks for comes first."""

import dataclasses
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import (
    And,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Or,
    Top,
    length,
    subexpressions,
)
from neurontology.ontology.kb import KB
from neurontology.ontology.syntax.dl import render
from neurontology.reasoner.atoms import enumerate_atoms
from neurontology.reasoner.bitset import unpack
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.language import CONSTRUCTORS, Language
from neurontology.reasoner.learning import Induction, InductionOptions
from neurontology.reasoner.problem import EciiSettings, LearningProblem, ProblemSettings, make_problem
from neurontology.reasoner.request import MAX_TOP, requested_language, requested_options, unhonoured
from neurontology.reasoner.score import resolve
from neurontology.reasoner.solve import pose, solve
from neurontology.reasoner.start_class import put_under, restrict_atoms

A = "http://a.org/x#"
HEAD = """@prefix : <http://a.org/x#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
PEOPLE = """
:has a owl:ObjectProperty . :age a owl:DatatypeProperty . :tag a owl:DatatypeProperty .
:Boy rdfs:subClassOf :Person . :Girl rdfs:subClassOf :Person . :Cat rdfs:subClassOf :Animal .
:a a :Boy ; :age 30 ; :tag "x" ; :has :c1 . :b a :Girl ; :age 25 ; :tag "x" ; :has :c1, :c2 .
:c a :Boy ; :age 3 ; :tag "y" . :d a :Girl ; :age 4 ; :tag "y" ; :has :d1 .
:owns a owl:ObjectProperty . :h :owns :a, :b . :i :owns :c .
:c1 a :Cat . :c2 a :Cat . :d1 a :Dog . :e a :Robot ; :age 40 ; :tag "x" ; :has :c1 .
"""


def stated(positives: str, negatives: str, **values: object) -> LearningProblem:
    return make_problem(
        "p", positives.split(), negatives.split(), origin=Path("d/p.conf"), settings=ProblemSettings(**values)
    )


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> KB:
    path = tmp_path_factory.mktemp("people") / "people.ttl"
    path.write_text(HEAD + PEOPLE)
    return read_owl([path])


def written(induction: Induction) -> list[str]:
    return [
        render(e, lambda iri: iri.removeprefix(A)) for s in induction.solutions for e in (s.expression, *s.equivalent)
    ]


# -- options --------------------------------------------------------------------------------------------


def test_the_call_comes_before_the_file_and_the_file_before_the_default() -> None:
    problem = stated("a", "b", score="pred_acc", time_limit=7.0, top=3, language={"useNegation": False})
    assert requested_options(problem) == InductionOptions(
        score="accuracy", time_limit=7.0, top=3, operators=("and", "or")
    )
    # The value of the default, asked for, is not the same as nothing asked.
    asked = requested_options(problem, score="f1", top=10, time_limit=None, operators=("not",))
    assert asked == InductionOptions(score="f1", top=10, time_limit=7.0, operators=("not",))
    assert requested_options(stated("a", "b", time_limit=0.0)) == InductionOptions()
    assert requested_options(stated("a", "b", algorithm="eltl")).operators == ("and",)


@pytest.mark.parametrize(
    ("written", "exact", "ecii"),
    [
        ("f_measure", "f1", "f1"),
        ("fmeasure.approx", "f1", "f1"),
        ("PRED_ACC", "accuracy", "accuracy"),
        ("pred_acc.ocel", "accuracy", "accuracy"),
        ("coverage_by_reasoner", "accuracy", "accuracy"),
        ("jaccard", "iou", None),
        ("hybrid", None, "hybrid"),
        ("recall", None, "recall"),
        ("gen_fmeasure", None, None),
        ("standard", None, None),
    ],
)
def test_scores_of_files(written: str, exact: str | None, ecii: str | None, caplog: pytest.LogCaptureFixture) -> None:
    for strategy, expected in (("exact", exact), ("ecii", ecii)):
        caplog.clear()
        found = requested_options(stated("a", "b", score=written), strategy=strategy)
        assert found.score == (expected or "f1")
        assert [r.getMessage() for r in caplog.records] == (
            [] if expected else [f"p.conf: the score {written!r} is not available here, f1 takes its place"]
        )
        caplog.clear()
        assert requested_options(stated("a", "b", score=written), strategy=strategy, score="precision")
        assert not caplog.records


def test_more_results_than_anybody_reads(caplog: pytest.LogCaptureFixture) -> None:
    problem = stated("a", "b", top=10_000)
    assert requested_options(problem).top == MAX_TOP
    assert len(caplog.records) == 1
    caplog.clear()
    assert requested_options(problem, top=2_000).top == 2_000
    assert not caplog.records


@pytest.mark.parametrize(
    "values",
    [
        {"max_atoms": 0},
        {"max_atoms": 5},
        {"top": 0},
        {"time_limit": 0.0},
        {"time_limit": -1.0},
        {"time_limit": float("nan")},
        {"operators": ("and", "none")},
        {"strategy": "fast"},
    ],
)
def test_a_budget_that_nothing_can_satisfy(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        InductionOptions(**values)  # type: ignore[arg-type]


def test_what_is_not_honoured_is_said_once(people: KB, caplog: pytest.LogCaptureFixture) -> None:
    problem = stated(
        "a b", "c d", noise_percentage=15.0, ecii=EciiSettings(horn_clause_limit=3), language={"useSomeOnly": True}
    )
    solve(people, problem)
    (message,) = [r.getMessage() for r in caplog.records if r.name.startswith("neurontology.reasoner")]
    assert message.startswith("p.conf: settings without effect: noisePercentage 15 (it tells")
    assert "ECII's own limits" in message
    assert "useSomeOnly" in message
    assert (
        unhonoured(stated("a", "b", start_class=A + "Boy", score="f1", ecii=EciiSettings()), InductionOptions()) == ()
    )
    under_ecii = unhonoured(dataclasses.replace(problem), InductionOptions(strategy="ecii"))
    assert [m.split()[0] for m in under_ecii] == ["noisePercentage", "useSomeOnly"]


def test_noise_does_not_change_the_answer(people: KB) -> None:
    quiet, noisy = stated("a b", "c d"), stated("a b", "c d", noise_percentage=40.0)
    assert solve(people, quiet).solutions == solve(people, noisy).solutions


# -- language -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "lost"),
    [
        ("useExistsConstructor", {"some"}),
        ("useAllConstructor", {"only"}),
        ("useCardinalityRestrictions", {"min", "max"}),
        ("useInverse", {"inverse"}),
        ("useDataProperties", {"data"}),
        ("useNegation", {"not"}),
    ],
)
def test_switches_take_constructors_away_and_bring_them_back(switch: str, lost: set[str]) -> None:
    off = requested_language(ProblemSettings(language={switch: False}), Language(CONSTRUCTORS))
    assert set(CONSTRUCTORS) - set(off.constructors) == lost
    on = requested_language(ProblemSettings(language={switch: True}), Language(("some",)))
    assert set(on.constructors) == {"some"} | (lost - {"not"})


MARKS = {
    "useAllConstructor": "∀",
    "useCardinalityRestrictions": "(?<!\\[)[≥≤] \\d",
    "useInverse": "⁻",
    "useNegation": "¬",
    "useNumericDatatypes": "age",
    "useStringDatatypes": "tag",
    "useDataProperties": "age|tag",
}


def test_no_answer_uses_what_the_file_turns_off(people: KB) -> None:
    everything = " ".join(written(solve(people, stated("a b", "c d", top=60))))
    for switch, mark in MARKS.items():
        assert re.search(mark, everything), switch
        answers = written(solve(people, stated("a b", "c d", top=60, language={switch: False})))
        assert answers
        assert not [a for a in answers if re.search(mark, a)], switch
    used = solve(people, stated("a b d", "c e", top=60, language={"cardinalityLimit": 1.0}))
    assert not re.search("(?<!\\[)[≥≤] [2-9]", " ".join(written(used)))
    explicit = solve(
        people, stated("a b", "c d", language={"useAllConstructor": False}), constructors=("only",), depth=1
    )
    assert "∀" in " ".join(written(explicit))


def test_single_values_may_be_turned_off(people: KB) -> None:
    def valued(problem: LearningProblem) -> list[ClassExpression]:
        found = solve(people, problem, InductionOptions(top=60))
        return [x for s in found.solutions for x in subexpressions(s.expression) if isinstance(x, HasValue | DataBound)]

    assert any(isinstance(x, HasValue) for x in valued(stated("a b", "c d")))
    assert not any(
        isinstance(x, HasValue) for x in valued(stated("a b", "c d", language={"useDataHasValueConstructor": False}))
    )


def test_ignored_entities_by_iri_and_name(people: KB, caplog: pytest.LogCaptureFixture) -> None:
    problem = stated("a b", "c d", top=60, ignored_classes=("Cat", A + "Animal", "Catt"), ignored_properties=("age",))
    answers = written(solve(people, problem))
    assert not [a for a in answers if re.search("Cat|Animal|age", a)]
    assert [r.getMessage() for r in caplog.records if "Cat" in r.getMessage()] == [
        "p.conf: the knowledge base has no class or property, or several, called Catt"
    ]


def test_unknown_properties_to_use_do_not_mean_all(people: KB, caplog: pytest.LogCaptureFixture) -> None:
    answers = written(solve(people, stated("a b", "c d", object_properties=(A + "hat",))))
    assert not [a for a in answers if "has" in a]
    assert "called http://a.org/x#hat" in caplog.text


# -- the start class ------------------------------------------------------------------------------------


def test_answers_lie_under_the_start_class(people: KB) -> None:
    found = solve(people, stated("a b", "c d e", start_class=A + "Person", top=20))
    assert found.proved_optimal
    best = found.solutions[0]
    assert (best.confusion.f1, best.confusion.fp) == (1.0, 0)
    for s in found.solutions:
        for e in (s.expression, *s.equivalent):
            assert (
                e == Named(A + "Person")
                or (isinstance(e, Named) and e.iri in (A + "Boy", A + "Girl"))
                or (isinstance(e, And) and Named(A + "Person") in e.operands)
                or ({Named(A + "Boy"), Named(A + "Girl")} & set(subexpressions(e)))
            )
    assert "Person ⊓ ∃ has.Cat" in written(found)


def test_what_is_under_the_start_class_by_its_form_is_written_without_it(people: KB) -> None:
    boy, girl, cat, person = (Named(A + name) for name in ("Boy", "Girl", "Cat", "Person"))
    best = solve(people, stated("a c", "b d e", start_class=A + "Person")).solutions[0]
    assert best.expression == boy
    forms = (Or((boy, girl)), Or((boy, cat)), And((boy, Not(cat))), Not(boy), Top())
    under = [put_under(dataclasses.replace(best, expression=form), person, people.index) for form in forms]
    expected = [forms[0], And((person, forms[1])), forms[2], And((person, Not(boy))), person]
    assert [solution.expression for solution in under] == expected
    assert [solution.length for solution in under] == [length(expression) for expression in expected]


def test_a_start_class_as_an_expression_and_one_that_is_unknown(people: KB) -> None:
    found = solve(people, stated("a b", "c d e", start_class="Boy or Girl"))
    assert found.solutions[0].confusion.f1 == 1.0
    plain = solve(people, stated("a b", "c d e"))
    assert solve(people, stated("a b", "c d e", start_class="owl:Thing")).solutions == plain.solutions
    for unknown in (A + "Persn", "Persn", "Boy or"):
        with pytest.raises(UsageError, match=r"p\.conf: "):
            solve(people, stated("a b", "c d e", start_class=unknown))


@pytest.mark.parametrize(
    "start_class",
    [
        f"<{A}has> some <{A}Cat>",
        "x:has some x:Cat",
        "has some x:Cat",
        f"(<{A}has> some x:Cat)",
    ],
)
def test_a_start_class_as_an_expression_of_iris_and_prefixed_names(people: KB, start_class: str) -> None:
    short = solve(people, stated("a b", "c d e", start_class="has some Cat"))
    problem = dataclasses.replace(stated("a b", "c d e", start_class=start_class), prefixes={"x": A})
    assert solve(people, problem).solutions == short.solutions


@pytest.mark.parametrize("negation", [False, True])
def test_atoms_within_the_start_class(people: KB, negation: bool) -> None:
    """Atoms hold where they do within the set, and each complement where the atom does not within it."""
    model = Interpretation(people.index)
    rows = np.arange(len(people.index.individuals))
    within = model.retrieve(Named(A + "Person"))[rows]
    atoms = enumerate_atoms(model, rows)
    found = restrict_atoms(atoms, within, negation=negation)
    assert len(found) == len(atoms) * (1 + negation)
    for expression, extent in zip(found.expressions, unpack(found.extents, len(rows)), strict=True):
        assert (extent == (model.retrieve(expression)[rows] & within)).all()
    assert found.lengths.tolist() == [length(expression) for expression in found.expressions]
    assert found.expressions[: len(atoms)] == atoms.expressions[:]
    assert found.priorities[: len(atoms)].tolist() == atoms.priorities.tolist()
    assert (found.priorities[len(atoms) :] > atoms.priorities.max()).all()
    assert len(set(found.priorities.tolist())) == len(found)


CLASSES = ("C", "D", "E")
TYPES = st.lists(st.sets(st.sampled_from(CLASSES), max_size=3), min_size=4, max_size=8)


@settings(max_examples=25, deadline=None)
@given(TYPES, st.data())
def test_the_start_class_against_brute_force(types: list[set[str]], data: st.DataObject) -> None:
    """Best F1 of C ⊓ E, E of up to two literals; the answers' own extensions have the counts reported."""
    # Two individuals under the start class that something tells apart.
    types = [{"C"}, {"C", "D"}, *types[2:]]
    cut = data.draw(st.integers(1, len(types) - 1))
    triples = "".join(
        f":i{i} a owl:NamedIndividual{''.join(f', :{c}' for c in sorted(t))} .\n" for i, t in enumerate(types)
    )
    kb = read_text(triples)
    names = [f"i{i}" for i in range(len(types))]
    problem = stated(" ".join(names[:cut]), " ".join(names[cut:]), start_class=A + "C")
    columns = {c: np.asarray([c in t for t in types]) for c in CLASSES}
    literals = [v for c in columns.values() for v in (c, ~c)] + [np.ones(len(types), bool)]
    extents = [
        op(a, b) & columns["C"]
        for a, b in itertools.product(literals, repeat=2)
        for op in (np.logical_and, np.logical_or)
    ]
    score = resolve("f1")
    best = max(float(score.value(int(e[:cut].sum()), int(e[cut:].sum()), cut, len(types) - cut)) for e in extents)
    found = solve(kb, problem, InductionOptions(max_atoms=2, top=5), depth=0)
    assert found.proved_optimal
    assert found.solutions[0].score == best
    posed = pose(kb, problem)
    inside = posed.interpretation.retrieve(Named(A + "C"))
    for s in found.solutions:
        for e in (s.expression, *s.equivalent):
            extension = posed.interpretation.retrieve(e)
            assert not (extension & ~inside).any()
            assert (s.confusion.tp, s.confusion.fp) == (
                extension[posed.positives].sum(),
                extension[posed.negatives].sum(),
            )


def read_text(triples: str) -> KB:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "k.ttl"
        path.write_text(HEAD + triples + "".join(f":{c} a owl:Class .\n" for c in CLASSES))
        return read_owl([path])


# -- no operand is idle ---------------------------------------------------------------------------------


def operands_removed(expression: ClassExpression) -> list[ClassExpression]:
    """The expression with any one operand of any of its outer intersections and unions removed."""
    if not isinstance(expression, And | Or):
        return []
    found: list[ClassExpression] = []
    for i, operand in enumerate(expression.operands):
        rest = expression.operands[:i] + expression.operands[i + 1 :]
        found.append(rest[0] if len(rest) == 1 else type(expression)(rest))
        for other in operands_removed(operand):
            found.append(type(expression)((*expression.operands[:i], other, *expression.operands[i + 1 :])))
    return found


LINKS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=10)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(CLASSES), max_size=3), min_size=8, max_size=8),
    LINKS,
    st.integers(1, 7),
    st.sampled_from(["f1", "balanced_accuracy", "mcc", "wracc", "iou", "precision@0.3"]),
    st.sampled_from([("exact", 3), ("exact", 4), ("beam", 3)]),
)
def test_removing_any_operand_changes_the_extension(
    types: list[set[str]], links: set[tuple[int, int]], cut: int, score: str, how: tuple[str, int]
) -> None:
    triples = "".join(
        f":i{i} a owl:NamedIndividual{''.join(f', :{c}' for c in sorted(t))} .\n" for i, t in enumerate(types)
    )
    triples += ":r a owl:ObjectProperty .\n" + "".join(f":i{a} :r :i{b} .\n" for a, b in sorted(links))
    kb = read_text(triples + ":i0 a :C . :i7 a :D .\n:i0 a :E .")
    names = [f"i{i}" for i in range(8)]
    posed = pose(kb, stated(" ".join(names[:cut]), " ".join(names[cut:])))
    strategy, max_atoms = how
    options = InductionOptions(score=score, top=8, strategy=strategy, max_atoms=max_atoms)
    rows = np.concatenate([posed.positives, posed.negatives])
    for s in solve(kb, posed.problem, options, depth=1).solutions:
        extension = posed.interpretation.retrieve(s.expression)[rows]
        for shorter in operands_removed(s.expression):
            assert (posed.interpretation.retrieve(shorter)[rows] != extension).any(), (s.expression, shorter)


# -- same in, same out ----------------------------------------------------------------------------------


def test_a_fresh_and_a_used_knowledge_base_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "people.ttl"
    path.write_text(HEAD + PEOPLE)
    used = read_owl([path])
    solve(used, stated("a c", "b d e"))
    solve(used, stated("a b", "c d"), InductionOptions(score="mcc", strategy="beam"))
    first, second = solve(used, stated("a b", "c d e")), solve(read_owl([path]), stated("a b", "c d e"))
    assert dataclasses.replace(first, elapsed_seconds=0.0) == dataclasses.replace(second, elapsed_seconds=0.0)


def test_aliases_and_null_are_in_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "k.ttl"
    path.write_text(
        HEAD
        + ":r a owl:ObjectProperty . :a :r :x, :n . :b :r :y . :c :r :z . :d :r :z, :n . "
        + ":x a :Building, :WN_Building . :y a :Building, :WN_Building . :z a :Tree . :n a :null ."
    )
    for strategy in ("exact", "beam"):
        answers = written(solve(read_owl([path]), stated("a b", "c d", top=30), InductionOptions(strategy=strategy)))
        assert "∃ r.Building" in answers
        assert not [a for a in answers if "null" in a or "WN_" in a]


# -- real files -----------------------------------------------------------------------------------------

REAL = {
    "dl-learner/father/father.conf": 1.0,
    "dl-learner/family-benchmark/Aunt.conf": 1.0,
    "dl-learner/family/father_posonly.conf": None,
    "dl-learner/family/father_oe.conf": None,
    "dl-learner/datatypes/double.conf": 1.0,
    "dl-learner/datatypes/stringtyped.conf": 1.0,
    "dl-learner/literals/months.conf": 1.0,
    "dl-learner/arch/arch.conf": 1.0,
    "dl-learner/cinema/cinema.conf": None,
    "dl-learner/swore/customer_requirement.conf": None,
    "dl-learner/heart/train.conf": None,
    "dl-learner/alzheimer/train1.conf": None,
    "ecii-aaai/problems/trains/trains_owl/post/trains_owl.config": 1.0,
    "ecii-aaai/problems/trains/trains_owl/post/trains_owl.conf": 1.0,
    "ecii-aaai/problems/poker/pair_owl/post/pair_owl.conf": 1.0,
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_run(shared_data: Path, name: str) -> None:
    from neurontology.reasoner.knowledge import find_knowledge

    problem = read_problem(shared_data / name)
    kb = read_owl(list(find_knowledge(problem)))
    found = solve(kb, problem, requested_options(problem, time_limit=5.0, top=3))
    best = found.solutions[0]
    posed = pose(kb, problem)
    extension = posed.interpretation.retrieve(best.expression)
    assert best.confusion.tp == extension[posed.positives].sum()
    assert best.confusion.fp == extension[posed.negatives].sum()
    expected = REAL[name]
    assert best.confusion.f1 == expected if expected is not None else best.confusion.f1 > 0.5
    if problem.settings.start_class is not None:
        start = posed.interpretation.retrieve(Named(problem.settings.start_class))
        assert not (extension & ~start).any()
