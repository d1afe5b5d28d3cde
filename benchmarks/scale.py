"""What a worker of a cluster takes and does, and what a large layer would cost by these rates.

python benchmarks/scale.py [--images 2000 20000 100000] [--atoms 4300] [--units 33] [--photographs FOLDER] [--kb KB]
    [--target 1000000 60000 10000] [--json]

Synthetic problems (`workloads.py`) are stored as `label --cluster` stores them, and a fresh process labels the units
as a worker does, in one thread. Its private memory (RssAnon) is sampled every 10 ms; what it maps (RssFile) belongs to
the page cache and is given back when memory is short. Times are processor seconds, which neighbours disturb least.
With --photographs the rate of EfficientNet-Lite0, layer `head`, on one core; with --kb the bytes of a triple in a store
and the triples of a labelled unit. --target takes images, atoms and units.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measuring import in_child
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.fingerprint import Fingerprints
from neurontology.bridge.labelling import UnitProblems
from neurontology.bridge.stored_problems import store_problems
from neurontology.ontology.expression import Named
from neurontology.ontology.names import NameTable
from neurontology.reasoner.atoms import AtomTable, Lazy
from neurontology.reasoner.learning import InductionOptions
from numpy.typing import NDArray
from pyoxigraph import NamedNode
from workloads import images as synthetic
from workloads import neurons

BLOCK = 256  # units counted together, as `label` does


class Synthetic(UnitProblems):
    """Problems without a knowledge base: activations of 1, 0 and 0.5 that give the examples they were made from."""

    def activation_blocks(self, units: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        yield 0, np.stack([self.column(int(unit)) for unit in units], axis=1)


def problems(n: int, atoms: int, units: int) -> Synthetic:
    extents, _ = synthetic(0, n, atoms, objects=900, scenes=80, layers=[5000, 3200, 1600, 700, 250, 80, 20])
    columns = np.full((units, n), 0.5, np.float32)
    for row, (positives, negatives) in zip(columns, neurons(1, extents, n, units), strict=True):
        row[positives], row[negatives] = 1.0, 0.0
    table = AtomTable(
        rows=np.arange(n),
        expressions=Lazy(len(extents), lambda i: Named(f"http://example.org/C{i}")),
        equivalents=Lazy(len(extents), lambda i: ()),
        extents=extents,
        lengths=np.ones(len(extents), np.int32),
        priorities=np.arange(len(extents), dtype=np.int64),
    )
    prints = Fingerprints.of_layer(table, [f"im{i}" for i in range(n)], NameTable())
    options = InductionOptions(top=5, time_limit=30)
    return Synthetic(table, prints, lambda unit: columns[unit], Thresholds(min_positives=1), options)


def memory(kind: str) -> float:
    """MB of this process, as the kernel counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{kind}:"))


