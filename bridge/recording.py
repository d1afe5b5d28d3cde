"""Labels as triples: a named graph for each run, and one for its verdicts.

Every IRI is built from names and content digests, and a run that is recorded already is left as it is, so that
recording it again adds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from typing import Literal as Choice

from pyoxigraph import Literal, NamedNode, Triple

from .. import __version__
from ..ontology.expression import named_classes
from ..ontology.iris import encode_segment
from ..ontology.kb import KB
from ..ontology.syntax.rdf import node_of, skolem_nodes, to_triples
from ..ontology.vocabulary import DCT, EARL, LABEL, MLS, OA, PROV, SKOS, TYPE, XSD, nl
from .activations import Activations
from .run import Run, activations_digest, read_expression

_SCORES = {
    "f1": "f1",
    "accuracy": "accuracy",
    "balancedAccuracy": "balanced_accuracy",
    "precision": "precision",
    "recall": "recall",
    "iou": "iou",
    "auroc": "auroc",
}
_PREF_LABEL = NamedNode(SKOS + "prefLabel")
_GENERATED = NamedNode(PROV + "wasGeneratedBy")
_USED = NamedNode(PROV + "used")
_OUTCOMES = {
    "confirmed": "passed",
    "unspecific": "failed",
    "gate only": "failed",
    "test only": "failed",
    "rejected": "failed",
}
_MEASURES = (
    ("targetImages", "target_images"),
    ("nonTargetImages", "non_target_images"),
    ("targetPercent", "target_percent"),
    ("nonTargetPercent", "non_target_percent"),
    ("targetMean", "target_mean"),
    ("nonTargetMean", "non_target_mean"),
    ("targetMedian", "target_median"),
    ("nonTargetMedian", "non_target_median"),
    ("mannWhitneyU", "u"),
    ("mannWhitneyZ", "z"),
    ("pValue", "p"),
    ("pHolm", "p_holm"),
    ("pBenjaminiHochberg", "p_bh"),
    ("testVariant", "test"),
    ("auc", "auc"),
    ("aucLow", "auc_low"),
    ("aucHigh", "auc_high"),
    ("aucInterval", "interval"),
    ("threshold", "threshold"),
    ("gatePercent", "gate_percent"),
    ("gatePassed", "gate"),
    ("pBaseRate", "p_base_rate"),
    ("baseRateCutoff", "base_rate_cutoff"),
    ("baseRatePassed", "base_rate"),
)
"""Properties of a verdict and the keys of ``verify --json`` that they come from."""

Node = NamedNode | Literal


def run_name(run: Run) -> str:
    """Name of the run's graph: the beginning of its digest."""
    return run.digest[:24]


def verdicts_name(run: Run) -> str:
    """Name of the graph with the verdicts on a run's labels."""
    return f"{run_name(run)}-verdicts"


def unit_node(kb: KB, run: Run, unit: int) -> NamedNode:
    """IRI of a unit: model, layer and number."""
    return NamedNode(f"{_layer_node(kb, run).value}/unit/{unit}")


def label_node(kb: KB, run: Run, unit: int, rank: int) -> NamedNode:
    """IRI of a label: the run, the unit, the rank."""
    return NamedNode(f"{kb.base}label/{run_name(run)}-{unit}-{rank}")


def record_run(kb: KB, run: Run) -> bool:
    """Write a run into its named graph.

    Returns
    -------
    bool
        False when it was recorded already.
    """
    if any(e.kind == "run" and e.name == run_name(run) for e in kb.entries):
        return False
    kb.put_graph("run", run_name(run), _run_triples(kb, run), origin=str(run.path.resolve()))
    return True


def record_verdicts(kb: KB, run: Run, rows: Sequence[dict[str, Any]], settings: dict[str, Any]) -> bool:
    """Write the verdicts on a run's best labels into a graph of their own, in place of earlier ones.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    run
        The run.
    rows
        Records with the keys of ``verify --json``.
    settings
        How was verified, see `verification.Criteria.settings`.

    Returns
    -------
    bool
        False when exactly these were recorded already.
    """
    triples = list(_verdict_triples(kb, run, rows, settings))
    _, changed = kb.put_graph("run", verdicts_name(run), triples, origin=str(run.path.resolve()))
    return changed


def model_node(kb: KB, model: str, weight_digest: str) -> NamedNode:
    """IRI of a model: its name and weights."""
    return NamedNode(f"{kb.base}model/{encode_segment(f'{model}-{weight_digest[:12]}')}")


def layer_node(model: NamedNode, layer: str) -> NamedNode:
    """IRI of a layer of a model."""
    return NamedNode(f"{model.value}/layer/{encode_segment(layer)}")


