"""COCO annotations: the JSON files called ``instances_*.json``, and any other of that format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..ontology.errors import DataError, UsageError
from .annotation import AnnotatedImage, AnnotatedObject, BadFile, image_id, refuse_broken
from .json_stream import iter_elements, packed

_Instance = tuple[int | str, int | str, bool]


def read_coco(path: str | Path, *, skip_bad: bool = False) -> tuple[list[AnnotatedImage], list[BadFile]]:
    """Read object annotations in COCO's data format (cocodataset.org, "Data format", 1. Object Detection).

    A category's supercategory becomes a broader name of its objects. An annotation of a crowd has the
    attribute "crowd". Outlines and boxes are passed over as they are read, so that memory grows with the
    number of annotations only.

    Parameters
    ----------
    path
        A file, or a folder with ``instances_*.json`` (or, if there are none, with other JSON files) that
        annotate different images, in it or in its folder ``annotations``; each may be packed (``.json.gz``,
        ``.json.bz2``).
    skip_bad
        Leave broken files and annotations out and list them, instead of failing.

    Returns
    -------
    images
        By id, which is the stem of the image's file name.
    bad
        What was left out; empty unless `skip_bad`.

    Raises
    ------
    UsageError
        The path does not exist or holds no JSON file.
    DataError
        A file or annotations are broken, or two images have the same file stem.
    """
    path = Path(path)
    found: dict[str, tuple[Path, AnnotatedImage]] = {}
    bad: list[BadFile] = []
    for file in _files(path):
        try:
            images, broken = _read_file(file)
        except DataError as error:
            bad.append(BadFile(error.where or str(file), error.what))
            continue
        bad += broken
        for image in images:
            if image.id in found:
                raise DataError(
                    f"annotates the image {image.id}, as {found[image.id][0]} does",
                    where=file,
                    expected="one annotation of an image, and one image of a file stem",
                )
            found[image.id] = (file, image)
    refuse_broken(bad, path, what="file or annotation", skip_bad=skip_bad)
    return [found[key][1] for key in sorted(found)], bad


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError("does not exist", where=path, expected="an instances_*.json file of COCO, or a folder")
    # COCO is handed out as images in some folders and a folder of annotations beside them.
    places = (path, path / "annotations")
    found = (_matching(place, pattern) for pattern in ("instances_*.json", "*.json") for place in places)
    files = next(filter(None, found), [])
    if not files:
        raise UsageError("holds no COCO annotation", where=path, expected="files called instances_*.json")
    return files


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(file for form in packed(pattern) for file in folder.glob(form))


def _read_file(file: Path) -> tuple[list[AnnotatedImage], list[BadFile]]:
    names: dict[int | str, str] = {}
    instances: dict[int | str, list[_Instance]] = {}
    categories: dict[int | str, tuple[str, str | None]] = {}
    bad: list[BadFile] = []
    seen: set[str] = set()
    for key, element in iter_elements(file):
        if key not in ("images", "annotations", "categories"):
            continue
        seen.add(key)
        what = f"{key.removesuffix('s') if key != 'categories' else 'category'} {_identifier(element)}"
        try:
            if key == "images":
                _once(names, element["id"])
                names[element["id"]] = _text(element, "file_name")
            elif key == "annotations":
                instance = element["id"], element["category_id"], bool(element.get("iscrowd", 0))
                hash(instance)  # an id may be anything but a list or an object
                instances.setdefault(element["image_id"], []).append(instance)
            else:
                _once(categories, element["id"])
                above = _text(element, "supercategory") if element.get("supercategory") else None
                categories[element["id"]] = _text(element, "name"), above
        except (KeyError, TypeError, ValueError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
            bad.append(BadFile(f"{file}, {what}", reason))
    if "images" not in seen or "categories" not in seen:
        lacking = "images" if "images" not in seen else "categories"
        raise DataError(f"lists no {lacking}, so it is no COCO annotation of objects", where=file)
    broader = _broader(dict(categories.values()), file)
    images = []
    for identifier, name in names.items():
        objects: dict[str, AnnotatedObject] = {}
        for number, category, crowd in instances.pop(identifier, ()):
            where = f"{file}, annotation {number}"
            if category not in categories:
                bad.append(BadFile(where, f"has the category {category!r}, which the file does not describe"))
            elif str(number) in objects:
                bad.append(BadFile(where, "occurs a second time"))
            else:
                called = categories[category][0]
                objects[str(number)] = AnnotatedObject(
                    id=str(number),
                    names=(called,),
                    attributes=("crowd",) if crowd else (),
                    broader=broader[called],
                )
        images.append(AnnotatedImage(image_id(name), None, tuple(objects.values())))
    for identifier, orphans in instances.items():
        for number, _, _ in orphans:
            reason = f"belongs to the image {identifier!r}, which the file does not list"
            bad.append(BadFile(f"{file}, annotation {number}", reason))
    _refuse_equal_stems(names, file)
    return images, bad


def _identifier(element: Any) -> object:
    return element.get("id", "without id") if isinstance(element, dict) else "that is no object"


def _text(element: dict[str, Any], key: str) -> str:
    value = element[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has the {key} {value!r}, which is no text")
    return value


def _once(known: dict[int | str, Any], identifier: int | str) -> None:
    if identifier in known:
        raise ValueError("occurs a second time")


def _broader(parent: dict[str, str | None], file: Path) -> dict[str, tuple[str, ...]]:
    """Chain of supercategories of each category; that a category is its own supercategory says nothing."""
    chains: dict[str, tuple[str, ...]] = {}
    for name in parent:
        chain: list[str] = []
        above = parent[name]
        while above is not None and above != (chain or [name])[-1]:
            if above == name or above in chain:
                raise DataError(f"the supercategories of {name!r} form a cycle", where=file)
            chain.append(above)
            above = parent.get(above)
        chains[name] = tuple(chain)
    return chains


def _refuse_equal_stems(names: dict[int | str, str], file: Path) -> None:
    by_stem: dict[str, str] = {}
    for name in names.values():
        other = by_stem.setdefault(image_id(name), name)
        if other != name:
            raise DataError(f"the images {other} and {name} have the same file stem", where=file)
