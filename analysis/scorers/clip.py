"""CLIP models whose weights the user has: of open_clip and of Hugging Face. Nothing is downloaded."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...bridge.packages import import_package
from ...ontology.errors import DataError, UsageError, near_matches
from .network import in_batches
from .scorer import Picture, Vectors, unit_length

if TYPE_CHECKING:
    from PIL.Image import Image

PROMPT = "a photo of a {}"
"""What a text is put into, as in the paper of CLIP (Radford et al. 2021, section 3.1.4)."""

_BATCH_OF_TEXTS = 64


class ClipScorer:
    """Cosines between the two encoders' outputs.

    Parameters
    ----------
    name
        What it is.
    encode_pictures, encode_texts
        From a list of photographs, or of prompts, to a tensor with a row for each.
    """

    sees_parts = True

    def __init__(
        self,
        name: str,
        encode_pictures: Callable[[list[Image]], torch.Tensor],
        encode_texts: Callable[[list[str]], torch.Tensor],
    ) -> None:
        self.name = name
        self._encode_pictures = encode_pictures
        self._encode_texts = encode_texts

    def pictures(self, pictures: Iterable[Picture]) -> Vectors:
        """Vectors of length 1."""
        found = []
        for batch in in_batches(pictures):
            with torch.inference_mode():
                found.append(self._encode_pictures([picture.pixels() for picture in batch]).float().cpu().numpy())
        return unit_length(np.concatenate(found)) if found else np.empty((0, 0), np.float32)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1."""
        prompts = [PROMPT.format(text) for text in texts]
        found = []
        for start in range(0, len(prompts), _BATCH_OF_TEXTS):
            with torch.inference_mode():
                found.append(self._encode_texts(prompts[start : start + _BATCH_OF_TEXTS]).float().cpu().numpy())
        return unit_length(np.concatenate(found))


def open_clip_scorer(spec: str) -> ClipScorer:
    """Load ``ARCHITECTURE@FILE``, such as ``ViT-B-32@/weights/vit_b_32.pt``, with the package open_clip_torch.

    Raises
    ------
    UsageError
        If there is no such architecture or file.
    DataError
        If the file does not hold this architecture's weights.
    MissingDependencyError
        If the package is not installed.
    """
    architecture, at, file = spec.partition("@")
    if not at or not file:
        raise UsageError(
            "the scorer's weights are not given",
            where=f"open_clip:{spec}",
            expected="open_clip:ARCHITECTURE@FILE, e.g. open_clip:ViT-B-32@/weights/open_clip_pytorch_model.bin",
        )
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(
            f"the scorer wants the weights of {architecture} and the file does not exist",
            where=path,
            expected="a file that open_clip wrote",
            hint=f"looked for {path.absolute()}",
        )
    open_clip = import_package("open_clip", "the scorer", "'neurontology[clip]'")
    known = open_clip.list_models()
    if architecture not in known:
        raise UsageError(f"open_clip has no model {architecture!r}", hint=near_matches(architecture, known))
    try:
        model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=str(path))
    except (RuntimeError, OSError, ValueError, KeyError, pickle.UnpicklingError) as problem:
        raise _unreadable(path, architecture, problem) from problem
    model.eval()
    tokenize = open_clip.get_tokenizer(architecture)
    return ClipScorer(
        f"open_clip {architecture}",
        lambda images: model.encode_image(torch.stack([transform(image) for image in images])),
        lambda texts: model.encode_text(tokenize(texts)),
    )


def hugging_face_scorer(name: str) -> ClipScorer:
    """Load a CLIP model of the package transformers from a folder, or from the local cache by its name.

    Raises
    ------
    UsageError
        If the weights are not there; the message says where they were looked for.
    DataError
        If they are broken, or of another kind of model.
    MissingDependencyError
        If the package is not installed.
    """
    transformers = import_package("transformers", "the scorer", "transformers", "CLIPModel", "CLIPProcessor")
    transformers.utils.logging.disable_progress_bar()
    folder = Path(name).expanduser()
    given: Any = folder if folder.is_dir() else name
    try:
        model: Any = transformers.CLIPModel.from_pretrained(given, local_files_only=True)
        processor: Any = transformers.CLIPProcessor.from_pretrained(given, local_files_only=True)
    except OSError as problem:
        cache = Path(os.environ.get("HF_HUB_CACHE", "") or _hub())
        looked = folder if folder.is_dir() else f"the folder {folder.absolute()} and the cache {cache}"
        raise UsageError(
            "the scorer's weights are not there",
            where=f"hf:{name}",
            expected="config.json, model.safetensors, tokenizer and preprocessor_config.json of a CLIP model",
            hint=f"looked in {looked}",
        ) from problem
    except (RuntimeError, ValueError, TypeError, AttributeError) as problem:
        raise _unreadable(folder, "a CLIP model", problem) from problem
    model.eval()

    def encode_pictures(images: list[Image]) -> torch.Tensor:
        return _tensor(model.get_image_features(**processor(images=images, return_tensors="pt")))

    def encode_texts(texts: list[str]) -> torch.Tensor:
        tokens = processor(text=texts, return_tensors="pt", padding=True, truncation=True)
        return _tensor(model.get_text_features(**tokens))

    return ClipScorer(f"Hugging Face CLIP {Path(name).name}", encode_pictures, encode_texts)


def _tensor(output: Any) -> torch.Tensor:
    """Features as a tensor: recent versions of transformers wrap them."""
    features = output if isinstance(output, torch.Tensor) else output.pooler_output
    assert isinstance(features, torch.Tensor)
    return features


def _hub() -> str:
    home = os.environ.get("HF_HOME") or str(Path("~/.cache/huggingface").expanduser())
    return str(Path(home) / "hub")


def _unreadable(path: Path, what: str, problem: Exception) -> DataError:
    said = (str(problem) or type(problem).__name__).splitlines()[0]
    return DataError(f"the weights cannot be read: {said}", where=path, expected=f"the weights of {what}")
