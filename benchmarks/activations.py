"""Extraction against the bare model: how much of the forward throughput is left when images have to be read.

python benchmarks/activations.py FOLDER [--model NAME] [--layer NAME] [--batch-size 8] [--threads 1]

Prints a table and a line of JSON; the target is a ratio of 0.9. The bare model runs as many random batches as
the folder fills. The two take turns, and the best time of each counts: on a shared machine the others measure
the neighbours. `cpu_ratio` compares processor time, which neighbours disturb less: where all cores are busy
with the model the ratio tends to it, where one is left for decoding it tends to 1.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from neurontology.bridge.activations import extract
from neurontology.bridge.images import ImageSet
from neurontology.bridge.loaded_model import LoadedModel
from neurontology.bridge.models import load_model

Seconds = tuple[float, float]
"""Wall-clock time and processor time of all threads."""


def clock() -> Seconds:
    return time.perf_counter(), time.process_time()


def since(start: Seconds) -> Seconds:
    now = clock()
    return now[0] - start[0], now[1] - start[1]


def bare(model: LoadedModel, images: int, batch_size: int, device: str) -> Seconds:
    """Time forward passes over random input, nothing else."""
    batch = torch.rand(batch_size, 3, *model.input_size, device=device)
    module = model.module.to(device)
    with torch.inference_mode():
        module(batch)
        start = clock()
        for done in range(0, images, batch_size):
            module(batch[: min(batch_size, images - done)])
        if device != "cpu":
            torch.cuda.synchronize()
        return since(start)


def whole(model: LoadedModel, layer: str, images: ImageSet, batch_size: int, device: str) -> Seconds:
    """Time an extraction, from the list of images to the finished directory."""
    with tempfile.TemporaryDirectory() as folder:
        start = clock()
        extract(model, layer, images, out=Path(folder) / "out", batch_size=batch_size, device=device)
        return since(start)


def main() -> None:
    parser = argparse.ArgumentParser(description="extraction against the bare model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--layer", default="head")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    start = time.perf_counter()
    images = ImageSet.find(options.folder)
    listing = time.perf_counter() - start
    times = [
        (
            bare(model, len(images), options.batch_size, options.device),
            whole(model, options.layer, images, options.batch_size, options.device),
        )
        for _ in range(options.repeats)
    ]
    (bare_wall, bare_cpu), (wall, cpu) = (
        tuple(min(column) for column in zip(*runs, strict=True)) for runs in zip(*times, strict=True)
    )
    result = {
        "model": options.model,
        "layer": options.layer,
        "images": len(images),
        "batch_size": options.batch_size,
        "threads": options.threads,
        "device": options.device,
        "listing_seconds": round(listing, 3),
        "bare_images_per_second": round(len(images) / bare_wall, 2),
        "extraction_images_per_second": round(len(images) / wall, 2),
        "ratio": round(bare_wall / wall, 3),
        "all_ratios": [round(one[0] / other[0], 3) for one, other in times],
        "cpu_ratio": round(bare_cpu / cpu, 3),
    }
    for name, value in result.items():
        print(f"{name:30} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
