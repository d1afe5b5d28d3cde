"""Image sets: which photographs are there, under what name, with what content."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..ontology.errors import DataError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .bmp .gif .webp .tif .tiff .ppm .pgm .pnm .jp2 .avif".split()
)
"""File name endings (lower case) that count as images."""

# ADE20K keeps its annotations beside the photograph as images: class and instance indices, parts, instance masks.
_COMPANION = re.compile(r"(_seg|_parts_\d+)\.png$|^instance_\d+_.*\.png$", re.IGNORECASE)

# How a complete file ends. A file without its mark is decoded at once, so that truncation is known early.
_END_MARKS = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND"}

# What Pillow raises for broken files of its many formats, over and above UnidentifiedImageError (an OSError).
BROKEN_IMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, struct.error, zlib.error)
"""Exceptions that decoding a damaged image may raise."""


@dataclass(frozen=True)
class ImageRecord:
    """One photograph.

    Attributes
    ----------
    id
        The file's stem, by which annotations and activations are joined.
    path
        Where the file is.
    relative
        The path relative to the set's root, with forward slashes.
    sha256
        Hexadecimal digest of the file's bytes.
    label
        Its class: the folders between root and file, joined by blanks, or what the list says. None if unknown.
    """

    id: str
    path: Path
    relative: str
    sha256: str
    label: str | None = None


@dataclass(frozen=True)
class BadImage:
    """A file that looks like an image by its name and cannot be used."""

    relative: str
    reason: str


@dataclass(frozen=True)
class ImageSet:
    """Photographs in a fixed order, each with a distinct id.

    Attributes
    ----------
    root
        The folder that the relative paths start from.
    records
        The photographs, sorted by relative path.
    skipped
        Unusable files that were left out on request.
    """

    root: Path
    records: tuple[ImageRecord, ...]
    skipped: tuple[BadImage, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.records)

    @property
    def manifest_sha256(self) -> str:
        """Digest of ids, contents and classes in their order; the place of the folder does not matter."""
        return manifest_digest((record.id, record.sha256, record.label) for record in self.records)

    @classmethod
    def find(cls, path: Path | str, *, skip_bad: bool = False) -> ImageSet:
        """List the images of a folder (with sub-folders), of a list file, or a single image.

        A list is a ``.csv`` with a column ``path`` and optionally ``class`` (or ``label``), or a ``.txt`` with one
        path a line; relative paths start from the list's folder. Annotation masks that ADE20K keeps beside its
        photographs (``_seg.png``, ``_parts_N.png``, ``instance_*``) and hidden files do not count as images.
        Two files with the same stem and the same content are listed once, with a warning in the log.

        Every file is read once for its digest and its header is checked; a JPEG or PNG that does not end as it
        should is decoded at once. Damage inside a file with sound ends only shows when it is decoded for the model.

        Raises
        ------
        UsageError
            If the path does not exist or holds no images.
        DataError
            If files are unreadable, truncated or larger than Pillow's limit on pixels (all are named; with
            `skip_bad` they are left out instead), if two different files have the same stem, or if a list is broken.
        """
        root, members = _members(Path(path))
        if not members:
            raise UsageError(
                "no images found",
                where=path,
                expected="files ending in .jpg, .png or the like",
                hint="name the folder that holds them",
            )
        records: dict[str, ImageRecord] = {}
        bad: list[BadImage] = []
        for relative, (file, label) in sorted(members.items()):
            try:
                digest = _examine(file)
            except BROKEN_IMAGE as problem:
                bad.append(BadImage(relative, describe(problem)))
                continue
            record = ImageRecord(PurePosixPath(relative).stem, file, relative, digest, label)
            known = records.setdefault(record.id, record)
            if known is not record and known.sha256 != digest:
                raise DataError(
                    f"two different images are both called {record.id!r}",
                    where=f"{root}: {known.relative} and {relative}",
                    expected="one image per file stem, which is its id",
                    hint="rename one of them",
                )
            if known is not record:
                log.warning("%s is a copy of %s and is listed once", relative, known.relative)
        if bad and not skip_bad:
            raise bad_images_error(bad, root)
        for one in bad:
            log.warning("skipped %s: %s", one.relative, one.reason)
        if not records:
            raise DataError("none of the images can be read", where=root, hint="get the files again")
        return cls(root, tuple(records.values()), tuple(bad))


def manifest_digest(rows: Iterable[tuple[str, str, str | None]]) -> str:
    """Digest (SHA-256, hexadecimal) of a data set given as (id, sha256, class) in row order.

    Examples
    --------
    >>> manifest_digest([("a", "00", None)]) == manifest_digest([("a", "00", "park")])
    False
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\0".join(field or "" for field in row).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def load_rgb(path: Path) -> Image:
    """Decode an image to RGB at full size.

    Transparent pixels become white, 16-bit grey is brought to 8 bits, an animation yields its first frame. The
    orientation in EXIF data is not applied, as in the loaders that the usual models were trained with.

    Raises
    ------
    OSError, ValueError, …
        Any of `BROKEN_IMAGE` if the file cannot be decoded.
    """
    image_module = _pillow()
    with image_module.open(path) as image:
        _refuse_bomb(image)
        image.load()
        if image.mode.startswith("I;16"):
            return image.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
        if image.mode in {"I", "F"}:
            raise ValueError(f"pixels of mode {image.mode} have no known range; convert it to 8 bits")
        if "A" in image.getbands() or "transparency" in image.info:
            opaque = image_module.new("RGBA", image.size, "white")
            opaque.alpha_composite(image.convert("RGBA"))
            return opaque.convert("RGB")
        return image.convert("RGB")


def bad_images_error(bad: Iterable[BadImage], root: Path) -> DataError:
    """Build the error that names every unusable image."""
    listed = sorted(bad, key=lambda one: one.relative)
    lines = "; ".join(f"{one.relative} ({one.reason})" for one in listed)
    return DataError(
        f"{len(listed)} unusable image{'s' if len(listed) > 1 else ''}: {lines}",
        where=root,
        expected="complete image files",
        hint="replace or remove them, or leave them out with --skip-bad",
    )


def describe(problem: BaseException) -> str:
    """Say what is wrong with an image in one line."""
    return str(problem).replace("\n", " ") or type(problem).__name__


def _pillow() -> type[Image] | object:
    raise NotImplementedError


def _examine(file: Path) -> str:
    raise NotImplementedError
