"""The plot of ensembles: the AUC of each group's label against those of its members, and how the gains spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from .plot_files import INK, LIGHT, SECOND, check_plot, dress, new_figure, save_figure

#: Width of a bar of gains. Edges lie at its multiples, so that no bar holds both gains and losses.
_STEP: Final = 0.02


def draw_ensembles(record: dict[str, Any], path: Path) -> Path:
    """Draw members' AUC over that of their group, and the distributions of both gains.

    Parameters
    ----------
    record
        The groups, see :func:`.ensembles.ensembles_record`.
    path
        File to write; its ending says of which kind.

    Raises
    ------
    UsageError
        The name has another ending than a plot's.
    """
    check_plot(path)
    figure = new_figure(9.0, 4.6, f"{record['model']}, {record['layer']}")
    against, spread = figure.subplots(1, 2)
    tested = [(group, auc) for group in record["groups"] if (auc := _auc(group)) is not None]
    own = [(auc, of) for group, auc in tested for member in group["members"] if (of := _auc(member)) is not None]
    same = [
        (auc, member["auc_for_group"])
        for group, auc in tested
        for member in group["members"]
        if member["auc_for_group"] is not None
    ]
    for points, title, colour, mark in (
        (own, "member, its own label", INK, "o"),
        (same, "member, the group's label", SECOND, "x"),
    ):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        against.scatter(xs, ys, s=18, c=colour, marker=mark, alpha=0.7, label=title)
    against.axline((0.5, 0.5), slope=1, color=LIGHT, linewidth=0.8)
    lowest = min([0.5, *(value for point in (*own, *same) for value in point)]) - 0.02
    against.set(xlabel="AUC of the group", ylabel="AUC of a member", xlim=(lowest, 1.02), ylim=(lowest, 1.02))
    gains = [
        ([group[key] for group in record["groups"] if group[key] is not None], title, colour)
        for key, title, colour in (
            ("gain", "each for its own label", INK),
            ("gain_same_label", "for the group's label", SECOND),
        )
    ]
    known = np.asarray([gain for values, _, _ in gains for gain in values])
    # A gain on an edge, 0 above all, is counted to the left: without a gain is no gain.
    first = int(np.ceil(known.min() / _STEP - 1e-9)) - 1 if known.size else -1
    last = int(np.ceil(known.max() / _STEP - 1e-9)) if known.size else 1
    middles = (np.arange(first, last) + 0.5) * _STEP
    for offset, (values, title, colour) in zip((-0.22, 0.22), gains, strict=True):
        at = np.ceil(np.asarray(values, np.float64) / _STEP - 1e-9).astype(int) - 1 - first
        heights = np.bincount(at, minlength=len(middles))
        spread.bar(middles + offset * _STEP, heights, 0.4 * _STEP, label=f"{title} ({len(values)})", color=colour)
    spread.axvline(0, color=LIGHT, linewidth=0.8)
    spread.set(xlabel="AUC of the group minus that of its best member", ylabel="groups")
    spread.yaxis.get_major_locator().set_params(integer=True)
    for axes in (against, spread):
        dress(axes)
    return save_figure(figure, path)


def _auc(item: dict[str, Any]) -> float | None:
    """The AUC of a group or a member for its own label."""
    verification = item["verification"]
    return None if verification is None else verification["auc"]
