"""Folders of images of concepts: names to classes, what a label says of a folder, and the network run on them."""

import logging
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.concept_folders import TypicalImage, concept_folder, find_concept_folders
from neurontology.analysis.folder_verification import verify_on_folders
from neurontology.bridge.activations import Activations, extract
from neurontology.bridge.example_rules import Thresholds
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import And, AtLeast, AtMost, Named, Not, Only, Or, Role, Some, Top
from neurontology.ontology.kb import KB
from neurontology.ontology.names import local_name
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.learning import InductionOptions
from PIL import Image
from saved_run import saved_run

EX = "http://example.org/"
TBOX = """
@prefix : <http://example.org/> . @prefix b: <http://b.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Red_bus rdfs:subClassOf :Bus .
:Night_table rdfs:subClassOf :Furniture . :WN_Tree rdfs:subClassOf :Plant . b:Car rdfs:subClassOf b:Machine .
:Sky a owl:Class . :Auto owl:equivalentClass :Car . :Rock_and_roll a owl:Class . :Hot_dog rdfs:label "Frankfurter" .
:Hot_dog rdfs:subClassOf :Food .
"""
CAR, BUS, VEHICLE, SKY = (Named(EX + name) for name in ("Car", "Bus", "Vehicle", "Sky"))
HAS = Role(EX + "imageContains")


@pytest.fixture(scope="module")
def kb(tmp_path_factory) -> KB:
    folder = tmp_path_factory.mktemp("folders")
    (folder / "o.ttl").write_text(TBOX)
    build_owl([folder / "o.ttl"], folder / "kb")
    return KB.open(folder / "kb")


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("Bus", [["Bus"]]),
        ("bus", [["Bus"]]),
        ("night table", [["Night_table"]]),
        ("NIGHT_TABLE", [["Night_table"]]),
        ("tree", [["WN_Tree"]]),
        ("frankfurter", [["Hot_dog"]]),
        ("Rock_and_roll", [["Rock_and_roll"]]),
        ("night table and bus", [["Night_table"], ["Bus"]]),
        ("night_table_and_bus", [["Night_table"], ["Bus"]]),
        ("Sky, bus+tree", [["Sky"], ["Bus"], ["WN_Tree"]]),
        (f"<{EX}Sky>", [["Sky"]]),
    ],
)
def test_a_folder_is_named_after_classes(kb, name, classes):
    found = concept_folder(name, kb, wanted=(EX + "Hot_dog",))
    assert [[iri.removeprefix(EX) for iri in part] for part in found.classes] == classes


def test_a_name_that_two_classes_have_means_both(kb):
    found = concept_folder("Car", kb)
    assert set(found.classes[0]) == {EX + "Car", "http://b.org/Car"}
    assert found.image.things[0] >= {EX + "Vehicle", EX + "Auto", "http://b.org/Machine"}


def test_names_without_a_class_are_all_listed_with_suggestions(kb, tmp_path):
    for name in ("Buss", "Sky", "Nigt table"):
        (tmp_path / name).mkdir()
    wanted = (EX + "Bus", EX + "Night_table")
    with pytest.raises(
        UsageError, match=r"2 of 3 sub-folders .*'Buss' \(did you mean Bus\?\).*'Nigt table'.*Night table"
    ):
        find_concept_folders(tmp_path, kb, wanted=wanted)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (Some(HAS, VEHICLE), {"bus", "red bus and sky"}),
        (BUS, {"bus", "red bus and sky"}),
        (Some(HAS, And((BUS, SKY))), set()),
        (And((Some(HAS, BUS), Some(HAS, SKY))), {"red bus and sky"}),
        (And((BUS, SKY)), {"red bus and sky"}),
        (Or((SKY, Named(EX + "Furniture"))), {"sky", "red bus and sky", "night table"}),
        (And((Some(HAS, BUS), Not(Some(HAS, SKY)))), {"bus"}),
        (Only(HAS, BUS), {"bus"}),
        (AtLeast(2, HAS, Top()), {"red bus and sky"}),
        (AtMost(0, HAS, VEHICLE), {"sky", "night table"}),
        (Some(Role(HAS.iri, inverse=True), Top()), set()),
        (Some(HAS, Some(HAS, Top())), set()),
    ],
)
def test_labels_hold_for_the_folders_whose_name_says_so(kb, expression, shown):
    folders = [concept_folder(name, kb) for name in ("bus", "sky", "red bus and sky", "night table")]
    assert {folder.name for folder in folders if folder.image.shows(expression)} == shown


def test_a_typical_image_agrees_with_retrieval_from_an_annotated_one(kb, tmp_path):
    """The reasoner on an individual that has what the folder says gives the same answers."""
    (tmp_path / "o.ttl").write_text(TBOX)
    build_owl([tmp_path / "o.ttl"], tmp_path / "kb")
    store = KB.open(tmp_path / "kb", writable=True)
    things = (AnnotatedObject("0", ("Red_bus",)), AnnotatedObject("1", ("Sky",)))
    annotate(store, [AnnotatedImage("im", None, things)], dataset="d", origin="test")
    index = store.index
    interpretation = Interpretation(index)
    (image,) = (
        iri for iri in map(index.individuals.__getitem__, range(len(index.individuals))) if local_name(iri) == "im"
    )
    row = int(interpretation.positions([image])[0])
    (role,) = (Role(iri) for iri in interpretation.properties if local_name(iri) == "imageContains")
    typical = concept_folder("Red_bus, Sky", store).image
    fillers = [VEHICLE, SKY, CAR, Not(BUS), Or((CAR, SKY)), Top()]
    for filler in fillers:
        for expression in (Some(role, filler), Only(role, filler), AtLeast(2, role, filler), AtMost(1, role, filler)):
            for asked in (expression, Not(expression)):
                assert typical.shows(asked) == bool(interpretation.retrieve(asked)[row]), asked


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-30, 30, (24, 24, 3))
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)


