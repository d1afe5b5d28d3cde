"""Synthetic scenes: simple drawn pictures whose objects are known exactly, annotated as ADE20K does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image

from ..ontology.errors import UsageError
from .sketch import LIGHTS, Canvas, Colour, Seen, mix

log = logging.getLogger(__name__)

SIZE = 96
"""Side of a scene in pixels."""

OBJECTS: dict[str, str] = {
    "sun": "sun",
    "moon": "moon",
    "cloud": "cloud",
    "star": "star",
    "tree": "tree",
    "bush": "bush, shrub",
    "flower": "flower, bloom, blossom",
    "mountain": "mountain, mount",
    "house": "house",
    "skyscraper": "skyscraper",
    "car": "car, auto, automobile, motorcar",
    "bus": "bus, autobus, omnibus",
    "bicycle": "bicycle, bike, cycle",
    "boat": "boat",
    "road": "road, route",
    "river": "river",
    "sea": "sea",
    "fence": "fence, fencing",
    "person": "person, individual, someone, somebody, mortal, soul",
    "dog": "dog, domestic dog, Canis familiaris",
    "bird": "bird",
}
"""Every object that may show in a scene, with the class names that its annotation carries."""

_LAND, _ROAD, _WATER = frozenset({None}), frozenset({"road"}), frozenset({"sea", "river"})

# Where the foot of an object may stand, and how far down from the horizon (0) to the lower edge (1).
_GROUNDS: dict[str, tuple[frozenset[str | None], float, float]] = {
    "skyscraper": (_LAND, 0.0, 0.1),
    "house": (_LAND, 0.04, 0.4),
    "tree": (_LAND, 0.03, 0.9),
    "bush": (_LAND, 0.1, 1.0),
    "fence": (_LAND, 0.15, 0.95),
    "bicycle": (_LAND | _ROAD, 0.2, 0.95),
    "person": (_LAND | _ROAD, 0.2, 0.97),
    "dog": (_LAND, 0.25, 0.97),
    "flower": (_LAND, 0.5, 0.98),
    "car": (_ROAD, 0.0, 1.0),
    "bus": (_ROAD, 0.0, 1.0),
    "boat": (_WATER, 0.12, 1.0),
}


@dataclass(frozen=True)
class Kind:
    """What a kind of scene looks like.

    Attributes
    ----------
    ground
        Colour of the land, which is backdrop and no object.
    horizon
        Least and greatest height of the horizon, in pixels from the top.
    night
        Probability of night; a third of the rest is dusk.
    objects
        For each object that may show, the probability that it is tried and how many of it at most.
    """

    ground: Colour
    horizon: tuple[int, int]
    night: float
    objects: Mapping[str, tuple[float, int]]


_SKY = {"sun": (0.6, 1), "moon": (0.75, 1), "star": (0.8, 7), "cloud": (0.6, 3), "bird": (0.3, 3)}
_GRASS, _SAND, _PAVING = (125, 180, 85), (232, 210, 160), (176, 172, 166)

KINDS: dict[str, Kind] = {
    "street": Kind(
        _PAVING,
        (42, 52),
        0.15,
        _SKY
        | {"road": (1.0, 1), "house": (0.9, 3), "skyscraper": (0.2, 2), "car": (0.7, 3), "bus": (0.6, 2)}
        | {"bicycle": (0.4, 2), "person": (0.6, 3), "dog": (0.25, 1), "tree": (0.5, 3), "fence": (0.25, 1)},
    ),
    "night_city": Kind(
        (120, 120, 130),
        (54, 62),
        1.0,
        _SKY
        | {"skyscraper": (1.0, 9), "road": (0.75, 1), "river": (0.6, 1), "car": (0.6, 3), "bus": (0.6, 2)}
        | {"person": (0.4, 2), "tree": (0.3, 2), "boat": (0.5, 1), "bicycle": (0.2, 1), "house": (0.2, 1)},
    ),
    "coast": Kind(
        _SAND,
        (36, 46),
        0.15,
        _SKY
        | {"sea": (1.0, 1), "boat": (0.65, 3), "person": (0.5, 3), "dog": (0.3, 1), "mountain": (0.25, 2)}
        | {"bird": (0.6, 3), "bush": (0.3, 2), "tree": (0.25, 2), "fence": (0.25, 1), "flower": (0.2, 2)},
    ),
    "countryside": Kind(
        _GRASS,
        (40, 52),
        0.15,
        _SKY
        | {"house": (0.6, 2), "tree": (0.7, 4), "fence": (0.6, 2), "flower": (0.5, 5), "bush": (0.5, 3)}
        | {
            "road": (0.45, 1),
            "river": (0.25, 1),
            "car": (0.5, 1),
            "bus": (0.2, 1),
            "bicycle": (0.25, 1),
            "dog": (0.35, 2),
        }
        | {"person": (0.3, 2), "mountain": (0.25, 2)},
    ),
    "mountains": Kind(
        (140, 165, 105),
        (50, 60),
        0.2,
        _SKY
        | {"mountain": (1.0, 4), "tree": (0.6, 5), "river": (0.5, 1), "house": (0.25, 1), "bush": (0.35, 3)}
        | {"person": (0.3, 2), "flower": (0.3, 4), "boat": (0.15, 1), "dog": (0.15, 1), "road": (0.15, 1)},
    ),
    "park": Kind(
        (115, 190, 95),
        (38, 50),
        0.1,
        _SKY
        | {"tree": (0.95, 5), "flower": (0.65, 6), "bush": (0.65, 4), "person": (0.7, 4), "dog": (0.5, 2)}
        | {"bicycle": (0.5, 2), "fence": (0.45, 2), "skyscraper": (0.3, 3), "river": (0.15, 1)},
    ),
    "riverside": Kind(
        (135, 178, 90),
        (38, 48),
        0.15,
        _SKY
        | {"river": (1.0, 1), "boat": (0.8, 2), "tree": (0.6, 4), "bush": (0.5, 3), "house": (0.4, 2)}
        | {"person": (0.35, 2), "bicycle": (0.3, 1), "bird": (0.4, 3), "flower": (0.3, 3), "fence": (0.2, 1)},
    ),
    "harbour": Kind(
        (190, 182, 172),
        (36, 44),
        0.2,
        _SKY
        | {"sea": (1.0, 1), "boat": (0.9, 4), "road": (0.7, 1), "car": (0.6, 2), "bus": (0.5, 1)}
        | {
            "skyscraper": (0.2, 2),
            "person": (0.4, 3),
            "bicycle": (0.3, 1),
            "mountain": (0.3, 2),
            "bird": (0.45, 3),
        },
    ),
}
"""The kinds of scene, in the order in which they take turns."""


@dataclass(frozen=True)
class Scene:
    """One synthetic scene on disk.

    Attributes
    ----------
    image
        The JPEG; its annotations lie beside it, `_atr.txt` in place of `.jpg`.
    kind
        A key of `KINDS`.
    objects
        The objects that show, each listed once for every time it does, from back to front.
    """

    image: Path
    kind: str
    objects: tuple[Seen, ...]


def write_scenes(out: Path, *, count: int, seed: int) -> tuple[Scene, ...]:
    """Draw synthetic scenes and write them as `OUT/<kind>/SYN_00001.jpg` with `SYN_00001_atr.txt`.

    The kinds take turns. A scene depends on the seed and its own number alone, so a longer run with the
    same seed begins with the same files. An object that the others hide is not annotated; one that they
    hide in part is annotated as occluded. Sky and land are backdrop and carry no annotation.

    Parameters
    ----------
    out
        Folder to write in; made if absent.
    count
        How many scenes, 1 to 99 999.
    seed
        Scenes of different seeds are different scenes.

    Returns
    -------
    tuple of Scene
        In the order of their numbers.

    Raises
    ------
    UsageError
        If `count` is out of range.
    """
    if not 1 <= count <= 99_999:
        raise UsageError("the number of scenes is out of range", where=count, expected="1 to 99999")
    kinds = tuple(KINDS)
    scenes = []
    for number in range(1, count + 1):
        kind = kinds[(number - 1) % len(kinds)]
        picture, objects = draw_scene(kind, Random(f"{seed}/{number}"))
        image = out / kind / f"SYN_{number:05}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        picture.save(image, quality=92)
        image.with_name(f"{image.stem}_atr.txt").write_text(annotation(objects), encoding="utf-8")
        scenes.append(Scene(image, kind, objects))
    log.info("%d synthetic scenes in %s", count, out)
    return tuple(scenes)


def annotation(objects: tuple[Seen, ...]) -> str:
    """Write objects in ADE20K's format: number, part level, occluded, class names, raw name, attributes.

    Examples
    --------
    >>> print(annotation((Seen("bus", ("red",), True), Seen("sea", (), False))), end="")
    001 # 0 # 1 # bus, autobus, omnibus # bus # "red"
    002 # 0 # 0 # sea # sea # ""
    """
    lines = []
    for number, item in enumerate(objects, start=1):
        attributes = f'"{", ".join(item.attributes)}"'
        fields = (f"{number:03}", "0", f"{item.occluded:d}", OBJECTS[item.name], item.name, attributes)
        lines.append(" # ".join(fields) + "\n")
    return "".join(lines)


def draw_scene(kind: str, rng: Random) -> tuple[Image.Image, tuple[Seen, ...]]:
    """Draw one scene; return the picture (RGB, `SIZE` by `SIZE`) and what shows in it, from back to front."""
    plan = KINDS[kind]
    light = LIGHTS[_time_of_day(plan.night, rng)]
    wanted = {name: rng.randint(1, most) for name, (chance, most) in plan.objects.items() if rng.random() < chance}
    for name in ("moon", "star") if light.name != "night" else ("sun",):
        wanted.pop(name, None)
    if "road" in wanted:
        wanted.pop("river", None)

    canvas = Canvas(SIZE, light)
    horizon = rng.randint(*plan.horizon)
    _draw_sky(canvas, horizon, wanted, rng)
    haze = [mix(plan.ground, light.tint, light.strength), mix(plan.ground, (40, 80, 50), 0.15)]
    for row in range(horizon, SIZE):
        share = (row - horizon) / (SIZE - horizon)
        canvas.backdrop(mix(haze[0], mix(haze[1], light.tint, light.strength), share), row, row + 1)
    _draw_terrain(canvas, horizon, wanted, rng)
    for y, x, name, scale in sorted(_places(canvas, horizon, wanted, rng)):
        canvas.draw(name, x, y, scale, rng)
    for _ in range(wanted.get("bird", 0)):
        canvas.draw("bird", rng.uniform(8, SIZE - 8), rng.uniform(8, horizon - 4), rng.uniform(0.95, 1.4), rng)
    return canvas.picture(), canvas.seen()


def _time_of_day(night: float, rng: Random) -> str:
    if rng.random() < night:
        return "night"
    return "dusk" if rng.random() < 1 / 3 else "day"


def _draw_sky(canvas: Canvas, horizon: int, wanted: Mapping[str, int], rng: Random) -> None:
    light = canvas.light
    for row in range(horizon):
        canvas.backdrop(mix(light.zenith, light.horizon, row / horizon), row, row + 1)
    for _ in range(wanted.get("star", 0)):
        canvas.draw("star", rng.uniform(3, SIZE - 3), rng.uniform(3, horizon - 8), rng.uniform(0.75, 1.2), rng)
    for name in ("sun", "moon"):
        if name in wanted:
            low = name == "sun" and light.name == "dusk"
            y = rng.uniform(horizon - 12, horizon - 2) if low else rng.uniform(10, 22)
            canvas.draw(name, rng.uniform(12, SIZE - 12), y, rng.uniform(0.85, 1.2), rng)
    for _ in range(wanted.get("mountain", 0)):
        canvas.draw("mountain", rng.uniform(5, SIZE - 5), horizon, rng.uniform(0.75, 1.1), rng)
    for _ in range(wanted.get("cloud", 0)):
        canvas.draw("cloud", rng.uniform(8, SIZE - 8), rng.uniform(10, horizon - 14), rng.uniform(0.7, 1.2), rng)


def _draw_terrain(canvas: Canvas, horizon: int, wanted: Mapping[str, int], rng: Random) -> None:
    land = SIZE - horizon
    shore = float(horizon)
    if "sea" in wanted:
        shore = horizon + land * rng.uniform(0.35, 0.55)
        canvas.draw("sea", SIZE / 2, shore, shore - horizon, rng)
    if "river" in wanted:
        canvas.draw("river", rng.uniform(0.3, 0.7) * SIZE, SIZE + 1, land + 1, rng)
    if "road" in wanted:
        broad = rng.uniform(13, 17)
        upper = rng.uniform(shore + 4, max(shore + 4, SIZE - broad - 5))
        canvas.draw("road", SIZE / 2, upper + broad, broad, rng)


def _places(
    canvas: Canvas, horizon: int, wanted: Mapping[str, int], rng: Random
) -> list[tuple[float, float, str, float]]:
    """Find ground for what stands upon it; what finds none within some tries is left out."""
    places: list[tuple[float, float, str, float]] = []
    for name, (grounds, nearest, farthest) in _GROUNDS.items():
        for _ in range(wanted.get(name, 0)):
            for _ in range(30):
                x = rng.uniform(6, SIZE - 6)
                depth = rng.uniform(nearest, farthest)
                y = horizon + depth * (SIZE - horizon)
                crowded = any(abs(x - other[1]) < 9 and abs(y - other[0]) < 5 for other in places)
                if not crowded and canvas.at(x, min(y, SIZE - 1)) in grounds:
                    places.append((y, x, name, (0.85 + 0.5 * depth) * rng.uniform(0.9, 1.15)))
                    break
    return places
