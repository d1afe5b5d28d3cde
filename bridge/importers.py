"""Importers: activations that another framework computed, as tables, arrays or Parquet files."""

from __future__ import annotations

import csv
import hashlib
import importlib
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import DataError, MissingDependencyError, UsageError
from .activation_files import (
    BROKEN_ARRAY,
    META,
    ActivationWriter,
    check_finite,
    check_holdout,
    request_digest,
    versions,
)
from .activations import Activations, reuse
from .table_headers import CLASSES, CONTENT, FILES, ID, column, unit_columns

log = logging.getLogger(__name__)

_BLOCK = 1024  # rows handed over at a time


@dataclass(frozen=True)
class _Columns:
    """Where a table keeps what."""

    units: tuple[int, ...]
    id: int | None
    path: int | None
    label: int | None
    content: int | None

    @classmethod
    def of(cls, header: Sequence[str], where: str, *, units: bool = True) -> _Columns:
        """Find the columns; those of units are named 0, 1, 2, … in any order."""
        places = unit_columns(header, where)
        numbers = sorted(places)
        if units and (not numbers or numbers != list(range(len(numbers)))):
            found = f"unit columns {numbers[:3]} … {numbers[-1]}" if numbers else "no columns named by numbers"
            raise DataError(found, where=where, expected="one column per unit, named 0, 1, 2, … without a gap")
        columns = cls(
            tuple(places[number] for number in numbers),
            column(header, ID),
            column(header, FILES),
            column(header, CLASSES),
            column(header, CONTENT),
        )
        if columns.id is None and columns.path is None:
            raise DataError(
                "no column says which image a row is", where=where, expected="a column Filenames, path or id"
            )
        return columns

    def image(self, cells: Sequence[str]) -> tuple[str, str, str, str | None]:
        """Id, path, sha256 and class of a row."""
        path = cells[self.path] if self.path is not None else ""
        identity = cells[self.id] if self.id is not None else _stem(path)
        label = cells[self.label] if self.label is not None else ""
        return (
            identity,
            path or identity,
            cells[self.content] if self.content is not None else "",
            label or None,
        )


@dataclass(frozen=True)
class _Row:
    """A row on its way in."""

    where: str
    image: tuple[str, str, str, str | None]
    values: NDArray[np.float32]


def import_activations(
    path: Path | str,
    out: Path | str,
    *,
    holdout: float = 0.5,
    seed: int = 0,
    model: str = "imported",
    layer: str = "imported",
) -> Activations:
    """Turn activations from elsewhere into an activation directory.

    CSV
        Columns ``0``, ``1``, … (one a unit), ``Filenames`` (or ``path``, or ``id``) and optionally
        ``Class_names`` (or ``class``, ``label``), as published with Dalal et al., arXiv 2308.03999; other
        columns are left aside. The rows with neither name nor class that end the published files (a blank
        line and percentages) are not images. A folder stands for all its CSV files; an image that several of
        them hold must be the same in each.
    NPY, NPZ
        A matrix, images × units. In an archive it is called ``activations`` or is the only matrix; ids are in
        an array ``ids`` (or ``filenames``), classes in ``classes``. Otherwise a file ``images.csv`` beside it
        gives ``id`` or ``path`` and optionally ``class`` and ``sha256`` of each row; without any, ids are row
        numbers.
    Parquet
        Columns as in CSV; needs pyarrow.

    An image's id is its file name without folders and suffix, unless a column of ids is given. Values are
    kept as float32.

    Parameters
    ----------
    path
        What to import.
    out
        The directory to make.
    holdout, seed
        How to split the images, see `split_images`.
    model, layer
        What to record as their origin.

    Raises
    ------
    UsageError
        If `path` does not exist or is of another kind, or `out` exists and holds something else.
    DataError
        If the content is broken; the message names file, line and column.
    MissingDependencyError
        If pyarrow is needed and not installed.
    """
    check_holdout(holdout)
    source, target = Path(path), Path(out)
    files = _files(source)
    sources = [{"name": file.name, "sha256": _file_digest(file)} for file in files]
    request = request_digest({"sources": sources, "holdout": holdout, "seed": seed, "model": model, "layer": layer})
    if (existing := reuse(target, request)) is not None:
        return existing
    with ActivationWriter(target) as writer:
        rows: list[_Row] = []
        for row in _distinct(files):
            rows.append(row)
            if len(rows) == _BLOCK:
                _hand_over(writer, rows)
                rows = []
        if rows:
            _hand_over(writer, rows)
        writer.publish(
            model=model,
            layer=layer,
            reduce="imported",
            request_sha256=request,
            seed=seed,
            holdout=holdout,
            sources=sources,
            software=versions("numpy"),
        )
    return Activations.open(target)


