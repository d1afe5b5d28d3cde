"""Labels as triples: asked by SPARQL, read by owlready2, recorded twice."""

from pathlib import Path
from types import ModuleType

import owlready2
import pytest
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.verdict_record import verdict_records
from neurontology.analysis.verification import Criteria
from neurontology.bridge.activations import Activations
from neurontology.bridge.recording import label_node, record_run, record_verdicts, run_name
from neurontology.bridge.run import Run, read_expression
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import normal_form
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import named_queries, rows, run_query
from neurontology.ontology.syntax.rdf import describe_store, from_triples
from neurontology.ontology.vocabulary import OA, vocabulary_turtle
from pyoxigraph import NamedNode, parse
from pyoxigraph import RdfFormat as Format

CRITERIA = Criteria()
SETTINGS = CRITERIA.settings()


@pytest.fixture(scope="module")
def recorded(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[KB, Run, Activations]:
    folder = tmp_path_factory.mktemp("recorded")
    kb = KB.open(small_loop.write_kb(folder), writable=True)
    activations = small_loop.write_activations(folder)
    run = small_loop.label(kb, activations, folder / "run")
    assert record_run(kb, run)
    verdicts = verdict_records(verify_run(run, kb, activations, CRITERIA), run)
    assert record_verdicts(kb, run, verdicts, SETTINGS)
    return kb, run, activations


def ask(kb: KB, query: str, **bindings: str) -> list[dict[str, str]]:
    names, found = rows(run_query(kb, query, bindings))
    return [dict(zip(names, [getattr(t, "value", None) for t in row], strict=True)) for row in found]


def test_recording_again_adds_nothing(recorded: tuple[KB, Run, Activations]) -> None:
    kb, run, activations = recorded
    before = len(kb.store)
    assert not record_run(kb, run)
    verdicts = verdict_records(verify_run(run, kb, activations, CRITERIA), run)
    assert not record_verdicts(kb, run, verdicts, SETTINGS)
    assert len(kb.store) == before


def test_every_shipped_query_runs(recorded: tuple[KB, Run, Activations]) -> None:
    kb, run, _ = recorded
    answers = {
        name: ask(kb, name, **dict.fromkeys(query.parameters, "Vehicle")) for name, query in named_queries().items()
    }
    labelled = [u for u in run.units if u["solutions"]]
    assert [int(r["unit"]) for r in answers["labels"]] == [u["unit"] for u in labelled]
    assert [r["label"] for r in answers["labels"]] == [u["solutions"][0]["english"] for u in labelled]
    assert {int(r["unit"]): r["reason"] for r in answers["unlabelled"]} == {
        u["unit"]: u["status"] for u in run.units if not u["solutions"]
    }
    assert {r["unit"] for r in answers["confirmed"]} == {"0", "1"}
    assert [(r["layer"], r["score"], r["labels"]) for r in answers["runs"]] == [("dense", "f1", str(len(labelled)))]
    concepts = {r["concept"].rpartition("/")[2]: r for r in answers["concepts"]}
    assert concepts["Tree"]["confirmed"] == "1"


def test_units_under_a_concept_far_above_the_label(recorded: tuple[KB, Run, Activations]) -> None:
    kb, _, _ = recorded
    with pytest.raises(UsageError, match=r"no such class. Did you mean Thing_\?"):
        ask(kb, "units-under", concept="Thing")
    below = {(r["unit"], r["kind"].rpartition("/")[2]) for r in ask(kb, "units-under", concept="Thing_")}
    assert ("0", "Vehicle") in below
    assert ("1", "Tree") in below
    assert ("1", "Dog") not in below
    assert all(unit == "0" or kind != "Vehicle" for unit, kind in below)


def test_the_expression_in_the_store_is_the_label(recorded: tuple[KB, Run, Activations]) -> None:
    kb, run, _ = recorded
    graph = NamedNode(kb.entry("run", run_name(run)).iri)
    describe = describe_store(kb.store, graph)
    count = 0
    for unit in run.units:
        for solution in unit["solutions"]:
            label = label_node(kb, run, unit["unit"], solution["rank"])
            (body,) = kb.store.quads_for_pattern(label, NamedNode(OA + "hasBody"), None, graph)
            expected = normal_form(read_expression(solution["expression"]))
            assert from_triples(describe, body.object) == expected
            count += 1
    assert count > 5


def test_owlready2_reads_the_exported_labels(recorded: tuple[KB, Run, Activations], tmp_path: Path) -> None:
    kb, run, _ = recorded
    kb.export(tmp_path / "all.nt")
    world = owlready2.World()
    world.get_ontology(f"file://{tmp_path / 'all.nt'}").load()
    (node,) = world.sparql(f"SELECT ?b {{ <{label_node(kb, run, 1, 1).value}> <{OA}hasBody> ?b }}")
    construct = world._parse_bnode(node[0]) if isinstance(node[0], int) else node[0]
    assert isinstance(construct, owlready2.And)
    assert {type(c).__name__ for c in construct.Classes} <= {"Restriction", "Not"}
    fillers = {str(c) for c in construct.Classes}
    assert any("some" in f and "Tree" in f for f in fillers)
    assert any("Dog" in f for f in fillers)


def test_every_term_of_ours_that_is_written_is_in_the_vocabulary(
    recorded: tuple[KB, Run, Activations],
) -> None:
    kb, _, _ = recorded
    described = {q.subject.value for q in parse(vocabulary_turtle(), format=Format.TURTLE)}
    own = "https://w3id.org/neurontology/"
    used = set()
    for quad in kb.store:
        for term in (quad.predicate, quad.object):
            local = term.value.removeprefix(own) if isinstance(term, NamedNode) else ""
            if isinstance(term, NamedNode) and term.value.startswith(own) and "/" not in local:
                used.add(term.value)
    assert len(used) > 30
    assert used <= described
    assert {d for d in described if d.startswith(own) and d != own} <= used | {
        own + name
        for name in (
            *("attribute", "occluded", "partLevel", "partOf", "under", "strictlyUnder"),
            "line",  # of validation reports, see tests/ontology/test_validation_report.py
            "repeatsStatements",  # of graphs, see tests/ontology/test_merge.py
            "unfinished",  # of graphs, see tests/ontology/test_unfinished.py
            "categoryNamespace",  # of wikis, see tests/kb_build/test_wiki_namespaces.py
            # Of facets, see tests/analysis/test_facets.py.
            *("Facet", "Selectivity", "facet", "facetNumber", "facetImages", "topImages", "gini", "spectralFlatness"),
            *("multifacetedness", "multifacetedP", "faceted"),
            # Of descriptions, see tests/analysis/test_layer_descriptions.py.
            *("Description", "description", "describedAs", "scorer", "wordsFrom", "similarityFunction", "similarity"),
            *("descriptionP", "explainedPatches", "descriptionAuc", "annotatedAuc", "patchShare", "patchShareLow"),
            *("patchShareHigh", "randomPatchShare", "patchP", "alpha", "patches", "exampleImage", "comparedBy"),
            # of ablations, see tests/analysis/test_ablation.py
            *("Ablation", "AblationOfClass", "ablatedConcept", "silences", "partOfAblation", "imageClass"),
            *("ablationImages", "keptShare", "posteriorDrop", "posteriorDropLow", "posteriorDropHigh", "randomDrop"),
            *("ablationP", "heldAt"),
            # of sweeps, see tests/analysis/test_sweep.py
            *("Sweep", "SweepOutcome", "CombinedResponse", "ofRun", "commonUnits", "unitsLabelled", "unitsProved"),
            *("unitsTested", "unitsPassingGate", "unitsPassingTest", "unitsConfirmed", "medianF1", "medianAuc"),
            *("medianAucOfCommonUnits", "medianAucChange", "solutionsCombined", "combination"),
            *("ActivationBand", "bandFrom", "bandTo"),  # of bands, see tests/analysis/test_bands.py
            # of runs side by side, see tests/analysis/test_lineup.py
            *("Comparison", "ComparedRun", "distinctLabels", "confirmedShare", "confirmedShareLow"),
            *("confirmedShareHigh", "medianAucLow", "medianAucHigh"),
            # Of groups of units, see tests/analysis/test_ensembles.py.
            *("UnitGroup", "jointActivation", "commonImages", "overlap", "foundBy", "correlation"),
            *("aucGain", "aucGainSameLabel", "betterThanMembers"),
        )
    }


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("confirmed", "passed"),
        ("unspecific", "failed"),
        ("gate only", "failed"),
        ("test only", "failed"),
        ("rejected", "failed"),
        ("untestable: 2 target images, at least 3 needed", "cantTell"),
    ],
)
def test_only_a_confirmed_label_passed(recorded: tuple[KB, Run, Activations], verdict: str, outcome: str) -> None:
    kb, run, activations = recorded
    rows_before = verdict_records(verify_run(run, kb, activations, CRITERIA), run)
    try:
        record_verdicts(kb, run, [{**rows_before[0], "verdict": verdict}], SETTINGS)
        found = ask(kb, "SELECT ?v ?o { ?a nl:verdict ?v ; earl:result/earl:outcome ?o }")
    finally:
        record_verdicts(kb, run, rows_before, SETTINGS)
    assert found == [{"v": verdict, "o": f"http://www.w3.org/ns/earl#{outcome}"}]


