"""Selectivity and facets as triples: a named graph for each set of activations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
from ..bridge.run import activations_digest, read_expression
from ..ontology.expression import And, AtLeast, ClassExpression, Named, Only, Or, Some, normal_form
from ..ontology.kb import KB
from ..ontology.vocabulary import LABEL, PROV, TYPE, nl

_MEASURES = (
    ("gini", "gini"),
    ("spectralFlatness", "flatness"),
    ("multifacetedness", "multifacetedness"),
    ("multifacetedP", "p"),
    ("faceted", "faceted"),
)


def facets_graph(activations: Activations) -> str:
    """Name of the graph with the facets of a set of activations."""
    return f"{activations_digest(activations)[:24]}-facets"


def record_facets(kb: KB, activations: Activations, record: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Write the selectivity and facets of a layer into a graph of their own, in place of earlier ones.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    activations
        The activations that they are of.
    record
        Record of the layer, see :func:`.layer_facets.layer_record`.
    settings
        How the labels were verified.

    Returns
    -------
    bool
        False when exactly these were recorded already.
    """
    triples = _triples(kb, activations, record, settings)
    _, changed = kb.put_graph("run", facets_graph(activations), triples, origin=str(activations.path.resolve()))
    return changed


def _triples(kb: KB, activations: Activations, record: dict[str, Any], settings: dict[str, Any]) -> Iterator[Triple]:
    digest = activations_digest(activations)
    layer, source = source_nodes(kb, activations)
    yield from source_triples(kb, activations)
    verdicts = []
    for row in record["units"]:
        unit = NamedNode(f"{layer.value}/unit/{row['unit']}")
        yield from unit_triples(unit, row["unit"], layer)
        measured = NamedNode(f"{unit.value}/selectivity/{digest[:12]}")
        yield Triple(measured, TYPE, nl("Selectivity"))
        yield Triple(measured, nl("ofUnit"), unit)
        yield Triple(measured, nl("topImages"), literal(record["top"]))
        yield Triple(measured, NamedNode(PROV + "wasDerivedFrom"), source)
        yield from fact_triples(measured, row, _MEASURES)
        for facet in row.get("facets", ()):
            node = NamedNode(f"{unit.value}/facet/{digest[:12]}-{facet['facet']}")
            yield from _facet_triples(kb, unit, node, source, facet)
            yield Triple(node, nl("comparedBy"), Literal(record["facets_of"]))
            if facet.get("verdict") is not None:
                verdicts.append((NamedNode(f"{node.value}/label"), unit, facet["verdict"]))
    if verdicts:
        yield from verdict_triples(kb, verdicts, settings)


def _facet_triples(
    kb: KB, unit: NamedNode, node: NamedNode, source: NamedNode, facet: dict[str, Any]
) -> Iterator[Triple]:
    yield Triple(unit, nl("facet"), node)
    yield Triple(node, TYPE, nl("Facet"))
    yield Triple(node, LABEL, Literal(f"facet {facet['facet']} of a unit"))
    yield Triple(node, nl("facetNumber"), literal(facet["facet"]))
    yield Triple(node, nl("facetImages"), literal(facet["images"]))
    yield Triple(node, NamedNode(PROV + "wasDerivedFrom"), source)
    for image in facet["members"]:
        yield Triple(node, nl("exampleImage"), Literal(image))
    if "status" not in facet:
        return
    yield Triple(node, nl("status"), Literal(facet["status"]))
    yield Triple(node, nl("positiveImages"), literal(facet["positives"]))
    yield Triple(node, nl("negativeImages"), literal(facet["negatives"]))
    solution = facet["label"]
    if solution is None:
        return
    label = NamedNode(f"{node.value}/label")
    yield from annotation_triples(kb, label, node, solution)
    yield Triple(label, nl("provedOptimal"), literal(solution["proved_optimal"]))
    yield Triple(node, nl("label"), label)
    for iri in affirmed_classes(read_expression(solution["expression"])):
        yield Triple(node, nl("concept"), NamedNode(iri))


def affirmed_classes(expression: ClassExpression) -> list[str]:
    """Named classes of an expression that are not under a negation: what images are to show, not to lack."""
    match normal_form(expression):
        case Named(iri):
            return [iri]
        case And(operands) | Or(operands):
            return sorted({iri for operand in operands for iri in affirmed_classes(operand)})
        case Some(_, filler) | Only(_, filler) | AtLeast(_, _, filler):
            return affirmed_classes(filler)
        case _:
            return []