def _files(source: Path) -> list[Path]:
    """Files to read, in order, the images.csv beside an array last."""
    if source.is_dir():
        if (source / META).is_file():
            raise UsageError("this is an activation directory already", where=source, hint="use it as it is")
        files = sorted(source.glob("*.csv"))
        if not files:
            raise UsageError("no CSV files in the folder", where=source, expected="*.csv, or the name of a file")
        return files
    if not source.is_file():
        raise UsageError("no such file or folder", where=source, expected="activations to import")
    if source.suffix.lower() not in _READERS:
        raise UsageError(
            f"cannot import {source.suffix or 'a file without suffix'}",
            where=source,
            expected=", ".join(_READERS),
        )
    beside = source.parent / "images.csv"
    return [source, beside] if source.suffix.lower() in {".npy", ".npz"} and beside.is_file() else [source]


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hand_over(writer: ActivationWriter, rows: Sequence[_Row]) -> None:
    writer.append(np.stack([row.values for row in rows]), [row.image for row in rows], rows[0].where)


def _distinct(files: Sequence[Path]) -> Iterator[_Row]:
    """Yield the rows of all files, each checked, and each image once."""
    seen: dict[str, tuple[int, str, bytes]] = {}
    units: int | None = None
    reader = _READERS[files[0].suffix.lower()]
    for number, file in enumerate(files if reader is _read_csv else files[:1]):
        for row in reader(file):
            identity = row.image[0]
            units = len(row.values) if units is None else units
            if len(row.values) != units:
                raise DataError(f"{len(row.values)} units", where=row.where, expected=f"{units}, as in {files[0]}")
            check_finite(row.values[None], [identity], row.where)
            content = repr(row.image).encode("utf-8", "backslashreplace") + row.values.tobytes()
            digest = hashlib.sha256(content).digest()
            before, where, known = seen.setdefault(identity, (number, row.where, digest))
            if where == row.where:
                yield row
            elif before == number:
                raise DataError(
                    f"the image {identity!r} occurs twice, the first time at {where}",
                    where=row.where,
                    expected="one row an image (ids are file names without suffix, or a column id)",
                    hint="remove or rename one of them",
                )
            elif known != digest:
                raise DataError(
                    f"another image {identity!r} is at {where}",
                    where=row.where,
                    expected="the same class and values in every file that has the image",
                    hint="rename one of them, or import the files one by one",
                )
            else:
                log.warning("%s: the image %r is the same as at %s and is taken once", row.where, identity, where)


def _stem(name: str) -> str:
    """File name without folders, of either kind of slash, and without suffix."""
    return PurePosixPath(re.split(r"[\\/]", name)[-1]).stem


def _table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells; the header first."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error as problem:
            raise DataError(f"broken table: {problem}", where=f"{path}:{reader.line_num}") from problem


def _read_csv(path: Path) -> Iterator[_Row]:
    lines = _table(path)
    _, header = next(lines, (1, None))
    if header is None:
        raise DataError("the file is empty", where=path, expected="a header and a row per image")
    columns = _Columns.of(header, f"{path}:1")
    footer: str | None = None
    for number, cells in lines:
        where = f"{path}:{number}"
        if len(cells) != len(header):
            raise DataError(f"{len(cells)} fields", where=where, expected=f"{len(header)}, as in the header")
        image = columns.image(cells)
        if not image[0]:
            if image[3]:
                raise DataError("the row does not say which image it is", where=where, expected="a file name")
            footer = footer or where
            continue
        if footer:
            raise DataError("the row names no image, though images follow", where=footer, expected="a file name")
        yield _Row(where, image, _numbers(cells, header, columns.units, where))
    if footer:
        log.info("%s: from here on the rows name no images and are left aside", footer)


def _numbers(cells: Sequence[str], header: Sequence[str], places: Sequence[int], where: str) -> NDArray[np.float32]:
    try:
        row = [float(cells[place]) for place in places]
    except ValueError:
        row = []
    with np.errstate(over="ignore"):
        values = np.array(row, dtype=np.float32)
    if row and np.isfinite(values).all():
        return values
    for place in places:
        if not _is_number(cells[place]):
            raise DataError(
                f"column {header[place]} holds {cells[place]!r}",
                where=where,
                expected="a finite number (float32)",
            )
    raise AssertionError("a cell that is no number has been seen and cannot be found")


def _is_number(cell: str) -> bool:
    try:
        number = float(cell)
    except ValueError:
        return False
    return bool(abs(number) <= float(np.finfo(np.float32).max))


def _matrix_rows(
    path: Path, matrix: NDArray[Any], images: Sequence[tuple[str, str, str, str | None]]
) -> Iterator[_Row]:
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.shape[1]:
        raise DataError(
            f"the array has shape {matrix.shape} and type {matrix.dtype}",
            where=path,
            expected="a matrix of real numbers, images × units",
            hint="reduce over space (max or mean) before saving",
        )
    if len(images) != len(matrix):
        raise DataError(f"{len(matrix)} rows of values and {len(images)} ids", where=path, expected="as many")
    for start in range(0, len(matrix), _BLOCK):
        with np.errstate(over="ignore"):
            block = np.asarray(matrix[start : start + _BLOCK]).astype(np.float32)
        for offset, values in enumerate(block):
            yield _Row(f"{path}, row {start + offset}", images[start + offset], values)


