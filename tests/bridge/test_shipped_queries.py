"""The questions that ship, asked of a knowledge base with several runs of one layer."""

from pathlib import Path
from types import ModuleType

from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.verdict_record import verdict_records
from neurontology.analysis.verification import Criteria
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.recording import record_run, record_verdicts
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.reasoner.learning import InductionOptions
from saved_run import saved_run


def test_a_concept_is_confirmed_by_the_verdict_on_its_own_label_only(small_loop: ModuleType, tmp_path: Path) -> None:
    """A tree without a dog was refuted as the label of unit 1, a tree was confirmed: nothing confirms the dog."""
    kb = KB.open(small_loop.write_kb(tmp_path), writable=True)
    activations = small_loop.write_activations(tmp_path)
    for atoms, verdict in ((2, "rejected"), (1, "confirmed")):
        options = InductionOptions(max_atoms=atoms, top=1)
        run = saved_run(tmp_path / f"run{atoms}", kb, activations, Thresholds(), options, units=[1])
        record_run(kb, run)
        table = verdict_records(verify_run(run, kb, activations, Criteria()), run)
        record_verdicts(kb, run, [{**row, "verdict": verdict} for row in table], Criteria().settings())
    names, found = rows(run_query(kb, "concepts"))
    assert names == ["concept", "units", "confirmed"]
    counts = {concept.value.rpartition("/")[2]: (units.value, sure.value) for concept, units, sure in found}
    assert counts == {"Dog": ("1", "0"), "Tree": ("1", "1")}
