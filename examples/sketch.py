"""Sketches of everyday things, drawn so that it is known which of them shows at each point of the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

# Everything is drawn three times as large and averaged down: Pillow's shapes have hard edges.
_OVERSAMPLING = 3

# Where others cover all but this share of an object, or all but so many pixels, nobody would recognise it, so
# it is not annotated; where they leave more than the second share, nothing notable is hidden.
_SEEN_SHARE, _SEEN_PIXELS, _WHOLE_SHARE = 0.15, 4.0, 0.95

_PAINTS: dict[str, Colour] = {
    "red": (205, 45, 40),
    "blue": (45, 90, 190),
    "yellow": (240, 200, 50),
    "white": (240, 240, 235),
    "green": (45, 140, 90),
    "orange": (235, 130, 40),
}


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; `share` of the second.

    Examples
    --------
    >>> mix((0, 0, 0), (200, 100, 50), 0.5)
    (100, 50, 25)
    """
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Light:
    """The time of day: the sky's colours from top to horizon, and the tint that falls on everything."""

    name: str
    zenith: Colour
    horizon: Colour
    tint: Colour
    strength: float


LIGHTS = {
    light.name: light
    for light in (
        Light("day", (95, 160, 230), (205, 230, 250), (255, 250, 235), 0.0),
        Light("dusk", (110, 105, 165), (250, 175, 115), (120, 60, 60), 0.22),
        Light("night", (12, 18, 48), (45, 55, 100), (18, 26, 70), 0.45),
    )
}


@dataclass(frozen=True)
class Seen:
    """An object that shows in a finished picture.

    `occluded` is true where other objects hide more than a twentieth of it.
    """

    name: str
    attributes: tuple[str, ...]
    occluded: bool


class Canvas:
    """A square picture and, point by point, the number of the object that is seen there (0 is the backdrop).

    Parameters
    ----------
    size
        Side of the picture in pixels. All coordinates are pixels of the finished picture, y downwards.
    light
        The time of day that colours what is drawn.
    """

    def __init__(self, size: int, light: Light) -> None:
        self.size = size
        self.light = light
        full = size * _OVERSAMPLING
        self._picture = Image.new("RGB", (full, full))
        self._owners = Image.new("L", (full, full))
        self._brush, self._owning = ImageDraw.Draw(self._picture), ImageDraw.Draw(self._owners)
        self._drawn: list[tuple[str, tuple[str, ...], int]] = []

    def draw(self, name: str, x: float, y: float, scale: float, rng: Random) -> None:
        """Draw a named thing of `THINGS` upon what is there already, its foot at (x, y)."""
        number = len(self._drawn) + 1
        pen = Pen(self, number, x, y, scale, rng.choice((-1, 1)))
        attributes = THINGS[name](pen, rng)
        self._drawn.append((name, attributes, self._owners.histogram()[number]))

    def at(self, x: float, y: float) -> str | None:
        """Name of the object that shows at a point; None for the backdrop and outside the picture."""
        if not (0 <= x < self.size and 0 <= y < self.size):
            return None
        number = self._owners.getpixel((int(x * _OVERSAMPLING), int(y * _OVERSAMPLING)))
        assert isinstance(number, int)
        return self._drawn[number - 1][0] if number else None

    def backdrop(self, colour: Colour, top: float, bottom: float) -> None:
        """Fill a stripe across the picture that belongs to no object."""
        self.polygon([(0, top), (self.size, top), (self.size, bottom), (0, bottom)], colour, 0)

    def polygon(self, points: Sequence[Point], colour: Colour, owner: int) -> None:
        """Fill a polygon for an owner."""
        scaled = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]
        for brush, ink in self._inks(colour, owner):
            brush.polygon(scaled, fill=ink)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, owner: int) -> None:
        """Fill an ellipse for an owner."""
        (x, y), (a, b) = centre, radii
        box = [(v * _OVERSAMPLING) for v in (x - a, y - b, x + a, y + b)]
        for brush, ink in self._inks(colour, owner):
            brush.ellipse(box, fill=ink)

    def line(self, points: Sequence[Point], width: float, colour: Colour, owner: int) -> None:
        """Draw a line of a given width for an owner."""
        scaled = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]
        for brush, ink in self._inks(colour, owner):
            brush.line(scaled, fill=ink, width=max(1, round(width * _OVERSAMPLING)), joint="curve")

    def _inks(self, colour: Colour, owner: int) -> tuple[tuple[ImageDraw.ImageDraw, Colour | int], ...]:
        return (self._brush, colour), (self._owning, owner)

    def picture(self) -> Image.Image:
        """The finished picture, RGB, `size` by `size` pixels."""
        return self._picture.reduce(_OVERSAMPLING)

    def seen(self) -> tuple[Seen, ...]:
        """What shows in the picture, in the order of drawing, that is from back to front."""
        areas = self._owners.histogram()
        seen = []
        for number, (name, attributes, whole) in enumerate(self._drawn, start=1):
            area = areas[number]
            if whole and area >= _SEEN_SHARE * whole and area >= _SEEN_PIXELS * _OVERSAMPLING**2:
                seen.append(Seen(name, attributes, area < _WHOLE_SHARE * whole))
        return tuple(seen)


