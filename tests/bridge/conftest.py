"""A small knowledge base, activations that follow a known rule, and the way from them to a run."""

import csv
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.bridge.run import Run
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions
from saved_run import saved_run

EX = "http://example.org/"
TBOX = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree rdfs:subClassOf :Plant .
:Flower rdfs:subClassOf :Plant . :Vehicle rdfs:subClassOf :Thing_ . :Plant rdfs:subClassOf :Thing_ .
:Dog a owl:Class .
"""
OBJECTS = ("car", "bus", "tree", "flower", "dog")
IMAGES = 120


def contents() -> list[list[str]]:
    """Objects of each image, by a fixed seed."""
    rng = np.random.default_rng(5)
    return [[o for o in OBJECTS if rng.random() < 0.35] for _ in range(IMAGES)]


def write_kb(folder: Path) -> Path:
    """Write a knowledge base with the images annotated as data set ``toy``."""
    (folder / "toy.ttl").write_text(TBOX)
    build_owl([folder / "toy.ttl"], folder / "kb")
    images = [
        AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(objects)))
        for i, objects in enumerate(contents())
    ]
    annotate(KB.open(folder / "kb", writable=True), images, dataset="toy", origin="test")
    return folder / "kb"


def write_activations(folder: Path, name: str = "acts") -> Activations:
    """Units: 0 fires for vehicles, 1 for trees without dogs, 2 never, 3 always alike, 4 at random."""
    rng = np.random.default_rng(6)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*range(5), "Class_names", "Filenames"])
        for i, objects in enumerate(contents()):
            vehicle = "car" in objects or "bus" in objects
            tree = "tree" in objects and "dog" not in objects
            noise = rng.random(3)
            row = [9 * vehicle + noise[0], 9 * tree + noise[1], 0.0, 4.0, 10 * noise[2]]
            writer.writerow([*(f"{v:.6f}" for v in row), "toy", f"im{i}.jpg"])
    return import_activations(folder / f"{name}.csv", folder / name, holdout=0.5, seed=1, layer="dense")


def label(kb: KB, activations: Activations, out: Path, jobs: int | None = None) -> Run:
    """Label all units and write the run."""
    thresholds, options = Thresholds(), InductionOptions(max_atoms=2, top=3, permutations=19)
    return saved_run(out, kb, activations, thresholds, options, jobs=jobs)


@pytest.fixture(scope="session")
def small_loop() -> ModuleType:
    """The functions of this module."""
    return sys.modules[__name__]
