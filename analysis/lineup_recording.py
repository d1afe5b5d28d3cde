"""Runs side by side as triples: a named graph, the same in each knowledge base that takes part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.recording import fact_triples, layer_node, literal, model_node, run_name
from ..bridge.run import Run
from ..ontology.kb import KB
from ..ontology.vocabulary import DCT, LABEL, PROV, TYPE, nl

_MEASURES: Final = (
    ("unitsLabelled", "labelled"),
    ("unitsProved", "proved"),
    ("distinctLabels", "distinct_labels"),
    ("medianF1", "f1_median"),
    ("unitsTested", "tested"),
    ("unitsPassingGate", "gate"),
    ("unitsPassingTest", "holm"),
    ("unitsConfirmed", "confirmed"),
    ("confirmedShare", "confirmed_share"),
    ("confirmedShareLow", "confirmed_low"),
    ("confirmedShareHigh", "confirmed_high"),
    ("medianAuc", "auc_median"),
    ("medianAucLow", "auc_low"),
    ("medianAucHigh", "auc_high"),
    ("medianAucOfCommonUnits", "auc_median_common"),
)
_CHANGES: Final = (("medianAucChange", "change_median"), ("pValue", "p"), ("testVariant", "test"))
"""Properties of a run's row and the keys of ``across --json`` that they come from."""


def record_lineup(kbs: Sequence[KB], runs: Sequence[Run], record: dict[str, Any], *, origin: Path) -> None:
    """Write what runs came to, side by side, into a graph of its own of each knowledge base.

    Parameters
    ----------
    kbs
        Knowledge bases opened for writing.
    runs
        The runs in the order of the record; their own graphs are in the knowledge bases that they were made with.
    record
        The runs side by side, see :func:`.lineup.line_up`.
    origin
        Directory of the comparison.
    """
    for kb in kbs:
        name = f"{record['comparison'][:24]}-comparison"
        kb.put_graph("run", name, _triples(kb, runs, record), origin=str(origin.resolve()))


def _triples(kb: KB, runs: Sequence[Run], record: dict[str, Any]) -> Iterator[Triple]:
    comparison = NamedNode(f"{kb.base}comparison/{record['comparison'][:24]}")
    yield Triple(comparison, TYPE, nl("Comparison"))
    yield Triple(comparison, TYPE, NamedNode(PROV + "Entity"))
    yield Triple(comparison, nl("digest"), Literal(record["comparison"]))
    if record["common_units"] is not None:
        yield Triple(comparison, nl("commonUnits"), literal(record["common_units"]))
    for position, (run, row) in enumerate(zip(runs, record["runs"], strict=True), 1):
        made = NamedNode(f"{kb.base}run/{run_name(run)}")
        outcome = NamedNode(f"{comparison.value}/outcome/{run_name(run)}")
        model = model_node(kb, run.config.model, run.config.weight_digest)
        yield Triple(comparison, NamedNode(PROV + "wasInfluencedBy"), made)
        yield Triple(comparison, NamedNode(DCT + "hasPart"), outcome)
        yield Triple(outcome, TYPE, nl("ComparedRun"))
        yield Triple(outcome, nl("ofRun"), made)
        yield Triple(outcome, nl("inLayer"), layer_node(model, run.config.layer))
        yield Triple(outcome, nl("rank"), literal(position))
        yield Triple(outcome, LABEL, Literal(row["name"]))
        yield from fact_triples(outcome, row, _MEASURES)
        if row["change"] is not None:
            yield from fact_triples(outcome, row["change"], _CHANGES)
