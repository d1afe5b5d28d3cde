"""The plot of a sweep: how many units are labelled and confirmed under each setting, and how well."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from .plot_files import INK, LIGHT, SECOND, check_plot, dress, new_figure, save_figure


def draw_sweep(record: dict[str, Any], path: Path) -> Path:
    """Draw units labelled, passing and confirmed above, median F1 and held-out AUC below, by setting.

    Parameters
    ----------
    record
        The sweep, see :func:`.sweep.sweep_record`.
    path
        File to write; its ending says of which kind.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    """
    check_plot(path)
    rows = record["settings"]
    names, places = [row["setting"] for row in rows], range(len(rows))
    figure = new_figure(max(5.0, 1.5 + 0.75 * len(rows)), 6.0, f"{record['model']}, {record['layer']}")
    above, below = figure.subplots(2, 1, sharex=True)
    for offset, (key, title, colour) in enumerate(
        (("labelled", "labelled", LIGHT), ("holm", "pass the test (Holm)", SECOND), ("confirmed", "confirmed", INK))
    ):
        above.bar(
            [p + 0.27 * (offset - 1) for p in places], [row[key] for row in rows], 0.25, label=title, color=colour
        )
    above.set_ylabel("units")
    for key, title, colour, line in (
        ("f1_median", "F1 on the examples", SECOND, "-"),
        ("auc_median", "held-out AUC", INK, "-"),
        ("auc_median_common", f"held-out AUC, the {record['common_units']} units of all settings", INK, ":"),
    ):
        # A line joins settings of one rule only: nothing lies between a share of the maximum and a quantile.
        for _, group in groupby(places, key=lambda p: str(rows[p]["rule"])):
            at = list(group)
            heights = [float("nan") if rows[p][key] is None else rows[p][key] for p in at]
            name = title if at[0] == 0 else None
            below.plot(at, heights, line, marker="o", label=name, color=colour)
    below.axhline(0.5, color=LIGHT, linewidth=0.8)
    below.set(ylabel="median", ylim=(0.0, 1.03), xlabel="example sets")
    below.set_xticks(list(places), names, rotation=45 if len(rows) > 6 else 0)
    for axes in (above, below):
        dress(axes)
    return save_figure(figure, path)
