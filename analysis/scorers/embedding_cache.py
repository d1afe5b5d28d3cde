"""Sentence embeddings that were computed before, kept on disk so that a large vocabulary is embedded once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .scorer import Vectors

BLOCK = 4096
"""Texts that are kept together, so that an interrupted vocabulary goes on where it was."""

FEWEST = 512
"""Fewer texts than these are quicker to embed than to keep track of."""

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where embeddings are kept: what ``NEURONTOLOGY_CACHE`` names, else ``neurontology`` in the user's cache."""
    given = os.environ.get("NEURONTOLOGY_CACHE")
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "neurontology"


class EmbeddingCache:
    """Embeddings by one model, a file for each block of texts.

    A file is named by the digest of the model and the texts, and holds the texts' vectors alone. It appears whole. A
    file that cannot be used is made again, and where nothing can be written embeddings are simply not kept.

    Parameters
    ----------
    model
        What identifies the model, its version included.
    embed
        From texts to float32, shape (texts, d).
    folder
        Where the files are; :func:`cache_folder` by default.
    """

    def __init__(self, model: str, embed: Callable[[Sequence[str]], Vectors], folder: Path | None = None) -> None:
        self._model = model
        self._embed = embed
        self._folder = (folder or cache_folder()) / "embeddings"

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32, shape (texts, d)."""
        listed = list(texts)
        blocks = [listed[start : start + BLOCK] for start in range(0, len(listed), BLOCK)]
        return np.concatenate([self._block(block) for block in blocks]) if blocks else self._embed([])

    def _block(self, texts: list[str]) -> Vectors:
        if len(texts) < FEWEST:
            return self._embed(texts)
        known = hashlib.sha256(json.dumps([self._model, texts]).encode()).hexdigest()
        file = self._folder / f"{known[:32]}.npy"
        vectors = _read(file, len(texts))
        if vectors is None:
            vectors = self._embed(texts)
            self._write(file, vectors)
        return vectors

    def _write(self, file: Path, vectors: Vectors) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as stream:
                    np.save(stream, vectors, allow_pickle=False)
                Path(name).replace(file)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as problem:
            _log.info("embeddings are not kept: %s", problem)


def _read(file: Path, texts: int) -> Vectors | None:
    """Vectors of a file; None where there is no such file or it is not what was written."""
    try:
        vectors = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as problem:
        _log.info("%s is made again: %s", file, problem)
        return None
    usable = vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == texts
    return vectors if usable else None
