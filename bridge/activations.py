"""Activations of a layer over images: a directory that is read memory-mapped and trusts nothing unchecked."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import DataError, UsageError
from .activation_files import (
    BROKEN_ARRAY,
    META,
    VALUES,
    ActivationMeta,
    ActivationWriter,
    ImageRow,
    Split,
    check_distinct,
    check_finite,
    check_holdout,
    read_meta,
    read_rows,
    request_digest,
    split_images,
    versions,
)
from .foreign_code import foreign_errors
from .images import (
    BROKEN_IMAGE,
    BadImage,
    ImageRecord,
    ImageSet,
    bad_images_error,
    describe,
    load_rgb,
    manifest_digest,
)

if TYPE_CHECKING:
    from torch import Tensor, device, nn

    from .hooks import Reduction
    from .loaded_model import LoadedModel

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of all."""

_CHUNK = 1 << 22  # values checked at a time when a directory is opened


@dataclass(frozen=True)
class Activations:
    """Values of a layer's units for images.

    Attributes
    ----------
    path
        The directory.
    values
        float32, images × units, memory-mapped and read-only.
    images
        One entry per row.
    meta
        Where the values come from.
    """

    path: Path
    values: NDArray[np.float32]
    images: tuple[ImageRow, ...]
    meta: ActivationMeta

    @classmethod
    def open(cls, path: Path | str) -> Activations:
        """Open a directory and check that it is whole: shapes, ids, split, digests, finite values.

        Raises
        ------
        UsageError
            If the path is no activation directory.
        DataError
            If its files are broken or contradict each other.
        """
        folder = Path(path)
        meta = read_meta(folder)
        images = read_rows(folder)
        values = _map_values(folder / VALUES)
        if values.shape != (len(images), meta.units) or len(images) != meta.images:
            raise DataError(
                f"{VALUES} has shape {values.shape}, images.csv has {len(images)} rows, {META} says "
                f"{meta.images} images and {meta.units} units",
                where=folder,
                expected="the same numbers",
            )
        ids = [image.id for image in images]
        check_distinct(ids, folder)
        if manifest_digest((image.id, image.sha256, image.label) for image in images) != meta.manifest_sha256:
            raise DataError(
                "ids, contents or classes in images.csv are not those that the activations were made from",
                where=folder,
                expected=f"the digest manifest_sha256 in {META}",
                hint="make the activations again",
            )
        contents = [image.sha256 for image in images]
        split = split_images(ids, contents, seed=meta.seed, holdout=meta.holdout)
        if split != [image.split for image in images]:
            raise DataError(
                "the split in images.csv is not the one that seed and holdout give",
                where=folder,
                expected=f"seed {meta.seed}, holdout {meta.holdout:g}",
                hint="make the activations again with another seed or holdout instead of editing the file",
            )
        digest = hashlib.sha256()
        rows = max(1, _CHUNK // max(1, meta.units))
        for start in range(0, len(ids), rows):
            block = values[start : start + rows]
            check_finite(block, ids[start : start + rows], folder / VALUES)
            digest.update(block.tobytes())
        if digest.hexdigest() != meta.activations_sha256:
            raise DataError(
                "the values are not those that were written",
                where=folder / VALUES,
                expected=f"the digest activations_sha256 in {META}",
                hint="make the activations again",
            )
        return cls(folder, values, images, meta)

    @property
    def ids(self) -> tuple[str, ...]:
        """Image ids in row order."""
        return tuple(image.id for image in self.images)

    @property
    def units(self) -> int:
        """Number of columns."""
        return self.meta.units

    def rows(self, split: Split) -> NDArray[np.intp]:
        """Row numbers of one half, ascending.

        Raises
        ------
        UsageError
            If there is no such half.
        """
        if split not in get_args(Split):
            raise UsageError(f"no split {split!r}", expected="induction or holdout")
        return np.flatnonzero(np.array([image.split == split for image in self.images], dtype=bool))

    def check_units(self, units: Iterable[int]) -> None:
        """Raise `UsageError` unless the layer has all these units."""
        wrong = [unit for unit in units if not 0 <= unit < self.units]
        if wrong:
            raise UsageError(
                f"there is no unit {', '.join(map(str, wrong))}",
                where=self.path,
                expected=f"numbers from 0 to {self.units - 1}",
            )


def _map_values(path: Path) -> NDArray[np.float32]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as problem:
        raise DataError("the file is missing", where=path, expected="the activations") from problem
    except BROKEN_ARRAY as problem:
        raise DataError(f"not a NumPy array: {problem}", where=path, expected="an intact .npy file") from problem
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype != np.dtype("<f4"):
        found = f"{values.ndim} axes of {values.dtype}" if isinstance(values, np.ndarray) else "an archive"
        raise DataError(f"the file holds {found}", where=path, expected="images × units of float32")
    return cast("NDArray[np.float32]", values)


def reuse(out: Path, request_sha256: str) -> Activations | None:
    """Open an existing directory if it answers the very same request; None if there is none yet.

    Raises
    ------
    UsageError
        If something else is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / META).is_file() or read_meta(out).request_sha256 != request_sha256:
        raise UsageError(
            "the output exists and was not made from the same model, layer, reduction, images and split",
            where=out,
            expected="a new directory",
            hint="choose another name or delete it",
        )
    log.info("%s was made by the same request and is used as it is", out)
    return Activations.open(out)


def extract(
    model: str | Path | nn.Module | LoadedModel,
    layer: str,
    images: ImageSet | Path | str,
    *,
    out: Path | str,
    reduce: Reduction = "max",
    batch_size: int = 8,
    holdout: float = 0.5,
    seed: int = 0,
    device: str = "auto",
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Activations:
    """Run a model over images and keep what a layer puts out.

    Photographs are decoded and resized in threads while the model runs on those before. Memory is bounded by
    a few batches, whatever the number of images. The directory appears when it is complete; the same request
    finds it and does nothing. The number of torch threads is left as it is: on few shared cores one may be
    the fastest.

    Parameters
    ----------
    model
        As for `load_model`.
    layer
        A layer of it, see ``list_layers``.
    images
        An image set, or where to find one.
    out
        The directory to make.
    reduce
        ``max`` or ``mean`` over space or tokens, ``cls`` for the first token.
    batch_size
        Images a forward pass. A few are fastest on a CPU, whose caches they fit in; a GPU wants dozens.
    holdout
        Part of the images kept from induction, 0 ≤ holdout < 1.
    seed
        Chooses which images are held out.
    device
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda``, ``cuda:1``, …
    skip_bad
        Leave unusable images out and record them, instead of refusing.
    workers
        Decoding threads; one a processor by default.
    progress
        Called with the numbers of images done and of all images.
    executor
        Who runs the model; this process by default. See :class:`~neurontology.bridge.cluster_tasks.ClusterForward`.

    Raises
    ------
    UsageError
        If the model, layer, reduction, device or images do not exist, a number is out of range, or `out`
        exists and holds something else.
    DataError
        If images are unusable (all are named, nothing is written), or a unit is not finite for an image.
    """
    (made,) = extract_layers(
        model,
        {layer: out},
        images,
        reduce=reduce,
        batch_size=batch_size,
        holdout=holdout,
        seed=seed,
        device=device,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress,
        executor=executor,
    )
    return made


def extract_layers(
    model: str | Path | nn.Module | LoadedModel,
    targets: Mapping[str, Path | str],
    images: ImageSet | Path | str,
    *,
    reduce: Reduction = "max",
    batch_size: int = 8,
    holdout: float = 0.5,
    seed: int = 0,
    device: str = "auto",
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[Activations]:
    """Run a model over images once and keep what several layers put out.

    Parameters
    ----------
    targets
        The directory to make for each layer; layers whose directory is there already are not run again.
    model, images, reduce, batch_size, holdout, seed, device, skip_bad, workers, progress, executor
        As for `extract`.

    Raises
    ------
    UsageError, DataError
        As for `extract`.
    """
    from .models import load_model
    from .trial import try_out

    if batch_size < 1 or (workers is not None and workers < 1):
        raise UsageError("batch size and number of workers must be positive", expected="1 or more")
    loaded = load_model(model)
    for layer in targets:
        loaded.tap(layer)
    if executor is None:
        _device(device)
    found = images if isinstance(images, ImageSet) else ImageSet.find(images, skip_bad=skip_bad)
    check_holdout(holdout)
    asked = {
        "weights": loaded.weights_sha256,
        "model": loaded.name,
        "reduce": reduce,
        "transform": loaded.transform_info,
        "images": found.manifest_sha256,
        "holdout": holdout,
        "seed": seed,
    }
    requests = {layer: request_digest({**asked, "layer": layer}) for layer in targets}
    existing = {layer: reuse(Path(target), requests[layer]) for layer, target in targets.items()}
    layers = tuple(layer for layer, made in existing.items() if made is None)
    if layers:
        if executor is None:
            try_out(loaded, layers, reduce, _device(device))
            loaded = arranged(loaded, layers, device)
        forward = Forward(loaded, layers, reduce, batch_size, device, skip_bad, workers)
        bad: list[BadImage] = []
        devices: set[str] = set()
        done = 0
        with ExitStack() as stack:
            writers = [stack.enter_context(ActivationWriter(Path(targets[layer]))) for layer in layers]
            batches = (executor or _ThisProcess()).batches(forward, model, found.records)
            for batch in stack.enter_context(closing(batches)):
                bad.extend(batch.bad)
                done += batch.seen
                devices.add(batch.device)
                if batch.records and (skip_bad or not bad):
                    rows = [(one.id, one.relative, one.sha256, one.label) for one in batch.records]
                    for layer, writer, values in zip(layers, writers, batch.values, strict=True):
                        writer.append(values, rows, f"{loaded.name}, layer {layer}")
                if progress is not None:
                    progress(done, len(found))
            if bad and not skip_bad:
                raise bad_images_error(bad, found.root)
            for one in bad:
                log.warning("skipped %s: %s", one.relative, one.reason)
            if len(bad) == len(found):
                raise DataError("none of the images can be read", where=found.root, hint="get the files again")
            for layer, writer in zip(layers, writers, strict=True):
                writer.publish(
                    model=loaded.name,
                    weights_sha256=loaded.weights_sha256,
                    layer=layer,
                    reduce=reduce,
                    transform=loaded.transform_info,
                    request_sha256=requests[layer],
                    seed=seed,
                    holdout=holdout,
                    image_root=str(found.root.resolve()),
                    skipped=[asdict(one) for one in (*found.skipped, *bad)],
                    device=", ".join(sorted(devices)),
                    software=versions("numpy", "pillow", "torch"),
                )
    return [made or Activations.open(targets[layer]) for layer, made in existing.items()]


@dataclass(frozen=True)
class Batch:
    """Photographs that have gone through a network.

    Attributes
    ----------
    records
        The photographs, in order.
    values
        For each layer float32, records × units; none where there are no records.
    bad
        Unusable ones among them; where these are not to be skipped, the photographs after the first of them are
        decoded, but neither run nor listed in `records`.
    seen
        Photographs that the batch was made of.
    device
        What the network ran on.
    """

    records: Sequence[ImageRecord]
    values: Sequence[NDArray[np.float32]]
    bad: Sequence[BadImage]
    seen: int
    device: str


@dataclass(frozen=True)
class Forward:
    """What is computed of photographs: the outputs of layers, reduced. Attributes are as for :func:`extract`."""

    model: LoadedModel
    layers: tuple[str, ...]
    reduce: Reduction
    batch_size: int
    device: str
    skip_bad: bool
    workers: int | None

    @property
    def settings(self) -> dict[str, Any]:
        """All attributes but the model."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "model"}

    def run(self, images: Sequence[ImageRecord]) -> Generator[Batch]:
        """Run photographs through the network in this process, batch by batch.

        Raises
        ------
        UsageError, DataError
            As for :func:`extract`, unusable photographs apart.
        """
        import torch

        from .hooks import capture
        from .trial import rows_of, running_on

        place = _device(self.device)
        how = f"{place}, the network arranged for inference" if self.model.arranged else str(place)
        in_vain = False
        with (
            ThreadPoolExecutor(self.workers or _processors(), thread_name_prefix="decode") as pool,
            closing(_batches(pool, images, self.model, self.batch_size)) as batches,
            capture(self.model, self.layers, self.reduce) as outputs,
            running_on(self.model, place),
        ):
            for records, inputs, bad in batches:
                seen = len(records) + len(bad)
                # Once the work is known to be in vain, the rest is only decoded, to name every bad file.
                in_vain = in_vain or (bool(bad) and not self.skip_bad)
                if in_vain or not records:
                    yield Batch((), (), bad, seen, how)
                    continue
                with torch.inference_mode():
                    batch = _stack(inputs, records, self.model).to(place, non_blocking=True)
                    self.model.run(batch, [one.relative for one in records])
                    values = [rows_of(outputs, layer, len(records)).cpu().numpy() for layer in self.layers]
                yield Batch(records, values, bad, seen, how)


def arranged(model: LoadedModel, layers: Sequence[str], device: str) -> LoadedModel:
    """Give the model that is to run on a device many times: on a processor a copy that takes fewer steps, if it can."""
    from .inference import for_inference

    return for_inference(model, layers) if _device(device).type == "cpu" else model


class Executor(Protocol):
    """Who runs photographs through a network."""

    def batches(self, forward: Forward, model: object, images: Sequence[ImageRecord]) -> Generator[Batch]:
        """Yield what comes of the photographs, in their order; `model` is the loaded one as it was asked for."""


class _ThisProcess:
    def batches(self, forward: Forward, model: object, images: Sequence[ImageRecord]) -> Generator[Batch]:
        return forward.run(images)


def _batches(
    pool: ThreadPoolExecutor, images: Sequence[ImageRecord], model: LoadedModel, batch_size: int
) -> Generator[tuple[list[ImageRecord], list[Tensor], list[BadImage]], None, None]:
    """Yield decoded images in order, with at most three batches of them under way."""

    def prepare(record: ImageRecord) -> Tensor | BadImage:
        try:
            image = load_rgb(record.path, model.decode_size)
        except BROKEN_IMAGE as problem:
            return BadImage(record.relative, describe(problem))
        with foreign_errors(f"the transform failed on {record.relative}", model.name):
            return model.transform(image)

    waiting: deque[tuple[ImageRecord, Future[Tensor | BadImage]]] = deque()
    remaining = iter(images)
    try:
        while True:
            for record in remaining:
                waiting.append((record, pool.submit(prepare, record)))
                if len(waiting) >= 3 * batch_size:
                    break
            if not waiting:
                return
            records: list[ImageRecord] = []
            inputs: list[Tensor] = []
            bad: list[BadImage] = []
            for _ in range(min(batch_size, len(waiting))):
                record, future = waiting.popleft()
                result = future.result()
                if isinstance(result, BadImage):
                    bad.append(result)
                else:
                    records.append(record)
                    inputs.append(result)
            yield records, inputs, bad
    finally:
        for _, future in waiting:
            future.cancel()


def _stack(inputs: list[Tensor], records: list[ImageRecord], model: LoadedModel) -> Tensor:
    import torch

    for tensor, record in zip(inputs, records, strict=True):
        if tuple(tensor.shape[1:]) != model.input_size:
            raise DataError(
                f"the transform yields {tuple(tensor.shape)} for {record.relative}",
                where=model.name,
                expected=f"the same size for every photograph, here {model.input_size}",
            )
    return torch.stack(inputs)


def _device(name: str) -> device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(name)
    except RuntimeError as problem:
        raise UsageError(f"no device {name!r}", expected="auto, cpu, cuda or cuda:NUMBER") from problem
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"no device {name!r}: torch sees {torch.cuda.device_count()} CUDA devices",
            expected="auto, cpu or cuda",
        )
    try:
        torch.zeros(1, device=place).cpu()
    except (RuntimeError, AssertionError) as problem:
        # Devices that this torch was not built for, and those that hold no numbers.
        raise UsageError(
            f"no device {name!r}: {str(problem).splitlines()[0].rstrip('.!')}", expected="auto, cpu or cuda"
        ) from problem
    return place


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
