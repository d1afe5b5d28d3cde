"""What the commands record says nothing that PROV-O, ML-Schema, Web Annotation or EARL rule out."""

import pytest
from neurontology.analysis.ensemble_recording import record_ensembles
from neurontology.analysis.ensembles import compare_groups, ensembles_record
from neurontology.analysis.lineup import line_up
from neurontology.analysis.lineup_recording import record_lineup
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.sweep import sweep
from neurontology.analysis.unit_groups import parse_groups
from neurontology.analysis.verdict_record import verdict_records
from neurontology.analysis.verification import Criteria
from neurontology.bridge.example_rules import parse_rules
from neurontology.bridge.importers import import_activations
from neurontology.bridge.labelling import join_images
from neurontology.bridge.recording import record_verdicts
from neurontology.bridge.run import open_run
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions
from published_vocabularies import contradictions
from pyoxigraph import NamedNode, Triple

OPTIONS = InductionOptions(max_atoms=1, top=2)


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> KB:
    """Two units, of which the second is silent, with a sweep, its runs, a comparison and a group."""
    path = tmp_path_factory.mktemp("terms")
    kinds = ["Cat", "Dog"] * 30
    lines = [f"{3 + number % 3 if kind == 'Cat' else 0},0,im{number:02d}.png" for number, kind in enumerate(kinds)]
    (path / "acts.csv").write_text("\n".join(["0,1,path", *lines]))
    acts = import_activations(path / "acts.csv", path / "acts", holdout=0.5, seed=1, model="m", layer="l")
    head = "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."
    told = [f":im{number:02d} a :{kind} ." for number, kind in enumerate(kinds)]
    (path / "kb.ttl").write_text("\n".join([head, ":Cat a owl:Class .", ":Dog a owl:Class .", *told]))
    build_owl([path / "kb.ttl"], path / "kb")
    kb = KB.open(path / "kb", writable=True)
    sweep(kb, acts, parse_rules(["80/20", "q60/50"], min_positives=3), path / "swept", options=OPTIONS)
    runs = [open_run(path / "swept" / name) for name in ("80-20", "q60-50")]
    record_lineup([kb], runs, line_up(runs, [kb, kb]), origin=path)
    strict = Criteria(minimum=1000)  # so that there is nothing to measure, and no evaluation
    untested = verdict_records(verify_run(runs[1], kb, acts, strict), runs[1])
    assert [row["auc"] for row in untested] == [None]
    record_verdicts(kb, runs[1], untested, strict.settings())
    joined = join_images(kb, acts)
    compared = compare_groups(joined, acts, parse_groups("0+1"), options=OPTIONS, kb=kb, how="mean")
    record = ensembles_record(compared, acts, kb, dataset=joined.dataset, how="mean", criteria=Criteria(), search=None)
    record_ensembles(kb, acts, record)
    return kb


def test_what_is_recorded_contradicts_no_published_vocabulary(kb: KB) -> None:
    triples = [triple for entry in kb.entries if entry.kind == "run" for triple in kb.content(entry)]
    said = {str(triple.predicate.value).rpartition("#")[2] for triple in triples}
    assert {"hasInput", "hasOutput", "wasInfluencedBy", "hadMember", "assertedBy", "hasBody"} <= said
    assert contradictions(triples) == []


@pytest.mark.parametrize(
    ("predicate", "kinds", "complaint"),
    [
        ("prov#wasDerivedFrom", ("prov#Entity", "prov#Activity"), "<x:o> is both prov:Entity and prov:Activity"),
        ("mls#hasInput", ("mls#EvaluationSpecification", "mls#HyperParameterSetting"), "<x:s> is both mls:Process and"),
        ("earl#subject", ("earl#Assertion", "oa#Annotation"), "<x:s> has 0 times earl:assertedBy"),
    ],
)
def test_contradictions_are_found(predicate: str, kinds: tuple[str, str], complaint: str) -> None:
    ns, a = "http://www.w3.org/ns/", NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    s, o = NamedNode("x:s"), NamedNode("x:o")
    triples = [Triple(s, NamedNode(ns + predicate), o)]
    triples += [Triple(node, a, NamedNode(ns + kind)) for node, kind in zip((s, o), kinds, strict=True)]
    assert any(found.startswith(complaint) for found in contradictions(triples))