def _images_beside(path: Path, count: int) -> list[tuple[str, str, str, str | None]]:
    """Rows of the images.csv beside an array, or row numbers."""
    table = path.parent / "images.csv"
    if not table.is_file():
        return [(str(number), str(number), "", None) for number in range(count)]
    lines = _table(table)
    _, header = next(lines, (1, []))
    columns = _Columns.of(header, f"{table}:1", units=False)
    images = []
    for number, cells in lines:
        if len(cells) != len(header):
            raise DataError(f"{len(cells)} fields", where=f"{table}:{number}", expected=f"{len(header)}")
        images.append(columns.image(cells))
        if not images[-1][0]:
            raise DataError("the row does not say which image it is", where=f"{table}:{number}", expected="an id")
    return images


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    """Turn what NumPy raises for broken files into our error."""
    try:
        yield
    except (*BROKEN_ARRAY, zipfile.BadZipFile, zlib.error, NotImplementedError) as problem:
        raise DataError(
            f"not a NumPy file: {problem}", where=path, expected="an intact file that holds no Python objects"
        ) from problem


def _read_npy(path: Path) -> Iterator[_Row]:
    with _loading(path):
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(matrix, np.ndarray):
        matrix.close()
        raise DataError("the file is an archive", where=path, expected="one array", hint="name it .npz")
    yield from _matrix_rows(path, matrix, _images_beside(path, len(matrix) if matrix.ndim else 0))


def _read_npz(path: Path) -> Iterator[_Row]:
    # The stream is ours because NumPy leaves files open that turn out to be broken.
    with path.open("rb") as stream, _loading(path):
        loaded = np.load(stream, allow_pickle=False)
        arrays = {} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    if isinstance(loaded, np.ndarray):
        raise DataError("the file is a single array", where=path, expected="an archive", hint="name it .npy")
    matrices = [name for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
    name = "activations" if "activations" in arrays else matrices[0] if len(matrices) == 1 else None
    if name is None:
        raise DataError(f"arrays {', '.join(arrays)}", where=path, expected="a matrix called activations")
    keys = [key for key in arrays if key != name]
    places = (column(keys, names) for names in (ID, FILES, CLASSES))
    taken = [None if place is None else keys[place] for place in places]
    unused = [key for key in keys if key not in taken]
    if unused:
        log.warning("%s: arrays without effect: %s", path, ", ".join(unused))
    ids, paths, labels = (None if key is None else arrays[key] for key in taken)
    matrix = arrays[name]
    if ids is None and paths is None:
        images = _images_beside(path, len(matrix) if matrix.ndim else 0)
    else:
        count = len(ids) if ids is not None else len(paths) if paths is not None else 0
        texts = [None if array is None else _texts(array, count, path) for array in (ids, paths, labels)]
        images = []
        for row in range(count):
            identity, file, label = (None if text is None else text[row] for text in texts)
            images.append((identity or _stem(file or ""), file or identity or "", "", label or None))
    yield from _matrix_rows(path, matrix, images)


def _texts(array: NDArray[Any], count: int, path: Path) -> list[str]:
    if array.shape != (count,) or array.dtype.kind not in "USiu":
        raise DataError(
            f"ids or classes have shape {array.shape} and type {array.dtype}",
            where=path,
            expected=f"{count} texts or whole numbers",
        )
    return [item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else str(item) for item in array]


def _read_parquet(path: Path) -> Iterator[_Row]:
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as problem:
        raise MissingDependencyError(
            "reading Parquet files needs pyarrow",
            where=path,
            hint="install it with pip install pyarrow, or export the table as CSV",
        ) from problem
    try:
        with parquet.ParquetFile(path) as file:
            header = list(file.schema_arrow.names)
            columns = _Columns.of(header, str(path))
            number = 0
            for batch in file.iter_batches(_BLOCK):
                yield from _batch_rows(path, batch.columns, header, columns, number)
                number += len(batch)
    except pyarrow.ArrowException as problem:
        raise DataError(f"not a Parquet file: {problem}", where=path, expected="an intact file") from problem


def _batch_rows(
    path: Path, arrays: Sequence[Any], header: Sequence[str], columns: _Columns, start: int
) -> Iterator[_Row]:
    """Yield the rows of one record batch."""
    numbers = []
    for place in columns.units:
        values = arrays[place].to_numpy(zero_copy_only=False)
        if values.dtype.kind not in "fiu":
            raise DataError(f"column {header[place]} has type {arrays[place].type}", where=path, expected="numbers")
        with np.errstate(over="ignore"):
            numbers.append(values.astype(np.float32))
    matrix = np.stack(numbers, axis=1)
    places = {place for place in (columns.id, columns.path, columns.label, columns.content) if place is not None}
    texts = {place: arrays[place].to_pylist() for place in places}
    for offset, values in enumerate(matrix):
        where = f"{path}, row {start + offset}"
        cells = ["" if place not in texts else _cell(texts[place][offset]) for place in range(len(header))]
        image = columns.image(cells)
        if not image[0]:
            raise DataError("the row does not say which image it is", where=where, expected="a file name")
        yield _Row(where, image, values)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


_READERS = {".csv": _read_csv, ".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
