"""A sweep as triples: a named graph that refers to the graphs of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.recording import fact_triples, literal, run_name, setting_triples
from ..bridge.run import Run
from ..ontology.kb import KB
from ..ontology.vocabulary import DCT, LABEL, PROV, TYPE, nl

_MEASURES: Final = (
    ("unitsLabelled", "labelled"),
    ("unitsProved", "proved"),
    ("medianF1", "f1_median"),
    ("unitsTested", "tested"),
    ("unitsPassingGate", "gate"),
    ("unitsPassingTest", "holm"),
    ("unitsConfirmed", "confirmed"),
    ("medianAuc", "auc_median"),
    ("medianAucOfCommonUnits", "auc_median_common"),
)
_RESPONSES: Final = (
    ("solutionsCombined", "solutions"),
    ("combination", "combination"),
    ("unitsTested", "tested"),
    ("unitsPassingGate", "gate"),
    ("unitsPassingTest", "holm"),
    ("unitsConfirmed", "confirmed"),
    ("medianAuc", "auc_median"),
    ("medianAucChange", "change_median"),
    ("pValue", "p"),
)
"""Properties of an outcome or response and the keys of ``sweep --json`` that they come from."""


def sweep_graph(digest: str) -> str:
    """Name of the graph of a sweep."""
    return f"{digest[:24]}-sweep"


def sweep_node(kb: KB, digest: str) -> NamedNode:
    """IRI of a sweep."""
    return NamedNode(f"{kb.base}sweep/{digest[:24]}")


def record_sweep(kb: KB, runs: Sequence[Run], record: dict[str, Any], *, origin: Path) -> bool:
    """Write what a sweep came to into a graph of its own.

    Parameters
    ----------
    kb
        A knowledge base opened for writing, in which the runs are recorded.
    runs
        The runs, in the order of the settings.
    record
        The sweep, see :func:`.sweep.sweep_record`.
    origin
        Directory of the sweep.

    Returns
    -------
    bool
        False when exactly this was recorded already.
    """
    _, changed = kb.put_graph(
        "run", sweep_graph(record["sweep"]), _triples(kb, runs, record), origin=str(origin.resolve())
    )
    return changed


def _triples(kb: KB, runs: Sequence[Run], record: dict[str, Any]) -> Iterator[Triple]:
    sweep = sweep_node(kb, record["sweep"])
    yield Triple(sweep, TYPE, nl("Sweep"))
    yield Triple(sweep, TYPE, NamedNode(PROV + "Entity"))
    yield Triple(sweep, nl("digest"), Literal(record["sweep"]))
    yield Triple(sweep, LABEL, Literal(f"example sets of {record['layer']} of {record['model']}"))
    yield Triple(sweep, nl("commonUnits"), literal(record["common_units"]))
    yield from setting_triples(kb, sweep, record["verification"])
    for run, row in zip(runs, record["settings"], strict=True):
        made = NamedNode(f"{kb.base}run/{run_name(run)}")
        outcome = NamedNode(f"{sweep.value}/outcome/{run_name(run)}")
        yield Triple(sweep, NamedNode(PROV + "wasInfluencedBy"), made)
        yield Triple(sweep, NamedNode(DCT + "hasPart"), outcome)
        yield Triple(outcome, TYPE, nl("SweepOutcome"))
        yield Triple(outcome, nl("ofRun"), made)
        yield Triple(outcome, LABEL, Literal(row["setting"]))
        yield from fact_triples(outcome, row, _MEASURES)
        for response in row["responses"]:
            node = NamedNode(f"{outcome.value}/{response['combination']}-{response['solutions']}")
            yield Triple(outcome, NamedNode(DCT + "hasPart"), node)
            yield Triple(node, TYPE, nl("CombinedResponse"))
            yield from fact_triples(node, response, _RESPONSES)
