"""Annotations in a table: one row an object, or one row an image with a list of labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..ontology.errors import DataError, UsageError
from .annotation import AnnotatedImage, AnnotatedObject, BadFile, image_id, refuse_broken

_DELIMITERS = ",;\t|"
_SEPARATORS = "|;,"
_IMAGE = (
    *("image", "filename", "filenames", "filepath", "file", "path"),
    *("imagefile", "imagename", "imagepath", "imageid"),
)
_OBJECT = ("object", "objectname", "label", "labelname", "class", "classname", "category", "categoryname", "name")
_LABELS = ("labels", "objects", "classes", "categories", "tags")
_SCENE = ("scene",)
"""Names of the columns, the surest first, in small letters and without what separates their words."""
_MISSING = frozenset(("", "#n/a", "<na>", "n/a", "na", "nan", "none", "null"))
"""Cells that hold nothing, in small letters: as tables that programs write spell it."""


def read_annotation_csv(path: str | Path, *, skip_bad: bool = False) -> tuple[list[AnnotatedImage], list[BadFile]]:
    """Read annotations from a CSV file with a header.

    Two layouts are told apart by the header, in which case does not matter:

    - ``image,object[,…]``: one row for each object. What further columns hold are its attributes. An image
      without objects has one row whose object is empty. A table without ``object`` may have ``label``, ``class``,
      ``category`` or ``name`` instead.
    - ``image,labels``: one row for each image, with the names of its objects separated by ``|``, else ``;``,
      else ``,`` (the first of the three that occurs in the column and does not separate the columns). A name
      that is given twice stands for two objects.

    The image's column may also be called ``image_id``, ``filename``, ``file``, ``path`` and the like, ``labels``
    also ``objects``, ``classes``, ``categories`` or ``tags``. Spaces, ``_`` and ``-`` in a header do not matter.
    A cell with ``NA``, ``NaN``, ``None`` or ``null`` is an empty one. Of several columns that might name the image, a
    file name goes before an ``image_id``; a column without a name, such as row numbers, is passed over. In both
    layouts a column ``scene`` gives the image's own class. Columns are separated by comma, semicolon, tab or
    ``|``: whichever occurs most in the header.

    Parameters
    ----------
    path
        The file, UTF-8.
    skip_bad
        Leave broken rows out and list them, instead of failing.

    Returns
    -------
    images
        By id: the column ``image`` without folders and without an image's ending.
    bad
        The rows left out; empty unless `skip_bad`.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        The file is not UTF-8, the header lacks the columns, or rows are broken: all of them are named by line.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected="a CSV file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where=path) from error
    header_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    rows = _rows(text, delimiter, path)
    layout = _Layout.of(next(rows, (1, []))[1], path)
    separator = ""
    if layout.labels is not None:
        listed = list(rows)
        separator = _separator([cells[layout.labels] for _, cells in listed if len(cells) == layout.width], delimiter)
        rows = iter(listed)
    drafts: dict[str, _Draft] = {}
    bad: list[BadFile] = []
    for line, cells in rows:
        try:
            _add(drafts, layout, cells, separator)
        except ValueError as error:
            bad.append(BadFile(f"{path}:{line}", str(error)))
    refuse_broken(bad, path, what="row", skip_bad=skip_bad)
    if not drafts:
        raise DataError("holds no annotation", where=path, expected="rows below the header")
    return [drafts[key].image(key) for key in sorted(drafts)], bad


@dataclass(frozen=True)
class _Layout:
    """Positions of the columns."""

    width: int
    image: int
    scene: int | None
    object: int | None
    labels: int | None
    attributes: tuple[int, ...]

    @classmethod
    def of(cls, header: Sequence[str], path: Path) -> _Layout:
        names = ["".join(c for c in name.lower() if c.isalnum()) or name for name in header]
        twice = {name for name in names if name and names.count(name) > 1}
        image, scene = _position(names, _IMAGE), _position(names, _SCENE)
        obj, labels = _position(names, _OBJECT), _position(names, _LABELS)
        # Beside the very name of the one, what else the other might be called is a further column.
        if obj is not None and labels is not None and names[obj] == "object" != names[labels] != "labels":
            labels = None
        elif obj is not None and labels is not None and names[obj] != "object":
            obj = None
        if image is None or (obj is None) == (labels is None) or twice:
            raise DataError(
                f"has the columns {', '.join(map(repr, header)) or 'of an empty file'}",
                where=f"{path}:1",
                expected="a header such as image,object,attribute or image,labels",
            )
        known = {scene, obj, labels}
        rest = tuple(i for i, name in enumerate(names) if i not in known and name and name not in _IMAGE)
        if labels is not None and rest:
            raise DataError(
                f"has columns beside labels: {', '.join(header[i] for i in rest)}",
                where=f"{path}:1",
                expected="only image, labels and scene",
                hint="give each object a row of its own, with columns image, object and its attributes",
            )
        return cls(len(names), image, scene, obj, labels, rest)


@dataclass
class _Draft:
    scene: str | None = None
    objects: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def image(self, identifier: str) -> AnnotatedImage:
        objects = (
            AnnotatedObject(id=str(number), names=(name,), attributes=attributes)
            for number, (name, attributes) in enumerate(self.objects, 1)
        )
        return AnnotatedImage(identifier, self.scene, tuple(objects))


def _position(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _rows(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins on; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"is not valid CSV ({error})", where=f"{path}:{line}") from error
        if cells is None:
            return
        if cells:
            yield line, ["" if cell.strip().lower() in _MISSING else cell.strip() for cell in cells]
        line = reader.line_num + 1


def _separator(column: Sequence[str], delimiter: str) -> str:
    found = (s for s in _SEPARATORS if s != delimiter and any(s in cell for cell in column))
    # In quotes even the character that separates columns may separate labels.
    return next(found, delimiter)


def _add(drafts: dict[str, _Draft], layout: _Layout, cells: Sequence[str], separator: str) -> None:
    if len(cells) != layout.width:
        raise ValueError(f"has {len(cells)} columns instead of {layout.width}")
    identifier = image_id(cells[layout.image])
    if not identifier:
        raise ValueError("names no image")
    scene = (cells[layout.scene] or None) if layout.scene is not None else None
    known = drafts.get(identifier)
    if layout.labels is not None and known is not None:
        raise ValueError(f"is a second row of the image {identifier}")
    if known is not None and scene and known.scene and scene != known.scene:
        raise ValueError(f"gives the image {identifier} the scene {scene!r} beside {known.scene!r}")
    draft = drafts.setdefault(identifier, _Draft())
    draft.scene = draft.scene or scene
    if layout.labels is not None:
        names = (name.strip() for name in cells[layout.labels].split(separator))
        draft.objects += [(name, ()) for name in names if name.lower() not in _MISSING]
    elif layout.object is not None:
        attributes = tuple(dict.fromkeys(cells[i] for i in layout.attributes if cells[i]))
        if cells[layout.object]:
            draft.objects.append((cells[layout.object], attributes))
        elif attributes:
            raise ValueError("has attributes and no object")
