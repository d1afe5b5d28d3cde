"""Thumbnails of a report: each image once, small enough to stand in the page itself."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..bridge.activation_files import ImageRow
from ..bridge.activations import Activations
from ..bridge.images import BROKEN_IMAGE, describe, load_rgb

log = logging.getLogger(__name__)

#: Largest width and height, in pixels.
SIZE: Final = (128, 96)
#: Quality of the JPEG compression.
QUALITY: Final = 70


@dataclass(frozen=True)
class Thumbnail:
    """A small copy of an image: its size in pixels and its JPEG bytes in base64."""

    width: int
    height: int
    data: str


@dataclass(frozen=True)
class ThumbnailSheet:
    """Thumbnails of images by row of the activations.

    Attributes
    ----------
    thumbnails
        What could be made.
    missing
        Why there is no thumbnail of an image, for the others.
    """

    thumbnails: dict[int, Thumbnail]
    missing: dict[int, str]


def make_thumbnails(activations: Activations, rows: Iterable[int]) -> ThumbnailSheet:
    """Make thumbnails of some images, turned as their EXIF orientation says.

    An image that is not there, cannot be decoded, or is not the one that the activations were made from is
    no error: licences often forbid passing images on with a data set. It is listed with the reason.

    Parameters
    ----------
    activations
        Whose images; relative paths start from its ``image_root``.
    rows
        Which of them.
    """
    root = activations.meta.image_root
    chosen = sorted(set(rows))
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="thumbnail") as pool:
        made = list(pool.map(lambda row: _thumbnail(root, activations.images[row]), chosen))
    found = dict(zip(chosen, made, strict=True))
    sheet = ThumbnailSheet(
        {row: result for row, result in found.items() if isinstance(result, Thumbnail)},
        {row: result for row, result in found.items() if isinstance(result, str)},
    )
    if sheet.missing:
        row, reason = next(iter(sheet.missing.items()))
        log.warning(
            "%d of %d images cannot be shown, e.g. %s: %s",
            len(sheet.missing),
            len(chosen),
            activations.images[row].id,
            reason,
        )
    return sheet


def _thumbnail(root: str | None, image: ImageRow) -> Thumbnail | str:
    path = Path(root or "", image.path)
    if not path.is_absolute():
        return "the activations do not say where it is"
    if not path.is_file():
        return "the file is not there"
    from PIL import ImageOps

    try:
        if image.sha256:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != image.sha256:
                    return "the file has changed since the activations were made"
        picture = ImageOps.exif_transpose(load_rgb(path))
        picture.thumbnail(SIZE)
        stream = io.BytesIO()
        # Without the original's metadata: a report is passed on, and photographs may say where they were taken.
        picture.info.clear()
        picture.save(stream, "JPEG", quality=QUALITY, optimize=True)
    except BROKEN_IMAGE as problem:
        return f"the file cannot be decoded ({describe(problem)})"
    return Thumbnail(picture.width, picture.height, base64.b64encode(stream.getvalue()).decode("ascii"))
