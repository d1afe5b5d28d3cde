"""Visual Genome annotations.

The entries have the form of the published files of version 1.4 (visualgenome.org, "Data Readme", and the first image
of objects.json, attributes.json, relationships.json and scene_graphs.json); the scenes are made up.
"""

import collections
import json
from pathlib import Path

import numpy as np
import pytest
from neurontology.kb_build.annotate import annotate, individual_base, read_annotations
from neurontology.kb_build.annotation import Relation
from neurontology.kb_build.owl import build_owl
from neurontology.kb_build.visual_genome import read_visual_genome
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.syntax.dl import parse
from neurontology.reasoner.interpretation import Interpretation


def thing(number: int, name: str, synset: str | None = None, **more: object) -> dict[str, object]:
    synsets = [synset or f"{name}.n.01"]
    box = {"h": 290, "w": 722, "y": 308, "x": 78}
    return {"synsets": synsets, "object_id": number, "merged_object_ids": [], "names": [name], **box, **more}


def relation(number: int, subject: dict[str, object], predicate: str, target: dict[str, object]) -> dict[str, object]:
    return {
        "predicate": predicate,
        "object": target,
        "relationship_id": number,
        "synsets": ["along.r.01"],
        "subject": subject,
    }


MAN, HORSE = thing(1058508, "man", merged_object_ids=[5045]), thing(1058507, "horse")
TREES = thing(1058549, "trees", "tree.n.01")
WOMAN, PONY = thing(30, "Woman ", "woman.n.01"), thing(31, "horse")
# An object in relationships.json may lack what objects.json says of it, and has one name under another key.
MAN_AGAIN = {"name": "man", "h": 192, "synsets": ["man.n.01"], "object_id": 5045, "w": 274, "y": 338, "x": 119}
OBJECTS = [
    {"image_id": 1, "objects": [TREES, MAN, HORSE], "image_url": "https://example.org/VG_100K_2/1.jpg"},
    {"image_id": 2, "objects": [WOMAN, PONY], "image_url": "https://example.org/VG_100K/2.jpg"},
    {"image_id": 10, "objects": []},
]
ATTRIBUTES = [
    {"image_id": 1, "attributes": [{**TREES, "attributes": ["green", " tall"]}, MAN]},
    {"image_id": 2, "attributes": []},
]
RELATIONSHIPS = [
    {
        "image_id": 1,
        "relationships": [
            relation(15927, MAN_AGAIN, "RIDES  a", HORSE),
            relation(15928, MAN, "rides", HORSE),
            relation(3186260, HORSE, "next to", {**TREES, "synsets": []}),
        ],
    },
    {"image_id": 2, "relationships": [relation(7, WOMAN, "feeding", PONY)]},
]
SCENE_GRAPHS = [
    {
        "image_id": 1,
        "relationships": [
            {"predicate": "ON", "relationship_id": 1, "object_id": 2, "subject_id": 5045, "synsets": ["along.r.01"]}
        ],
        "objects": [{**MAN, "attributes": ["tall"]}, thing(2, "horse")],
    }
]
PARTS = {"objects": OBJECTS, "attributes": ATTRIBUTES, "relationships": RELATIONSHIPS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in PARTS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def test_objects_attributes_and_relations_are_joined(folder: Path) -> None:
    images, bad = read_annotations("visual-genome", folder)
    assert not bad
    assert [i.id for i in images] == ["1", "2", "10"]
    trees, man, horse = images[0].objects
    assert trees.names == ("tree.n.01", "trees", "tree")
    assert trees.attributes == ("green", "tall")
    assert man.id == "1058508"
    # 5045 was merged into the man, "RIDES a" and "rides" are one predicate: one relation is left.
    assert man.relations == (Relation("rides", horse.id),)
    assert horse.relations == (Relation("next to", trees.id),)
    assert images[1].objects[0].names == ("woman.n.01", "woman")


def test_counts_agree_with_the_files_read_by_json(folder: Path) -> None:
    images, _ = read_visual_genome(folder)
    listed = json.loads((folder / "objects.json").read_text())
    assert {i.id: len(i.objects) for i in images} == {str(r["image_id"]): len(r["objects"]) for r in listed}
    stated = {
        (r["image_id"], e["subject"]["synsets"][0], " ".join(e["predicate"].lower().split()).removesuffix(" a"))
        for r in json.loads((folder / "relationships.json").read_text())
        for e in r["relationships"]
    }
    found = collections.Counter(
        (int(i.id), o.names[0], r.predicate) for i in images for o in i.objects for r in o.relations
    )
    assert set(found) == stated
    assert max(found.values()) == 1


@pytest.mark.parametrize("name", ["", "scene_graphs.json"])
def test_scene_graphs(tmp_path: Path, name: str) -> None:
    (tmp_path / "scene_graphs.json").write_text(json.dumps(SCENE_GRAPHS))
    (image,), bad = read_visual_genome(tmp_path / name)
    assert not bad
    assert [(o.names, o.attributes, o.relations) for o in image.objects] == [
        (("man.n.01", "man"), ("tall",), (Relation("on", "2"),)),
        (("horse.n.01", "horse"), (), ()),
    ]


def test_the_form_of_version_1_0(tmp_path: Path) -> None:
    record = {"id": 7, "objects": [{"id": 3, "names": ["clock", "big clock"], "x": 0, "y": 0, "w": 9, "h": 9}]}
    (tmp_path / "objects.json").write_text(json.dumps([record]))
    (image,), _ = read_visual_genome(tmp_path)
    assert (image.id, image.objects[0].id, image.objects[0].names) == ("7", "3", ("clock", "big clock"))


def test_published_aliases_are_applied(folder: Path) -> None:
    (folder / "relationship_alias.txt").write_text("riding,rides,is riding\nnext to,beside\n")
    (folder / "object_alias.txt").write_text("tree,trees\n")
    images, _ = read_visual_genome(folder)
    assert {r.predicate for i in images for o in i.objects for r in o.relations} == {"riding", "next to", "feeding"}
    assert ("tree.n.01", "tree") in {o.names for o in images[0].objects}


def test_who_rides_a_horse_is_found_by_a_class_expression(folder: Path) -> None:
    (folder / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Man rdfs:subClassOf :Person . :Woman rdfs:subClassOf :Person . :Horse rdfs:subClassOf :Animal ."
    )
    build_owl([folder / "o.ttl"], folder / "kb")
    kb = KB.open(folder / "kb", writable=True)
    images, _ = read_visual_genome(folder)
    annotate(kb, images, dataset="vg", origin="x", base=individual_base(kb, "visual-genome", "vg"))
    assert kb.label(f"{kb.base}dataset/vg/property/next_to") == "next to"
    model = Interpretation(kb.index)

    def found(expression: str) -> list[str]:
        rows = np.flatnonzero(model.retrieve(parse(expression, kb.names.to_iri)))
        return [model.iri(int(r)).removeprefix(f"{kb.base}dataset/vg/individual/") for r in rows]

    assert found("∃ imageContains.(Person ⊓ ∃ rides.Horse)") == ["1"]
    assert found("∃ imageContains.(Person ⊓ ∃ feeding.Animal)") == ["2"]
    assert found("∃ imageContains.(Person ⊓ ∃ rides.tree.n.01)") == []
    assert found("∃ imageContains.tree.n.01") == ["1"]
    assert kb.label(f"{kb.base}dataset/vg/class/tree.n.01") == "tree"


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("objects", {"a": [1]}, "is no list of images"),
        ("objects", [{"objects": []}], "an entry has no image_id"),
        ("objects", [{"image_id": 1}], "image 1: has none of objects, attributes, relationships"),
        ("objects", [{"image_id": 5, "objects": [{"names": ["a"]}]}], "image 5, object without id: has no 'id'"),
        ("objects", [{"image_id": 5, "objects": [{"object_id": "x"}]}], "object x: has the object 'x', which is no"),
        ("objects", [{"image_id": 5, "objects": [{"object_id": 8}]}], "image 5, object 8: has no name"),
        ("objects", [{"image_id": 5, "objects": [3]}], "image 5, object that is no JSON object: "),
        (
            "relationships",
            [
                {
                    "image_id": 5,
                    "relationships": [{"predicate": "on", "subject_id": 8, "object_id": 9, "relationship_id": 4}],
                }
            ],
            "relationships.json, image 5, relationship 4: refers to the object 8, which the image does not have",
        ),
        ("relationships", [{"image_id": 1, "relationships": [relation(4, MAN, " . ", MAN)]}], "4: has the predicate"),
        (
            "relationships",
            [{"image_id": 1, "relationships": [{"subject": MAN, "relationship_id": 4}]}],
            "relationship 4: has no 'object_id'",
        ),
    ],
)
def test_what_is_broken_is_named_and_left_out_on_request(
    folder: Path, part: str, content: object, message: str
) -> None:
    (folder / f"{part}.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_visual_genome(folder)
    images, bad = read_visual_genome(folder, skip_bad=True)
    assert len(bad) == 1
    assert "1" in [i.id for i in images]


def test_a_truncated_file_is_named(folder: Path) -> None:
    file = folder / "attributes.json"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(DataError, match=r"attributes\.json:1 \(column \d+\): is not valid JSON"):
        read_visual_genome(folder)


def test_wrong_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_visual_genome(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no Visual Genome annotation"):
        read_visual_genome(tmp_path)
