"""Our engine and Ontolearn's learners side by side, at equal time.

Each run is a process of its own with the given number of seconds for learning; starting and loading are timed
apart. Ontolearn lives in an environment of its own (about 2 GB): one that ``--python`` names, or one made under the
user's cache folder. Its ontologies are ours after reading, with every class, property and individual declared,
because undeclared ones do not exist for it. Whatever a learner claims, F1 comes from our own retrieval of the
expression it gives, on the training examples; where Ontolearn's retrieval differs, that F1 stands in the column
*own*. Length counts as OWL learners do, {a} being 1.

    python benchmarks/ontolearn_side_by_side.py [--seconds 1 10] [--only family/] [--learners celoe tdl] [--json]
    python benchmarks/ontolearn_side_by_side.py --learners --check     # our answers, retrieved by Ontolearn
    python benchmarks/ontolearn_side_by_side.py --read RESULTS.json ...   # the table of earlier runs

A learner is *worse* if its F1 is lower than ours, or equal with a longer expression, or if it gave none. ``ratio``
is its seconds over ours, ``warm`` over those of a second solution in our process, without loading compiled kernels.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from neurontology.kb_build.owl import open_kb
from neurontology.ontology.errors import NeurontologyError
from neurontology.ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
    length,
)
from neurontology.ontology.kb import KB
from neurontology.ontology.names import NOTHING, THING
from neurontology.ontology.syntax.dl import parse
from neurontology.ontology.vocabulary import OWL, TYPE
from neurontology.reasoner.confusion import Confusion
from neurontology.reasoner.data_values import PropertyValues
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.individuals import complete_problem, resolve_problem
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.problem import LearningProblem
from neurontology.reasoner.retrieval import Extension, evaluate
from owl_problems import PROBLEMS, aaai_problems
from pyoxigraph import NamedNode, RdfFormat, Triple, serialize
from scipy import sparse

HERE = Path(__file__).resolve().parent
OURS = "neurontology"
OUR_WORKER = (sys.executable, str(HERE / "induction_worker.py"))
LEARNERS = ("celoe", "evolearner", "tdl", "tdl-no-nominals")
REQUIREMENTS = ("torch==2.13.0", "owlapy[owlready2]==1.6.6", "ontolearn==0.11.0")
"""What Ontolearn's environment is made of: torch pinned, because the newest one brings GPU libraries; owlready2, which
its knowledge bases need and its distribution does not ask for."""

GRACE = 120
"""Seconds that starting, loading and finishing may take beyond twice the seconds for learning."""

MORAL = "moral_reasoner/moral_all_examples_complex_owl"
TOLD = {"moral told": MORAL}
"""Problems that are posed a second time with told classes only: the ontology defines the class that is looked for."""

NOMINAL = "nominal:"
"""What marks the class {a} of one individual, which our expressions do not have."""


def default_python() -> Path:
    """Interpreter of the environment that this program makes, outside the repository."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "neurontology" / REQUIREMENTS[-1].replace("==", "-") / "bin" / "python"


