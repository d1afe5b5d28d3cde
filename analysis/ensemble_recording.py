"""Groups of units as triples: their members, their labels, the verdicts, and how they compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.activations import Activations
from ..bridge.recording import (
    annotation_triples,
    fact_triples,
    literal,
    source_nodes,
    source_triples,
    unit_triples,
    verdict_triples,
)
from ..bridge.run import activations_digest
from ..ontology.kb import KB
from ..ontology.vocabulary import LABEL, PROV, TYPE, nl

_FACTS: Final = (
    ("status", "status"),
    ("positiveImages", "positives"),
    ("negativeImages", "negatives"),
    ("commonImages", "support"),
    ("overlap", "overlap"),
    ("correlation", "correlation"),
    ("aucGain", "gain"),
    ("betterThanMembers", "better"),
    ("aucGainSameLabel", "gain_same_label"),
)


def record_ensembles(kb: KB, activations: Activations, record: dict[str, Any]) -> bool:
    """Write groups of units into a graph of their own.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    activations
        The activations of the units.
    record
        What was found, see :func:`.ensembles.ensembles_record`.

    Returns
    -------
    bool
        False when exactly this was recorded already.
    """
    digest = activations_digest(activations)
    content = hashlib.sha256(json.dumps([digest, record], sort_keys=True).encode()).hexdigest()[:12]
    triples = _triples(kb, activations, record, content)
    name = f"{digest[:24]}-ensembles-{content}"
    _, changed = kb.put_graph("run", name, triples, origin=str(activations.path.resolve()))
    return changed


def _triples(kb: KB, activations: Activations, record: dict[str, Any], content: str) -> Iterator[Triple]:
    layer, source = source_nodes(kb, activations)
    yield from source_triples(kb, activations)
    verdicts = []
    for row in record["groups"]:
        group = NamedNode(f"{layer.value}/group/{'-'.join(map(str, row['units']))}-{record['joint']}-{content}")
        yield Triple(group, TYPE, nl("UnitGroup"))
        yield Triple(group, TYPE, NamedNode(PROV + "Collection"))
        yield Triple(group, LABEL, Literal(f"units {row['group']}"))
        yield Triple(group, nl("inLayer"), layer)
        yield Triple(group, nl("jointActivation"), Literal(record["joint"]))
        yield Triple(group, NamedNode(PROV + "wasDerivedFrom"), source)
        if record["found_by"] is not None:
            yield Triple(group, nl("foundBy"), Literal(record["found_by"]))
        for number in row["units"]:
            unit = NamedNode(f"{layer.value}/unit/{number}")
            yield Triple(group, NamedNode(PROV + "hadMember"), unit)
            yield from unit_triples(unit, number, layer)
        yield from fact_triples(group, row, _FACTS)
        solution = row["label"]
        if solution is None:
            continue
        label = NamedNode(f"{group.value}/label")
        yield from annotation_triples(kb, label, group, solution)
        yield Triple(label, nl("provedOptimal"), literal(solution["proved_optimal"]))
        yield Triple(group, nl("label"), label)
        verdicts.append((label, group, row["verification"]))
    if verdicts:
        settings = {**record["verification"], "images": "held out", "joint": record["joint"]}
        yield from verdict_triples(kb, verdicts, settings)
