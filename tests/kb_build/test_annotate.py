"""Annotations as individuals, links of names, and the SSSOM files between them."""

from pathlib import Path

import pytest
from neurontology.kb_build.ade20k import read_ade20k
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.linking import Link, Linker
from neurontology.kb_build.owl import build_owl
from neurontology.kb_build.sssom import read_sssom, write_sssom
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB
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


def image(identifier: str, *names: tuple[str, ...], scene: str | None = None) -> AnnotatedImage:
    objects = tuple(AnnotatedObject(id=str(i), names=n) for i, n in enumerate(names))
    return AnnotatedImage(identifier, scene, objects)


def types_of(kb: KB) -> set[tuple[str, str]]:
    index = kb.index
    return {
        (index.individuals[i].removeprefix(ADE20K), index.classes[c]) for i, c, _ in index.types if c >= 0
    }


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
        [kb.index.individuals.id(ADE20K + "a"), 0, kb.index.individuals.id(f"{ADE20K}obj_{i}_a")]
        for i in range(2)
    ]


def test_annotating_twice_changes_nothing(kb: KB) -> None:
    images = [image("a", ("lorry",), ("bus",))]
    assert annotate(kb, images, dataset="zoo", origin="here").changed
    before = len(kb.store)
    assert not annotate(kb, images, dataset="zoo", origin="here").changed
    assert len(kb.store) == before


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
