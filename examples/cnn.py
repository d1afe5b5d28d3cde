"""A small convolutional network, trained on the spot to say what synthetic scenes show."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from ..bridge.loaded_model import SquareTransform
from ..bridge.models import read_state_dict
from ..kb_build.ade20k import read_ade20k
from ..ontology.errors import DataError, UsageError
from .scenes import KINDS, OBJECTS, SIZE

log = logging.getLogger(__name__)

CLASS_NAMES = (*OBJECTS, *(kind.replace("_", " ") for kind in KINDS))
"""What the outputs say: first whether each object shows, then which kind of scene it is."""

LAYER = "features.block4"
"""The last convolutional layer (64 units after ReLU), whose units the demonstration labels."""

transform = SquareTransform(SIZE, mean=(0.5,) * 3, deviation=(0.5,) * 3)
"""From a scene (PIL, RGB) to the network's input: float32, 3 × 96 × 96, from -1 to 1."""

# Found by trial on scenes of other seeds. The objects weigh more than the kind of scene, or most units learn
# the sea and the sky, which give the kind away.
_LEARNING_RATE, _WEIGHT_DECAY, _BATCH, _KIND_WEIGHT = 0.02, 1e-4, 16, 0.06

# Scenes are mirrored and moved by up to so many pixels, so that units learn things and not places.
_SHIFT = 6

_VALIDATED_SHARE = 1 / 6


class SceneNet(nn.Module):
    """Four blocks of convolution, batch normalisation and ReLU; the maximum over space; one linear layer.

    The maximum makes each unit of the last block answer "is it anywhere in the picture?", which is what an
    annotation says, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        inputs = 3
        for index, (outputs, kernel, stride) in enumerate(((24, 5, 2), (32, 3, 2), (64, 3, 2), (64, 3, 1)), start=1):
            block = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            )
            self.features.add_module(f"block{index}", block)
            inputs = outputs
        # Units that are silent on most of a scene to begin with become choosier about what they answer to.
        nn.init.constant_(self.get_parameter(f"{LAYER}.1.bias"), -1.5)
        self.head = nn.Linear(inputs, len(CLASS_NAMES))

    def forward(self, scenes: Tensor) -> Tensor:
        """Return logits, scenes × `CLASS_NAMES`, for scenes × 3 × 96 × 96."""
        maxima: Tensor = self.features(scenes).amax(dim=(2, 3))
        logits: Tensor = self.head(maxima)
        return logits


@dataclass(frozen=True)
class TrainingReport:
    """How well the network does on the scenes of its training folder that were kept from it.

    Attributes
    ----------
    trained, validated
        How many scenes it learned from, and how many were kept from it.
    object_accuracy
        Share of right answers to "does this object show?", over all objects and scenes kept.
    object_baseline
        The same for always giving the answer that is commoner in training.
    kind_accuracy, kind_baseline
        The same for the kind of scene.
    seconds
        Wall-clock time, reading the scenes included.
    """

    trained: int
    validated: int
    object_accuracy: float
    object_baseline: float
    kind_accuracy: float
    kind_baseline: float
    seconds: float


def train(
    folder: Path,
    out_weights: Path,
    *,
    seed: int = 0,
    epochs: int = 14,
    progress: Callable[[int, int], None] | None = None,
) -> TrainingReport:
    """Train a `SceneNet` on annotated scenes and write its state dict.

    It learns from what annotations say of a whole scene: which objects show somewhere, and the kind of scene.
    It is never told where an object is nor what any unit shall stand for. It runs on one thread, whatever
    torch is set to, so that the weights do not depend on the number of cores.

    Parameters
    ----------
    folder
        Scenes as `write_scenes` leaves them, at least 50.
    out_weights
        File to write.
    seed
        Of the initial weights, the order of the scenes and the choice of those kept for validation.
    epochs
        How often it sees every scene.
    progress
        Called after each epoch with the number of epochs done and their total.

    Raises
    ------
    UsageError
        If the folder is missing or holds too few scenes, or `epochs` is not positive.
    DataError
        If annotations are broken, are of another kind of scene, or lack their picture.
    """
    start = time.perf_counter()
    if epochs < 1:
        raise UsageError("the number of epochs is too small", where=epochs, expected="1 or more")
    pictures, objects, kinds = _read(folder)
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = torch.randperm(len(pictures))
        held = round(len(order) * _VALIDATED_SHARE)
        kept, learned = order[:held], order[held:]
        network = SceneNet()
        _fit(network, pictures[learned], objects[learned], kinds[learned], epochs, progress)
        network.eval()
        with torch.no_grad():
            shown, kind = _parts(network(pictures[kept]))
    torch.save(network.state_dict(), out_weights)
    usual = objects[learned].mean(dim=0) > 0.5
    report = TrainingReport(
        trained=len(learned),
        validated=len(kept),
        object_accuracy=_share((shown > 0) == (objects[kept] > 0.5)),
        object_baseline=_share(usual == (objects[kept] > 0.5)),
        kind_accuracy=_share(kind.argmax(dim=1) == kinds[kept]),
        kind_baseline=_share(kinds[learned].mode().values == kinds[kept]),
        seconds=time.perf_counter() - start,
    )
    log.info("%s", report)
    return report


def load(weights: Path) -> SceneNet:
    """Build the network with trained weights, in evaluation mode.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If it holds no state dict, or one of another network.
    """
    network = SceneNet()
    try:
        network.load_state_dict(read_state_dict(weights))
    except RuntimeError as problem:
        raise DataError(
            f"weights of another network: {' '.join(str(problem).split())}",
            where=weights,
            expected="what `train` wrote",
        ) from problem
    return network.eval()


def write_factory(file: Path, weights: Path) -> str:
    """Write a Python file that builds the trained network for ``load_model``; return its ``FILE.py:FACTORY``.

    The file finds the weights by its own place as long as both are in one folder.
    """
    file.write_text(
        '"""The small network of the demonstration, trained on synthetic scenes."""\n\n'
        "from pathlib import Path\n\n"
        "from neurontology.examples.cnn import load, transform\n\n\n"
        "def build():\n"
        '    """Return the network and what turns a scene into its input."""\n'
        f"    return load(Path(__file__).parent / {weights.name!r}), transform\n",
        encoding="utf-8",
    )
    return f"{file}:build"


def _fit(
    network: SceneNet,
    pictures: Tensor,
    objects: Tensor,
    kinds: Tensor,
    epochs: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    batches = len(pictures) // _BATCH
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=batches * epochs + 1)
    for epoch in range(1, epochs + 1):
        # The last, incomplete batch of the shuffled scenes is left for another epoch.
        for batch in torch.randperm(len(pictures))[: batches * _BATCH].view(batches, _BATCH):
            shown, kind = _parts(network(_vary(pictures[batch])))
            loss = functional.binary_cross_entropy_with_logits(shown, objects[batch])
            loss = loss + _KIND_WEIGHT * functional.cross_entropy(kind, kinds[batch])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        if progress is not None:
            progress(epoch, epochs)


def _parts(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Part what the outputs say of objects from what they say of the kind of scene."""
    return logits[:, : len(OBJECTS)], logits[:, len(OBJECTS) :]