@dataclass(frozen=True)
class Pen:
    """Draws one object in its own coordinates: origin at its foot, y upwards, `scale` pixels to the unit."""

    canvas: Canvas
    owner: int
    x: float
    y: float
    scale: float
    flip: int

    def polygon(self, points: Sequence[Point], colour: Colour, glow: bool = False) -> None:
        """Fill a polygon; what glows keeps its colour at night."""
        self.canvas.polygon([self._out(*p) for p in points], self._shade(colour, glow), self.owner)

    def box(self, left: float, bottom: float, right: float, top: float, colour: Colour, glow: bool = False) -> None:
        """Fill an upright rectangle."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour, glow)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        colour: Colour,
        *,
        high: float | None = None,
        glow: bool = False,
    ) -> None:
        """Fill a circle, or with `high` an ellipse of that vertical radius."""
        radii = (radius * self.scale, (radius if high is None else high) * self.scale)
        self.canvas.ellipse(self._out(x, y), radii, self._shade(colour, glow), self.owner)

    def line(self, points: Sequence[Point], width: float, colour: Colour, glow: bool = False) -> None:
        """Draw a line, its width in the object's own units."""
        self.canvas.line([self._out(*p) for p in points], width * self.scale, self._shade(colour, glow), self.owner)

    def _out(self, x: float, y: float) -> Point:
        return self.x + self.flip * self.scale * x, self.y - self.scale * y

    def _shade(self, colour: Colour, glow: bool) -> Colour:
        light = self.canvas.light
        return colour if glow else mix(colour, light.tint, light.strength)


def _arc(radius: float, start: float, end: float, steps: int, x: float = 0.0, y: float = 0.0) -> list[Point]:
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]


def _paint(rng: Random) -> tuple[str, Colour]:
    name = rng.choice(tuple(_PAINTS))
    return name, _PAINTS[name]


def _sun(pen: Pen, rng: Random) -> tuple[str, ...]:
    low = pen.canvas.light.name == "dusk"
    colour = (250, 110, 60) if low else (255, 215, 60)
    if not low:
        turn = rng.uniform(0, 30)
        for i in range(12):
            angle = math.radians(turn + 30 * i)
            ray = [(r * math.cos(angle), r * math.sin(angle)) for r in (8.6, 11.5)]
            pen.line(ray, 1.1, colour, glow=True)
    pen.disc(0, 0, 7, colour, glow=True)
    return ("setting",) if low else ()


def _moon(pen: Pen, rng: Random) -> tuple[str, ...]:
    pale = (240, 236, 210)
    if rng.random() < 0.5:
        # The inner edge of a crescent is the arc of a second circle through the same two tips.
        pen.polygon(_arc(7, 70, 290, 24) + _arc(6.9, 250, 110, 18, x=4.75), pale, glow=True)
        return ("crescent",)
    pen.disc(0, 0, 6.5, pale, glow=True)
    for x, y, r in ((-2, 2, 1.5), (2.2, -0.5, 1.2), (-0.8, -3, 1.0)):
        pen.disc(x, y, r, (215, 210, 186), glow=True)
    return ("full",)


