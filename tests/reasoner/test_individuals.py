"""Names to individuals, against plain loops; missing sides against DL-Learner's definitions of problems."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.index import KBIndex
from neurontology.ontology.vocabulary import OWL, TYPE
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.individuals import complete_problem, resolve_individuals, resolve_problem
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.problem import make_problem
from pyoxigraph import NamedNode, Quad

A, B = "http://a.org/x#", "http://b.org/"
INDIVIDUAL = NamedNode(OWL + "NamedIndividual")


def index_of(*iris: str) -> KBIndex:
    return KBIndex.build(Quad(NamedNode(iri), TYPE, INDIVIDUAL) for iri in iris)


def test_iris_and_local_names_are_found() -> None:
    index = index_of(A + "one", B + "two", B + "n:three", A + "dir/four")
    assert resolve_individuals([A + "one", "two", "one", "ex:two", ":two", "n:three", "dir/four"], index) == [
        A + "one", B + "two", A + "one", B + "two", B + "two", B + "n:three", A + "dir/four",
    ]  # fmt: skip
    assert resolve_individuals([], index) == []


def test_a_full_iri_never_stands_for_another_one() -> None:
    with pytest.raises(UsageError, match=r"no individual http://c.org/one \(near: http://a.org/x#one\)"):
        resolve_individuals(["http://c.org/one"], index_of(A + "one"))


def test_ambiguous_names_are_listed() -> None:
    with pytest.raises(UsageError, match=r"individuals are called one \(http://a.org/x#one, http://b.org/one\)"):
        resolve_individuals(["one", "two"], index_of(A + "one", B + "one", B + "two"))


def test_up_to_ten_unknown_names_are_listed_with_near_ones() -> None:
    index = index_of(A + "ADE_train_00000001", A + "Kitchen-Table")
    with pytest.raises(UsageError) as error:
        resolve_individuals(["kitchen_table", "ADE_train_00000001.jpg", *(f"zz{i:02}" for i in range(11))], index)
    message = str(error.value)
    assert "no 13 of the individuals" in message
    assert f"kitchen_table (near: {A}Kitchen-Table)" in message
    assert f"ADE_train_00000001.jpg (near: {A}ADE_train_00000001)" in message
    assert "zz07" in message
    assert "zz08" not in message
    assert "and 3 more" in message


NAMES = st.text("ab:/#", min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.sets(st.tuples(st.sampled_from([A, B]), st.text("ab", min_size=1, max_size=3)), min_size=1), NAMES)
def test_resolution_agrees_with_a_search_through_all(pairs: set[tuple[str, str]], name: str) -> None:
    """For short names over namespaces that end in # or /, the local name is what follows the namespace."""
    index = index_of(*(namespace + local for namespace, local in pairs))
    whole = sorted(namespace + local for namespace, local in pairs if local == name)
    after = sorted(namespace + local for namespace, local in pairs if local == name.partition(":")[2])
    expected = whole or after
    if len(expected) == 1:
        assert resolve_individuals([name], index) == expected
    else:
        with pytest.raises(UsageError):
            resolve_individuals([name], index)


def test_two_names_of_one_individual_on_both_sides() -> None:
    index = index_of(A + "one", A + "two")
    problem = make_problem("p", ["one", A + "one"], [A + "two"], origin=Path("p"))
    assert resolve_problem(problem, index).positives == (A + "one",)
    problem = make_problem("p", ["one"], [A + "one", "two"], origin=Path("p"))
    with pytest.raises(DataError, match=r"under different names: http://a\.org/x#one"):
        resolve_problem(problem, index)
    with pytest.raises(UsageError, match=r"^p: the knowledge base has no individual three"):
        resolve_problem(make_problem("p", ["three"], ["two"], origin=Path("p")), index)


def test_unknown_examples_are_left_out_if_wanted(caplog: pytest.LogCaptureFixture) -> None:
    index = index_of(A + "one", A + "two")
    problem = make_problem("p", ["one", "ona"], ["two", "three"], origin=Path("p"))
    found = resolve_problem(problem, index, skip_unknown=True)
    assert (found.positives, found.negatives) == ((A + "one",), (A + "two",))
    assert [r.getMessage() for r in caplog.records] == [
        "left out, because the knowledge base has no individual ona (near: one)",
        "left out, because the knowledge base has no individual three",
    ]


