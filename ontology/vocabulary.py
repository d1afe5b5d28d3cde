"""Namespaces, terms and graph names: the words in which the knowledge base and the labels are written.

The project's own terms live in ``https://w3id.org/neurontology/`` (not registered yet) and are described in
``vocabulary.ttl`` beside this module; everything else is a published vocabulary.
"""

from __future__ import annotations

from importlib import resources

from pyoxigraph import NamedNode

NEURONTOLOGY = "https://w3id.org/neurontology/"
DATA = NEURONTOLOGY + "data/"
"""Default base IRI of what a knowledge base records: graphs, runs, units, labels."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SWRL = "http://www.w3.org/2003/11/swrl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PROV = "http://www.w3.org/ns/prov#"
DCT = "http://purl.org/dc/terms/"
DCAT = "http://www.w3.org/ns/dcat#"
MLS = "http://www.w3.org/ns/mls#"
OA = "http://www.w3.org/ns/oa#"
EARL = "http://www.w3.org/ns/earl#"
ADE20K = "http://www.daselab.org/ontologies/ADE20K/hcbdwsu#"
"""Base IRI that Dalal et al. and ECII use for ADE20K individuals and ``imageContains``."""

PREFIXES: dict[str, str] = {
    "nl": NEURONTOLOGY,
    "data": DATA,
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "xsd": XSD,
    "skos": SKOS,
    "prov": PROV,
    "dct": DCT,
    "dcat": DCAT,
    "mls": MLS,
    "oa": OA,
    "earl": EARL,
}
"""Prefixes that every query may use without declaring them."""

BUILT_IN = (RDF, RDFS, OWL, XSD, SWRL)
"""Namespaces whose terms are the language itself, never classes or roles of a user."""

TYPE = NamedNode(RDF + "type")
LABEL = NamedNode(RDFS + "label")
SUBCLASS = NamedNode(RDFS + "subClassOf")
EQUIVALENT = NamedNode(OWL + "equivalentClass")


def nl(name: str) -> NamedNode:
    """Term of the project's own vocabulary.

    Examples
    --------
    >>> nl("Unit").value
    'https://w3id.org/neurontology/Unit'
    """
    return NamedNode(NEURONTOLOGY + name)


def vocabulary_turtle() -> str:
    """Text of the vocabulary file, Turtle."""
    return resources.files(__package__).joinpath("vocabulary.ttl").read_text(encoding="utf-8")