def layer_triples(model: NamedNode, name: str, weight_digest: str, layer: NamedNode, path: str) -> Iterator[Triple]:
    """Say what a layer is: its path, and name and weights of its model."""
    yield Triple(model, TYPE, NamedNode(MLS + "Model"))
    yield Triple(model, LABEL, Literal(name))
    yield Triple(model, nl("weightDigest"), Literal(weight_digest))
    yield Triple(layer, TYPE, nl("Layer"))
    yield Triple(layer, nl("layerPath"), Literal(path))
    yield Triple(layer, nl("ofModel"), model)


def activations_node(kb: KB, digest: str) -> NamedNode:
    """IRI of a set of activations: its digest."""
    return NamedNode(f"{kb.base}activations/{digest[:24]}")


def source_nodes(kb: KB, activations: Activations) -> tuple[NamedNode, NamedNode]:
    """IRIs of the layer that activations are of, and of the activations."""
    meta = activations.meta
    layer = layer_node(model_node(kb, meta.model, meta.weights_sha256 or ""), meta.layer)
    return layer, activations_node(kb, activations_digest(activations))


def source_triples(kb: KB, activations: Activations) -> Iterator[Triple]:
    """Say what layer activations are of, and which activations they are."""
    meta, weights = activations.meta, activations.meta.weights_sha256 or ""
    layer, source = source_nodes(kb, activations)
    yield from layer_triples(model_node(kb, meta.model, weights), meta.model, weights, layer, meta.layer)
    yield Triple(source, TYPE, NamedNode(PROV + "Entity"))
    yield Triple(source, nl("digest"), Literal(activations_digest(activations)))


def unit_triples(unit: NamedNode, number: int, layer: NamedNode) -> Iterator[Triple]:
    """Say which unit of which layer a node is."""
    yield Triple(unit, TYPE, nl("Unit"))
    yield Triple(unit, nl("unitNumber"), literal(number))
    yield Triple(unit, nl("inLayer"), layer)


def fact_triples(node: NamedNode, row: Mapping[str, Any], terms: Iterable[tuple[str, str]]) -> Iterator[Triple]:
    """Say what a row of a record holds, but for what is None: terms of the vocabulary and the row's keys."""
    for term, key in terms:
        if row[key] is not None:
            yield Triple(node, nl(term), literal(row[key]))


def _model_node(kb: KB, run: Run) -> NamedNode:
    return model_node(kb, run.config.model, run.config.weight_digest)


def _layer_node(kb: KB, run: Run) -> NamedNode:
    return layer_node(_model_node(kb, run), run.config.layer)


def _run_node(kb: KB, run: Run) -> NamedNode:
    return NamedNode(f"{kb.base}run/{run_name(run)}")


def _run_triples(kb: KB, run: Run) -> Iterator[Triple]:
    yield from _provenance(kb, run)
    for record in run.units:
        yield from _unit_triples(kb, run, record)


def _provenance(kb: KB, run: Run) -> Iterator[Triple]:
    config = run.config
    node, model, layer = _run_node(kb, run), _model_node(kb, run), _layer_node(kb, run)
    yield from layer_triples(model, config.model, config.weight_digest, layer, config.layer)

    yield Triple(node, TYPE, nl("Run"))
    yield Triple(node, TYPE, NamedNode(PROV + "Activity"))
    yield Triple(node, TYPE, NamedNode(MLS + "Run"))
    yield Triple(node, nl("digest"), Literal(run.digest))
    yield Triple(node, nl("inLayer"), layer)
    yield Triple(node, NamedNode(PROV + "startedAtTime"), Literal(run.started, datatype=_xsd("dateTime")))
    for kind, digest, title in (
        ("activations", config.activations_digest, f"activations of {config.layer} of {config.model}"),
        ("knowledge", config.kb_digest, f"knowledge base, data set {config.dataset}"),
    ):
        used = NamedNode(f"{kb.base}{kind}/{digest[:24]}")
        yield Triple(node, _USED, used)
        yield Triple(used, TYPE, NamedNode(PROV + "Entity"))
        yield Triple(used, NamedNode(DCT + "title"), Literal(title))
        yield Triple(used, nl("digest"), Literal(digest))
    agent = _software_node(kb, run.software["neurontology"])
    yield Triple(node, NamedNode(PROV + "wasAssociatedWith"), agent)
    yield from _software_triples(agent, run.software["neurontology"])

    settings = {
        **asdict(config.thresholds),
        **asdict(config.options),
        "reduction": config.reduction,
        "dataset": config.dataset,
    }
    yield from setting_triples(kb, node, settings, relation="hasInput")


