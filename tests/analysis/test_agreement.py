"""Agreement of descriptions with induced classes, on a hierarchy small enough to see."""

import json
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.agreement import (
    Kinship,
    agree,
    induced_by_facets,
    induced_by_run,
    positive_classes,
    read_descriptions,
)
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.run import Run, RunConfig, write_expression
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import And, Named, Not, Only, Or, Role, Some
from neurontology.ontology.kb import KB, Source
from neurontology.reasoner.learning import InductionOptions
from pyoxigraph import RdfFormat

E = "http://example.org/"
TTL = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Vehicle rdfs:subClassOf :Made .
:Oak rdfs:subClassOf :Tree . :Tree rdfs:subClassOf :Plant . :Plant rdfs:subClassOf :All . :Made rdfs:subClassOf :All .
:Auto rdfs:subClassOf :Car . :Car rdfs:subClassOf :Auto . :Chair rdfs:subClassOf :Made .
"""


@pytest.fixture
def kb(tmp_path: Path) -> KB:
    (tmp_path / "kb.ttl").write_text(TTL)
    return KB.in_memory([Source("core", tmp_path / "kb.ttl", RdfFormat.TURTLE)])


@pytest.mark.parametrize(
    ("described", "induced", "relation"),
    [
        ("Car", "Car", "equal"),
        ("Auto", "Car", "equal"),
        ("Car", "Made", "under"),
        ("Plant", "Oak", "above"),
        ("Car", "Bus", "sibling"),
        ("Vehicle", "Chair", "sibling"),
        ("Plant", "Made", "unrelated"),
        ("Oak", "Bus", "unrelated"),
    ],
)
def test_relations(kb: KB, described: str, induced: str, relation: str) -> None:
    assert Kinship(kb).relation(E + described, E + induced) == relation


def test_unknown_classes_are_an_error(kb: KB) -> None:
    with pytest.raises(DataError, match="no such class"):
        Kinship(kb).relation(E + "Car", E + "Boat")


def test_what_an_expression_denies_is_not_in_it() -> None:
    contains = Role("urn:contains")
    a, b, c, d = (Named(f"urn:{x}") for x in "abcd")
    expression = And((Some(contains, Or((a, Not(b)))), Not(Some(contains, c)), Only(contains, d)))
    assert positive_classes(expression) == ("urn:a",)
    assert positive_classes(Not(And((Not(a), b)))) == ("urn:a",)


def test_a_layer(kb: KB) -> None:
    induced = {
        0: ("a car", (E + "Car",)),
        1: ("a plant", (E + "Plant",)),
        2: ("a bus or an oak", (E + "Bus", E + "Oak")),
        3: (None, ()),
        4: ("a chair", (E + "Chair",)),
    }
    described = {
        0: [("vehicle", E + "Vehicle"), ("oak", E + "Oak")],
        1: [("oak", E + "Oak")],
        2: [("car", E + "Car")],
        3: [("car", E + "Car")],
        4: [],
    }
    found = agree(induced, described, kb, shuffles=200)
    assert [(u.unit, u.relation) for u in found.units] == [(0, "above"), (1, "under"), (2, "sibling")]
    assert [(p.text, p.relation) for p in found.units[0].pairs] == [("vehicle", "above"), ("oak", "unrelated")]
    assert found.units[2].pairs[0].induced == E + "Bus"
    assert found.counts == {"equal": 0, "under": 1, "above": 1, "sibling": 1, "unrelated": 0}
    assert found.agreeing == pytest.approx(2 / 3)
    assert (found.without_label, found.without_description) == (1, 1)


def test_chance_is_the_mean_over_all_orders(kb: KB) -> None:
    """Two units are cars and two are oaks: of the 24 orders 4 agree in all units, 16 in two, 4 in none."""
    kinds = [E + "Car", E + "Car", E + "Oak", E + "Oak"]
    induced = {unit: ("x", (iri,)) for unit, iri in enumerate(kinds)}
    described = {unit: [("x", iri)] for unit, iri in enumerate(kinds)}
    found = agree(induced, described, kb, shuffles=4000)
    assert found.agreeing == 1
    assert found.chance == pytest.approx(0.5, abs=0.03)
    assert found.p == pytest.approx(4 / 24, abs=0.03)
    again = agree(induced, described, kb, shuffles=4000, seed=0)
    assert (found.p, found.chance) == (again.p, again.chance)
    assert agree(induced, described, kb, shuffles=4000, seed=1).chance != found.chance


def test_every_shuffle_counts_and_so_do_the_descriptions_as_they_are(kb: KB) -> None:
    """Alike units agree in every order; of three of each of four kinds one order of 369 600 in all units."""
    alike = dict.fromkeys(range(3), ("x", (E + "Car",)))
    found = agree(alike, {unit: [("x", E + "Auto")] for unit in alike}, kb, shuffles=9)
    assert (found.agreeing, found.chance, found.p) == (1, 1, 1)
    found = agree(alike, {unit: [("x", E + "Oak")] for unit in alike}, kb, shuffles=9)
    assert (found.agreeing, found.chance, found.p) == (0, 0, 1)
    unlike = ["Car", "Bus", "Chair", "Oak"]
    kinds = [E + one for one in unlike]
    induced = {unit: ("x", (iri,)) for unit, iri in enumerate(kinds * 3)}
    described = {unit: [("x", iri)] for unit, iri in enumerate(kinds * 3)}
    found = agree(induced, described, kb)
    assert (found.agreeing, found.p) == (1, 1 / 1000)


def test_the_nearest_class_is_named_and_of_equally_near_ones_the_first(kb: KB) -> None:
    induced = {0: ("x", (E + "Oak", E + "Bus", E + "Made", E + "Vehicle"))}
    (unit,) = agree(induced, {0: [("car", E + "Car"), ("chair", E + "Chair")]}, kb, shuffles=1).units
    assert [(p.induced.removeprefix(E), p.relation) for p in unit.pairs] == [("Made", "under"), ("Made", "under")]
    assert unit.to_json() == {
        "unit": 0,
        "label": "x",
        "relation": "under",
        "pairs": [
            {"text": text, "class": E + text.title(), "induced": E + "Made", "relation": "under"}
            for text in ("car", "chair")
        ],
    }


def test_a_run_speaks_through_the_first_solution_of_each_unit() -> None:
    solutions = [
        {"english": "a car", "expression": write_expression(Named(E + "Car"))},
        {"english": "an oak", "expression": write_expression(Named(E + "Oak"))},
    ]
    limits, options = Thresholds(), InductionOptions()
    config = RunConfig("kb", "k", "toy", "acts", "a", "net", "w", "head", "mean", None, limits, options)
    units = ({"unit": 3, "solutions": solutions}, {"unit": 4, "solutions": []})
    run = Run(Path("run"), "d", config, "2026-01-02", 1.0, {}, 9, (), units)
    assert induced_by_run(run) == {3: ("a car", (E + "Car",)), 4: (None, ())}


def descriptions(file: Path, **changes: object) -> Path:
    """What `describe --json` prints of two layers, as far as it is read."""
    told = [("car", E + "Car", 0.05), ("oak", E + "Oak", 0.06), ("red", None, 0.01), ("bus", E + "Bus", 0.001)]
    units = [
        {"unit": 4, "layer": "head", "descriptions": [{"text": t, "class": c, "p": p} for t, c, p in told]},
        {"unit": 5, "descriptions": []},
        {"unit": 4, "layer": "stem", "descriptions": [{"text": "tree", "class": E + "Tree", "p": 0.0}]},
    ]
    record = {"alpha": 0.05, "layers": [{"layer": "head"}, {"layer": "stem"}], "units": units, **changes}
    file.write_text(json.dumps(record))
    return file


def test_descriptions_no_better_than_chance_or_without_a_class_are_left_out(tmp_path: Path) -> None:
    file = descriptions(tmp_path / "d.json")
    assert read_descriptions(file, "head") == {4: [("car", E + "Car"), ("bus", E + "Bus")], 5: []}
    with pytest.raises(UsageError, match=r"describes no layer 'tail'.*not of head, stem"):
        read_descriptions(file, "tail")
    odd = (("alpha", None), ("alpha", "a"), ("units", ["a"]), ("units", [{}]), ("layers", ["a"]))
    for key, value in odd:
        with pytest.raises(DataError, match="is no output of `describe --json`"):
            read_descriptions(descriptions(file, **{key: value}), "head")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n]', r"facets.json:2: broken JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[]", "is no output of `facets --json`"),
        (b'{"layer": "head", "units": [{}]}', r"is no output of `facets --json`.*'unit'"),
        (b'{"layer": "head", "units": [{"unit": "a"}]}', r"is no output of `facets --json`"),
    ],
)
def test_broken_records_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "facets.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        induced_by_facets(tmp_path / "facets.json", "head")
    with pytest.raises(UsageError, match=r"does not exist.*`facets --json`"):
        induced_by_facets(tmp_path / "none.json", "head")


def test_facets_speak_through_the_classes_of_their_labels(tmp_path: Path) -> None:
    car, oak = write_expression(Some(Role("urn:contains"), Named(E + "Car"))), write_expression(Named(E + "Oak"))
    facets = [
        {"facet": 1, "label": {"english": "a car", "expression": car}},
        {"facet": 2, "label": {"english": "an oak", "expression": oak}},
        {"facet": 3, "label": None},
    ]
    units = [{"unit": 4, "facets": facets}, {"unit": 5}]
    file = tmp_path / "facets.json"
    expected = {4: ("a car; an oak", (E + "Car", E + "Oak")), 5: (None, ())}
    for record in ({"layer": "head", "units": units}, {"layers": [{"layer": "x"}, {"layer": "head", "units": units}]}):
        file.write_text(json.dumps(record))
        assert induced_by_facets(file, "head") == expected
    for layers in (record, {"layers": ["stem"]}):
        file.write_text(json.dumps(layers))
        with pytest.raises(UsageError, match="has no layer 'stem'"):
            induced_by_facets(file, "stem")


def test_nothing_to_compare(kb: KB) -> None:
    found = agree({0: ("x", (E + "Car",))}, {0: []}, kb)
    assert (found.units, found.agreeing, found.p) == ((), None, None)
    assert np.sum(list(found.counts.values())) == 0
