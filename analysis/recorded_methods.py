"""What the store holds of other methods for a layer's units: facets, descriptions and ablations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode

from ..bridge.activations import Activations
from ..bridge.recording import activations_node
from ..bridge.run import activations_digest
from ..ontology.kb import KB
from ..ontology.vocabulary import EARL, OA, PROV, SKOS, TYPE, nl
from .recorded_graph import RecordedGraph

_SOURCE = NamedNode(PROV + "wasDerivedFrom")
_USED, _MADE_BY = NamedNode(PROV + "used"), NamedNode(PROV + "wasGeneratedBy")
_PREF_LABEL = NamedNode(SKOS + "prefLabel")
_TARGET, _BODY = NamedNode(OA + "hasTarget"), NamedNode(OA + "hasBody")


@dataclass(frozen=True)
class RecordedAblation:
    """What the network loses without the units of a concept, over all images.

    Attributes
    ----------
    concept
        The class.
    held_at
        ``zero`` or ``mean``.
    units
        The units that are silent, ascending.
    images, kept, drop, low, high, random, p
        See `ablation.ablate`.
    """

    concept: str
    held_at: str
    units: tuple[int, ...]
    images: int
    kept: float
    drop: float
    low: float
    high: float
    random: float
    p: float


@dataclass(frozen=True)
class RecordedMethods:
    """All that the store holds for the activations of a layer.

    Attributes
    ----------
    facets, descriptions
        With the keys of ``facets --json`` and ``describe --json``, as far as they are recorded; None without. The
        classes that a facet's label affirms are ``concepts`` in place of its ``expression``. Of descriptions found in
        several ways those recorded last.
    ablations
        The largest drop first.
    """

    facets: dict[str, Any] | None
    descriptions: dict[str, Any] | None
    ablations: tuple[RecordedAblation, ...]


def recorded_methods(kb: KB, activations: Activations) -> RecordedMethods:
    """Read what is recorded for a set of activations.

    Raises
    ------
    DataError
        If a graph lacks a part of what is recorded there.
    """
    digest = activations_digest(activations)
    source = activations_node(kb, digest)
    entries = sorted((entry for entry in kb.entries if entry.kind == "run"), key=lambda one: (one.created, one.name))

    def graphs(kind: str) -> list[RecordedGraph]:
        return [RecordedGraph(kb, entry.iri) for entry in entries if entry.name.endswith(f"-{kind}")]

    facets = [graph for graph in graphs("facets") if graph.iri.endswith(f"/{digest[:24]}-facets")]
    described = [graph for graph in graphs("descriptions") if any(graph.subjects(_USED, source))]
    ablations = [one for graph in graphs("ablation") for one in _ablations(graph, source)]
    reader = _Reader(activations)
    return RecordedMethods(
        reader.facets(facets[-1]) if facets else None,
        reader.descriptions(described[-1]) if described else None,
        tuple(sorted(ablations, key=lambda one: (-one.drop, one.concept, one.held_at))),
    )


class _Reader:
    """Turns graphs into the records of the commands that wrote them."""

    def __init__(self, activations: Activations) -> None:
        self._activations = activations
        self._rows = {image.id: row for row, image in enumerate(activations.images)}

    def facets(self, graph: RecordedGraph) -> dict[str, Any]:
        verdicts = {
            label: {"verdict": graph.text(verdict, nl("verdict"))}
            for verdict in graph.subjects(TYPE, nl("Verdict"))
            for label in graph.nodes(verdict, NamedNode(EARL + "subject"))
        }
        units: dict[int, dict[str, Any]] = {}
        for node in graph.subjects(TYPE, nl("Selectivity")):
            (owner,) = graph.nodes(node, nl("ofUnit"))
            unit = int(graph.number(owner, "unitNumber"))
            units[unit] = {
                "unit": unit,
                "gini": graph.perhaps(node, "gini"),
                "flatness": graph.perhaps(node, "spectralFlatness"),
                "p": graph.perhaps(node, "multifacetedP"),
                "faceted": graph.text(node, nl("faceted")),
            }
        compared = ""
        for node in graph.subjects(TYPE, nl("Facet")):
            (owner,) = graph.subjects(nl("facet"), node)
            unit = int(graph.number(owner, "unitNumber"))
            label = next(iter(graph.nodes(node, nl("label"))), None)
            members = self._by_activation(unit, graph.texts(node, nl("exampleImage")))
            facet: dict[str, Any] = {
                "facet": int(graph.number(node, "facetNumber")),
                "images": int(graph.number(node, "facetImages")),
                "members": members,
                "classes": dict(Counter(self._class(one) for one in members).most_common()),
            }
            if status := graph.text(node, nl("status")):
                facet["status"] = status
            if label is not None:
                facet["label"] = {
                    "english": graph.text(label, _PREF_LABEL),
                    "manchester": graph.text(label, nl("manchester")),
                    "concepts": sorted(one.value for one in graph.nodes(node, nl("concept"))),
                }
                facet["verdict"] = verdicts.get(label)
            units[unit].setdefault("facets", []).append(facet)
            compared = graph.text(node, nl("comparedBy"))
        for record in units.values():
            record.get("facets", []).sort(key=lambda facet: facet["facet"])
        meta = self._activations.meta
        return {
            "layer": meta.layer,
            "model": meta.model,
            "facets_of": compared,
            "units": [units[unit] for unit in sorted(units)],
        }

    def descriptions(self, graph: RecordedGraph) -> dict[str, Any]:
        activity = next(graph.subjects(TYPE, NamedNode(PROV + "Activity")))
        alpha = graph.number(activity, "alpha")
        units: dict[int, dict[str, Any]] = {}
        ranked = sorted(graph.subjects(_MADE_BY, activity), key=lambda node: graph.number(node, "rank"))
        for node in ranked:
            (owner,) = graph.nodes(node, _TARGET)
            unit = int(graph.number(owner, "unitNumber"))
            p = graph.number(node, "descriptionP")
            found = units.setdefault(
                unit,
                {
                    "unit": unit,
                    "patches": int(graph.number(node, "patches")),
                    "status": "described" if p <= alpha else "no better than chance",
                    "descriptions": [],
                },
            )
            share = graph.perhaps(node, "patchShare")
            found["descriptions"].append(
                {
                    "text": graph.text(node, _PREF_LABEL),
                    "class": next((one.value for one in graph.nodes(node, _BODY) if not _is_text(node, one)), None),
                    "p": p,
                    "explained": int(graph.number(node, "explainedPatches")),
                    "auc": graph.perhaps(node, "descriptionAuc"),
                    "annotated_auc": graph.perhaps(node, "annotatedAuc"),
                    "under_patches": None
                    if share is None
                    else {"share": share, "chance": graph.number(node, "randomPatchShare")},
                    "images": self._by_activation(unit, graph.texts(node, nl("exampleImage"))),
                }
            )
        meta = self._activations.meta
        return {
            "model": meta.model,
            "scorer": graph.text(activity, nl("scorer")),
            "vocabulary": graph.text(activity, nl("wordsFrom")),
            "alpha": alpha,
            "layers": [{"layer": meta.layer}],
            "units": [units[unit] for unit in sorted(units)],
        }

    def _by_activation(self, unit: int, ids: list[str]) -> list[str]:
        """Order images as they excite a unit, the most exciting first; images of one activation by row."""
        rows = [(-float(self._activations.values[self._rows[one], unit]), self._rows[one]) for one in ids]
        return [self._activations.images[row].id for _, row in sorted(rows)]

    def _class(self, identifier: str) -> str | None:
        return self._activations.images[self._rows[identifier]].label


def _is_text(node: NamedNode, body: NamedNode) -> bool:
    """Whether the body of a description is its text and no class."""
    return body.value == f"{node.value}/text"


def _ablations(graph: RecordedGraph, source: NamedNode) -> Iterator[RecordedAblation]:
    """Ablations of the units of a set of activations."""
    for node in graph.subjects(TYPE, nl("Ablation")):
        if source not in graph.nodes(node, _SOURCE):
            continue
        (concept,) = graph.nodes(node, nl("ablatedConcept"))
        yield RecordedAblation(
            concept.value,
            graph.text(node, nl("heldAt")),
            tuple(sorted(int(graph.number(unit, "unitNumber")) for unit in graph.nodes(node, nl("silences")))),
            int(graph.number(node, "ablationImages")),
            graph.number(node, "keptShare"),
            graph.number(node, "posteriorDrop"),
            graph.number(node, "posteriorDropLow"),
            graph.number(node, "posteriorDropHigh"),
            graph.number(node, "randomDrop"),
            graph.number(node, "ablationP"),
        )