def _software_node(kb: KB, version: str) -> NamedNode:
    return NamedNode(f"{kb.base}software/neurontology-{encode_segment(version)}")


def _software_triples(agent: NamedNode, version: str) -> Iterator[Triple]:
    yield Triple(agent, TYPE, NamedNode(PROV + "SoftwareAgent"))
    yield Triple(agent, TYPE, NamedNode(EARL + "Software"))
    yield Triple(agent, LABEL, Literal(f"neurontology {version}"))


def setting_triples(
    kb: KB, node: NamedNode, settings: dict[str, Any], *, relation: Choice["hasInput", "hasPart"] = "hasPart"
) -> Iterator[Triple]:
    """Say with what settings a run was made or labels were judged.

    The inputs of ML-Schema are those of runs. Runs are processes there and what specifies an evaluation is not, so
    that settings are parts of it.
    """
    for name, value in settings.items():
        setting = NamedNode(f"{node.value}/setting/{name}")
        parameter = NamedNode(f"{kb.base}parameter/{name}")
        yield Triple(node, NamedNode(MLS + relation), setting)
        yield Triple(setting, TYPE, NamedNode(MLS + "HyperParameterSetting"))
        yield Triple(setting, NamedNode(MLS + "specifiedBy"), parameter)
        yield Triple(setting, NamedNode(MLS + "hasValue"), literal(value))
        yield Triple(parameter, TYPE, NamedNode(MLS + "HyperParameter"))
        yield Triple(parameter, LABEL, Literal(name))


def _unit_triples(kb: KB, run: Run, record: dict[str, Any]) -> Iterator[Triple]:
    number = record["unit"]
    unit, node = unit_node(kb, run, number), _run_node(kb, run)
    outcome = NamedNode(f"{node.value}/unit/{number}")
    yield from unit_triples(unit, number, _layer_node(kb, run))
    yield Triple(node, nl("outcome"), outcome)
    yield Triple(outcome, nl("ofUnit"), unit)
    yield Triple(outcome, nl("status"), Literal(record["status"]))
    yield Triple(outcome, nl("positiveImages"), literal(record["positives"]))
    yield Triple(outcome, nl("negativeImages"), literal(record["negatives"]))
    yield Triple(outcome, nl("maximumActivation"), literal(float(record["maximum"])))
    for solution in record["solutions"]:
        yield from _label_triples(kb, run, unit, record, solution)


def _label_triples(
    kb: KB, run: Run, unit: NamedNode, record: dict[str, Any], solution: dict[str, Any]
) -> Iterator[Triple]:
    label = label_node(kb, run, record["unit"], solution["rank"])
    yield from annotation_triples(kb, label, unit, solution)
    yield Triple(label, _GENERATED, _run_node(kb, run))
    yield Triple(label, nl("rank"), literal(solution["rank"]))
    if solution["rank"] == 1:
        yield Triple(label, nl("provedOptimal"), literal(record["proved_optimal"]))
        if record.get("permutation_p") is not None:
            for term, key in (
                ("permutationP", "permutation_p"),
                ("permutations", "permutations"),
                ("undecidedPermutations", "permutations_undecided"),
            ):
                yield Triple(label, nl(term), literal(record[key]))
        yield Triple(unit, nl("label"), label)
        for iri in named_classes(read_expression(solution["expression"])):
            yield Triple(unit, nl("concept"), NamedNode(iri))


def annotation_triples(kb: KB, label: NamedNode, target: NamedNode, solution: dict[str, Any]) -> Iterator[Triple]:
    """Say that a solution's expression annotates a target, with its renderings, scores and named classes."""
    expression = read_expression(solution["expression"])
    nodes = skolem_nodes(kb.base)
    yield from to_triples(expression, nodes)
    yield Triple(label, TYPE, nl("Label"))
    yield Triple(label, TYPE, NamedNode(OA + "Annotation"))
    yield Triple(label, NamedNode(OA + "hasTarget"), target)
    yield Triple(label, NamedNode(OA + "hasBody"), node_of(expression, nodes))
    yield Triple(label, NamedNode(OA + "motivatedBy"), NamedNode(OA + "classifying"))
    yield Triple(label, _PREF_LABEL, Literal(solution["english"], language="en"))
    yield Triple(label, nl("manchester"), Literal(solution["manchester"]))
    yield Triple(label, nl("dl"), Literal(solution["dl"]))
    yield Triple(label, nl("expressionLength"), literal(solution["length"]))
    for term, key in _SCORES.items():
        if solution.get(key) is not None:
            yield Triple(label, nl(term), literal(float(solution[key])))
    for iri in named_classes(expression):
        yield Triple(label, nl("concept"), NamedNode(iri))


