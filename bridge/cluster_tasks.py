"""What a cluster is given to do: labels of some units, activations of some photographs."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ontology.errors import DataError, UsageError
from ..ontology.staging import workspace
from .activations import Batch, Forward, arranged
from .cluster import Cluster
from .images import ImageRecord
from .labelling import LayerProblems, Threads, UnitLabel, UnitProblems, block_size
from .stored_problems import open_problems, store_problems

if TYPE_CHECKING:
    from .loaded_model import LoadedModel

TASKS_PER_THREAD = 8  # so that the last tasks leave few threads without work
MOST_UNITS = 32  # in one task: what is lost with a worker
SHARD = 256  # photographs of one task


@dataclass(frozen=True)
class ClusterLabels:
    """Units are labelled by the workers of a cluster.

    The atoms, formed here once, and the activations are put into a directory that the workers map into memory. They
    need neither the knowledge base nor the photographs.

    Attributes
    ----------
    cluster
        The cluster.
    folder
        A directory that the workers see under the same path. The one made in it is removed afterwards.
    """

    cluster: Cluster
    folder: Path

    def labels(self, layer: LayerProblems, units: Sequence[int]) -> Iterator[UnitLabel]:
        """See :meth:`~neurontology.bridge.labelling.Executor.labels`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with workspace(self.folder.absolute(), "cluster") as stored:
            # Workers may run as another user.
            stored.chmod(0o755)
            store_problems(layer, units, stored)
            threads = self.cluster.threads
            size = max(1, min(MOST_UNITS, block_size(layer), len(units) // (TASKS_PER_THREAD * threads)))
            calls = [(str(stored), list(units[start : start + size])) for start in range(0, len(units), size)]
            try:
                for labels in self.cluster.in_order(label_stored, calls, ahead=len(calls)):
                    yield from labels
            finally:
                self.cluster.everywhere(close_stored)


def label_stored(folder: str, units: Sequence[int]) -> list[UnitLabel]:
    """Label units whose problems are stored, in one thread.

    Raises
    ------
    UsageError
        This process does not see the directory, or runs another version.
    """
    if not Path(folder).is_dir():
        raise UsageError(
            f"the worker on {socket.gethostname()} does not see what it is to work on",
            where=folder,
            expected="a directory on a file system that all workers share, under the same path",
            hint="write --out to such a place",
        )
    return list(Threads(1).labels(_opened(folder), units))


@lru_cache(maxsize=1)
def _opened(folder: str) -> UnitProblems:
    return open_problems(Path(folder))


def close_stored() -> None:
    """Let go of the problems that this process has open, so that the disk gets their room back."""
    _opened.cache_clear()


@dataclass(frozen=True)
class ClusterForward:
    """Photographs go through a network on the workers of a cluster.

    Attributes
    ----------
    cluster
        The cluster. Its workers see the photographs under the same paths.
    """

    cluster: Cluster

    def batches(self, forward: Forward, model: object, images: Sequence[ImageRecord]) -> Generator[Batch]:
        """See :meth:`~neurontology.bridge.activations.Executor.batches`.

        Raises
        ------
        UsageError
            The model is given as an object, or a worker does not see a photograph.
        DataError
            A worker's model or photograph is not the one that is here.
        """
        if not isinstance(model, str | Path):
            raise UsageError(
                "a model in memory cannot be sent to a cluster", where=forward.model.name, expected="its name or file"
            )
        size = max(1, SHARD // forward.batch_size) * forward.batch_size
        task = ForwardTask(
            spec=_absolute(str(model)),
            weights_sha256=forward.model.weights_sha256,
            transform_info=dict(forward.model.transform_info),
            settings=forward.settings,
        )
        calls = (
            (task, [replace(one, path=one.path.absolute()) for one in images[start : start + size]])
            for start in range(0, len(images), size)
        )
        yield from self.cluster.in_order(run_forward, calls, ahead=2 * self.cluster.threads)


@dataclass(frozen=True)
class ForwardTask:
    """What all shards of an extraction have in common.

    Attributes
    ----------
    spec
        The model, as `load_model` takes it.
    weights_sha256, transform_info
        Which model it must be.
    settings
        The arguments of `Forward`, the model left out.
    """

    spec: str
    weights_sha256: str
    transform_info: dict[str, Any]
    settings: dict[str, Any]


_network = Lock()
"""Held while a network runs: hooks see all that runs through it."""


def run_forward(task: ForwardTask, images: Sequence[ImageRecord]) -> Batch:
    """Run photographs through a network that this process keeps for the next shard.

    Raises
    ------
    UsageError, DataError
        As for :meth:`ClusterForward.batches`.
    """
    host = socket.gethostname()
    for image in images:
        try:
            digest = hashlib.sha256(image.path.read_bytes()).hexdigest()
        except FileNotFoundError as error:
            raise UsageError(
                f"the worker on {host} does not see the photograph",
                where=image.path,
                expected="photographs on a file system that all workers share, under the same path",
            ) from error
        if digest != image.sha256:
            raise DataError(f"the worker on {host} sees another photograph", where=image.path, expected="the same file")
    with _network:
        model = _model(task.spec)
        if model.weights_sha256 != task.weights_sha256 or dict(model.transform_info) != task.transform_info:
            raise DataError(
                f"the model of the worker on {host} has other weights or another transform",
                where=task.spec,
                expected="the same model everywhere",
            )
        settings = task.settings
        model = _arranged(task.spec, settings["layers"], settings["device"])
        parts = list(Forward(model, **settings).run(images))
    used = [part for part in parts if part.records]
    return Batch(
        records=[record for part in used for record in part.records],
        values=[np.concatenate(values) for values in zip(*(part.values for part in used), strict=True)],
        bad=[one for part in parts for one in part.bad],
        seen=len(images),
        device=parts[-1].device,
    )


@lru_cache(maxsize=1)
def _model(spec: str) -> LoadedModel:
    from .models import load_model

    return load_model(spec)


@lru_cache(maxsize=1)
def _arranged(spec: str, layers: tuple[str, ...], device: str) -> LoadedModel:
    return arranged(_model(spec), layers, device)


def _absolute(spec: str) -> str:
    """Say where a model's file is without regard to the working directory, which workers do not share."""
    path, colon, factory = spec.rpartition(":")
    if colon and Path(path).is_file():
        return f"{Path(path).absolute()}:{factory}"
    return str(Path(spec).absolute()) if Path(spec).is_file() else spec
