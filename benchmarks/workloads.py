"""Seeded synthetic concept-induction workloads: images with objects, a category DAG above them, neurons.

Structure (not numbers) follows annotated scene data: every image has a scene, a scene has its own mix of
objects (gamma-modulated), objects have Zipf frequencies, every object has parents in a layered DAG of
categories, and an image belongs to every ancestor of its objects. One atom per distinct extent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from neurontology.reasoner.bitset import pack, unpack
from numpy.typing import NDArray

# Positives of a unit, as measured on real ones: median 9, 90 % of the units below 53, at most 300 here.
POSITIVES = 9.0
SPREAD = 1.38


@dataclass(frozen=True)
class Workload:
    """Packed extents (atoms x words) over ``n`` images and one (positives, negatives) pair per neuron."""

    n: int
    extents: NDArray[np.uint64]
    problems: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    density: float


def _parents(rng: np.random.Generator, lower: int, upper: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random local child -> parent edges between two layers of the DAG, sorted by parent."""
    position = np.arange(lower) * upper / lower
    edges = np.zeros((0, 2), dtype=np.int64)
    for _ in range(5):
        child = np.flatnonzero(rng.random(lower) < 0.5)
        target = np.clip(position + rng.normal(0, max(1.0, upper * 0.04), lower), 0, upper - 1).astype(np.int64)
        edges = np.vstack([edges, np.column_stack([target[child], child])])
    edges = np.unique(edges, axis=0)
    return edges[:, 0], edges[:, 1]


def images(
    seed: int, n: int, atoms: int, *, objects: int, scenes: int, layers: list[int], per_image: float = 9.0
) -> tuple[NDArray[np.uint64], float]:
    """Packed distinct extents of ``atoms`` atoms over ``n`` images, and their mean density."""
    rng = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, objects + 1) ** 0.9
    frequency = rng.permutation(frequency)
    scene_share = rng.dirichlet(np.full(scenes, 0.5))
    mix = frequency * rng.gamma(0.15, 1.0, (scenes, objects))
    mix /= mix.sum(axis=1, keepdims=True)
    scene = rng.choice(scenes, n, p=scene_share)
    expected = mix[scene] * per_image * rng.gamma(4.0, 0.25, (n, 1))
    present = rng.random((n, objects)) < 1 - np.exp(-expected)
    present[np.arange(n), mix[scene].argmax(axis=1)] = True
    layer = pack(np.ascontiguousarray(present.T))
    rows = [layer]
    for upper in layers:
        parent, child = _parents(rng, len(layer), upper)
        reached, start = np.unique(parent, return_index=True)
        above = np.zeros((upper, layer.shape[1]), dtype=np.uint64)
        above[reached] = np.bitwise_or.reduceat(layer[child], start, axis=0)
        rows.append(above)
        layer = above
    packed = np.vstack(rows)
    count = np.bitwise_count(packed).sum(axis=1, dtype=np.int64)
    packed = packed[(count > 0) & (count < n)]
    _, first = np.unique(packed, axis=0, return_index=True)
    chosen = np.sort(rng.permutation(first)[:atoms])
    extents = np.ascontiguousarray(packed[chosen])
    return extents, float(np.bitwise_count(extents).sum(dtype=np.int64) / (len(chosen) * n))


def neurons(
    seed: int, extents: NDArray[np.uint64], n: int, units: int
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    """Examples of planted and of pure-noise units by the 80/20 rule, with 1 to 300 positives each."""
    rng = np.random.default_rng(seed)
    share = np.bitwise_count(extents).sum(axis=1) / n
    usable = np.flatnonzero((share > 0.002) & (share < 0.4))
    problems = []
    while len(problems) < units:
        if len(problems) % 11 == 10:
            activation = rng.gamma(0.3, 1.0, n)
        else:
            member = np.zeros(n)
            for _ in range(int(rng.integers(1, 4))):
                rows = unpack(extents[rng.choice(usable, int(rng.integers(1, 3)))], n)
                member = np.maximum(member, rows.all(axis=0) * rng.uniform(0.3, 1.0))
            activation = member * rng.gamma(rng.uniform(0.5, 20.0), 1.0, n)
            noise = rng.gamma(0.5, 1.0, n)
            activation = activation / max(activation.max(), 1e-9) + rng.uniform(0.02, 0.12) * noise
        wanted = round(float(np.clip(np.exp(rng.normal(np.log(POSITIVES), SPREAD)), 1, 300)))
        top = np.sort(activation)[-wanted] / 0.8  # the unit saturates here, as ReLU6 does
        activation = np.minimum(activation, top)
        top = activation.max()
        positives = np.flatnonzero(activation >= 0.8 * top)
        negatives = np.flatnonzero(activation <= 0.2 * top)
        if 1 <= len(positives) <= 300 and len(negatives) >= n // 2:
            problems.append((positives.astype(np.int64), negatives.astype(np.int64)))
    return tuple(problems)


def small(seed: int = 0, n: int = 1370, atoms: int = 4300, units: int = 33) -> Workload:
    """The size of the published ADE20K experiment: 1 370 images, about 4 300 atoms."""
    extents, density = images(seed, n, atoms, objects=900, scenes=80, layers=[5000, 3200, 1600, 700, 250, 80, 20])
    return Workload(n, extents, neurons(seed + 1, extents, n, units), density)


def medium(seed: int = 0, n: int = 25_000, atoms: int = 20_000, units: int = 20) -> Workload:
    """All of ADE20K with article-level concepts: 25 000 images, 20 000 atoms."""
    extents, density = images(seed, n, atoms, objects=4400, scenes=800, layers=[24000, 14000, 6000, 2000, 500, 120, 24])
    return Workload(n, extents, neurons(seed + 1, extents, n, units), density)