def test_what_the_gate_and_holm_confirm_can_be_asked(recorded: tuple[KB, Run, Activations]) -> None:
    kb, run, activations = recorded
    table = verify_run(run, kb, activations, CRITERIA)
    by_both = {r.unit for r in table if r.gate and r.p_holm is not None and r.p_holm < 0.05 and (r.auc or 0) > 0.5}
    assert by_both
    answers = ask(kb, "gate-and-holm")
    assert {int(r["unit"]) for r in answers} == by_both
    assert {r["test"] for r in answers} == {"one-sided asymptotic"}
    before = verdict_records(table, run)
    try:
        record_verdicts(kb, run, [{**row, "base_rate": False, "verdict": "unspecific"} for row in before], SETTINGS)
        assert ask(kb, "confirmed") == []
        assert {(int(r["unit"]), r["baseRate"], r["verdict"]) for r in ask(kb, "gate-and-holm")} == {
            (unit, "false", "unspecific") for unit in by_both
        }
    finally:
        record_verdicts(kb, run, before, SETTINGS)


def test_reasons_and_error_margins_are_in_the_graph(recorded: tuple[KB, Run, Activations]) -> None:
    kb, run, activations = recorded
    table = verdict_records(verify_run(run, kb, activations, CRITERIA), run)
    assert {(int(r["unit"]), r["reason"]) for r in ask(kb, "reasons")} == {
        (row["unit"], reason) for row in table for reason in row["reasons"]
    }
    margins = {(int(r["unit"]), float(r["level"])): float(r["targetPercent"]) for r in ask(kb, "error-margins")}
    assert margins == {
        (row["unit"], margin["level"]): margin["target_percent"] for row in table for margin in row["error_margins"]
    }
    # The permutation p of the induction is among the reasons.
    assert all("permutations of the examples" in row["reasons"][-1] for row in table)


def test_how_was_judged_is_said_in_ml_schema(recorded: tuple[KB, Run, Activations]) -> None:
    kb, _, _ = recorded
    found = ask(
        kb,
        "SELECT ?name ?value { ?a a earl:Assertion, mls:ModelEvaluation ; earl:test ?t . "
        "?r mls:hasOutput ?a ; a mls:Run . ?t a mls:EvaluationSpecification ; mls:hasPart ?s . "
        "?s mls:hasValue ?value ; mls:specifiedBy/rdfs:label ?name }",
    )
    settings = {r["name"]: r["value"] for r in found}
    assert settings.keys() == SETTINGS.keys()
    assert (float(settings["gate"]), settings["alternative"]) == (80, "one-sided")
    values = ask(
        kb,
        "SELECT ?auc ?value { ?a nl:auc ?auc ; mls:hasValue ?value ; mls:specifiedBy ?m . ?m a mls:EvaluationMeasure }",
    )
    assert values and all(r["auc"] == r["value"] for r in values)
