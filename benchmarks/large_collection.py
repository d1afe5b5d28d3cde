"""The commands one after the other on a large hierarchy and many annotated images: seconds and peak memory of each.

Takes a knowledge base of categories, such as `wikipedia_dumps.py` leaves dumps for (with --out; `neurontology kb build
wikipedia`), copies it, annotates images with objects of 3 000 of its categories (Zipf-like), and makes activations:
noise, and for every unit one category below which 2 to 60 of the 3 000 lie, whose images excite it. Each command is a
process of its own.

    python benchmarks/large_collection.py KB [--images 20000] [--objects 8] [--units 32] [--time-limit 1] [--json]
    python benchmarks/large_collection.py KB --images 100000 --first 1     # kb annotate alone
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from measuring import Command, run_command
from neurontology.ontology.kb import KB
from neurontology.ontology.names import local_name

KINDS = 3000  # categories that objects have
EXTENSION = """@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
<http://example.org/Planted> a owl:Class .
<{0}> rdfs:subClassOf <http://example.org/Planted> .
<{1}> rdfs:subClassOf <http://example.org/Planted> .
"""


def write_collection(kb: KB, folder: Path, images: int, objects: int, units: int, seed: int = 0) -> None:
    """Write what the commands read: a table of objects, activations, and an extension that touches two units."""
    index, rng = kb.index, np.random.default_rng(seed)
    kinds = rng.choice(len(index.classes), KINDS, replace=False)
    weights = 1 / np.arange(1, KINDS + 1) ** 0.7
    shown = rng.choice(KINDS, (images, objects), p=weights / weights.sum())
    names = [local_name(index.classes[int(kind)]) for kind in kinds]
    with (folder / "objects.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "object"])
        for image, row in enumerate(shown.tolist()):
            table.writerows([f"im{image:06}.jpg", names[kind]] for kind in row)
    above = [set(index.hierarchy.ancestors(int(kind)).tolist()) | {int(kind)} for kind in kinds]
    common = sorted(c for c, number in Counter(c for one in above for c in one).items() if 2 <= number <= 60)
    planted = rng.choice(common, units, replace=False).tolist()
    values = rng.gamma(1.0, 0.12, (images, units))
    for unit, concept in enumerate(planted):
        exciting = np.isin(shown, [kind for kind in range(KINDS) if concept in above[kind]]).any(axis=1)
        values[exciting, unit] += np.maximum(rng.normal(3, 0.35, int(exciting.sum())), 0)
    ids = np.char.add(np.char.add("im", np.char.zfill(np.arange(images).astype(str), 6)), ".jpg")
    np.savez(folder / "activations.npz", activations=values.astype(np.float32), filenames=ids)
    extension = EXTENSION.format(*(index.classes[concept] for concept in planted[:2]))
    (folder / "extension.ttl").write_text(extension, encoding="utf-8")


def run_commands(kb: Path, folder: Path, time_limit: float, first: int | None) -> list[tuple[str, Command]]:
    """Run the first commands, or all, on a knowledge base, which they change."""
    acts, run = folder / "acts", folder / "run"
    commands: dict[str, tuple[object, ...]] = {
        "kb annotate": ("kb", "annotate", kb, "csv", folder / "objects.csv", "--name", "collection"),
        "activations import": ("activations", "import", folder / "activations.npz", "--out", acts),
        "label": ("label", "--kb", kb, "--activations", acts, "--time-limit", time_limit, "--out", run),
        "verify": ("verify", run, "--kb", kb, "--activations", acts),
        "sparql concepts": ("sparql", kb, "concepts"),
        "report": ("report", run, "--out", folder / "report"),
        "kb extend --dry-run": ("kb", "extend", kb, folder / "extension.ttl", "--dry-run"),
        "kb extend": ("kb", "extend", kb, folder / "extension.ttl"),
        "label --update": ("label", "--update", run, "--out", folder / "again"),
        "kb retract": ("kb", "retract", kb, "extension"),
    }
    chosen = list(commands.items())[:first]
    return [(name, run_command([str(part) for part in arguments])) for name, arguments in chosen]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kb", type=Path, metavar="KB")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--objects", type=int, default=8)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--time-limit", type=float, default=1.0)
    parser.add_argument("--first", type=int, help="Run so many of the commands; all by default.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        kb = shutil.copytree(arguments.kb, folder / "kb")
        write_collection(KB.open(kb), folder, arguments.images, arguments.objects, arguments.units)
        rows = run_commands(kb, folder, arguments.time_limit, arguments.first)
    if arguments.json:
        print(json.dumps([{"command": name, **vars(found), "output": None} for name, found in rows], indent=1))
        return
    print(f"{'command':20} {'wall s':>7} {'cpu s':>7} {'peak MB':>8}")
    for name, found in rows:
        print(f"{name:20} {found.seconds:7.1f} {found.cpu_seconds:7.1f} {found.peak_mb:8.0f}")


if __name__ == "__main__":
    main()
