"""Synthetic scenes: the annotations are what the pixels show, and the bytes are always the same."""

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from neurontology.examples.scenes import KINDS, OBJECTS, SIZE, draw_scene, write_scenes
from neurontology.examples.sketch import LIGHTS, THINGS, Canvas, Seen
from neurontology.kb_build.ade20k import read_ade20k
from neurontology.ontology.errors import UsageError
from PIL import Image

SKY = {"sun", "moon", "cloud", "star", "bird"}
PLANTS_AND_ANIMALS = {"tree", "bush", "flower", "person", "dog"}
BUILT = {"house", "skyscraper", "car", "bus", "bicycle", "boat", "road", "fence"}
CONTRACT = SKY | PLANTS_AND_ANIMALS | BUILT | {"mountain", "river", "sea"}


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_same_seed_same_bytes_and_a_shorter_run_is_a_prefix(tmp_path: Path) -> None:
    write_scenes(tmp_path / "a", count=24, seed=3)
    write_scenes(tmp_path / "b", count=24, seed=3)
    write_scenes(tmp_path / "short", count=9, seed=3)
    write_scenes(tmp_path / "other", count=24, seed=4)
    first = content(tmp_path / "a")
    assert len(first) == 48
    assert content(tmp_path / "b") == first
    short = content(tmp_path / "short")
    assert len(short) == 18
    assert short.items() <= first.items()
    other = content(tmp_path / "other")
    assert other.keys() == first.keys()
    assert not any(other[name] == first[name] for name in first if name.endswith(".jpg"))


def test_layout_and_format_are_those_of_ade20k(tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path, count=16, seed=1)
    assert [s.image.relative_to(tmp_path).as_posix() for s in scenes[:2]] == [
        "street/SYN_00001.jpg",
        "night_city/SYN_00002.jpg",
    ]
    assert {s.kind for s in scenes} == set(KINDS)
    for scene in scenes:
        with Image.open(scene.image) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (SIZE, SIZE))
    annotated, bad = read_ade20k(tmp_path)
    assert not bad
    assert [image.id for image in annotated] == [s.image.stem for s in scenes]
    for image, scene in zip(annotated, scenes, strict=True):
        assert image.scene == scene.kind.replace("_", " ")
        assert [(o.names[0], o.attributes, o.occluded, o.part_level) for o in image.objects] == [
            (o.name, o.attributes, o.occluded, 0) for o in scene.objects
        ]


def test_every_object_of_the_contract_is_common_and_not_tied_to_one_kind() -> None:
    assert set(OBJECTS) == set(THINGS) == CONTRACT
    kinds = tuple(KINDS)
    shown: Counter[str] = Counter()
    where: dict[str, set[str]] = {name: set() for name in OBJECTS}
    for number in range(240):
        kind = kinds[number % len(kinds)]
        _, objects = draw_scene(kind, Random(number))
        for name in {item.name for item in objects}:
            shown[name] += 1
            where[name].add(kind)
    assert all(0.08 * 240 < shown[name] < 0.75 * 240 for name in OBJECTS), shown
    assert all(len(where[name]) >= 2 for name in OBJECTS), where


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_an_object_is_where_the_pixels_changed(name: str) -> None:
    canvas = Canvas(SIZE, LIGHTS["day"])
    canvas.backdrop((128, 128, 128), 0, SIZE)
    before = np.asarray(canvas.picture()).astype(int)
    foot = 30 if name in ("sea", "road") else 60
    canvas.draw(name, SIZE / 2, foot, {"sea": 20, "road": 15, "river": 50}.get(name, 1.0), Random(5))
    changed = np.abs(np.asarray(canvas.picture()).astype(int) - before).max(axis=2) > 0
    # A pixel of the picture blends nine points.
    points = (np.arange(3 * SIZE) + 0.5) / 3
    owned = np.array([[canvas.at(x, y) == name for x in points] for y in points])
    share = owned.reshape(SIZE, 3, SIZE, 3).mean(axis=(1, 3))
    assert (share == 1).sum() >= 4
    assert changed[share == 1].all()
    assert not changed[share == 0].any()
    assert [item.name for item in canvas.seen()] == [name]
    assert canvas.seen()[0].occluded is False


def test_hidden_objects_are_left_out_and_half_hidden_ones_are_occluded() -> None:
    canvas = Canvas(SIZE, LIGHTS["day"])
    canvas.draw("dog", 80, 60, 1.0, Random(1))
    canvas.draw("mountain", 20, 60, 1.0, Random(1))
    assert [(item.name, item.occluded) for item in canvas.seen()] == [("dog", False), ("mountain", False)]
    canvas.draw("sea", 48, 64, 20, Random(2))
    assert [(item.name, item.occluded) for item in canvas.seen()] == [("mountain", True), ("sea", False)]


def test_what_lies_outside_the_picture_is_not_seen() -> None:
    canvas = Canvas(SIZE, LIGHTS["day"])
    canvas.draw("bus", -60, 50, 1.0, Random(1))
    assert canvas.seen() == ()
    assert canvas.at(-60, 50) is None


def test_night_has_no_sun_and_day_no_moon() -> None:
    for number in range(80):
        kind = tuple(KINDS)[number % len(KINDS)]
        _, objects = draw_scene(kind, Random(number))
        names = {item.name for item in objects}
        assert not ("sun" in names and names & {"moon", "star"})
        assert kind != "night_city" or "sun" not in names


def test_attributes_are_seen_in_the_picture() -> None:
    for seed in range(12):
        canvas = Canvas(SIZE, LIGHTS["day"])
        canvas.draw("bus", 48, 60, 2.0, Random(seed))
        (bus,) = canvas.seen()
        red, green, blue = np.asarray(canvas.picture())[44, 48].tolist()
        strongest = {"red": red, "blue": blue, "green": green}
        assert isinstance(bus, Seen)
        if bus.attributes[0] in strongest:
            assert strongest[bus.attributes[0]] == max(red, green, blue)


@pytest.mark.parametrize("count", [0, -1, 100_000])
def test_counts_out_of_range_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(UsageError, match="1 to 99999"):
        write_scenes(tmp_path, count=count, seed=0)
