"""Ablations as triples: a named graph for each layer and way of ablating; and the classes that units are grouped by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.recording import fact_triples, source_nodes, source_triples, unit_triples
from ..bridge.run import Run, activations_digest
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..ontology.vocabulary import PROV, TYPE, nl
from .agreement import induced_by_facets, induced_by_run, read_descriptions

if TYPE_CHECKING:
    from .ablation import LayerAblation

_MEASURES = (
    ("ablationImages", "images"),
    ("keptShare", "agreement"),
    ("posteriorDrop", "drop"),
    ("posteriorDropLow", "drop_low"),
    ("posteriorDropHigh", "drop_high"),
    ("randomDrop", "drop_random"),
    ("ablationP", "p"),
)


def unit_classes(
    run: Run, *, facets: Path | None = None, descriptions: Path | None = None
) -> Mapping[int, tuple[str, ...]]:
    """Classes of each unit: of its label in a run, or of its facets or descriptions in the output of these commands.

    Raises
    ------
    UsageError
        If both files are given, one does not exist, or it is not of the run's layer.
    DataError
        If a file is broken.
    """
    if facets is not None and descriptions is not None:
        raise UsageError("both --facets and --descriptions are given", expected="one of them, or none for the labels")
    if descriptions is not None:
        described = read_descriptions(descriptions, run.config.layer)
        return {unit: tuple(iri for _, iri in pairs) for unit, pairs in described.items()}
    induced = induced_by_run(run) if facets is None else induced_by_facets(facets, run.config.layer)
    return {unit: classes for unit, (_, classes) in induced.items()}


def ablation_graph(ablation: LayerAblation) -> str:
    """Name of the graph with an ablation: digest of the activations, the options, the concepts and their units."""
    groups = [[one["concept"], one["units"]] for one in ablation.record["concepts"]]
    asked = [
        ablation.options.by,
        ablation.options.random_groups,
        ablation.options.resamples,
        ablation.options.seed,
        groups,
    ]
    digest = hashlib.sha256(json.dumps([activations_digest(ablation.activations), asked]).encode()).hexdigest()
    return f"{digest[:24]}-ablation"


def record_ablation(kb: KB, ablation: LayerAblation) -> bool:
    """Write an ablation into a graph of its own, in place of an earlier one made in the same way.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    ablation
        The ablation.

    Returns
    -------
    bool
        False when exactly this was recorded already.
    """
    origin = str(ablation.activations.path.resolve())
    _, changed = kb.put_graph("run", ablation_graph(ablation), _triples(kb, ablation), origin=origin)
    return changed


def _triples(kb: KB, ablation: LayerAblation) -> Iterator[Triple]:
    layer, source = source_nodes(kb, ablation.activations)
    name = ablation_graph(ablation).removesuffix("-ablation")
    yield from source_triples(kb, ablation.activations)
    for number, concept in enumerate(ablation.record["concepts"], 1):
        node = NamedNode(f"{kb.base}ablation/{name}-{number}")
        yield Triple(node, TYPE, nl("Ablation"))
        yield Triple(node, nl("ablatedConcept"), NamedNode(concept["concept"]))
        yield Triple(node, nl("heldAt"), Literal(ablation.options.by))
        yield Triple(node, nl("inLayer"), layer)
        yield Triple(node, NamedNode(PROV + "wasDerivedFrom"), source)
        yield from fact_triples(node, concept, _MEASURES)
        for unit in concept["units"]:
            silenced = NamedNode(f"{layer.value}/unit/{unit}")
            yield Triple(node, nl("silences"), silenced)
            yield from unit_triples(silenced, unit, layer)
        for rank, effect in enumerate(concept["classes"], 1):
            part = NamedNode(f"{node.value}/class/{rank}")
            yield Triple(part, TYPE, nl("AblationOfClass"))
            yield Triple(part, nl("partOfAblation"), node)
            yield Triple(part, nl("imageClass"), Literal(effect["class"]))
            yield from fact_triples(part, effect, _MEASURES)
