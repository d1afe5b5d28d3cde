"""Extraction against the bare model: how much of the forward throughput is left when images have to be read.

python benchmarks/activations.py FOLDER [--model efficientnet-lite0] [--layer head] [--batch-size 8] [--threads 1]

The bare model runs as many random batches as the folder fills, in a quiet process. Both are run in turn, three times
each, and the best time of each counts: on a shared machine the worst times measure the neighbours. Prints a table and
one line of JSON; the target is a ratio of 0.9.
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


def bare(model: LoadedModel, images: int, batch_size: int, device: str) -> float:
    """Seconds for forward passes over random input, nothing else."""
    batch = torch.rand(batch_size, 3, *model.input_size, device=device)
    module = model.module.to(device)
    with torch.inference_mode():
        module(batch)
        start = time.perf_counter()
        for done in range(0, images, batch_size):
            module(batch[: min(batch_size, images - done)])
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def whole(model: LoadedModel, layer: str, images: ImageSet, batch_size: int, device: str) -> float:
    """Seconds for an extraction, from the list of images to the finished directory."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        extract(model, layer, images, out=Path(folder) / "out", batch_size=batch_size, device=device)
        return time.perf_counter() - start


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
    model_seconds, extraction_seconds = (min(column) for column in zip(*times, strict=True))
    result = {
        "model": options.model,
        "layer": options.layer,
        "images": len(images),
        "batch_size": options.batch_size,
        "threads": options.threads,
        "device": options.device,
        "listing_seconds": round(listing, 3),
        "bare_images_per_second": round(len(images) / model_seconds, 2),
        "extraction_images_per_second": round(len(images) / extraction_seconds, 2),
        "ratio": round(model_seconds / extraction_seconds, 3),
        "all_ratios": [round(one / other, 3) for one, other in times],
    }
    for name, value in result.items():
        print(f"{name:30} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