def _vary(pictures: Tensor) -> Tensor:
    """Mirror each picture of a batch or not, at random, and move all of them by the same random distance."""
    mirrored = torch.rand(len(pictures), 1, 1, 1) < 0.5
    pictures = torch.where(mirrored, pictures.flip(3), pictures)
    left, top = torch.randint(0, 2 * _SHIFT + 1, (2,)).tolist()
    padded = functional.pad(pictures, (_SHIFT,) * 4, mode="replicate")
    return padded[:, :, top : top + SIZE, left : left + SIZE]


def _read(folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Read pictures (scenes × 3 × 96 × 96), objects (scenes × objects, 0 or 1) and kinds (indices)."""
    annotated, _ = read_ade20k(folder)
    if len(annotated) < 50:
        raise UsageError(f"holds only {len(annotated)} scenes", where=folder, expected="50 or more to train on")
    files = {file.stem: file for file in folder.rglob("*.jpg")}
    kind_names = CLASS_NAMES[len(OBJECTS) :]
    pictures, objects, kinds = [], [], []
    for scene in annotated:
        if scene.id not in files:
            raise DataError("an annotated scene lacks its picture", where=folder / f"{scene.id}.jpg")
        if scene.scene not in kind_names:
            raise DataError(
                f"is a scene of the unknown kind {scene.scene!r}",
                where=files[scene.id],
                expected=f"one of {', '.join(kind_names)}",
            )
        with Image.open(files[scene.id]) as picture:
            pictures.append(transform(picture.convert("RGB")))
        names = {name for item in scene.objects for name in item.names}
        objects.append([float(name in names) for name in OBJECTS])
        kinds.append(kind_names.index(scene.scene))
    # Channels last is the order in which the convolutions run fastest on a CPU.
    stacked = torch.stack(pictures).contiguous(memory_format=torch.channels_last)
    return stacked, torch.tensor(objects), torch.tensor(kinds)


def _share(right: Tensor) -> float:
    return float(right.float().mean())


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
