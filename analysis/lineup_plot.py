"""The plot of runs side by side: how many units are labelled and confirmed, and how the held-out AUC spreads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .plot_files import BAR_STEP, INK, LIGHT, check_plot, draw_bars, dress, new_figure, save_figure


def draw_lineup(record: dict[str, Any], path: Path) -> Path:
    """Draw shares of units above, the quartiles of the held-out AUC and the interval of its median below, by run.

    Parameters
    ----------
    record
        The runs side by side, see :func:`.lineup.line_up`.
    path
        File to write; its ending says of which kind.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    """
    check_plot(path)
    rows = record["runs"]
    places = range(len(rows))
    figure = new_figure(max(5.0, 1.5 + 1.2 * len(rows)), 6.0, "")
    above, below = figure.subplots(2, 1, sharex=True)
    shown = (("labelled", "labelled"), ("holm", "pass the test (Holm)"), ("confirmed", "confirmed"))
    draw_bars(above, [(title, [100 * (row[key] or 0) / max(row["units"], 1) for row in rows]) for key, title in shown])
    ends = [(row["confirmed_share"] or 0, row["confirmed_low"] or 0, row["confirmed_high"] or 0) for row in rows]
    above.errorbar(
        [p + BAR_STEP for p in places],
        [100 * share for share, _, _ in ends],
        yerr=[[100 * (share - low) for share, low, _ in ends], [100 * (high - share) for share, _, high in ends]],
        fmt="none",
        ecolor="black",
        capsize=2,
    )
    above.set_ylabel("% of the units")
    tested = [(p, row) for p, row in zip(places, rows, strict=True) if row["auc"] is not None]
    names = {"med": "median", "q1": "lower_quartile", "q3": "upper_quartile", "whislo": "minimum", "whishi": "maximum"}
    if tested:
        below.bxp(
            [{key: row["auc"][name] for key, name in names.items()} for _, row in tested],
            positions=[p for p, _ in tested],
            showfliers=False,
            medianprops={"color": INK},
        )
        below.errorbar(
            [p for p, _ in tested],
            [row["auc_median"] for _, row in tested],
            yerr=[
                [row["auc_median"] - row["auc_low"] for _, row in tested],
                [row["auc_high"] - row["auc_median"] for _, row in tested],
            ],
            fmt="o",
            color=INK,
            label="median with its interval; box: quartiles, whiskers: all units",
        )
        dress(below)
    below.axhline(0.5, color=LIGHT, linewidth=0.8)
    below.set(ylabel="held-out AUC", xlim=(-0.6, len(rows) - 0.4))
    below.set_xticks(list(places), [_short(row["name"]) for row in rows], rotation=20 if len(rows) > 4 else 0)
    dress(above)
    return save_figure(figure, path)


def _short(name: str) -> str:
    """The last two parts of a path."""
    return "/".join(Path(name).parts[-2:])
