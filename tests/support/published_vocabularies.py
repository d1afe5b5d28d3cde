"""What PROV-O, ML-Schema, Web Annotation and EARL say of their terms, and what statements contradict it.

The axioms were taken by hand from the schemas of these vocabularies: prov-o.owl (2013), MLSchema.ttl (1.0), oa.ttl
(2016), the EARL 1.0 Schema.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pyoxigraph import Literal, NamedNode, Triple

NAMESPACES = {
    "prov": "http://www.w3.org/ns/prov#",
    "mls": "http://www.w3.org/ns/mls#",
    "oa": "http://www.w3.org/ns/oa#",
    "earl": "http://www.w3.org/ns/earl#",
}
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
DOMAIN_AND_RANGE = {
    "prov:used": ("prov:Activity", "prov:Entity"),
    "prov:wasGeneratedBy": ("prov:Entity", "prov:Activity"),
    "prov:wasDerivedFrom": ("prov:Entity", "prov:Entity"),
    "prov:wasAssociatedWith": ("prov:Activity", "prov:Agent"),
    "prov:startedAtTime": ("prov:Activity", "literal"),
    "prov:hadMember": ("prov:Collection", "prov:Entity"),
    "prov:wasInfluencedBy": (None, "resource"),
    "mls:hasInput": ("mls:Run", "resource"),
    "mls:hasOutput": ("mls:Run", "resource"),
    "mls:hasPart": (None, "resource"),
    "mls:specifiedBy": (None, "mls:InformationEntity"),
    "mls:hasValue": (None, "literal"),
    "oa:hasTarget": ("oa:Annotation", "resource"),
    "oa:hasBody": ("oa:Annotation", "resource"),
    "oa:motivatedBy": ("oa:Annotation", "oa:Motivation"),
    "earl:assertedBy": ("earl:Assertion", "earl:Assertor"),
    "earl:subject": ("earl:Assertion", "earl:TestSubject"),
    "earl:test": ("earl:Assertion", "earl:TestCriterion"),
    "earl:result": ("earl:Assertion", "earl:TestResult"),
    "earl:mode": ("earl:Assertion", "earl:TestMode"),
    "earl:outcome": ("earl:TestResult", "earl:OutcomeValue"),
}
UNIONS = {
    "mls:hasInput": {"mls:Data", "mls:HyperParameterSetting"},
    "mls:hasOutput": {"mls:Model", "mls:ModelEvaluation"},
}
"""Ranges that are one of several classes, one of which has to be stated."""
ABOVE = {
    "prov:Collection": "prov:Entity",
    "prov:SoftwareAgent": "prov:Agent",
    "mls:Run": "mls:Process",
    "mls:Model": "mls:InformationEntity",
    "mls:ModelEvaluation": "mls:InformationEntity",
    "mls:EvaluationMeasure": "mls:InformationEntity",
    "mls:EvaluationSpecification": "mls:InformationEntity",
    "mls:HyperParameter": "mls:InformationEntity",
    "mls:HyperParameterSetting": "mls:InformationEntity",
}
DISJOINT = (("prov:Entity", "prov:Activity"), ("mls:Process", "mls:InformationEntity"))
ONCE = ("earl:assertedBy", "earl:subject", "earl:test", "earl:result")
"""What every assertion has exactly once (EARL 1.0 Schema, 2.1)."""


def contradictions(triples: Iterable[Triple]) -> list[str]:
    """What of these statements the vocabularies do not allow, in words."""
    types: defaultdict[object, set[str]] = defaultdict(set)
    found = []
    said = [(t.subject, _short(t.predicate), t.object) for t in triples]
    for subject, predicate, value in said:
        if predicate == TYPE:
            types[subject].add(_short(value))
    told = {node: frozenset(kinds) for node, kinds in types.items()}
    for subject, predicate, value in said:
        prefix = predicate.partition(":")[0]
        if prefix in NAMESPACES:
            domain, range_ = DOMAIN_AND_RANGE[predicate]
            if domain is not None:
                types[subject].add(domain)
            if isinstance(value, Literal) != (range_ == "literal"):
                found.append(f"{predicate} leads to {value}")
            elif range_ not in ("literal", "resource"):
                types[value].add(range_)
            if predicate in UNIONS and not UNIONS[predicate] & told.get(value, frozenset()):
                found.append(f"{predicate} leads to {value}, which is stated to be none of {sorted(UNIONS[predicate])}")
    for node, kinds in types.items():
        kinds |= {ABOVE[kind] for kind in kinds if kind in ABOVE}
        found += [f"{node} is both {a} and {b}" for a, b in DISJOINT if {a, b} <= kinds]
    counts = Counter((subject, predicate) for subject, predicate, _ in said if predicate in ONCE)
    for node, kinds in types.items():
        if "earl:Assertion" in kinds:
            found += [f"{node} has {counts[node, p]} times {p}" for p in ONCE if counts[node, p] != 1]
    return sorted(found)


def _short(term: object) -> str:
    value = term.value if isinstance(term, NamedNode) else str(term)
    for prefix, namespace in NAMESPACES.items():
        if value.startswith(namespace):
            return f"{prefix}:{value.removeprefix(namespace)}"
    return value
