"""The ADE20K scene problems against the published results of ECII V2: scores and seconds.

The published seconds were measured on the authors' machine; the ratio says how far apart the two are, not how
fast either would be on another machine.

    python benchmarks/scenes.py [--data ../shared/data] [--json]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from pathlib import Path
from typing import Any

from neurontology.kb_build.owl import read_owl
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.learning import InductionOptions
from neurontology.reasoner.solve import solve

ONTOLOGIES = {
    "wiki_concepts": "wiki_combined_with_small_owls_mapping_concepts_stripped.owl",
    "wiki_pages": "wiki_merged_combined_with_small_owls_mapping_pages_stripped.owl",
    "sumo_concepts": "sumo_combined_with_small_owls_mapping_concepts_stripped.owl",
    "dbpedia_schema": "dbpedia_combined_with_small_owls_mapping_schema.owl",
}


def measure(data: Path) -> list[dict[str, Any]]:
    """One row for each problem and ontology."""
    experiments, rows = data / "ade20k-kb" / "experiments", []
    with (experiments / "baseline.csv").open(encoding="utf-8") as file:
        published = {(r["experiment"], r["background"]): r for r in csv.DictReader(file)}
    for (comparison, background), ecii in sorted(published.items()):
        configs = list((experiments / comparison).glob(f"*_bkg_{background}_*.config"))
        if background not in ONTOLOGIES or len(configs) != 1:
            continue
        begun = time.perf_counter()
        kb = read_owl([data / "ade20k-kb" / "kb" / ONTOLOGIES[background]])
        kb.index  # noqa: B018 - built here, so that loading and searching are timed apart
        problem, loaded = read_problem(configs[0]), time.perf_counter()
        by_f1 = solve(kb, problem, InductionOptions(top=1))
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            solve(kb, problem, InductionOptions(top=1))
            seconds.append(time.perf_counter() - start)
        by_coverage = solve(kb, problem, InductionOptions(score="accuracy", top=1))
        rows.append(
            {
                "problem": comparison,
                "ontology": background,
                "load_seconds": loaded - begun,
                "seconds": statistics.median(seconds),
                "ecii_seconds": float(ecii["algorithm_sec"]),
                "times_faster": float(ecii["algorithm_sec"]) / statistics.median(seconds),
                "f1": by_f1.solutions[0].confusion.f1,
                "ecii_f1": float(ecii["f1_max"]),
                "coverage": by_coverage.solutions[0].confusion.accuracy,
                "ecii_coverage": float(ecii["best_coverage"]),
                "proved": by_f1.proved_optimal and by_coverage.proved_optimal,
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.data)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'problem':46s} {'ontology':14s}  ours s  ECII s  ratio    F1  ECII   cov  ECII")
    for r in rows:
        times = f"{r['seconds']:7.4f} {r['ecii_seconds']:7.2f} {r['times_faster']:6.0f}"
        scores = f"{r['f1']:5.3f} {r['ecii_f1']:5.3f} {r['coverage']:5.3f} {r['ecii_coverage']:5.3f}"
        print(f"{r['problem']:46s} {r['ontology']:14s} {times} {scores}{'' if r['proved'] else ' not proved'}")


if __name__ == "__main__":
    main()
