"""The plot of bands of activations: how many units have a label in each, and how well being in it goes with that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .plot_files import INK, SECOND, check_plot, draw_bars, dress, new_figure, save_figure


def draw_bands(record: dict[str, Any], path: Path) -> Path:
    """Draw units labelled and confirmed above, the shares of target and other images in the band below, by band.

    Parameters
    ----------
    record
        The bands, see :func:`.bands.bands_record`.
    path
        File to write; its ending says of which kind.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    """
    check_plot(path)
    rows = record["bands"]
    places = range(len(rows))
    figure = new_figure(max(5.0, 1.5 + 0.9 * len(rows)), 6.0, f"{record['model']}, {record['layer']}")
    above, below = figure.subplots(2, 1, sharex=True)
    shown = (("labelled", "labelled"), ("tested", "tested on held-out images"), ("confirmed", "confirmed"))
    draw_bars(above, [(title, [row[key] for row in rows]) for key, title in shown])
    above.set_ylabel("units")
    for key, share, title, colour in (
        ("target_percent_median", "target_percent", "images of the label", INK),
        ("non_target_percent_median", "non_target_percent", "other images", SECOND),
    ):
        quartiles = [_quartiles(record, band, share) for band in places]
        below.errorbar(
            list(places),
            [float("nan") if row[key] is None else row[key] for row in rows],
            yerr=[[q[0] for q in quartiles], [q[1] for q in quartiles]],
            fmt="o",
            capsize=3,
            color=colour,
            label=title,
        )
    below.set(ylabel="% in the band, held out\n(median, quartiles)", xlabel="band of activations")
    below.set_ylim(bottom=0)
    below.set_xticks(list(places), [row["band"] for row in rows])
    for axes in (above, below):
        dress(axes)
    return save_figure(figure, path)


def _quartiles(record: dict[str, Any], band: int, key: str) -> tuple[float, float]:
    """How far the quartiles lie below and above the median."""
    values = [unit["bands"][band][key] for unit in record["units"]]
    tested = [v for v, unit in zip(values, record["units"], strict=True) if unit["bands"][band]["p"] is not None]
    if not tested:
        return 0.0, 0.0
    low, middle, high = np.quantile(np.asarray(tested, np.float64), (0.25, 0.5, 0.75)).tolist()
    return middle - low, high - middle
