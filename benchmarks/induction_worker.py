"""One run of our own engine in a fresh process; started by ontolearn_side_by_side.py.

    python induction_worker.py REQUEST.json ANSWER.json

The problem is solved as `neurontology induce` does it without options, but for the time limit and the strategy.
``seconds`` is the first solution of the process, loading the compiled kernels from numba's cache included (importing
numba is not, no more than Ontolearn's importing torch); ``again`` is a second one.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

BEGUN = time.perf_counter()

import neurontology.reasoner.induction  # noqa: F401 - else imported when the first problem is solved
from neurontology.kb_build.owl import open_kb
from neurontology.ontology.syntax.dl import render
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.learning import InductionOptions
from neurontology.reasoner.solve import solve

IMPORTED = time.perf_counter()


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    begun = time.perf_counter()
    problem = read_problem(request["problem"])
    problem = replace(problem, settings=replace(problem.settings, ignored_classes=tuple(request["ignored"])))
    kb = open_kb(list(find_knowledge(problem)))
    kb.index  # noqa: B018 - built here, so that loading and solving are timed apart
    loaded = time.perf_counter()
    options = InductionOptions(time_limit=request["seconds"], strategy=request["strategy"])
    induction = solve(kb, problem, options)
    solved = time.perf_counter()
    solve(kb, problem, options)
    again = time.perf_counter()
    best = induction.solutions[0]
    answer = {
        "import_seconds": IMPORTED - BEGUN,
        "load_seconds": loaded - begun,
        "seconds": solved - loaded,
        "again": again - solved,
        "proved": induction.proved_optimal,
        "dl": render(best.expression),
        "written": render(best.expression, kb.names.short),
        "own_f1": best.confusion.f1,
        "own_length": best.length,
        "versions": {"neurontology": version("neurontology")},
    }
    status = Path("/proc/self/status").read_text()
    answer["peak_kib"] = int(status.split("VmHWM:")[1].split()[0])
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
