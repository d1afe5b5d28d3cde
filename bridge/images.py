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
from types import ModuleType
from typing import TYPE_CHECKING, cast

from ..ontology.errors import DataError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pnm",
    ]
)
"""File name endings (lower case) that count as images."""

# ADE20K keeps its annotations beside the photograph as images: indices of classes, parts, instance masks.
_COMPANION = re.compile(r"(_seg|_parts_\d+)\.png$|^instance_\d+_.*\.png$", re.IGNORECASE)

# How a complete file ends. A file without its mark is decoded at once, so that truncation is known early.
_END_MARKS = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND"}

# What Pillow raises for broken files of its many formats, over and above UnidentifiedImageError (an OSError).
BROKEN_IMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
)
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
        Its class: the folders between root and file, joined by blanks, or what the list says. None if
        unknown.
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

        A list is a ``.csv`` with a column ``path`` and optionally ``class`` (or ``label``), or a ``.txt``
        with one path a line; relative paths start from the list's folder. Annotation masks that ADE20K keeps
        beside its photographs (``_seg.png``, ``_parts_N.png``, ``instance_*``) and hidden files do not count
        as images. Two files with the same stem and the same content are listed once, with a warning in the
        log.

        Every file is read once for its digest and its header is checked; a JPEG or PNG that does not end as
        it should is decoded at once. Damage inside a file with sound ends only shows when it is decoded for
        the model.

        Raises
        ------
        UsageError
            If the path does not exist or holds no images.
        DataError
            If files are unreadable, truncated or larger than Pillow's limit on pixels (all are named; with
            `skip_bad` they are left out instead), if two different files have the same stem, or if a list is
            broken.
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


def load_rgb(path: Path, at_least: tuple[int, int] | None = None) -> Image:
    """Decode an image to RGB.

    With `at_least` (width and height in pixels), a JPEG may be decoded at a half, a quarter or an eighth of
    its size as long as it stays that large, which costs a fraction of the time; otherwise the size is the
    full one.

    Transparent pixels become white, 16-bit grey is brought to 8 bits, an animation yields its first frame.
    The orientation in EXIF data is not applied, as in the loaders that the usual models were trained with.

    Raises
    ------
    OSError, ValueError, …
        Any of `BROKEN_IMAGE` if the file cannot be decoded.
    """
    with _open(path) as image:
        if at_least is not None:
            image.draft(None, at_least)
        image.load()
        if image.mode.startswith("I;16"):
            return image.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
        if image.mode in {"I", "F"}:
            raise ValueError(f"pixels of mode {image.mode} have no known range; convert it to 8 bits")
        if "A" in image.getbands() or "transparency" in image.info:
            opaque = pillow().new("RGBA", image.size, "white")
            opaque.alpha_composite(image.convert("RGBA"))
            return cast("Image", opaque.convert("RGB"))
        return image.convert("RGB")


def bad_images_error(bad: Iterable[BadImage], root: Path) -> DataError:
    """Build the error that names every unusable image."""
    listed = sorted(bad, key=lambda one: one.relative)
    lines = "; ".join(f"{one.relative} ({one.reason})" for one in listed)
    return DataError(
        f"{len(listed)} unusable image{'s' if len(listed) > 1 else ''}: {lines}",
        where=root,
        expected="complete image files",
        hint="replace or remove them; `activations` and `verify --images` leave them out with --skip-bad",
    )


def describe(problem: BaseException) -> str:
    """Say what is wrong with an image in one line, which is the same each time."""
    if isinstance(problem, pillow().UnidentifiedImageError):
        # Its own words name an object in memory.
        return "not an image of a known format"
    return str(problem).replace("\n", " ") or type(problem).__name__


