"""What annotators said about images: the common form into which every annotation format is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..ontology.errors import DataError

_IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"]
)


@dataclass(frozen=True, slots=True)
class Relation:
    """How an object stands to another one in the same image: `predicate` in words, `target` its identifier."""

    predicate: str
    target: str


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One object, or part of an object, in an image.

    Attributes
    ----------
    id
        Identifier within the image.
    names
        What it is called, the preferred name first, synonyms after it.
    attributes
        Free-text attributes, such as "wooden".
    occluded
        Whether something hides a part of it; None when the annotators did not say.
    part_level
        0 for a whole object, 1 for its parts, 2 for their parts.
    part_of
        Identifier of the object it is a part of, where known.
    broader
        More general names for what it is, the nearest first, where the data set has a hierarchy of its own.
    relations
        How it stands to other objects.
    """

    id: str
    names: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    occluded: bool | None = None
    part_level: int = 0
    part_of: str | None = None
    broader: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """One image with its objects; `id` is the file's stem, `scene` its scene category where known."""

    id: str
    scene: str | None
    objects: tuple[AnnotatedObject, ...]


@dataclass(frozen=True, slots=True)
class BadFile:
    """An annotation file, or an entry of one, that could not be read, and why."""

    where: str
    reason: str


def image_id(name: str) -> str:
    r"""Identifier of an image from its file name or path; a name without an image's ending stays as it is.

    Examples
    --------
    >>> image_id("val2017/000000000139.jpg"), image_id("a\\b.PNG"), image_id("ADE_train_1.2")
    ('000000000139', 'b', 'ADE_train_1.2')
    """
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in _IMAGE_SUFFIXES else path.name


def is_image(name: str) -> bool:
    """Whether a file's name ends as an image's does."""
    return PurePosixPath(name).suffix.lower() in _IMAGE_SUFFIXES


def refuse_broken(bad: Sequence[BadFile], where: object, *, what: str, skip_bad: bool) -> None:
    """Fail if anything was broken, naming the first twenty, unless it may be left out.

    Parameters
    ----------
    bad
        What is broken.
    where
        File or folder that was read.
    what
        What each of `bad` is, in the singular, such as "annotation".
    skip_bad
        Do nothing.

    Raises
    ------
    DataError
        There is something broken.
    """
    if not bad or skip_bad:
        return
    listed = "; ".join(f"{b.where}: {b.reason}" for b in bad[:20])
    raise DataError(
        f"{len(bad)} {what}{'s are' if len(bad) > 1 else ' is'} broken: {listed}{'; …' if len(bad) > 20 else ''}",
        where=where,
        hint="mend them, or leave them out with --skip-bad",
    )