def test_images_of_the_induction_are_left_out_and_copies_count_for_both_folders(kb, tmp_path, caplog):
    for i in range(3):
        paint(tmp_path / "Bus" / f"{i}.png", (200, 0, 0), i)
        paint(tmp_path / "Sky" / f"{i}.png", (0, 0, 200), 10 + i)
    (tmp_path / "Sky" / "copy.png").write_bytes((tmp_path / "Bus" / "1.png").read_bytes())
    every = find_concept_folders(tmp_path, kb)
    assert len(every.images) == 6
    assert len({record.id for record in every.images}) == 6
    assert every.members[1] == ("Bus", "Sky")
    assert every.targets(SKY) == [False, True, False, True, True, True]
    used = [every.images.records[0].sha256]
    with caplog.at_level(logging.WARNING):
        fewer = find_concept_folders(tmp_path, kb, used=used)
    assert [record.id for record in fewer.images] == ["Bus/1", "Bus/2", "Sky/0", "Sky/1", "Sky/2"]
    assert "1 images are left out because labels were induced from them" in caplog.text
    with pytest.raises(UsageError, match="no image is left"):
        find_concept_folders(tmp_path, kb, used=[record.sha256 for record in every.images])


def test_folders_that_hold_nothing_are_refused(kb, tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        find_concept_folders(tmp_path / "absent", kb)
    with pytest.raises(UsageError, match="no sub-folders"):
        find_concept_folders(tmp_path, kb)
    (tmp_path / "Bus").mkdir()
    with pytest.raises(UsageError, match="no images found"):
        find_concept_folders(tmp_path, kb)


NETWORK = """
import torch
from torch import nn


def build():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    with torch.no_grad():
        # Unit 0 answers to red without blue, unit 1 to blue without red.
        network[0].weight.copy_(torch.tensor([[1.0, 0, -1.0], [-1.0, 0, 1.0]]).reshape(2, 3, 1, 1))
        network[0].bias.zero_()
    return network
"""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    (folder / "o.ttl").write_text(TBOX)
    (folder / "net.py").write_text(NETWORK)
    build_owl([folder / "o.ttl"], folder / "kb")
    kb = KB.open(folder / "kb", writable=True)
    images = []
    for i in range(24):
        paint(folder / "photos" / f"p{i}.png", (220, 0, 0) if i % 2 else (0, 0, 220), i)
        images.append(AnnotatedImage(f"p{i}", None, (AnnotatedObject("0", ("Bus" if i % 2 else "Sky",)),)))
    annotate(kb, images, dataset="d", origin="test")
    acts = extract(
        f"{folder / 'net.py'}:build", "1", folder / "photos", out=folder / "acts", reduce="mean", device="cpu"
    )
    thresholds, options = Thresholds(), InductionOptions(max_atoms=1)
    run = saved_run(folder / "out", kb, acts, thresholds, options)
    for i in range(6):
        paint(folder / "mine" / "red bus" / f"{i}.png", (220, 0, 0), 100 + i)
        paint(folder / "mine" / "Sky" / f"{i}.png", (0, 0, 220), 200 + i)
    return folder, kb, run, acts


def test_labels_are_verified_on_images_of_ones_own(labelled):
    folder, kb, run, acts = labelled
    rows = verify_on_folders(run, kb, acts, folder / "mine", out=folder / "kept", device="cpu")
    assert [(row.unit, row.target_images, row.non_target_images) for row in rows] == [(0, 6, 6), (1, 6, 6)]
    # A red bus is a bus, which is what the label says; the maximum is that of the photographs.
    assert [(row.auc, row.verdict) for row in rows] == [(1.0, "confirmed")] * 2
    assert [row.maximum for row in rows] == [record["maximum"] for record in run.units]
    kept = Activations.open(folder / "kept")
    assert (kept.meta.layer, kept.meta.reduce, len(kept.images)) == ("1", "mean", 12)
    assert {image.label for image in kept.images} == {"red bus", "Sky"}
    assert rows == verify_on_folders(run, kb, acts, folder / "mine", device="cpu")


def test_photographs_of_the_induction_are_not_used(labelled, tmp_path, caplog):
    folder, kb, run, acts = labelled
    for i, image in enumerate(acts.images):
        name = "Bus" if int(image.id[1:]) % 2 else "Sky"
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{i}.png").write_bytes((folder / "photos" / image.path).read_bytes())
    with caplog.at_level(logging.WARNING):
        rows = verify_on_folders(run, kb, acts, tmp_path, device="cpu")
    assert all(row.target_images + row.non_target_images == 12 for row in rows)
    assert "12 images are left out" in caplog.text


def test_another_network_is_refused(labelled):
    folder, kb, run, acts = labelled
    (folder / "net.py").write_text(NETWORK.replace("zero_()", "fill_(0.5)"))
    try:
        with pytest.raises(DataError, match=r"the weights of .* are not those"):
            verify_on_folders(run, kb, acts, folder / "mine", device="cpu")
    finally:
        (folder / "net.py").write_text(NETWORK)


def test_a_typical_image_without_things_is_an_instance_of_nothing():
    assert not TypicalImage(()).shows(CAR)
    assert TypicalImage(()).shows(Top())
