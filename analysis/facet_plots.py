"""Plots of selectivity by layer, after the figures of Sadeghi (arXiv 1811.00161)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from .layer_facets import LayerMeasures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _SECOND, _LIGHT = "#1f4e79", "#c55a11", "#9aa5b1"
_FEW = 12
"""Layers that get the room of a name each; more stand closer, with upright names."""


def draw_layers(measures: Sequence[LayerMeasures], folder: Path) -> tuple[Path, ...]:
    """Draw four figures over layers, in the order given.

    Returns
    -------
    tuple of Path
        ``density.png`` (densities of sparsity and flatness in each layer), ``multifacetedness.png`` (the ratio of
        flatness to sparsity by layer), ``counts.png`` (multi- and single-faceted units by layer), and
        ``similarity.png`` (average correlation and distance of units by layer).
    """
    return (
        _densities(measures, folder / "density.png"),
        _degrees(measures, folder / "multifacetedness.png"),
        _counts(measures, folder / "counts.png"),
        _similarities(measures, folder / "similarity.png"),
    )


def draw_matrices(measures: LayerMeasures, path: Path) -> Path:
    """Draw the unit-by-unit matrices of a layer, its units in the order of their multi-facetedness."""
    similarity = measures.similarity
    ratios = {u.unit: u.ratio for u in measures.selectivity.units}
    order = np.argsort([ratios[unit] or 0.0 for unit in similarity.units.tolist()], kind="stable")
    figure = _figure(10, 4.6)
    for index, (matrix, title, colours) in enumerate(
        ((similarity.pearson, "Pearson correlation", "RdBu_r"), (similarity.euclidean, "Euclidean distance", "viridis"))
    ):
        axes = figure.add_subplot(1, 2, index + 1)
        low, high = (-1.0, 1.0) if index == 0 else (0.0, None)
        image = axes.imshow(matrix[np.ix_(order, order)], cmap=colours, interpolation="nearest", vmin=low, vmax=high)
        axes.set(title=title, xlabel="units, the least multi-faceted first")
        figure.colorbar(image, ax=axes, fraction=0.046)
    figure.suptitle(f"{measures.model}, {measures.layer}")
    return _save(figure, path)


def _densities(measures: Sequence[LayerMeasures], path: Path) -> Path:
    figure = _figure(9, 1.2 + (1.1 if len(measures) <= _FEW else 0.4) * len(measures))
    grid = np.linspace(0, 1, 400)
    for column, (title, colour) in enumerate((("sparsity (Gini)", _INK), ("spectral flatness", _SECOND))):
        for row, layer in enumerate(measures):
            axes = figure.add_subplot(len(measures), 2, 2 * row + column + 1)
            units = [u for u in layer.selectivity.units if u.gini is not None]
            values = np.asarray([u.gini if column == 0 else u.flatness for u in units], np.float64)
            if len(values) > 1 and values.std() > 0:
                axes.fill_between(grid, stats.gaussian_kde(values)(grid), color=colour, alpha=0.6, lw=0)
            axes.axvline(layer.chance_gini if column == 0 else layer.chance_flatness, color=_LIGHT, lw=1, ls="--")
            axes.set(xlim=(0, 1), yticks=[])
            axes.spines[["left", "right", "top"]].set_visible(False)
            if column == 0:
                axes.set_ylabel(layer.layer, rotation=0, ha="right", va="center", fontsize=8)
            if row == 0:
                axes.set_title(title)
            if row + 1 < len(measures):
                axes.set_xticklabels([])
    figure.supxlabel("dashed: top images drawn by lot", fontsize=8)
    return _save(figure, path)


def _degrees(measures: Sequence[LayerMeasures], path: Path) -> Path:
    figure = _row_of(measures)
    axes = figure.add_subplot()
    data = [[u.ratio for u in layer.selectivity.units if u.ratio is not None] for layer in measures]
    axes.boxplot(data, showfliers=False, medianprops={"color": _SECOND})
    for at, layer in enumerate(measures, 1):
        if layer.chance_gini:
            axes.plot(
                [at - 0.3, at + 0.3], [layer.chance_flatness / layer.chance_gini] * 2, color=_LIGHT, ls="--", lw=1
            )
    axes.set(ylabel="flatness / sparsity")
    _name_layers(axes, measures)
    return _save(figure, path)


def _counts(measures: Sequence[LayerMeasures], path: Path) -> Path:
    figure = _row_of(measures)
    axes = figure.add_subplot()
    at = np.arange(1, len(measures) + 1)
    for offset, kind, colour in ((-0.2, "multi", _INK), (0.2, "single", _SECOND)):
        shares = [100 * layer.selectivity.count(kind) / len(layer.selectivity.units) for layer in measures]
        bars = axes.bar(at + offset, shares, 0.38, color=colour, label=f"{kind}-faceted")
        axes.bar_label(bars, [str(layer.selectivity.count(kind)) for layer in measures], fontsize=7)
    axes.set(ylabel="% of the layer's units")
    axes.legend(frameon=False)
    _name_layers(axes, measures)
    return _save(figure, path)


def _similarities(measures: Sequence[LayerMeasures], path: Path) -> Path:
    figure = _row_of(measures)
    axes = figure.add_subplot()
    at = np.arange(1, len(measures) + 1)
    series: list[tuple[Any, str, str, str]] = [
        (axes, "mean_pearson", _INK, "mean Pearson correlation"),
        (axes.twinx(), "mean_euclidean", _SECOND, "mean Euclidean distance, images"),
    ]
    for where, name, colour, title in series:
        values = [getattr(layer.similarity, name) for layer in measures]
        where.plot(at, [np.nan if value is None else value for value in values], "o-", color=colour)
        where.set_ylabel(title, color=colour)
    _name_layers(axes, measures)
    return _save(figure, path)


def _row_of(measures: Sequence[LayerMeasures]) -> Figure:
    return _figure(1.5 + 1.1 * len(measures), 4) if len(measures) <= _FEW else _figure(1.5 + 0.3 * len(measures), 5.5)


def _name_layers(axes: Axes, measures: Sequence[LayerMeasures]) -> None:
    turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(measures) <= _FEW else {"rotation": 90}
    axes.set_xticks(range(1, len(measures) + 1), [layer.layer for layer in measures], fontsize=8, **turned)
    axes.set_xlim(0.4, len(measures) + 0.6)


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(max(width, 4.0), max(height, 3.0)), layout="constrained")


def _save(figure: Figure, path: Path) -> Path:
    # Without the version of matplotlib in the file, equal plots are equal bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
