"""Annotations as individuals, links of names, and the SSSOM files between them."""

from pathlib import Path

import pytest
from neurontology.kb_build.ade20k import read_ade20k
from neurontology.kb_build.annotate import annotate, individual_base, read_annotations
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject, Relation
from neurontology.kb_build.linking import Link, Linker
from neurontology.kb_build.owl import build_owl, read_owl
from neurontology.kb_build.sssom import read_sssom, write_sssom
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.spool import spooled
from neurontology.ontology.vocabulary import ADE20K, DATA

EX = "http://example.org/"
CLASSES = ["Cars", "Bus", "WN_Building", "Building", "Traffic_lights", "People", "Café-bar"]


@pytest.fixture
def kb(tmp_path: Path) -> KB:
    lines = "".join(
        f"<{EX}{c}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/2002/07/owl#Class> .\n"
        for c in CLASSES
    )
    (tmp_path / "o.nt").write_text(lines, encoding="utf-8")
    build_owl([tmp_path / "o.nt"], tmp_path / "kb")
    return KB.open(tmp_path / "kb", writable=True)


@pytest.mark.parametrize(
    ("name", "local", "method"),
    [
        ("building", "Building", "exact title"),
        ("Bus", "Bus", "exact title"),
        ("TRAFFIC-LIGHTS", "Traffic_lights", "title without case and punctuation"),
        ("cafe bar", "Café-bar", "title without case and punctuation"),
        ("car", "Cars", "plural of the name"),
        ("traffic light", "Traffic_lights", "plural of the name"),
        ("person", "People", "plural of the name"),
        ("buses", "Bus", "singular of the name"),
        ("aardvark", None, "no class found"),
    ],
)
def test_how_names_are_linked(kb: KB, name: str, local: str | None, method: str) -> None:
    link = Linker(kb).link(name)
    assert (link.iri, link.method) == (EX + local if local else None, method)
    assert (link.confidence > 0) == (local is not None)


