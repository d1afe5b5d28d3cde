"""Plots as files: which kinds there are, and the same bytes for the same plot."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..ontology.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Kinds of files that a plot can be.
KINDS: Final = ("svg", "png", "pdf")

#: Colours of a plot: what is told first, what beside it, and what recedes.
INK, SECOND, LIGHT = "#1f4e79", "#c55a11", "#9aa5b1"

#: Distance of bars that stand at one place.
BAR_STEP: Final = 0.27


def check_plot(path: Path) -> None:
    """Refuse a file that no plot can be written to, before the work rather than after it.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    MissingDependencyError
        Matplotlib is not installed.
    """
    if path.suffix.lower().removeprefix(".") not in KINDS:
        raise UsageError("is no name of a plot", where=path, expected=f"a name that ends in .{', .'.join(KINDS)}")
    if find_spec("matplotlib") is None:
        raise MissingDependencyError(
            "matplotlib is not installed", expected="matplotlib, to draw plots", hint="pip install neurontology[facets]"
        )


def new_figure(width: float, height: float, title: str) -> Figure:
    """Give an empty figure of a size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title)
    return figure


def draw_bars(axes: Axes, series: Sequence[tuple[str, Sequence[float]]]) -> None:
    """Draw three bars side by side at each place: what recedes, what is told beside, what is told first.

    Parameters
    ----------
    axes
        Where to draw; the places are 0, 1, 2 …
    series
        Name and heights of each of the three.
    """
    for offset, ((name, heights), colour) in enumerate(zip(series, (LIGHT, SECOND, INK), strict=True)):
        axes.bar([p + BAR_STEP * (offset - 1) for p in range(len(heights))], heights, 0.25, label=name, color=colour)


def dress(axes: Axes) -> None:
    """Put the legend above a pair of axes and take the frame away."""
    axes.legend(fontsize="small", frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending of the name says of which kind, and equal plots are equal bytes.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    """
    import matplotlib as mpl

    check_plot(path)
    # No dates, versions or random names.
    nothing = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}
    with mpl.rc_context({"svg.hashsalt": "neurontology", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=110, metadata=nothing[path.suffix.lower().removeprefix(".")])
    return path
