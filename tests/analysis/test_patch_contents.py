"""Objects under patches, by masks drawn by hand: shares worked out pixel by pixel."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from neurontology.kb_build.annotate import annotate, read_annotations
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError
from neurontology.ontology.kb import KB

pytest.importorskip("torch")
image = pytest.importorskip("PIL.Image")

from neurontology.analysis.image_contents import ImageContents
from neurontology.analysis.patch_contents import PatchContents, masked_photograph
from neurontology.analysis.receptive_field import Box
from neurontology.bridge.labelling import join_images

EX = "http://example.org/"
CORE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Van rdfs:subClassOf :Car . :Tree rdfs:subClassOf :Plant . :Oak rdfs:subClassOf :Tree .
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A photograph of 40 × 20 pixels: a tree in the left quarter, two cars beside it, a wheel on the second one."""
    path = tmp_path_factory.mktemp("under")
    photos = path / "photos"
    photos.mkdir()
    blue = np.zeros((20, 40), np.uint8)
    blue[:, :10], blue[:, 10:20], blue[:, 20:30] = 30, 90, 200
    codes = np.where(blue == 30, 1, np.where(blue > 0, 2, 0)).astype(np.uint8)
    wheel = np.zeros((20, 40), np.uint8)
    wheel[10:, 20:25] = 7
    for name, codes_, blue_ in (("seg", codes, blue), ("parts_1", (wheel > 0).astype(np.uint8), wheel)):
        image.fromarray(np.stack([np.zeros_like(codes_), codes_, blue_], -1)).save(photos / f"a_{name}.png")
    for name in ("a", "b"):
        image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(photos / f"{name}.png")
        (photos / f"{name}_atr.txt").write_text(
            '001 # 0 # 0 # tree # tree # ""\n002 # 0 # 0 # car # car # ""\n'
            '003 # 0 # 0 # van # van # ""\n001 # 1 # 0 # wheel # wheel # ""\n'
        )
    (path / "core.ttl").write_text(CORE)
    build_owl([path / "core.ttl"], path / "kb")
    store = KB.open(path / "kb", writable=True)
    images, _ = read_annotations("ade20k", photos)
    annotate(store, images, dataset="ade20k", origin=photos)
    del store
    kb = KB.open(path / "kb")
    activations = SimpleNamespace(images=[SimpleNamespace(id="a"), SimpleNamespace(id="b")], path=path)
    contents = ImageContents(join_images(kb, activations, None))
    return photos, contents, kb


def crop(picture, box):
    """The network sees the photograph at half its size."""
    return picture.crop((2 * box.left, 2 * box.top, 2 * box.right, 2 * box.bottom))


LEFT, MIDDLE, BOTTOM, ALL = Box(0, 0, 5, 10), Box(5, 0, 15, 10), Box(10, 5, 15, 10), Box(0, 0, 20, 10)
PATCHES = [(0, LEFT), (0, MIDDLE), (0, BOTTOM), (0, ALL)]


@pytest.fixture(scope="module")
def under(made):
    photos, contents, _ = made
    names = ("a", "b")
    return PatchContents(
        contents,
        lambda row: masked_photograph(photos / f"{names[row]}.png", names[row]),
        crop,
        (10, 20),
        [*PATCHES, (1, ALL)],
    )


def test_shares_by_where_the_class_lies(under):
    def shares(name: str) -> list[list[float]]:
        return under.covering(EX + name, PATCHES).tolist()

    # Columns: called so, above what they are called, under it.
    assert shares("Tree") == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0.25, 0, 0]]
    assert shares("Plant") == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0.25, 0]]
    assert shares("Oak") == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0.25]]
    # The van is a car for the hierarchy, the other car is called so.
    assert shares("Car") == [[0, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0.25, 0.25, 0]]
    assert shares("Van") == [[0, 0, 0], [0.5, 0, 0.5], [1, 0, 0], [0.25, 0, 0.25]]
    assert shares("Vehicle") == [[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0.5, 0]]


def test_a_pixel_may_belong_to_a_thing_and_its_part(made, under):
    _, _, kb = made
    iris, shares = under.classes(PATCHES)
    found = {kb.names.label(iri): shares[:, at].tolist() for at, iri in enumerate(iris)}
    # The wheel is 5 × 10 pixels of the photograph: half of the lower half of the van, and the van goes on under it.
    assert found == {
        "Tree": [1, 0, 0, 0.25],
        "Car": [0, 0.5, 0, 0.25],
        "Van": [0, 0.5, 1, 0.25],
        "wheel": [0, pytest.approx(1 / 8, abs=0.03), pytest.approx(1 / 2, abs=0.11), pytest.approx(1 / 16, abs=0.02)],
    }


def test_photographs_without_masks_have_no_contents(under):
    assert under.masked([*PATCHES, (1, ALL)]).tolist() == [True] * 4 + [False]
    assert not under.covering(EX + "Tree", [(1, ALL)]).any()


def test_no_masks_at_all(made):
    _, contents, _ = made
    empty = PatchContents(contents, lambda row: None, crop, (10, 20), PATCHES)
    assert not empty.masked(PATCHES).any()
    assert empty.classes(PATCHES)[0] == ()
    assert not empty.covering(EX + "Tree", PATCHES).any()


def test_a_broken_mask_is_named(made, tmp_path: Path):
    photos, contents, _ = made
    for file in photos.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "a_parts_1.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"a_parts_1\.png"):
        PatchContents(contents, lambda _: masked_photograph(tmp_path / "a.png", "a"), crop, (10, 20), PATCHES)
