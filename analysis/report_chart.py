"""Charts of a report as geometry: what the templates draw as inline SVG, in pixels of its view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .report_wording import counted, short

#: Groups smaller than this are drawn as one dot an image: bars of shares would pretend to a distribution.
SMALL_GROUP: Final = 20

_WIDTH, _LEFT, _RIGHT, _BAND = 360.0, 10.0, 322.0, 48.0
_TOP, _FOOT = 30.0, 46.0
_BINS = 24
_CHARACTER = 5.4  # rough width of a character of the labels, to keep them apart


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A threshold: a vertical line, and where its label begins."""

    at: float
    text: str
    text_at: float


@dataclass(frozen=True)
class Cut:
    """A bar that is longer than drawn: its middle, where it is cut through, and its share beside its end."""

    x: float
    y: float
    text: str
    text_at: float
    text_y: float
    anchor: str


@dataclass(frozen=True)
class Band:
    """One group of images, above or below the axis.

    Attributes
    ----------
    kind
        ``target`` or ``other``, for the colour.
    caption
        How many images of what.
    path
        SVG path data: bars to be filled, or dots as lines of no length.
    dot
        Diameter of the dots; 0 for bars.
    cuts
        Bars at the ends of the axis that are too long for the scale.
    median
        Horizontal place of the median; None without images.
    tip
        Vertical end of the median's mark.
    """

    kind: str
    caption: str
    path: str
    dot: float
    cuts: tuple[Cut, ...]
    median: float | None
    tip: float