def _star(pen: Pen, rng: Random) -> tuple[str, ...]:
    turn = rng.uniform(0, 72)
    tips = [_arc(3.1 if i % 2 == 0 else 1.2, turn + 36 * i, turn + 36 * i, 1)[0] for i in range(10)]
    pen.polygon(tips, rng.choice(((255, 250, 220), (255, 235, 160), (225, 235, 255))), glow=True)
    return ()


def _cloud(pen: Pen, rng: Random) -> tuple[str, ...]:
    grey = rng.random() < 0.25
    colour = (185, 190, 200) if grey else (250, 250, 252)
    half = rng.uniform(9, 14)
    pen.disc(0, 2.2, half, mix(colour, (140, 150, 175), 0.25), high=2.6)
    for _ in range(5):
        x = rng.uniform(-0.6, 0.6) * half
        r = rng.uniform(3.2, 5.2)
        pen.disc(x, 3.4 + 0.35 * r, r, colour)
    pen.disc(0, 3.4, half * 0.9, colour, high=2.6)
    return ("grey",) if grey else ()


def _tree(pen: Pen, rng: Random) -> tuple[str, ...]:
    tall = rng.uniform(0.85, 1.25)
    pen.box(-1.5, 0, 1.5, 11 * tall, (110, 75, 45))
    if rng.random() < 0.35:
        green = (30, rng.randint(80, 110), 60)
        for i, half in enumerate((8.5, 7, 5)):
            foot = (4 + 6.5 * i) * tall
            pen.polygon([(-half, foot), (half, foot), (0, foot + 11 * tall)], mix(green, (255, 255, 255), 0.07 * i))
        return ("coniferous",)
    autumn = rng.random() < 0.2
    leaves = (215, 125, 45) if autumn else (rng.randint(50, 95), rng.randint(135, 165), 60)
    dark = mix(leaves, (0, 30, 10), 0.25)
    for x, y, r, colour in (
        (-4.5, 13, 5.5, dark),
        (4.5, 13, 5.5, dark),
        (0, 18, 6.5, leaves),
        (-1, 14, 5, leaves),
    ):
        pen.disc(x, y * tall, r, colour)
    return ("autumnal",) if autumn else ()


def _bush(pen: Pen, rng: Random) -> tuple[str, ...]:
    green = (rng.randint(60, 90), rng.randint(120, 140), 55)
    for x, y, r in ((-5, 3, 4), (5, 3, 4), (0, 4.5, 5)):
        pen.disc(x, y, r, mix(green, (0, 30, 10), 0.3 if x else 0.0), high=r * 0.85)
    if rng.random() < 0.4:
        for _ in range(7):
            pen.disc(rng.uniform(-6, 6), rng.uniform(2, 6.5), 0.8, (215, 40, 60))
        return ("berried",)
    return ()


def _flower(pen: Pen, rng: Random) -> tuple[str, ...]:
    name = rng.choice(("red", "yellow", "white", "orange"))
    pen.line([(0, 0), (0.3, 4), (0, 8)], 1.0, (60, 130, 50))
    pen.disc(1.9, 3, 1.9, (70, 145, 60), high=0.9)
    for x, y in _arc(2.5, 18, 306, 4, y=9):
        pen.disc(x, y, 2.0, _PAINTS[name])
    pen.disc(0, 9, 1.7, (120, 70, 40) if name == "yellow" else (250, 215, 70))
    return (name,)


def _mountain(pen: Pen, rng: Random) -> tuple[str, ...]:
    half, high = rng.uniform(24, 38), rng.uniform(20, 34)
    rock = rng.choice(((125, 115, 115), (110, 120, 135), (135, 120, 100)))
    peak = rng.uniform(-5, 5)
    left = [(-half, 0.0), (-half * 0.55, high * rng.uniform(0.35, 0.5)), (peak - 5, high * 0.86)]
    right = [(peak + 6, high * 0.84), (half * 0.6, high * rng.uniform(0.3, 0.48)), (half, 0.0)]
    pen.polygon([*left, (peak, high), *right], rock)
    pen.polygon([(peak, high), *right, (peak + 7, 0), (peak + 2, high * 0.5)], mix(rock, (40, 40, 70), 0.3))
    if rng.random() < 0.55:
        edge = [
            (peak + 6, high * 0.84),
            (peak + 4, high * 0.7),
            (peak + 1, high * 0.78),
            (peak - 3, high * 0.66),
        ]
        pen.polygon([(peak - 5, high * 0.86), (peak, high), *edge], (245, 248, 252))
        return ("snowy",)
    return ("rocky",)