def work(folder: str, units: int) -> dict[str, Any]:
    """Label the units of stored problems, as a worker does; run in a process of its own."""
    from neurontology.bridge.cluster_tasks import label_stored
    from neurontology.bridge.stored_problems import open_problems
    from neurontology.reasoner.counting import KernelCounter
    from neurontology.reasoner.search import load_kernels

    load_kernels(by_rank=False, four_atoms=False)
    layer = open_problems(Path(folder))
    counter = KernelCounter(layer.atoms.extents, len(layer.atoms.rows), 1)
    layer.counts([0], counter)
    start = memory("RssAnon")
    clock = time.process_time()
    layer.counts([unit % units for unit in range(units)], counter)
    counting = time.process_time() - clock
    peak, ended = [start], threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            peak.append(memory("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds, proved = [], 0
    for unit in range(units):
        clock = time.process_time()
        (label,) = label_stored(folder, [unit])
        seconds.append(time.process_time() - clock)
        proved += label.proved
    ended.set()
    watcher.join()
    stored = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {
        "atoms": len(layer.atoms),
        "images": len(layer.atoms.rows),
        "units": units,
        "proved": proved,
        "cpu_seconds_median": float(np.median(seconds)),
        "cpu_seconds_mean": float(np.mean(seconds)),
        "counting_cpu_seconds": counting,
        "private_mb_before": start,
        "private_mb_peak": max(peak),
        "mapped_mb": memory("RssFile"),
        "stored_mb": stored / 2**20,
    }


def worker(n: int, atoms: int, units: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store_problems(problems(n, atoms, units), range(units), Path(folder))  # type: ignore[arg-type]
        return in_child(work, folder, units)[0]


def forward(folder: str, at_most: int) -> dict[str, Any]:
    """Rates of listing and of the network, images a processor second; and whether memory grows."""
    import torch
    from neurontology.bridge.activations import Forward
    from neurontology.bridge.images import ImageSet
    from neurontology.bridge.models import load_model

    torch.set_num_threads(1)
    clock = time.process_time()
    listed = ImageSet.find(folder)
    listing = len(listed) / (time.process_time() - clock)
    run = Forward(load_model("efficientnet-lite0"), ("head",), "max", 8, "cpu", False, 1)
    records = list(listed)[:at_most]
    private, done = [], 0
    clock = time.process_time()
    for batch in run.run(records):
        done += batch.seen
        private.append(memory("RssAnon"))
    return {
        "images": done,
        "images_per_cpu_second": done / (time.process_time() - clock),
        "listed_per_cpu_second": listing,
        "private_mb_after_8_batches": private[min(7, len(private) - 1)],
        "private_mb_at_end": private[-1],
    }


def triples(folder: str) -> dict[str, Any]:
    """Bytes of a triple in a store, and triples of a unit in its runs."""
    from neurontology.ontology.kb import KB

    kb = KB.open(folder)
    size = sum(path.stat().st_size for path in (Path(folder) / "store").iterdir())
    outcome = NamedNode("https://w3id.org/neurontology/outcome")
    units = {q.graph_name: 0 for q in kb.store.quads_for_pattern(None, outcome, None, None)}
    for quad in kb.store.quads_for_pattern(None, outcome, None, None):
        units[quad.graph_name] += 1
    written = sum(1 for graph in units for _ in kb.store.quads_for_pattern(None, None, None, graph))
    return {
        "quads": len(kb.store),
        "bytes_per_quad": size / len(kb.store),
        "per_unit": written / max(1, sum(units.values())),
    }


def extrapolate(found: dict[str, Any], images: int, atoms: int, units: int) -> dict[str, float]:
    """What a layer would cost if everything grew with images, atoms and units; half of the images are for induction."""
    far = max(found["workers"], key=lambda row: row["images"])
    used = images / 2
    larger = used / far["images"] * atoms / far["atoms"]
    cost = {
        "search_core_hours": far["cpu_seconds_mean"] * larger * units / 3600,
        "search_core_hours_by_median": far["cpu_seconds_median"] * larger * units / 3600,
        "counting_core_hours": far["counting_cpu_seconds"] / far["units"] * larger * units / 3600,
        "activations_gb": images * units * 4 / 1e9,
        "stored_problems_gb": (2 * used * atoms / 8 + used * units * 4) / 1e9,
    }
    if "forward" in found:
        cost["listing_core_hours"] = images / found["forward"]["listed_per_cpu_second"] / 3600
        cost["forward_core_hours"] = images / found["forward"]["images_per_cpu_second"] / 3600
    if "triples" in found:
        cost["triples_millions"] = units * found["triples"]["per_unit"] / 1e6
        cost["triples_gb"] = cost["triples_millions"] * found["triples"]["bytes_per_quad"] / 1e3
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[2000, 20_000, 100_000])
    parser.add_argument("--atoms", type=int, default=4300)
    parser.add_argument("--units", type=int, default=33)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--at-most", type=int, default=128, help="photographs that go through the network")
    parser.add_argument("--kb", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--target", type=int, nargs=3, default=[1_000_000, 60_000, 10_000], help="images, atoms, units")
    given = parser.parse_args()
    found: dict[str, Any] = {"workers": []}
    if given.photographs:
        found["forward"] = in_child(forward, str(given.photographs), given.at_most)[0]
    if given.kb:
        found["triples"] = in_child(triples, str(given.kb))[0]
    for n in given.images:
        found["workers"].append(worker(n, given.atoms, given.units))
    found["target"] = extrapolate(found, *given.target)
    if given.json:
        print(json.dumps(found))
        return
    for name in ("forward", "triples", "target"):
        for key, value in found.get(name, {}).items():
            print(f"{name:8} {key:28} {value:12.4g}")
    columns = list(found["workers"][0])
    print(" ".join(f"{name:>{max(8, len(name))}}" for name in columns))
    for row in found["workers"]:
        print(" ".join(f"{row[name]:>{max(8, len(name))}.4g}" for name in columns))


if __name__ == "__main__":
    main()
