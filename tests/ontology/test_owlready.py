"""Modules in owlready2: what is there, what is put back, and what the checks of every extension say of it."""

# ruff: noqa: RUF012, owlready2 takes the axioms of a class from lists in its body

from pathlib import Path

import owlready2
import pytest
from neurontology.kb_build.extension_file import read_extension
from neurontology.kb_build.owl import build_owl, read_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.extension import extend
from neurontology.ontology.kb import KB
from neurontology.ontology.owlready import module, module_statements, put_back
from pyoxigraph import NamedNode

HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
CORE = """
:Car rdfs:subClassOf :Vehicle ; rdfs:label "car" . :Vehicle rdfs:subClassOf :Thing_made .
:Limousine rdfs:subClassOf :Car . :Tree a owl:Class . :Wheel rdfs:subClassOf :Thing_made .
:Wheeled owl:equivalentClass [ owl:intersectionOf ( :Vehicle
    [ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Wheel ] ) ] .
:hasPart a owl:ObjectProperty . :speed a owl:DatatypeProperty . :c1 a :Car ; :hasPart :w1 . :w1 a :Wheel .
"""
EX = "http://example.org/"


@pytest.fixture
def kb(tmp_path: Path) -> KB:
    (tmp_path / "core.ttl").write_text(HEAD + CORE)
    build_owl([tmp_path / "core.ttl"], tmp_path / "kb")
    return KB.open(tmp_path / "kb", writable=True)


def test_a_class_defined_in_python_is_put_back_and_holds(kb: KB, tmp_path: Path) -> None:
    before = kb.digest
    with module(kb, ["Vehicle", "Wheel", "hasPart", "Car"], name="wheels") as onto:

        class Vehicle_with_wheels(onto.Vehicle):
            label = ["vehicle with wheels"]
            equivalent_to = [onto.Vehicle & onto.hasPart.some(onto.Wheel)]

    dry = put_back(kb, onto, dry_run=True)
    assert kb.digest == before
    report = put_back(kb, onto)
    assert report == dry
    assert report.conforms
    new = f"{kb.base}extension/wheels#Vehicle_with_wheels"
    assert report.links_added == ((new, EX + "Vehicle"),)
    # The same in Turtle is the same extension.
    (tmp_path / "wheels.ttl").write_text(
        HEAD + f"<{new}> a owl:Class ; rdfs:label 'vehicle with wheels' ; rdfs:subClassOf :Vehicle ;\n"
        "owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( :Vehicle\n"
        "[ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Wheel ] ) ] ."
    )
    again = extend(kb, read_extension(tmp_path / "wheels.ttl", kb))
    assert (again.added, again.removed) == (0, 0)
    # And a file that any OWL tool reads: owlready2 finds the definition in the export.
    kb.export(tmp_path / "all.nt")
    world = owlready2.World()
    with (tmp_path / "all.nt").open("rb") as file:
        world.get_ontology("http://export.org/#").load(fileobj=file)
    (definition,) = world[new].equivalent_to
    assert {str(part) for part in definition.Classes} == {"example.org.Vehicle", "example.org.hasPart.some(example.org.Wheel)"}  # fmt: skip  # noqa: E501


def test_the_module_has_what_lies_above_and_not_the_rest(kb: KB) -> None:
    with module(kb, ["Car"], name="x") as onto:
        pass
    # Wheeled is defined by Vehicle and may matter; what lies below, and what has nothing to do with cars, does not.
    found = {c.iri.removeprefix(EX) for c in onto.core.classes()}
    assert found >= {"Car", "Vehicle", "Thing_made"}
    assert not found & {"Limousine", "Tree"}
    assert onto.Car.label == ["car"]
    assert onto["<http://example.org/Vehicle>"] is onto.Vehicle
    with module(kb, ["Wheeled", "speed"], name="x") as onto:
        pass
    assert {onto.Wheeled.iri, onto.speed.iri, onto.hasPart.iri} <= set(onto.terms)
    assert isinstance(onto.speed, owlready2.DataPropertyClass)
    (definition,) = onto.Wheeled.equivalent_to
    assert definition.Classes[0] is onto.Vehicle


