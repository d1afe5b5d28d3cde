"""Descriptions as triples: a named graph for each layer, scorer and vocabulary, over the classes of labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from pyoxigraph import Literal, NamedNode, Triple

from ..bridge.recording import fact_triples, literal, source_nodes, source_triples, unit_triples
from ..bridge.run import activations_digest
from ..ontology.kb import KB
from ..ontology.vocabulary import OA, PROV, RDF, SKOS, TYPE, nl
from .unit_descriptions import Description, LayerDescriptions

_MEASURES = (
    ("similarity", "score"),
    ("descriptionP", "p"),
    ("explainedPatches", "explained"),
    ("descriptionAuc", "auc"),
    ("annotatedAuc", "annotated_auc"),
)

_UNDER = (
    ("patchShare", "share"),
    ("patchShareLow", "low"),
    ("patchShareHigh", "high"),
    ("randomPatchShare", "chance"),
    ("patchP", "p"),
)


def descriptions_graph(layer: LayerDescriptions) -> str:
    """Name of the graph with the descriptions of a layer: digest of the activations and of how they were found."""
    options = layer.options
    asked = [layer.scorer, layer.vocabulary, options.similarity, options.top, options.seed, options.draws, options.pool]
    found = hashlib.sha256(json.dumps([activations_digest(layer.activations), asked]).encode()).hexdigest()
    return f"{found[:24]}-descriptions"


def record_descriptions(kb: KB, layer: LayerDescriptions) -> bool:
    """Write a layer's descriptions into a graph of their own, in place of earlier ones found in the same way.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    layer
        The descriptions.

    Returns
    -------
    bool
        False when exactly these were recorded already.
    """
    triples = _triples(kb, layer)
    origin = str(layer.activations.path.resolve())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _, changed = kb.put_graph("run", descriptions_graph(layer), triples, origin=origin, created=now)
    return changed


def _triples(kb: KB, layer: LayerDescriptions) -> Iterator[Triple]:
    name = descriptions_graph(layer)
    activity = NamedNode(f"{kb.base}run/{name}")
    node, source = source_nodes(kb, layer.activations)
    yield from source_triples(kb, layer.activations)
    yield Triple(activity, TYPE, NamedNode(PROV + "Activity"))
    yield Triple(activity, NamedNode(PROV + "used"), source)
    yield Triple(activity, nl("inLayer"), node)
    yield Triple(activity, nl("scorer"), Literal(layer.scorer))
    yield Triple(activity, nl("wordsFrom"), Literal(layer.vocabulary))
    yield Triple(activity, nl("similarityFunction"), Literal(layer.options.similarity))
    yield Triple(activity, nl("alpha"), literal(layer.options.alpha))
    for found in layer.units:
        unit = NamedNode(f"{node.value}/unit/{found.unit}")
        yield from unit_triples(unit, found.unit, node)
        for rank, description in enumerate(found.descriptions, 1):
            body = NamedNode(f"{kb.base}description/{name.removesuffix('-descriptions')}-{found.unit}-{rank}")
            yield Triple(body, NamedNode(PROV + "wasGeneratedBy"), activity)
            yield Triple(body, nl("rank"), literal(rank))
            yield Triple(body, nl("patches"), literal(found.patches))
            for image in description.images:
                yield Triple(body, nl("exampleImage"), Literal(image))
            yield from _description(unit, body, description, layer.options.alpha)


def _description(unit: NamedNode, node: NamedNode, description: Description, alpha: float) -> Iterator[Triple]:
    concept, record = description.concept, description.to_json()
    yield Triple(node, TYPE, nl("Description"))
    yield Triple(node, TYPE, NamedNode(OA + "Annotation"))
    yield Triple(node, NamedNode(OA + "hasTarget"), unit)
    yield Triple(node, NamedNode(SKOS + "prefLabel"), Literal(concept.text))
    if concept.iri is None:
        text = NamedNode(f"{node.value}/text")
        yield Triple(node, NamedNode(OA + "hasBody"), text)
        yield Triple(text, TYPE, NamedNode(OA + "TextualBody"))
        yield Triple(text, NamedNode(RDF + "value"), Literal(concept.text))
    else:
        yield Triple(node, NamedNode(OA + "hasBody"), NamedNode(concept.iri))
    yield from fact_triples(node, record, _MEASURES)
    if description.under is not None:
        yield from fact_triples(node, record["under_patches"], _UNDER)
    if description.found.p <= alpha:
        yield Triple(unit, nl("description"), node)
        if concept.iri is not None:
            yield Triple(node, nl("describedAs"), NamedNode(concept.iri))
            yield Triple(unit, nl("describedAs"), NamedNode(concept.iri))