def _verdict_triples(kb: KB, run: Run, rows: Sequence[dict[str, Any]], settings: dict[str, Any]) -> Iterator[Triple]:
    about = [(label_node(kb, run, row["unit"], 1), unit_node(kb, run, row["unit"]), row) for row in rows]
    yield from verdict_triples(kb, about, settings)
    for label, _, row in about:
        if row["auc"] is not None:
            yield Triple(_run_node(kb, run), NamedNode(MLS + "hasOutput"), NamedNode(f"{label.value}/verdict"))


def verdict_triples(
    kb: KB, rows: Iterable[tuple[NamedNode, NamedNode, dict[str, Any]]], settings: dict[str, Any]
) -> Iterator[Triple]:
    """Say what the held-out images say about labels.

    Parameters
    ----------
    kb
        The knowledge base, for its base IRI.
    rows
        Label, unit, and a record with the keys of ``verify --json``.
    settings
        How was verified.
    """
    described = ", ".join(f"{name} = {value}" for name, value in sorted(settings.items()))
    test = NamedNode(f"{kb.base}test/{hashlib.sha256(described.encode()).hexdigest()[:24]}")
    yield Triple(test, TYPE, NamedNode(EARL + "TestCriterion"))
    yield Triple(test, LABEL, Literal(f"activation gate and Mann-Whitney U on held-out images ({described})"))
    yield Triple(test, TYPE, NamedNode(MLS + "EvaluationSpecification"))
    measure = NamedNode(f"{kb.base}measure/auc")
    yield Triple(test, NamedNode(MLS + "hasPart"), measure)
    yield Triple(measure, TYPE, NamedNode(MLS + "EvaluationMeasure"))
    yield Triple(measure, LABEL, Literal("area under the ROC curve"))
    yield from setting_triples(kb, test, settings)
    agent = _software_node(kb, __version__)
    yield from _software_triples(agent, __version__)
    for subject, unit, row in rows:
        verdict = NamedNode(f"{subject.value}/verdict")
        result = NamedNode(f"{verdict.value}/result")
        outcome = _OUTCOMES.get(row["verdict"], "cantTell")
        yield Triple(verdict, TYPE, nl("Verdict"))
        yield Triple(verdict, TYPE, NamedNode(EARL + "Assertion"))
        yield Triple(verdict, NamedNode(EARL + "assertedBy"), agent)
        yield Triple(verdict, NamedNode(EARL + "subject"), subject)
        yield Triple(verdict, NamedNode(EARL + "test"), test)
        yield Triple(verdict, NamedNode(EARL + "mode"), NamedNode(EARL + "automatic"))
        yield Triple(verdict, NamedNode(EARL + "result"), result)
        yield Triple(result, TYPE, NamedNode(EARL + "TestResult"))
        yield Triple(result, NamedNode(EARL + "outcome"), NamedNode(EARL + outcome))
        yield Triple(verdict, nl("ofUnit"), unit)
        yield Triple(verdict, nl("verdict"), Literal(row["verdict"]))
        yield from fact_triples(verdict, row, _MEASURES)
        for reason in row.get("reasons", ()):
            yield Triple(verdict, nl("reason"), Literal(reason, language="en"))
        if row["auc"] is not None:
            yield Triple(verdict, TYPE, NamedNode(MLS + "ModelEvaluation"))
            yield Triple(verdict, NamedNode(MLS + "specifiedBy"), measure)
            yield Triple(verdict, NamedNode(MLS + "hasValue"), literal(row["auc"]))
        for margin in row["error_margins"]:
            node = NamedNode(f"{verdict.value}/above/{100 * margin['level']:g}")
            yield Triple(verdict, nl("errorMargin"), node)
            yield Triple(node, TYPE, nl("ErrorMargin"))
            for term, key in (
                ("level", "level"),
                ("cutoff", "cutoff"),
                ("targetPercent", "target_percent"),
                ("nonTargetPercent", "non_target_percent"),
            ):
                yield Triple(node, nl(term), literal(margin[key]))


def literal(value: object) -> Literal:
    """Literal of a Python value, typed where it is a number or a truth value."""
    match value:
        case bool():
            return Literal(str(value).lower(), datatype=_xsd("boolean"))
        case int():
            return Literal(str(value), datatype=_xsd("integer"))
        case float():
            return Literal(repr(value), datatype=_xsd("double"))
        case tuple() | list():
            return Literal(", ".join(map(str, value)))
        case None:
            return Literal("none")
        case _:
            return Literal(str(value))


def _xsd(name: str) -> NamedNode:
    return NamedNode(XSD + name)
