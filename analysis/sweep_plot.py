"""The plot of a sweep: how many units are labelled and confirmed under each setting, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .plot_files import INK, LIGHT, SECOND, check_plot, draw_bars, dress, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_sweep(record: dict[str, Any], path: Path) -> Path:
    """Draw units labelled, passing and confirmed above, median F1 and held-out AUC below, by setting.

    With solutions brought together, a third part shows for how many units their held-out AUC is higher and lower than
    that of the first solution alone; a star marks p < 0.05 (Wilcoxon's signed ranks, not adjusted).

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
    together = [[r for r in row["responses"] if r["combination"] != "single"] for row in rows]
    panels = 3 if any(together) else 2
    figure = new_figure(max(7.0, 1.5 + 0.75 * len(rows)), 3.0 * panels, f"{record['model']}, {record['layer']}")
    above, below, *rest = figure.subplots(panels, 1, sharex=True)
    if rest:
        _draw_responses(rest[0], together)
    shown = (("labelled", "labelled"), ("holm", "pass the test (Holm)"), ("confirmed", "confirmed"))
    draw_bars(above, [(title, [row[key] for row in rows]) for key, title in shown])
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
    below.set(ylabel="median", ylim=(0.0, 1.03))
    lowest = rest[0] if rest else below
    lowest.set_xlabel("example sets")
    lowest.set_xticks(list(places), names, rotation=45 if len(rows) > 6 else 0)
    for axes in (above, below, *rest):
        dress(axes)
    return save_figure(figure, path)


def _draw_responses(axes: Axes, together: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Draw how many units several solutions tell better (up) and worse (down) than the first one alone."""
    kinds = list(dict.fromkeys((r["solutions"], r["combination"]) for rows in together for r in rows))
    width = 0.8 / len(kinds)
    for k, (solutions, combination) in enumerate(kinds):
        named = False
        for place, rows in enumerate(together):
            for row in rows:
                if (row["solutions"], row["combination"]) != (solutions, combination) or not row["paired"]:
                    continue
                at = place + width * (k - (len(kinds) - 1) / 2)
                colour = (INK, SECOND, LIGHT)[("or", "and", "weighted").index(combination)]
                bar = axes.bar(
                    [at, at],
                    [100 * row["higher"] / row["paired"], -100 * row["lower"] / row["paired"]],
                    0.9 * width,
                    color=colour,
                    alpha=0.6 if solutions == 2 else 1.0,
                )
                if not named:
                    bar.set_label(f"first {solutions}, {combination}")
                    named = True
                if row["p"] is not None and row["p"] < 0.05:
                    axes.annotate("*", (at, 100 * row["higher"] / row["paired"]), ha="center", fontsize="small")
    axes.axhline(0, color=LIGHT, linewidth=0.8)
    axes.set_ylabel("% of the units that\nare told worse | better")