def make_environment(python: Path) -> None:
    """Create Ontolearn's environment."""
    print(f"installing {' '.join(REQUIREMENTS)} into {python.parent.parent}, some minutes and 2 GB", file=sys.stderr)
    venv.create(python.parent.parent, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--upgrade", "pip"], check=True)
    subprocess.run([*install, *REQUIREMENTS], check=True)


def expression_of(tree: Sequence[Any]) -> ClassExpression:
    """Class expression of what the worker wrote; {a} becomes a class of its own, see :class:`WithNominals`.

    Raises
    ------
    ValueError
        It holds a constructor that our expressions do not have.
    """
    kind, *parts = tree
    match kind:
        case "class":
            return Top() if parts[0] == THING else Bottom() if parts[0] == NOTHING else Named(parts[0])
        case "one of":
            nominals = tuple(Named(NOMINAL + iri) for iri in parts)
            return nominals[0] if len(nominals) == 1 else Or(nominals)
        case "not":
            return Not(expression_of(parts[0]))
        case "and" | "or":
            operands = tuple(map(expression_of, parts))
            return operands[0] if len(operands) == 1 else (And if kind == "and" else Or)(operands)
        case "some" | "only":
            return (Some if kind == "some" else Only)(Role(parts[0], parts[1]), expression_of(parts[2]))
        case "at least" | "at most":
            bound = AtLeast if kind == "at least" else AtMost
            return bound(parts[0], Role(parts[1], parts[2]), expression_of(parts[3]))
        case "value":
            return HasValue(*parts)
        case "bound":
            return DataBound(*parts)
    raise ValueError(f"not comparable: {' '.join(map(str, tree))}")


def tree_of(expression: ClassExpression) -> list[Any]:
    """What :func:`expression_of` reads, of one of our answers."""
    match expression:
        case Top() | Bottom():
            return ["class", THING if isinstance(expression, Top) else NOTHING]
        case Named(iri):
            return ["class", iri]
        case Not(operand):
            return ["not", tree_of(operand)]
        case And(operands) | Or(operands):
            return ["and" if isinstance(expression, And) else "or", *map(tree_of, operands)]
        case Some(role, filler) | Only(role, filler):
            return ["some" if isinstance(expression, Some) else "only", role.iri, role.inverse, tree_of(filler)]
        case AtLeast(number, role, filler) | AtMost(number, role, filler):
            kind = "at least" if isinstance(expression, AtLeast) else "at most"
            return [kind, number, role.iri, role.inverse, tree_of(filler)]
        case HasValue(prop, value, datatype):
            return ["value", prop, value, datatype]
        case DataBound(prop, facet, value, datatype):
            return ["bound", prop, facet, value, datatype]


class WithNominals:
    """An interpretation in which :data:`NOMINAL` and the IRI of an individual make its class."""

    def __init__(self, interpretation: Interpretation) -> None:
        self.interpretation = interpretation

    @property
    def size(self) -> int:
        return self.interpretation.size

    def instances(self, iri: str) -> Extension:
        if not iri.startswith(NOMINAL):
            return self.interpretation.instances(iri)
        only = np.zeros(self.size, np.bool_)
        only[self.interpretation.positions([iri.removeprefix(NOMINAL)])] = True
        return only

    def role(self, role: Role) -> sparse.csr_matrix:
        return self.interpretation.role(role)

    def values(self, iri: str) -> PropertyValues:
        return self.interpretation.values(iri)


class Case:
    """A learning problem with what all its runs share.

    With `told`, nobody may use a class that is empty but for what definitions put into it.
    """

    def __init__(self, name: str, path: Path, scratch: Path, *, told: bool = False) -> None:
        self.name = name
        self.path = path
        self.sources = tuple(find_knowledge(read_problem(path)))
        kb, self.model, self.ontology = _knowledge(self.sources, scratch)
        resolved = resolve_problem(read_problem(path), kb.index)
        self.problem: LearningProblem = complete_problem(resolved, self.model.interpretation)
        self.ignored = self.problem.settings.ignored_classes
        if told:
            typed = set(kb.index.types[:, 1].tolist())
            self.ignored += tuple(iri for number, iri in enumerate(kb.index.classes) if number not in typed)

    def request(self, system: str, seconds: float, seed: int, strategy: str = "exact") -> dict[str, Any]:
        """What a worker is asked."""
        return {
            "system": system,
            "problem": str(self.path),
            "ontology": str(self.ontology),
            "positives": self.problem.positives,
            "negatives": self.problem.negatives,
            "ignored": self.ignored,
            "seconds": seconds,
            "seed": seed,
            "strategy": strategy,
        }

    def confusion(self, expression: ClassExpression) -> Confusion:
        """Counts of an expression on the examples, by our retrieval."""
        extension = evaluate(expression, self.model)
        inside, outside = (
            extension[self.model.interpretation.positions(side)]
            for side in (self.problem.positives, self.problem.negatives)
        )
        return Confusion(tp=int(inside.sum()), fp=int(outside.sum()), tn=int((~outside).sum()), fn=int((~inside).sum()))


@functools.cache
def _knowledge(sources: tuple[Path, ...], scratch: Path) -> tuple[KB, WithNominals, Path]:
    kb = open_kb(list(sources))
    target = scratch / f"{len(list(scratch.glob('*.nt')))}.nt"
    serialize(dict.fromkeys([*_told(kb), *_declarations(kb)]), str(target), RdfFormat.N_TRIPLES)
    return kb, WithNominals(Interpretation(kb.index)), target


def _told(kb: KB) -> Iterable[Triple]:
    imports = NamedNode(OWL + "imports")
    for entry in kb.entries:
        for quad in kb.store.quads_for_pattern(None, None, None, NamedNode(entry.iri)):
            if quad.predicate != imports:
                yield quad.triple


def _declarations(kb: KB) -> Iterable[Triple]:
    kinds = {
        "Class": kb.index.classes,
        "NamedIndividual": kb.index.individuals,
        "ObjectProperty": kb.index.properties,
        "DatatypeProperty": kb.index.data_properties,
    }
    for kind, table in kinds.items():
        for iri in table:
            if not iri.startswith(OWL):
                yield Triple(NamedNode(iri), TYPE, NamedNode(OWL + kind))


def failure(log: str) -> str:
    """First line of the last exception in what a process wrote to its standard error.

    >>> failure("noise\\nTraceback (most recent call last):\\n  File 'a', line 1\\nValueError: no\\nmore of it\\n")
    'ValueError: no'
    """
    _, found, trace = log.rpartition("Traceback (most recent call last):\n")
    lines = trace.splitlines() if found else log.splitlines()[-1:]
    return next((line for line in lines if line.strip() and not line[0].isspace()), "no message")


def run(command: Sequence[str], request: Mapping[str, Any], scratch: Path) -> dict[str, Any]:
    """Answer of a worker, or an ``error``; with the seconds of the whole process and its peak memory."""
    asked, answer = scratch / "request.json", scratch / "answer.json"
    asked.write_text(json.dumps(request))
    answer.unlink(missing_ok=True)
    limit = 2 * request["seconds"] + GRACE
    begun = time.perf_counter()
    with (scratch / "output").open("w+") as log:
        environment = os.environ | {"PYTHONHASHSEED": str(request["seed"])}
        process = subprocess.Popen(
            [*command, asked, answer], stdout=subprocess.DEVNULL, stderr=log, env=environment, cwd=scratch
        )
        peak = None
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.split("VmHWM:")[1].split()[0])
            process.kill()
            process.wait()
        log.seek(0)
        written = log.read()
    wall = time.perf_counter() - begun
    if peak is not None:
        return {"wall": wall, "peak_kib": peak, "error": f"stopped after {limit:.0f} s"}
    if process.returncode or not answer.exists():
        return {"wall": wall, "error": failure(written)}
    answered: dict[str, Any] = json.loads(answer.read_text())
    return {"wall": wall} | answered