def test_an_extension_is_edited_where_it_was_left(kb: KB, tmp_path: Path) -> None:
    (tmp_path / "fleet.ttl").write_text(
        HEAD + "@prefix f: <http://fleet.org/> . <http://fleet.org/> a owl:Ontology ; rdfs:comment 'our fleet' .\n"
        'f:Lorry a owl:Class ; rdfs:label "lorry" ; rdfs:subClassOf :Vehicle , [ a owl:Restriction ;\n'
        'owl:onProperty :hasPart ; owl:minQualifiedCardinality "4"^^xsd:nonNegativeInteger ; owl:onClass :Wheel ] .\n'
    )
    first = extend(kb, read_extension(tmp_path / "fleet.ttl", kb))
    assert first.conforms
    with module(kb, ["Car"], name="fleet") as onto:
        assert onto.Lorry.label == ["lorry"]
    untouched = put_back(kb, onto)
    assert (untouched.added, untouched.removed) == (0, 0)
    with module(kb, ["Car"], name="fleet") as onto:
        onto.Lorry.label = ["big lorry"]

        class Fire_engine(onto.Lorry):
            label = ["fire engine"]

        changed = put_back(kb, onto)  # within the block is as good as after it
    assert changed.conforms
    assert (changed.added, changed.removed) == (4, 1)
    assert kb.label("http://fleet.org/Lorry") == "big lorry"
    assert [e.name for e in kb.entries if e.kind == "extension"] == ["fleet"]


def test_what_is_said_of_a_class_of_the_knowledge_base_is_checked(kb: KB) -> None:
    """Also where owlready2 files it under the class's own ontology, which it does outside of `with`."""
    before = kb.digest
    with module(kb, ["Car", "Tree"], name="odd") as onto:

        class Plant(owlready2.Thing):
            label = ["plant"]

    onto.Tree.is_a.append(onto.Plant)
    report = put_back(kb, onto, dry_run=True)
    assert report.conforms
    assert report.links_added == ((EX + "Tree", f"{kb.base}extension/odd#Plant"),)
    onto.Vehicle.equivalent_to.append(onto.Plant & onto.Car)
    with onto.ontology:

        class Own(onto.Car):
            label = ["own"]

        onto.Thing_made.equivalent_to.append(Own)
    report = put_back(kb, onto)
    assert {(f.focus, f.message.partition(":")[0]) for f in report.violations} == {
        (EX + "Vehicle", "redefines a class of the knowledge base"),
        (f"{kb.base}extension/odd#Own", "closes a cycle of sub-classes"),
    }
    assert kb.digest == before


def test_nothing_can_be_taken_away_and_nothing_is_no_extension(kb: KB) -> None:
    with module(kb, ["Car"], name="less") as onto:
        pass
    with pytest.raises(DataError, match="states nothing"):
        put_back(kb, onto)
    onto.Car.is_a.remove(onto.Vehicle)
    with pytest.raises(DataError, match=r"1 statements of the knowledge base were taken away.*Car"):
        put_back(kb, onto)


def test_unknown_and_ambiguous_names(kb: KB, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no 'Vehicel'"), module(kb, ["Vehicel"], name="x"):
        pass
    with pytest.raises(UsageError, match="there is no class or property"), module(kb, [f"<{EX}No>"], name="x"):
        pass
    with module(kb, ["Car"], name="x") as onto:
        with pytest.raises(AttributeError, match="Did you mean Car"):
            _ = onto.Carr
        with pytest.raises(UsageError, match="not in the module"):
            _ = onto[f"<{EX}Tree>"]
    (tmp_path / "other.ttl").write_text(HEAD + "<http://other.org/Car> a owl:Class .")
    both = read_owl([tmp_path / "core.ttl", tmp_path / "other.ttl"])
    with pytest.raises(UsageError, match="ambiguous"), module(both, ["Car"], name="x"):
        pass
    with module(both, [EX + "Car"], name="x") as onto:
        assert onto.Car.iri == EX + "Car"


def test_individuals_and_properties_are_put_back(kb: KB) -> None:
    with module(kb, ["Car", "hasPart"], name="own") as onto:

        class carries(owlready2.ObjectProperty):
            label = ["carries"]

        mine = onto.Car("my_car")
        mine.carries = [onto.Car("toy_car")]
    report = put_back(kb, onto)
    assert report.conforms
    namespace = f"{kb.base}extension/own#"
    own = NamedNode(f"{kb.base}extension/own")
    link = kb.store.quads_for_pattern(NamedNode(namespace + "my_car"), NamedNode(namespace + "carries"), None, own)
    assert [q.object.value for q in link] == [namespace + "toy_car"]
    assert module_statements(onto).origin == "owlready2"


def test_modules_do_not_see_each_other(kb: KB) -> None:
    inside = pytest.raises(ValueError, match="inside a with")
    with module(kb, ["Car"], name="a") as first, inside, module(kb, ["Car"], name="b"):
        pass
    with module(kb, ["Car"], name="b") as second:

        class Taxi(second.Car):
            pass

    assert first.world is not second.world
    assert [c.name for c in second.ontology.classes()] == ["Taxi"]
    assert list(first.ontology.classes()) == []