@dataclass(frozen=True)
class DistributionChart:
    """Two groups of activations back to back on a common axis.

    Attributes
    ----------
    width, height
        Of the view box.
    left, right
        Horizontal extent of the axis.
    baseline
        Vertical place of the axis between the groups.
    top, bottom
        Vertical extent of the groups.
    bands
        The groups.
    rules
        Lines at a round share of a group, with their label; only where a group is drawn as bars.
    ticks
        Of the activation axis.
    marks
        The thresholds.
    axis
        Title of the activation axis.
    description
        The whole in words.
    """

    width: float
    height: float
    left: float
    right: float
    baseline: float
    top: float
    bottom: float
    bands: tuple[Band, ...]
    rules: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    axis: str
    description: str


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: the part that counts as confirmed and the whole, from the axis upwards."""

    x: float
    width: float
    y: float
    height: float
    confirmed_y: float
    confirmed_height: float
    description: str


@dataclass(frozen=True)
class Histogram:
    """Numbers of units over a score from 0 to 1.

    Attributes
    ----------
    width, height, baseline
        Of the view box, and where its horizontal axis is.
    bars
        One a bin that has units.
    ticks, rules
        Of the horizontal and of the vertical axis.
    reference
        Horizontal place of a reference value, None without.
    description
        The whole in words.
    """

    width: float
    height: float
    baseline: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    rules: tuple[Tick, ...]
    reference: float | None
    description: str


def distribution_chart(
    target: NDArray[np.floating],
    others: NDArray[np.floating],
    *,
    marks: Sequence[tuple[float, str]],
    axis: str,
    captions: tuple[str, str] = ("target image", "other image"),
) -> DistributionChart:
    """Lay out the activations of two groups of images, at least one of them not empty.

    Large groups become histograms of shares, so that groups of different sizes compare; both have the same
    scale and the same bins. Activations pile up at zero and where they saturate: a bar at an end of the axis
    may be cut through and say its share, lest it flatten all others. Small groups become stacked dots, one an
    image.

    Parameters
    ----------
    target, others
        Activations of the group above and of the group below the axis.
    marks
        Thresholds with their labels; the axis reaches to all of them.
    axis
        Title of the axis.
    captions
        What an image of either group is called.
    """
    groups = (np.asarray(target, np.float64), np.asarray(others, np.float64))
    everything = np.concatenate([*groups, [value for value, _ in marks]])
    low, high = float(everything.min()), float(everything.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    scale = (_RIGHT - _LEFT) / (high - low)

    def place(value: float) -> float:
        return round(_LEFT + (value - low) * scale, 1)

    binned = [np.histogram(values, _BINS, (low, high))[0] for values in groups]
    shares = [c / len(v) for v, c in zip(groups, binned, strict=True) if len(v) >= SMALL_GROUP]
    highest = _highest(shares)
    baseline, top = _TOP + _BAND, _TOP
    bottom = baseline + _BAND

    def band(index: int, kind: str, sign: int) -> Band:
        values, counts = groups[index], binned[index]
        if len(values) >= SMALL_GROUP:
            path, cuts = _bars(counts / len(values), highest, baseline, sign)
            dot = 0.0
        else:
            bins = np.minimum(((values - low) / (high - low) * _BINS).astype(np.int64), _BINS - 1)
            stacks = [(place(float(values[bins == b].mean())), int((bins == b).sum())) for b in np.unique(bins)]
            path, dot = _dots(stacks, baseline, sign)
            cuts = ()
        return Band(
            kind=kind,
            caption=counted(len(values), captions[index]),
            path=path,
            dot=dot,
            cuts=cuts,
            median=place(float(np.median(values))) if len(values) else None,
            tip=baseline + sign * _BAND,
        )

    rule = _round_below(highest)
    offset = _BAND * rule / highest
    rules = tuple(
        Tick(round(baseline + sign * offset, 1), f"{100 * rule:g} %")
        for sign, values in zip((-1, 1), groups, strict=True)
        if len(values) >= SMALL_GROUP
    )
    return DistributionChart(
        width=_WIDTH,
        height=bottom + _FOOT,
        left=_LEFT,
        right=_RIGHT,
        baseline=baseline,
        top=top,
        bottom=bottom,
        bands=(band(0, "target", -1), band(1, "other", 1)),
        rules=rules,
        ticks=tuple(Tick(place(value), short(value)) for value in round_values(low, high)),
        marks=_marks(sorted((place(value), text) for value, text in marks)),
        axis=axis,
        description=f"{axis}: "
        + "; ".join(
            f"{counted(len(values), caption)}"
            + (f" with a median of {short(float(np.median(values)))}" if len(values) else "")
            for values, caption in zip(groups, captions, strict=True)
        ),
    )


def histogram(
    scores: Sequence[float],
    confirmed: Sequence[bool],
    *,
    name: str,
    reference: float | None = None,
) -> Histogram:
    """Count units by a score from 0 to 1.

    Parameters
    ----------
    scores
        One a unit.
    confirmed
        Whether the unit's label was confirmed, in the same order.
    name
        Of the score.
    reference
        A value to be marked.
    """
    width, top, foot, left, right, bins = 300.0, 12.0, 22.0, 30.0, 8.0, 20
    plot, baseline = 96.0, top + 96.0
    values, chosen = np.asarray(scores, np.float64), np.asarray(confirmed, np.bool_)
    # A score on the border of two bins belongs to the upper one however the division was rounded.
    places = np.minimum((values * bins + 1e-9).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    parts = np.bincount(places[chosen], minlength=bins)
    highest = max(int(counts.max()), 1)
    step, unit = (width - left - right) / bins, plot / highest
    bars = tuple(
        Bar(
            x=round(left + b * step + 0.5, 1),
            width=round(step - 1, 1),
            y=round(baseline - counts[b] * unit, 1),
            height=round(counts[b] * unit, 1),
            confirmed_y=round(baseline - parts[b] * unit, 1),
            confirmed_height=round(parts[b] * unit, 1),
            description=f"{name} {b / bins:.2f} to {(b + 1) / bins:.2f}: {counted(int(counts[b]), 'unit')}, "
            f"{parts[b]} confirmed",
        )
        for b in range(bins)
        if counts[b]
    )
    rules = [value for value in round_values(0, highest, about=3) if value == int(value)]
    return Histogram(
        width=width,
        height=baseline + foot,
        baseline=baseline,
        bars=bars,
        ticks=tuple(Tick(round(left + v * (width - left - right), 1), f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)),
        rules=tuple(Tick(round(baseline - v * unit, 1), f"{v:g}") for v in rules),
        reference=None if reference is None else round(left + reference * (width - left - right), 1),
        description=f"{name} of {counted(len(values), 'unit')}"
        + (f", median {np.median(values):.2f}" if len(values) else ""),
    )


def round_values(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within an interval, about so many.

    Examples
    --------
    >>> round_values(0, 6)
    [0.0, 2.0, 4.0, 6.0]
    >>> round_values(-0.31, 0.42)
    [-0.2, 0.0, 0.2, 0.4]
    """
    raw = (high - low) / about
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(float(s * power) for s in (1, 2, 5, 10) if s * power >= raw * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def _round_below(share: float) -> float:
    """Largest of 1, 2, 5 times a power of ten that is not above a share, 1 at most.

    Examples
    --------
    >>> _round_below(0.43), _round_below(1.0)
    (0.2, 1.0)
    """
    power = 10.0 ** np.floor(np.log10(share) + 1e-9)
    return float(max(s * power for s in (1, 2, 5) if s * power <= share * (1 + 1e-9)))


def _highest(shares: Sequence[NDArray[np.float64]]) -> float:
    """Share that fills a band: of the longest bar, or what leaves the inner bars visible if that is less."""
    if not shares:
        return 1.0
    longest = max(float(share.max()) for share in shares)
    inner = max(float(share[1:-1].max()) for share in shares)
    return min(longest, max(0.1, 2 * inner))


def _bars(shares: NDArray[np.float64], highest: float, baseline: float, sign: int) -> tuple[str, tuple[Cut, ...]]:
    """Path of the bars that are not empty, downwards for a positive sign, and those that had to be cut."""
    step = (_RIGHT - _LEFT) / _BINS
    path, cuts = "", []
    for bin_, share in enumerate(shares.tolist()):
        left, height = _LEFT + bin_ * step, sign * _BAND * min(share / highest, 1)
        if share:
            path += f"M{left + 0.5:g} {baseline:g}v{height:.1f}h{step - 1:g}v{-height:.1f}z"
        if share > highest:
            first = bin_ == 0
            cuts.append(
                Cut(
                    x=round(left + step / 2, 1),
                    y=round(baseline + 0.6 * height, 1),
                    text=f"{100 * share:.0f} %",
                    text_at=round(left + step + 3 if first else left - 3, 1),
                    text_y=round(baseline + height + (8 if sign < 0 else 0), 1),
                    anchor="start" if first else "end",
                )
            )
    return path, tuple(cuts)


def _dots(stacks: Sequence[tuple[float, int]], baseline: float, sign: int) -> tuple[str, float]:
    """Path of the stacks of dots given by place and number, and the diameter that fits the tallest."""
    if not stacks:
        return "", 0.0
    step = min(7.0, (_BAND - 2) / max(number for _, number in stacks))
    path = "".join(
        f"M{x:g} {baseline + sign * (2 + step * (k + 0.5)):.1f}h0" for x, number in stacks for k in range(number)
    )
    return path, round(step - 0.6, 1)


def _marks(places: Sequence[tuple[float, str]]) -> tuple[Mark, ...]:
    """Labels centred on their lines as far as they do not run into each other or out of the picture."""
    marks: list[Mark] = []
    free = 0.0
    for at, text in places:
        length = _CHARACTER * len(text)
        start = max(min(at - length / 2, _WIDTH - length), free)
        marks.append(Mark(at, text, round(start, 1)))
        free = start + length + 6
    return tuple(marks)