def assess(case: Case, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with F1 by our retrieval, and the length."""
    if "error" in answer:
        return answer
    try:
        expression = parse(answer["dl"]) if "dl" in answer else expression_of(answer.pop("tree"))
        return answer | {"f1": case.confusion(expression).f1, "length": length(expression)}
    except (ValueError, NeurontologyError) as error:
        return answer | {"error": str(error)}


def verdict(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """``worse``, ``equal`` or ``better``, what they found against what we found; ``failed`` without an answer.

    >>> verdict({"f1": 1.0, "length": 7}, {"f1": 1.0, "length": 5})
    'worse'
    """
    if "error" in theirs:
        return "failed"
    left, right = ((round(row["f1"], 9), -row["length"]) for row in (theirs, ours))
    return "equal" if left == right else "better" if left > right else "worse"


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each learner and time: how often it is worse, equal or better, and how much longer it takes."""
    summary = []
    for system, seconds in dict.fromkeys((row["system"], row["budget"]) for row in rows if row["system"] != OURS):
        chosen = [row for row in rows if (row["system"], row["budget"]) == (system, seconds)]
        answered = [row for row in chosen if row["verdict"] != "failed"]
        lower = [row for row in answered if round(row["f1"], 9) < round(row["ours"]["f1"], 9)]
        ratios, warm = ([row[kind] for row in answered] for kind in ("ratio", "warm"))
        summary.append(
            {
                "system": system,
                "budget": seconds,
                "problems": len(chosen),
                "failed": len(chosen) - len(answered),
                "lower_f1": len(lower),
                "higher_f1": sum(round(row["f1"], 9) > round(row["ours"]["f1"], 9) for row in answered),
                "longer_at_equal_f1": sum(row["verdict"] == "worse" for row in answered) - len(lower),
                **{name: Counter(row["verdict"] for row in chosen)[name] for name in ("equal", "better")},
                "median_ratio": median(ratios) if ratios else None,
                "least_ratio": min(ratios, default=None),
                "at_least_20": sum(ratio >= 20 for ratio in ratios),
                "median_warm": median(warm) if warm else None,
                "least_warm": min(warm, default=None),
                "warm_at_least_20": sum(ratio >= 20 for ratio in warm),
                "median_peak_mb": median([row["peak_kib"] / 1024 for row in answered]) if answered else None,
            }
        )
    return summary


def line(row: Mapping[str, Any]) -> str:
    """One row of the table."""
    head = f"{row['problem'][-30:]:30} {row['budget']:4.0f} {row['system']:16}"
    if "error" in row:
        return f"{head} {'':37} {row['verdict']:7} {'':13} {row['error'][:100]}"
    own = row.get("checked", row["own_f1"])
    claim = "fails" if isinstance(own, str) else f"{own:5.3f}" if abs(own - row["f1"]) > 5e-4 else ""
    ratios = f"{row['ratio']:6.1f} {row['warm']:6.0f}" if "ratio" in row else f"{'':6} {row['again']:6.3f}"
    return (
        f"{head} {row['f1']:5.3f} {claim:5} {row['length']:4} {row['seconds']:8.3f} {row['load_seconds']:5.2f} "
        f"{row['peak_kib'] / 1024:5.0f} {row.get('verdict', ''):7} "
        f"{ratios} {row['written'][:90]}"
    )


HEADER = f"{'problem':30} {'time':4} {'system':16} {'F1':5} {'own':5} {'len':>4} {'s':>8} {'load':>5} {'MB':>5} "
HEADER += f"{'':7} {'ratio':>6} {'warm':>6} expression"


def report(document: Mapping[str, Any]) -> None:
    """Print what came out of all problems."""
    counted = ("problems", "failed", "lower_f1", "longer_at_equal_f1", "equal", "better", "higher_f1")
    measured = ("median_ratio", "least_ratio", "at_least_20", "median_warm", "least_warm", "warm_at_least_20")
    for row in document["summary"]:
        print(f"\n{row['system']}, {row['budget']:g} s")
        for names in (counted, (*measured, "median_peak_mb")):
            print("  " + ", ".join(f"{name.replace('_', ' ')} {_number(row[name])}" for name in names))
    print("\n" + ", ".join(f"{name} {version}" for name, version in document["versions"].items()))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def compare(case: Case, arguments: argparse.Namespace, scratch: Path) -> Iterable[dict[str, Any]]:
    """All runs on one problem."""
    peer = (str(arguments.python), str(HERE / "ontolearn_worker.py"))
    for seconds in arguments.seconds:
        ours: dict[str, Any] = {}
        for system in (OURS, *arguments.learners):
            own = system == OURS
            request = case.request(system, seconds, arguments.seed, arguments.strategy)
            answer = run(OUR_WORKER if own else peer, request, scratch)
            row = {"problem": case.name, "budget": seconds, "system": system} | assess(case, answer)
            if own:
                if "error" in row:
                    raise SystemExit(f"{case.name}: our own run failed: {row['error']}")
                ours = row
                if arguments.check:
                    asked = case.request("retrieval", seconds, arguments.seed) | {"tree": tree_of(parse(row["dl"]))}
                    checked = run(peer, asked, scratch)
                    row["checked"] = checked.get("own_f1", checked.get("error"))
            else:
                row["ours"] = {key: ours[key] for key in ("f1", "length", "seconds", "again")}
                row["verdict"] = verdict(row, ours)
                if "error" not in row:
                    row |= {"ratio": row["seconds"] / ours["seconds"], "warm": row["seconds"] / ours["again"]}
            yield row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--python", type=Path, default=default_python(), help="Interpreter that has Ontolearn.")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0], help="Time for learning.")
    parser.add_argument("--only", default="", help="Problems whose name matches this regular expression.")
    parser.add_argument("--learners", nargs="*", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strategy", choices=("exact", "beam", "ripple"), default="exact", help="Our search.")
    parser.add_argument("--check", action="store_true", help="Have Ontolearn retrieve our answers, too.")
    parser.add_argument("--read", type=Path, nargs="+", help="Show the JSON of earlier runs.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.read:
        documents = [json.loads(path.read_text()) for path in arguments.read]
        rows = [row for document in documents for row in document["rows"]]
        print(HEADER, *map(line, rows), sep="\n")
        report({"versions": documents[0]["versions"], "summary": summarise(rows)})
        return
    if not arguments.python.exists():
        if arguments.python != default_python():
            parser.error(f"there is no {arguments.python}")
        make_environment(arguments.python)
    chosen = {name: arguments.data / file for name, file in PROBLEMS.items()} | aaai_problems(arguments.data)
    rows = []
    print(HEADER, file=sys.stderr if arguments.json else sys.stdout)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        named = {name: (path, False) for name, path in chosen.items()}
        named |= {name: (chosen[original], True) for name, original in TOLD.items()}
        cases = [
            Case(name, path, scratch, told=told)
            for name, (path, told) in named.items()
            if re.search(arguments.only, name)
        ]
        run(OUR_WORKER, cases[0].request(OURS, 10, 0), scratch)  # compiles the kernels where that was not done yet
        for case in cases:
            for row in compare(case, arguments, scratch):
                rows.append(row)
                print(line(row), file=sys.stderr if arguments.json else sys.stdout, flush=True)
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row.pop("versions", {})
    document = {"versions": versions, "seed": arguments.seed, "rows": rows, "summary": summarise(rows)}
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
    else:
        report(document)


if __name__ == "__main__":
    main()
