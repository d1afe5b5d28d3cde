"""How fast are questions about whole subtrees of a large hierarchy?

Generates a knowledge base of many classes (an eight-fold tree in which every other class has a second parent) and the
labels of a layer, then asks which units have a label under a class, for classes with few and with many
descendants. ``ours`` is what ``run_query`` takes for the question, ``naive`` the property path as the engine runs it
by itself, stopped after ``--naive-limit`` seconds (0 leaves it out), and ``without`` the same question with no class
in it: what reading the labels alone takes. ``served`` is the question asked of the served knowledge base over HTTP,
with the same limit. The answers of all forms are compared. ``units-under`` is the query that ships with the package.

    python benchmarks/subtree_queries.py --classes 2000000 --units 2048 [--kb DIR] [--json]

``--kb`` keeps the knowledge base, or uses the one that is there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from neurontology.ontology.kb import KB, Source
from neurontology.ontology.server import serve
from neurontology.ontology.sparql import named_queries, run_query
from neurontology.ontology.vocabulary import OWL, PREFIXES, RDFS, SKOS, TYPE, nl
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple

BASE = "https://en.wikipedia.org/wiki/Category:Topic_"
BRANCHES = 8
WITHOUT = {
    "plain": "SELECT ?unit ?kind { ?unit a nl:Unit ; nl:concept ?kind }",
    "path": "SELECT ?unit { ?unit a nl:Unit ; nl:concept ?kind }",
    "count": "SELECT (COUNT(DISTINCT ?unit) AS ?n) { ?unit nl:concept ?kind }",
    "units-under": "SELECT ?unit ?kind { ?unit a nl:Unit ; nl:concept ?kind }",
}
QUERIES = {
    "plain": "SELECT ?unit ?kind { ?unit a nl:Unit ; nl:concept ?kind . ?kind rdfs:subClassOf* <CLASS> }",
    "path": "SELECT ?unit { ?unit a nl:Unit ; nl:concept/rdfs:subClassOf* <CLASS> }",
    "count": "SELECT (COUNT(DISTINCT ?unit) AS ?n) { ?unit nl:concept ?kind . ?kind rdfs:subClassOf+ <CLASS> }",
    "units-under": named_queries()["units-under"]
    .text.replace("?concept ?layer", "?layer")
    .replace("?concept", "<CLASS>"),
}


def write_hierarchy(path: Path, classes: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    ids = np.arange(1, classes)
    second = rng.integers(ids // 16, np.maximum(ids // 6, ids // 16 + 1))
    has_second = rng.random(classes - 1) < 0.5
    with path.open("w", encoding="utf-8") as file:
        file.write(f"<{BASE}0> {TYPE} <{OWL}Class> .\n")
        for i, parent, other, two in zip(
            ids.tolist(), (ids // BRANCHES).tolist(), second.tolist(), has_second.tolist(), strict=True
        ):
            lines = f'<{BASE}{i}> {TYPE} <{OWL}Class> .\n<{BASE}{i}> <{RDFS}label> "Topic {i}"@en .\n'
            lines += f"<{BASE}{i}> <{RDFS}subClassOf> <{BASE}{parent}> .\n"
            if two and other != parent:
                lines += f"<{BASE}{i}> <{RDFS}subClassOf> <{BASE}{other}> .\n"
            file.write(lines)


def labels(classes: int, units: int, seed: int = 1) -> list[Triple]:
    rng = np.random.default_rng(seed)
    data = PREFIXES["data"]
    layer = NamedNode(data + "layer")
    found = [Triple(layer, nl("layerPath"), Literal("head"))]
    for unit in range(units):
        node, best = NamedNode(f"{data}unit/{unit}"), NamedNode(f"{data}label/{unit}")
        found += [
            Triple(node, TYPE, nl("Unit")),
            Triple(node, nl("unitNumber"), Literal(unit)),
            Triple(node, nl("inLayer"), layer),
            Triple(node, nl("label"), best),
            Triple(best, NamedNode(SKOS + "prefLabel"), Literal(f"label of {unit}")),
            Triple(best, nl("f1"), Literal(0.9)),
        ]
        for concept in rng.integers(1, classes, 3).tolist():
            found += [Triple(n, nl("concept"), NamedNode(f"{BASE}{concept}")) for n in (node, best)]
    return found


def build(path: Path, classes: int, units: int) -> KB:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "topics.nt")
        write_hierarchy(file, classes)
        KB.create(path, [Source("topics", file, RdfFormat.N_TRIPLES)])
    writable = KB.open(path, writable=True)
    writable.put_graph("run", "benchmark", labels(classes, units), origin="benchmark")
    del writable
    return KB.open(path)


def count(results: Any) -> int:
    rows = list(results)
    return (
        int(rows[0][0].value) if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], Literal) else len(rows)
    )


def timed(kb: KB, query: str, repeats: int) -> tuple[list[float], int]:
    """Seconds of each run, the first of which is not warm, and the number of answers."""
    times, found = [], 0
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        found = count(run_query(kb, query))
        times.append(time.perf_counter() - begun)
    return times, found


def naive(path: str, query: str, answer: Any) -> None:
    kb = KB.open(path)
    started = time.perf_counter()
    found = count(kb.query(query, prefixes=PREFIXES))
    answer.put((time.perf_counter() - started, found))


def time_naive(path: Path, query: str, limit: float) -> tuple[float, int] | None:
    answer: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=naive, args=(str(path), query, answer))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    return answer.get()


def served(address: str, query: str, repeats: int) -> tuple[float, int] | None:
    """Median seconds of the answer over HTTP, and the number of answers; None if the server gave up."""
    request = urllib.request.Request(
        address,
        query.encode(),
        {"Content-Type": "application/sparql-query", "Accept": "text/csv"},
    )
    times, rows = [], 0
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        try:
            with urllib.request.urlopen(request) as answer:
                lines = answer.read().decode().splitlines()[1:]
        except (urllib.error.HTTPError, http.client.IncompleteRead):
            return None
        times.append(time.perf_counter() - begun)
        if lines and "cancelled" in lines[-1]:
            return None
        rows = int(lines[0]) if query.startswith("SELECT (COUNT") else len(lines)
        if times[-1] > 5:
            break
    return float(np.median(times[1:] or times)), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=2_000_000)
    parser.add_argument("--units", type=int, default=2_048)
    parser.add_argument("--kb", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--naive-limit", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        path = options.kb or Path(scratch, "kb")
        started = time.perf_counter()
        kb = KB.open(path) if path.is_dir() else build(path, options.classes, options.units)
        built = time.perf_counter()
        size = len(kb.index.classes)
        indexed = time.perf_counter()
        limit = int(options.naive_limit) or 60
        address = stack.enter_context(serve(kb, 0, timeout_seconds=limit)).query
        rows = []
        tops = {"leaf": size - 1, "small": 30_000, "medium": 300, "large": 12, "huge": 2, "root": 0}
        for depth, top in tops.items():
            if top >= size:
                continue
            iri = f"{BASE}{top}"
            below = len(kb.index.told.descendants(kb.index.classes.id(iri) or 0))
            for form, text in QUERIES.items():
                query = text.replace("CLASS", iri)
                times, found = timed(kb, query, options.repeats)
                without, _ = timed(kb, WITHOUT[form], options.repeats)
                slow = time_naive(path, query, options.naive_limit) if options.naive_limit else None
                if slow is not None and slow[1] != found:
                    sys.exit(f"{depth} {form}: {found} answers, the naive form has {slow[1]}")
                remote = served(address, query, options.repeats)
                if remote is not None and remote[1] != found:
                    sys.exit(f"{depth} {form}: {found} answers, the server has {remote[1]}")
                rows.append(
                    {
                        "class": depth,
                        "descendants": below,
                        "query": form,
                        "answers": found,
                        "first_seconds": times[0],
                        "median_seconds": float(np.median(times[1:])),
                        "without_seconds": float(np.median(without[1:])),
                        "served_seconds": None if remote is None else remote[0],
                        "naive_seconds": None if slow is None else slow[0],
                    }
                )
    if options.json:
        print(json.dumps({"classes": size, "rows": rows}))
        return
    print(f"{size} classes; built in {built - started:.0f} s, index in {indexed - built:.0f} s")
    print(
        f"{'class':8}{'below':>9}  {'query':12}{'answers':>9}{'first s':>9}{'ours s':>9}{'without s':>11}"
        f"{'served s':>10}{'naive s':>9}"
    )
    for row in rows:
        over = f"> {options.naive_limit:.0f}" if options.naive_limit else "-"
        served_text = f"> {limit}" if row["served_seconds"] is None else f"{row['served_seconds']:.3f}"
        slow_text = over if row["naive_seconds"] is None else f"{row['naive_seconds']:.2f}"
        print(
            f"{row['class']:8}{row['descendants']:>9}  {row['query']:12}{row['answers']:>9}"
            f"{row['first_seconds']:>9.3f}{row['median_seconds']:>9.3f}{row['without_seconds']:>11.3f}"
            f"{served_text:>10}{slow_text:>9}"
        )


if __name__ == "__main__":
    main()