SYNONYMS = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
:Q1 a owl:Class ; rdfs:label "motor car"@en, "Bus"@de ; skos:altLabel "Automobiles"@en .
:Automobile a owl:Class . :Lorries a owl:Class ; skos:altLabel "automobile"@en, "Gift"@de, "wagon", "trunk"@en .
:Waggons a owl:Class ; rdfs:label "wagon" . :Wagon_wheels a owl:Class . :Q2 a owl:Class ; rdfs:label "Trunk"@en .
:notAClass rdfs:label "aardvark"@en .
"""


@pytest.mark.parametrize(
    ("name", "local", "method", "confidence"),
    [
        # A title goes before the same word as a synonym, a word in the case given before one in another case.
        ("automobile", "Automobile", "exact title", 1.0),
        ("automobiles", "Q1", "redirect or synonym", 0.9),
        ("motor cars", "Q1", "redirect or synonym, singular of the name", 0.8),
        ("trunk", "Lorries", "redirect or synonym", 0.9),
        ("wagon", None, "2 classes have this synonym", 0.0),
        ("gift", "Lorries", "redirect or synonym in another language", 0.7),
        ("lorry", "Lorries", "plural of the name", 0.9),
        ("aardvark", None, "no class found", 0.0),
        ("...", None, "no class found", 0.0),
    ],
)
def test_how_names_are_linked_by_synonyms(
    tmp_path: Path, name: str, local: str | None, method: str, confidence: float
) -> None:
    (tmp_path / "o.ttl").write_text(SYNONYMS)
    link = Linker(read_owl([tmp_path / "o.ttl"])).link(name)
    assert (link.iri and link.iri.removeprefix(EX), link.method, link.confidence) == (local, method, confidence)


def test_own_classes_of_other_data_sets_are_no_candidates(kb: KB) -> None:
    annotate(kb, [image("a", ("aardvark",))], dataset="zoo", origin="here")
    assert Linker(kb).link("aardvark").iri is None


def test_relations_and_broader_names(kb: KB) -> None:
    bus = AnnotatedObject("1", ("bus",), broader=("vehicle", "thing"), relations=(Relation("next to", "2"),))
    cat = AnnotatedObject("2", ("cat",), broader=("animal", "thing"), relations=(Relation("next to", "1"),))
    annotate(kb, [AnnotatedImage("a", None, (bus, cat))], dataset="d", origin="x", base=EX)
    own, index = f"{DATA}dataset/d/", kb.index
    links = index.told.parents.tocoo()
    told = {(index.classes[c], index.classes[p]) for c, p in zip(links.row, links.col, strict=True)}
    assert told == {
        (f"{own}class/vehicle", f"{own}class/thing"),
        (f"{own}class/cat", f"{own}class/animal"),
        (f"{own}class/animal", f"{own}class/thing"),
    }
    types = {(index.individuals[i], index.classes[c]) for i, c, _ in index.types if c >= 0}
    assert types == {
        (EX + "obj_1_a", EX + "Bus"),
        (EX + "obj_1_a", f"{own}class/vehicle"),
        (EX + "obj_2_a", f"{own}class/cat"),
    }
    role = index.properties.id(f"{own}property/next_to")
    found = {(index.individuals[s], index.individuals[o]) for s, p, o, _ in index.roles if p == role}
    assert found == {(EX + "obj_1_a", EX + "obj_2_a"), (EX + "obj_2_a", EX + "obj_1_a")}


def test_the_base_of_individuals(kb: KB) -> None:
    assert individual_base(kb, "ade20k", "any") == ADE20K
    assert individual_base(kb, "coco", "my set") == f"{DATA}dataset/my%20set/individual/"


def test_an_unknown_format_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no annotation format 'coko'\. Did you mean coco"):
        read_annotations("coko", tmp_path)


def image(identifier: str, *names: tuple[str, ...], scene: str | None = None) -> AnnotatedImage:
    objects = tuple(AnnotatedObject(id=str(i), names=n) for i, n in enumerate(names))
    return AnnotatedImage(identifier, scene, objects)


def types_of(kb: KB) -> set[tuple[str, str]]:
    index = kb.index
    return {(index.individuals[i].removeprefix(ADE20K), index.classes[c]) for i, c, _ in index.types if c >= 0}


def test_objects_get_the_class_of_their_first_linked_name_and_no_annotation_is_lost(kb: KB) -> None:
    images = [image("a", ("lorry", "bus"), ("aardvark", "ant bear"), scene="old street")]
    report = annotate(kb, images, dataset="zoo", origin="here")
    own = f"{DATA}dataset/zoo/class/"
    assert types_of(kb) == {
        ("obj_0_a", EX + "Bus"),
        ("obj_1_a", own + "aardvark"),
        ("a", own + "old_street"),
    }
    assert set(report.unresolved) == {"aardvark", "old street"}
    assert (report.images, report.objects) == (1, 2)
    assert kb.label(own + "old_street") == "old street"
    assert [r[:3].tolist() for r in kb.index.roles] == [
        [kb.index.individuals.id(ADE20K + "a"), 0, kb.index.individuals.id(f"{ADE20K}obj_{i}_a")] for i in range(2)
    ]


def test_annotating_twice_changes_nothing(kb: KB) -> None:
    images = [image("a", ("lorry",), ("bus",))]
    assert annotate(kb, images, dataset="zoo", origin="here").changed
    before = len(kb.store)
    assert not annotate(kb, images, dataset="zoo", origin="here").changed
    assert len(kb.store) == before


def test_every_triple_is_written_once(kb: KB) -> None:
    cat = AnnotatedObject("1", ("cat",), ("red", "red"), broader=("animal",), relations=(Relation("next to", "1"),) * 2)
    annotate(kb, [AnnotatedImage(name, "street", (cat,)) for name in "abc"], dataset="d", origin="x")
    graph = kb.entry("abox", "d")
    with spooled(quad.triple for quad in kb.content(graph)) as stated:
        assert (stated.digest, stated.distinct) == (graph.digest, graph.triples)


def test_awkward_names_become_valid_iris(kb: KB) -> None:
    odd = 'a "b" <c>/#?é \u05d0 😀'
    annotate(kb, [image("x y", (odd,))], dataset="o d", origin="here")
    own = [c for c in kb.index.classes if c.startswith(DATA)]
    assert [kb.label(c) for c in own] == [odd]
    assert ADE20K + "x%20y" in kb.index.individuals


def test_a_mapping_decides_and_unmapped_names_become_own_classes(kb: KB, tmp_path: Path) -> None:
    write_sssom([Link("lorry", EX + "Cars"), Link("bus", None)], tmp_path / "m.tsv")
    images = [image("a", ("lorry",), ("bus",), ("building",))]
    annotate(kb, images, dataset="d", origin="here", mapping=read_sssom(tmp_path / "m.tsv"))
    own = f"{DATA}dataset/d/class/"
    assert {c for _, c in types_of(kb)} == {EX + "Cars", own + "bus", own + "building"}


def test_a_mapping_to_an_unknown_class_is_refused(kb: KB) -> None:
    with pytest.raises(UsageError, match=r"Nonsense.*links 'bus'"):
        annotate(kb, [image("a", ("bus",))], dataset="d", origin="x", mapping=[Link("bus", EX + "Nonsense")])
    assert not kb.info()["datasets"]


def test_the_property_of_the_knowledge_base_is_used(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "ade20k-kb" / "kb" / "wiki_combined_with_small_owls_mapping_concepts_stripped.owl"
    build_owl([file], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    annotate(kb, [image("a", ("sky",))], dataset="d", origin="x")
    assert [p for p in kb.index.properties if p.endswith("imageContains")] == [
        "http://www.daselab.com/residue/analysis#imageContains"
    ]


def test_the_real_photos_over_the_real_categories(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "ade20k-kb" / "kb" / "wiki_combined_with_small_owls_mapping_concepts_stripped.owl"
    build_owl([file], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    images, _ = read_ade20k(shared_data / "ade20k-scenes")
    report = annotate(kb, images, dataset="ade20k", origin="x")
    assert (report.images, report.objects) == (303, 5265)
    linked = {link.name: link.iri.rpartition("#")[2] for link in report.links if link.iri}
    # Read by hand: these names and categories mean the same.
    assert linked["mountain"] == "Mountains"
    assert linked["person"] == "People"
    assert linked["sky"] == "Sky"
    assert linked["tree"] == "Trees"
    assert kb.info()["datasets"] == ["ade20k"]


def test_sssom_keeps_links(tmp_path: Path) -> None:
    links = [
        Link("car", EX + "Cars", "skos:closeMatch", 0.9, "plural of the name"),
        Link('odd "name"\t#x', None),
    ]
    write_sssom(links, tmp_path / "m.tsv")
    assert read_sssom(tmp_path / "m.tsv") == links


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n", "has no column subject_label"),
        ("subject_label\tobject_id\ncar\t\n", r"m\.tsv:2: has no subject_label or no object_id"),
        ("#x\nsubject_label\tobject_id\ncar\tx:a\ncar\tx:b\n", r"m\.tsv:4: maps 'car' a second time"),
        ("subject_label\tobject_id\tconfidence\ncar\tx:a\thigh\n", "confidence 'high' is not a number"),
    ],
)
def test_broken_sssom_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.tsv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_sssom(tmp_path / "m.tsv")


def test_a_missing_mapping_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_sssom(tmp_path / "m.tsv")