def _house(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, wall = rng.choice(
        (
            ("white", (238, 232, 220)),
            ("yellow", (235, 205, 130)),
            ("pink", (230, 170, 165)),
            ("brick", (175, 95, 75)),
        )
    )
    roof = rng.choice(((170, 60, 45), (110, 70, 60), (90, 95, 110)))
    half, high = rng.uniform(10, 13), rng.uniform(11, 14)
    pen.box(half * 0.4, high, half * 0.4 + 3, high + 9, mix(roof, (60, 60, 60), 0.4))
    pen.box(-half, 0, half, high, wall)
    pen.polygon([(-half - 2, high), (half + 2, high), (0, high + 9)], roof)
    pen.box(-2, 0, 2, 7.5, (100, 65, 45))
    lit = pen.canvas.light.name != "day"
    for x in (-half + 2, half - 6):
        pen.box(x, 5, x + 4, 9.5, (255, 225, 120) if lit else (120, 160, 190), glow=lit)
        pen.line([(x + 2, 5), (x + 2, 9.5)], 0.6, wall)
    return (name,)


def _skyscraper(pen: Pen, rng: Random) -> tuple[str, ...]:
    half, high = rng.uniform(6, 9), rng.uniform(34, 58)
    wall = rng.choice(((120, 130, 145), (95, 115, 140), (150, 140, 130), (85, 95, 105)))
    pen.box(-half, 0, half, high, wall)
    pen.box(half - 2.5, 0, half, high, mix(wall, (20, 20, 40), 0.3))
    if rng.random() < 0.4:
        pen.line([(0, high), (0, high + 7)], 1.0, mix(wall, (30, 30, 30), 0.5))
    lit = pen.canvas.light.name == "night"
    columns = 4 if half > 7.5 else 3
    step = (2 * half - 3.5) / columns
    for row in range(int(high / 4.4) - 1):
        for column in range(columns):
            x, y = -half + 1 + column * step, 3.5 + 4.4 * row
            on = lit and rng.random() < 0.6
            pen.box(
                x,
                y,
                x + step - 1,
                y + 2.6,
                (255, 220, 120) if on else mix(wall, (200, 225, 245), 0.6),
                glow=on,
            )
    return ()


def _car(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, paint = _paint(rng)
    pen.polygon([(-8, 6.5), (-5, 11), (4, 11), (7.5, 6.5)], paint)
    pen.polygon([(-6.3, 7), (-4.3, 10), (-0.8, 10), (-0.8, 7)], (175, 210, 230))
    pen.polygon([(0.4, 7), (0.4, 10), (3.5, 10), (5.8, 7)], (175, 210, 230))
    pen.polygon([(-12, 2), (-12, 6), (-10.5, 7), (8, 7), (12, 5.5), (12, 2)], paint)
    for x in (-7, 7):
        pen.disc(x, 2.4, 2.9, (30, 30, 32))
        pen.disc(x, 2.4, 1.2, (180, 180, 185))
    pen.box(10.8, 4.2, 12, 5.4, (255, 240, 170), glow=True)
    return (name,)


def _bus(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, paint = _paint(rng)
    pen.box(-18, 2.5, 18, 17, paint)
    pen.box(-18, 16, 18, 17.5, mix(paint, (255, 255, 255), 0.5))
    lit = pen.canvas.light.name == "night"
    for i in range(5):
        x = -16.5 + 6 * i
        pen.box(x, 9, x + 4.8, 14, (250, 230, 150) if lit else (180, 212, 232), glow=lit)
    pen.box(14, 3.5, 17, 14, (150, 190, 215))
    for wheel in (-11, 10):
        pen.disc(wheel, 2.8, 3.3, (30, 30, 32))
        pen.disc(wheel, 2.8, 1.3, (180, 180, 185))
    return (name,)


def _bicycle(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, paint = _paint(rng)
    for x in (-5.5, 5.5):
        pen.line(_arc(4.2, 0, 360, 24, x=x, y=4.4), 1.2, (35, 35, 38))
    pen.line([(-5.5, 4.4), (-2, 9.5), (4, 9.5), (0, 4.4), (-5.5, 4.4)], 1.3, paint)
    pen.line([(0, 4.4), (-2.4, 11)], 1.2, paint)
    pen.line([(5.5, 4.4), (3.7, 12), (6, 12.6)], 1.2, paint)
    pen.box(-4.6, 10.8, -0.6, 12, (40, 30, 30))
    return (name,)


def _boat(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, paint = _paint(rng)
    if rng.random() < 0.6:
        pen.line([(0, 3), (0, 21)], 0.9, (100, 75, 50))
        pen.polygon([(-0.9, 5.5), (-0.9, 20), (-8, 5.5)], (245, 240, 228))
        pen.polygon([(0.9, 5.5), (0.9, 17), (6, 5.5)], mix(paint, (255, 255, 255), 0.35))
        kind = "sailing"
    else:
        pen.box(-5, 4, 3, 9.5, (240, 238, 230))
        for x in (-4, -0.8):
            pen.box(x, 6, x + 2.2, 8.4, (90, 140, 175))
        kind = "motor"
    pen.polygon([(-10, 4.5), (10.5, 4.5), (7.5, 0), (-8, 0)], paint)
    pen.line([(-9.8, 4.2), (10, 4.2)], 0.9, (250, 250, 250))
    return kind, name


def _fence(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, colour = rng.choice((("white", (245, 242, 235)), ("wooden", (150, 110, 70))))
    half = rng.randint(3, 5)
    for y in (2.6, 6.2):
        pen.box(-half * 4 - 1.4, y, half * 4 + 1.4, y + 1.2, mix(colour, (60, 50, 40), 0.2))
    for i in range(-half, half + 1):
        x = 4 * i
        pen.polygon([(x - 1.1, 0), (x + 1.1, 0), (x + 1.1, 8), (x, 9.6), (x - 1.1, 8)], colour)
    return (name,)


def _person(pen: Pen, rng: Random) -> tuple[str, ...]:
    skin = rng.choice(((240, 200, 170), (200, 150, 115), (130, 90, 65)))
    shirt, trousers = _paint(rng)[1], rng.choice(((50, 60, 95), (70, 60, 55), (40, 40, 45)))
    walking = rng.random() < 0.5
    spread = 2.6 if walking else 1.1
    for side in (-1, 1):
        pen.line([(side * 0.8, 6.5), (side * spread, 0)], 1.9, trousers)
        pen.line([(side * 1.8, 11), (side * (2.4 + spread * 0.5), 7)], 1.4, mix(shirt, (0, 0, 0), 0.15))
    pen.polygon([(-2.3, 6), (2.3, 6), (2.5, 12), (-2.5, 12)], shirt)
    pen.disc(0, 14.4, 2.5, skin)
    pen.polygon(_arc(2.7, 0, 180, 10, y=14.8), rng.choice(((60, 40, 30), (30, 25, 25), (190, 150, 80))))
    return ("walking" if walking else "standing",)


def _dog(pen: Pen, rng: Random) -> tuple[str, ...]:
    name, coat = rng.choice((("brown", (140, 90, 50)), ("black", (45, 42, 45)), ("white", (235, 228, 215))))
    for x in (-4.4, -2.4, 2.6, 4.4):
        pen.line([(x * 0.9, 4), (x, 0)], 1.4, mix(coat, (0, 0, 0), 0.15))
    pen.disc(0, 5, 5.4, coat, high=2.4)
    pen.line([(-4.6, 6), (-7, 9.4)], 1.3, coat)
    pen.disc(5.6, 8, 2.5, coat)
    pen.disc(8, 7.3, 1.5, coat, high=1.1)
    pen.polygon([(4.2, 10.6), (5.8, 9.6), (3.4, 6.6)], mix(coat, (60, 30, 20), 0.5))
    pen.disc(9.2, 7.6, 0.6, (20, 20, 20))
    return (name,)


def _bird(pen: Pen, rng: Random) -> tuple[str, ...]:
    gull = rng.random() < 0.5
    colour = (245, 245, 245) if gull else (45, 45, 55)
    lift = rng.uniform(2.5, 4.5)
    for side in (-1, 1):
        pen.polygon(
            [
                (side * 0.4, 0.6),
                (side * 3.4, lift),
                (side * 7.5, lift - 0.8),
                (side * 3.6, lift - 2),
                (0, -0.9),
            ],
            colour,
        )
    pen.disc(0, 0, 1.7, colour, high=1.1)
    pen.polygon([(1.4, 0.5), (3.2, 0), (1.4, -0.5)], (235, 150, 40))
    return ("white" if gull else "black",)


def _road(pen: Pen, rng: Random) -> tuple[str, ...]:
    """Draw a road across the picture, the pen at the lower edge of its middle, `scale` pixels broad."""
    half = pen.canvas.size / pen.scale
    pen.box(-half, 0, half, 1, rng.choice(((85, 85, 90), (100, 98, 98), (72, 74, 82))))
    for edge in (0.0, 0.93):
        pen.box(-half, edge, half, edge + 0.07, (205, 200, 190))
    dash, start = 9 / pen.scale, rng.uniform(0, 9) / pen.scale
    for i in range(-9, 9):
        pen.box(start + i * dash, 0.47, start + (i + 0.55) * dash, 0.55, (245, 240, 220))
    return ()


def _river(pen: Pen, rng: Random) -> tuple[str, ...]:
    """Draw a river that winds from the pen's point at the bottom of the picture up `scale` pixels."""
    wide, bend, drift = rng.uniform(0.42, 0.6), rng.uniform(0.12, 0.25), rng.uniform(-0.5, 0.5)

    def bank(side: int, share: float) -> list[Point]:
        rows = [i / 24 for i in range(25)]
        return [
            (
                drift * t
                + bend * math.sin(5.5 * t) * (1 - 0.6 * t)
                + side * share * wide * (1 - t) ** 1.3
                + side * 0.03,
                t,
            )
            for t in rows
        ]

    pen.polygon(bank(-1, 1.12) + bank(1, 1.12)[::-1], (190, 175, 130))
    pen.polygon(bank(-1, 1.0) + bank(1, 1.0)[::-1], (70, 135, 190))
    for share in (-0.45, 0.3):
        pen.line(bank(1, share)[2:16], 0.7 / pen.scale, (150, 195, 225))
    return ()


def _sea(pen: Pen, rng: Random) -> tuple[str, ...]:
    """Draw the sea across the picture, the pen on the shore, `scale` pixels up to the horizon."""
    half = pen.canvas.size / pen.scale
    deep = rng.choice(((25, 95, 160), (30, 115, 160), (35, 85, 145)))
    pen.box(-half, 0, half, 1, deep)
    pen.box(-half, 0, half, 0.22, mix(deep, (120, 215, 215), 0.45))
    for i in range(16):
        x, y = rng.uniform(-half, half), rng.uniform(0.1, 0.9)
        size = (7 - 4 * y) / pen.scale
        crest = [
            (x - size, y),
            (x - size / 2, y + 1.1 / pen.scale),
            (x, y),
            (x + size / 2, y + 1.1 / pen.scale),
            (x + size, y),
        ]
        pen.line(crest, 0.8 / pen.scale, mix(deep, (255, 255, 255), 0.45 if i % 2 else 0.6))
    pen.box(-half, -0.03, half, 0.03, (240, 245, 245))
    return ()


THINGS: dict[str, Callable[[Pen, Random], tuple[str, ...]]] = {
    "sun": _sun,
    "moon": _moon,
    "cloud": _cloud,
    "star": _star,
    "tree": _tree,
    "bush": _bush,
    "flower": _flower,
    "mountain": _mountain,
    "house": _house,
    "skyscraper": _skyscraper,
    "car": _car,
    "bus": _bus,
    "bicycle": _bicycle,
    "boat": _boat,
    "road": _road,
    "river": _river,
    "sea": _sea,
    "fence": _fence,
    "person": _person,
    "dog": _dog,
    "bird": _bird,
}
"""How each kind of object is drawn; a drawing returns the attributes that it gave the object."""
