"""Bands of activations as triples: a named graph that refers to the graphs of the bands' runs and of their sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.recording import fact_triples, label_node, run_name, unit_node
from ..bridge.run import Run
from ..ontology.kb import KB
from ..ontology.vocabulary import DCT, LABEL, TYPE, nl
from .sweep_recording import sweep_node

_FACTS: Final = (
    ("bandFrom", "low"),
    ("bandTo", "high"),
    ("status", "status"),
    ("positiveImages", "positives"),
    ("negativeImages", "negatives"),
    ("targetPercent", "target_percent"),
    ("nonTargetPercent", "non_target_percent"),
    ("auc", "auc"),
    ("pValue", "p"),
    ("pHolm", "p_holm"),
    ("verdict", "verdict"),
)
"""Properties of a unit's band and the keys of ``bands --json`` that they come from."""


def record_bands(kb: KB, runs: Sequence[Run], record: dict[str, Any], *, origin: Path) -> bool:
    """Write the bands of units into a graph of their own.

    Parameters
    ----------
    kb
        A knowledge base opened for writing, in which the runs and their sweep are recorded.
    runs
        The runs, one a band.
    record
        The bands, see :func:`.bands.bands_record`.
    origin
        Directory of the bands.

    Returns
    -------
    bool
        False when exactly this was recorded already.
    """
    name = f"{record['sweep'][:24]}-bands"
    _, changed = kb.put_graph("run", name, _triples(kb, runs, record), origin=str(origin.resolve()))
    return changed


def _triples(kb: KB, runs: Sequence[Run], record: dict[str, Any]) -> Iterator[Triple]:
    sweep = sweep_node(kb, record["sweep"])
    for unit in record["units"]:
        for run, row in zip(runs, unit["bands"], strict=True):
            band = NamedNode(f"{sweep.value}/band/{unit['unit']}-{row['band']}")
            yield Triple(band, TYPE, nl("ActivationBand"))
            yield Triple(band, LABEL, Literal(row["band"]))
            yield Triple(band, nl("ofUnit"), unit_node(kb, run, unit["unit"]))
            yield Triple(band, nl("ofRun"), NamedNode(f"{kb.base}run/{run_name(run)}"))
            yield Triple(band, NamedNode(DCT + "isPartOf"), sweep)
            if row["label"] is not None:
                yield Triple(band, nl("label"), label_node(kb, run, unit["unit"], 1))
            yield from fact_triples(band, row, _FACTS)