def pillow() -> ModuleType:
    """Import Pillow's image module.

    Raises
    ------
    MissingDependencyError
        If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as problem:
        raise MissingDependencyError(
            "reading images needs Pillow", hint="install it with pip install 'neurontology[torch]'"
        ) from problem
    return Image


def _open(source: Path | io.BytesIO) -> Image:
    """Open an image lazily, refusing one with more pixels than Pillow considers safe."""
    module = pillow()
    try:
        image: Image = module.open(source)
    except module.DecompressionBombError as problem:
        raise ValueError(str(problem)) from problem
    limit = module.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise ValueError(
            f"{image.width} x {image.height} pixels exceed Pillow's limit of {limit}: a decompression bomb?"
        )
    return image


def _examine(file: Path) -> str:
    """Digest a file's content and check as much of the image as is cheap."""
    if file.exists() and not file.is_file():
        raise ValueError("not a regular file")
    data = file.read_bytes()
    if not data:
        raise ValueError("the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow().DecompressionBombWarning)
        with _open(io.BytesIO(data)) as image:
            mark = _END_MARKS.get(file.suffix.lower(), b"")
            if mark not in data[-8:]:
                image.load()
    return hashlib.sha256(data).hexdigest()


def _members(path: Path) -> tuple[Path, dict[str, tuple[Path, str | None]]]:
    """Map relative paths to files and classes, with the root they are relative to."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return path, {name: (path / name, _folder_label(name)) for name in _walk(path)}
    if not path.exists():
        raise UsageError("no such image folder, list or image", where=path, expected="a path that exists")
    if suffix == ".csv":
        return path.parent, _csv_members(path)
    if suffix == ".txt":
        return path.parent, _text_members(path)
    if suffix in SUFFIXES:
        return path.parent, {path.name: (path, None)}
    raise UsageError(
        "not an image, a folder or a list",
        where=path,
        expected="a folder, a .csv or .txt list, or an image file",
    )


def _walk(root: Path) -> Iterator[str]:
    """Yield the relative paths of images below a folder; links are followed, each folder is seen once."""
    seen: set[tuple[int, int]] = set()
    for folder, children, files in os.walk(root, followlinks=True, onerror=_raise):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            children.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        children[:] = sorted(child for child in children if not child.startswith("."))
        for name in files:
            hidden = name.startswith(".")
            if not hidden and Path(name).suffix.lower() in SUFFIXES and not _COMPANION.search(name):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _raise(problem: OSError) -> None:
    """A folder that cannot be read is not an empty one."""
    raise problem


def _folder_label(relative: str) -> str | None:
    return " ".join(PurePosixPath(relative).parts[:-1]) or None


def _csv_members(path: Path) -> dict[str, tuple[Path, str | None]]:
    found: dict[str, tuple[Path, str | None]] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        try:
            columns = reader.fieldnames or []
            if "path" not in columns:
                raise DataError(
                    "the list has no column 'path'",
                    where=f"{path}:1",
                    expected="columns path and, if known, class",
                )
            for row in reader:
                if row["path"]:
                    label = row.get("class") or row.get("label") or None
                    _add(found, path, reader.line_num, row["path"], label)
        except (csv.Error, UnicodeDecodeError) as problem:
            raise DataError(
                f"the list cannot be read: {problem}",
                where=f"{path}:{reader.line_num}",
                expected="comma-separated UTF-8 text",
            ) from problem
    return found


def _text_members(path: Path) -> dict[str, tuple[Path, str | None]]:
    found: dict[str, tuple[Path, str | None]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise DataError(f"the list cannot be read: {problem}", where=path, expected="UTF-8 text") from problem
    for number, line in enumerate(lines, 1):
        if line.strip():
            _add(found, path, number, line.strip(), None)
    return found


def _add(found: dict[str, tuple[Path, str | None]], path: Path, number: int, name: str, label: str | None) -> None:
    """Take over a line of a list."""
    file = path.parent / name
    if not file.is_file():
        raise DataError(f"no such image: {name}", where=f"{path}:{number}", expected="a path from the list's folder")
    relative = Path(os.path.normpath(name)).as_posix()
    if relative in found and found[relative][1] != label:
        raise DataError(
            f"{name} is listed twice with different classes",
            where=f"{path}:{number}",
            expected="one class an image",
        )
    found[relative] = (file, label)
