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

_WIDTH, _MARGIN, _BAND = 360.0, 10.0, 50.0
_TOP, _FOOT = 28.0, 36.0
_BINS, _STEPS = 24, (1, 2, 5, 10)


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A threshold: a vertical line with a label whose `anchor` is that of SVG text."""

    at: float
    text: str
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
    caption_y
        Where that stands.
    path
        Bars, as SVG path data; empty where dots are drawn.
    dots
        Centres of the dots.
    radius
        Of the dots.
    median
        Horizontal place of the median; None without images.
    tip
        Vertical end of the median's mark.
    """

    kind: str
    caption: str
    caption_y: float
    path: str
    dots: tuple[tuple[float, float], ...]
    radius: float
    median: float | None
    tip: float


@dataclass(frozen=True)
class DistributionChart:
    """Two groups of activations back to back on a common axis.

    Attributes
    ----------
    width, height
        Of the view box.
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
    scale and the same bins. Small groups become stacked dots, one an image.

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
    scale = (_WIDTH - 2 * _MARGIN) / (high - low)

    def place(value: float) -> float:
        return round(_MARGIN + (value - low) * scale, 1)

    binned = [np.histogram(values, _BINS, (low, high))[0] for values in groups]
    shares = [
        float(counts.max()) / len(v) for v, counts in zip(groups, binned, strict=True) if len(v) >= SMALL_GROUP
    ]
    highest = max(shares, default=1.0)
    baseline, top = _TOP + _BAND, _TOP
    bottom = baseline + _BAND
    bands = tuple(
        _band(values, counts, highest, baseline, sign, caption, kind, place)
        for values, counts, sign, caption, kind in zip(
            groups, binned, (-1, 1), captions, ("target", "other"), strict=True
        )
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
        baseline=baseline,
        top=top,
        bottom=bottom,
        bands=bands,
        rules=rules,
        ticks=tuple(Tick(place(value), short(value)) for value in round_values(low, high)),
        marks=tuple(_mark(place(value), text) for value, text in marks),
        axis=axis,
        description=f"{axis}: " + "; ".join(
            f"{counted(len(values), caption)}"
            + (f" with a median of {short(float(np.median(values)))}" if len(values) else "")
            for values, caption in zip(groups, captions, strict=True)
        ),
    )
