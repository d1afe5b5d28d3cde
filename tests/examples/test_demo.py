"""The demonstration, once, as a user starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from neurontology.bridge.run import open_run
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query


def test_the_demo_runs_the_whole_loop(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = subprocess.run(
        [sys.executable, "-m", "neurontology", "demo", "--out", str(out), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    kb, run = KB.open(summary["kb"]), open_run(summary["run"])

    # The miniature wiki exercises the builder: cycles, filters and redirects are all met.
    info = kb.info()
    assert info["removed_edges"] >= 3
    removed = (Path(summary["kb"]) / "removed.tsv").read_text(encoding="utf-8")
    assert {line.split("\t")[0] for line in removed.splitlines()[1:]} == {"category", "redirect", "edge"}
    assert {"self-loop", "hidden", "Autos"} <= set(removed.replace("\n", "\t").split("\t"))

    # Labels are for all units or say why not, and they hold on scenes that were not used.
    assert summary["units"] == len(run.units) == 64
    assert all(u["solutions"] or u["status"] != "labelled" for u in run.units)
    assert summary["proved_optimal"] == summary["labelled"] > 32
    assert sum(summary["verdicts"].values()) == summary["labelled"]
    assert summary["verdicts"]["confirmed"] > summary["labelled"] / 2
    assert summary["median_auc"] > 0.7

    # Three questions are answered, the answers come from the store.
    assert len(summary["answers"]) == 3
    _, found = rows(run_query(kb, "units-under", {"concept": "Vehicles"}))
    assert summary["answers"][0]["rows"] == len(found) > 0

    page = Path(summary["report"]).read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
