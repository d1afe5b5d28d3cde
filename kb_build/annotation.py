"""What annotators said about images: the common form into which every annotation format is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
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
    """

    id: str
    names: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    occluded: bool | None = None
    part_level: int = 0
    part_of: str | None = None


@dataclass(frozen=True)
class AnnotatedImage:
    """One image with its objects; `id` is the file's stem, `scene` its scene category where known."""

    id: str
    scene: str | None
    objects: tuple[AnnotatedObject, ...]


@dataclass(frozen=True)
class BadFile:
    """An annotation file that could not be read, and why."""

    where: str
    reason: str
