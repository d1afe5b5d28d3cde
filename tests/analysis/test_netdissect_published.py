"""Intersection over union against the tables that Network Dissection published for two networks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
from neurontology.analysis.baselines.dissection import Dissection
from neurontology.analysis.baselines.netdissect import concept_ious

CATEGORIES = ["color", "object", "part", "material", "scene", "texture"]


def _counted(table: pd.DataFrame) -> tuple[Dissection, dict[str, int]]:
    """The published pixel counts; each concept is a kind of pixel of its own."""
    concepts: dict[str, tuple[int, float]] = {}
    for k, category in enumerate(CATEGORIES):
        for label, truth in zip(table[f"{category}-label"], table[f"{category}-truth"], strict=True):
            # Where no pixel of a category is under a mask, the table names nothing.
            if isinstance(label, str):
                assert concepts.setdefault(f"{category}/{label}", (k, float(truth))) == (k, float(truth))
    position = {name: k for k, name in enumerate(concepts)}
    masked = np.zeros((len(table), len(concepts)))
    masked_in = np.zeros((len(table), len(CATEGORIES)))
    for k, category in enumerate(CATEGORIES):
        masked_in[:, k] = table[f"{category}-activation"]
        for row, (label, pixels) in enumerate(
            zip(table[f"{category}-label"], table[f"{category}-intersect"], strict=True)
        ):
            if isinstance(label, str):
                masked[row, position[f"{category}/{label}"]] = pixels
    dissection = Dissection(
        names=tuple(concepts),
        categories=np.array([k for k, _ in concepts.values()]),
        kinds=np.eye(len(concepts), dtype=np.bool_),
        area=np.array([truth for _, truth in concepts.values()]),
        masked=masked,
        masked_in=masked_in,
        present=(),
    )
    return dissection, position


@pytest.mark.parametrize(
    "name", ["resnet18_places365_layer4.csv.gz", "resnet50_imagenet_layer1.csv", "resnet50_imagenet_layer4.csv.gz"]
)
def test_every_published_figure_follows_from_its_pixels(shared_data: Path, name: str) -> None:
    table = pd.read_csv(shared_data / "unit-concepts/netdissect" / name)
    dissection, position = _counted(table)
    ious = concept_ious(dissection)
    compared = 0
    for category in CATEGORIES:
        for row, (label, iou) in enumerate(zip(table[f"{category}-label"], table[f"{category}-iou"], strict=True)):
            if isinstance(label, str):
                assert ious[row, position[f"{category}/{label}"]] == pytest.approx(iou, abs=5e-10)
                compared += 1
    assert compared > 5 * len(table)
    # The label of a unit is the best concept of all categories.
    best = [dissection.names[k] for k in ious.argmax(axis=1)]
    assert best == (table["category"] + "/" + table["label"]).tolist()
    np.testing.assert_allclose(ious.max(axis=1), table["score"], atol=5e-10)