FAMILY = """
@prefix : <http://a.org/x#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Father rdfs:subClassOf :Man, :Parent . :Man rdfs:subClassOf :Person .
:f a :Father . :m a :Man . :mp a :Man, :Parent . :p a :Parent . :x a :Person . [] a :Man, :Parent .
"""


@pytest.fixture
def family(tmp_path: Path) -> Interpretation:
    (tmp_path / "family.ttl").write_text(FAMILY)
    return Interpretation(read_owl([tmp_path / "family.ttl"]).index)


def test_a_class_is_told_from_the_rest_of_its_super_classes(family: Interpretation) -> None:
    problem = make_problem("p", [], [], origin=Path("p"), kind="class", described_class=A + "Father")
    done = complete_problem(problem, family)
    assert (done.kind, done.positives, done.negatives) == ("standard", (A + "f",), (A + "mp",))
    assert done.settings.ignored_classes == (A + "Father",)
    root = make_problem("p", [], [], origin=Path("p"), kind="class", described_class=A + "Parent")
    assert set(complete_problem(root, family).negatives) == {A + "m", A + "x"}
    with pytest.raises(DataError, match="no negative examples"):
        rest = make_problem("p", ["m", "f"], ["x"], origin=Path("p"))
        everyone = make_problem(
            "p", [A + i for i in ("f", "m", "mp", "p", "x")], [], origin=Path("p"), kind="positive-only"
        )
        assert complete_problem(rest, family) is rest
        complete_problem(everyone, family)
    with pytest.raises(UsageError, match="no such class"):
        complete_problem(make_problem("p", [], [], origin=Path("p"), kind="class", described_class=A + "Uncle"), family)


def test_the_examples_of_real_problems_are_in_their_ontologies(shared_data: Path) -> None:
    """One problem of each family; the river's names an image that its ontology lacks (ECII refuses it)."""
    folder = shared_data / "ecii-aaai" / "problems"
    for file, counts in {
        "forte/uncle_large/pre/uncle_large.conf": (23, 63),
        "moral_reasoner/moral_all_examples_simple_owl/post/moral_all_examples_simple_owl.config": (102, 100),
        "poker/pair_owl/pre/pair_owl.config": (20, 29),
        "trains/trains_owl/post/trains_owl.conf": (5, 5),
        "medium15/Kitchen/post/kitchen_one_vs_all.config": (5, 14),
        "yinyang/Brother/post/Brother.conf": (5, 12),
    }.items():
        problem = read_problem(folder / file)
        resolved = resolve_problem(problem, read_owl(find_knowledge(problem)).index)
        assert (len(resolved.positives), len(resolved.negatives)) == counts
        assert resolved.positives == problem.positives
    river = read_problem(next((folder / "river" / "river_5_vs_11_validation" / "post").glob("*.config")))
    with pytest.raises(UsageError, match=r"no individual .*Runway_ADE_val_00000738"):
        resolve_problem(river, read_owl(find_knowledge(river)).index)


def test_names_without_iris_meet_a_real_ontology(shared_data: Path) -> None:
    folder = shared_data / "ade20k-kb"
    config = next((folder / "experiments" / "Workroom_vs_Warehouse").glob("*wiki_concepts*.config"))
    problem = read_problem(config)
    index = read_owl(find_knowledge(problem)).index
    short = [iri.rpartition("#")[2] for iri in (*problem.positives, *problem.negatives)]
    assert resolve_individuals(short, index) == [*problem.positives, *problem.negatives]


def test_real_class_and_positive_only_problems(shared_data: Path) -> None:
    """Counts by hand from the .kb and .owl files: father_oe types three fathers and one other man."""
    family = shared_data / "dl-learner" / "family"
    for name, counts in {"father_oe": (3, 1), "father_posonly": (3, 4)}.items():
        problem = read_problem(family / f"{name}.conf")
        index = read_owl(find_knowledge(problem)).index
        done = complete_problem(resolve_problem(problem, index), Interpretation(index))
        assert (len(done.positives), len(done.negatives)) == counts
