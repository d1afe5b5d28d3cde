"""Streaming reader of the table files that ``mysqldump`` writes, MediaWiki's among them.

Columns are found by their names in the ``CREATE TABLE`` statement, never by position: MediaWiki has
reordered, added and dropped columns of the same table more than once. Rows are tokenised, not split, since
titles and binary sort keys contain quotes, parentheses, commas and whole fake rows. Memory is bounded by the
window, whatever the size of the file.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from ..ontology.errors import DataError, UsageError, near_matches
from .strings import Strings

Progress = Callable[[int, int], None]
"""Called with the bytes of the file read so far and its size."""

WINDOW_BYTES = 1 << 23
MAX_ROW_BYTES = 1 << 27
MAX_HEADER_BYTES = 1 << 20
_ROWS_PER_CHUNK = 1 << 17

_INTEGER_TYPES = {"tinyint", "smallint", "mediumint", "int", "integer", "bigint", "bool", "boolean"}

_BLANK = re.compile(rb"[\s;]*")
_NAME = rb"(?:`((?:[^`]|``)+)`|([\w$]+))"
_QUALIFIED = rb"(?:(?:`[^`]+`|[\w$]+)\s*\.\s*)?" + _NAME
_CREATE = re.compile(rb"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _QUALIFIED + rb"\s*\(", re.IGNORECASE)
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE)\s+)*(?:INTO\s+)?"
    + _QUALIFIED
    + rb"\s*(?:\(([^()']*)\)\s*)?VALUES?(?=[\s(])",
    re.IGNORECASE,
)
_INSERT_WORD = re.compile(rb"(?:INSERT|REPLACE)\b", re.IGNORECASE)
_TOKEN = re.compile(
    rb"'(?:[^'\\]|\\.|'')*+'" rb'|"(?:[^"\\]|\\.|"")*+"' rb"|`(?:[^`]|``)*+`|[^'\"`(),;]++|[(),;]", re.DOTALL
)
_COLUMN = re.compile(rb"\s*" + _NAME + rb"\s+(\w+)")
_NOT_COLUMNS = {"primary", "unique", "key", "index", "constraint", "fulltext", "spatial", "check", "foreign"}
_KEYS = re.compile(rb"/\*!\d+ ALTER TABLE `((?:[^`]|``)+)` (DISABLE|ENABLE) KEYS \*/")


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a table, column by column.

    Attributes
    ----------
    rows
        How many.
    integers
        Columns of an integer SQL type, int64, shape (rows,); 0 where NULL.
    strings
        All other columns, as bytes without escapes; empty where NULL.
    nulls
        For every column, bool, shape (rows,).
    """

    rows: int
    integers: Mapping[str, NDArray[np.int64]]
    strings: Mapping[str, Strings]
    nulls: Mapping[str, NDArray[np.bool_]]


class _Window:
    """A part of a plain or gzipped file in one buffer, refilled from the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._raw = path.open("rb")
        except FileNotFoundError:
            raise UsageError("there is no such file", where=path, expected="a mysqldump table file") from None
        except IsADirectoryError:
            raise UsageError("this is a folder", where=path, expected="a mysqldump table file") from None
        magic = self._raw.read(6)
        self._raw.seek(0)
        self.size = path.stat().st_size
        self._stream: BufferedReader | igzip.IGzipFile
        if magic[:2] == b"\x1f\x8b":
            self._stream = igzip.IGzipFile(fileobj=self._raw, mode="rb")  # type: ignore[no-untyped-call]
        elif path.suffix == ".gz" or magic[:3] == b"BZh" or magic == b"\xfd7zXZ\0":
            self._raw.close()
            raise DataError(
                "the file is not gzip",
                where=path,
                expected="gzip or plain SQL text",
                hint="download it again or unpack it",
            )
        else:
            self._stream = self._raw
        self.buf = bytearray(WINDOW_BYTES)
        self.start = 0
        self.end = 0
        self.base = 0
        self.at_end = False
        self.fills = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._raw.close()

    @property
    def read_bytes(self) -> int:
        """Bytes of the (compressed) file consumed so far."""
        return self._raw.tell()

    def fill(self) -> None:
        """Move the unread rest to the front, doubling the buffer if it is all unread, and read on."""
        rest = self.end - self.start
        if rest == len(self.buf):
            if rest >= MAX_ROW_BYTES:
                raise self.error(
                    f"a row or statement does not end within {MAX_ROW_BYTES >> 20} MiB",
                    expected="rows of a MediaWiki table",
                    hint="a quote is probably missing near this place",
                )
            self.buf = self.buf + bytearray(rest)
        elif self.start:
            self.buf[:rest] = self.buf[self.start : self.end]
        self.base += self.start
        self.start, self.end = 0, rest
        self.fills += 1
        view = memoryview(self.buf)
        try:
            while self.end < len(self.buf):
                count = self._stream.readinto(view[self.end :])
                if not count:
                    self.at_end = True
                    break
                self.end += count
        except EOFError:
            raise DataError(
                f"the gzip stream ends too early, after {self.base + self.end} unpacked bytes",
                where=self.path,
                expected="a complete file",
                hint="the download was probably cut off: fetch the file again and compare its checksum",
            ) from None
        except (isal_zlib.IsalError, zlib.error, gzip.BadGzipFile) as error:  # type: ignore[misc]
            raise DataError(
                f"the gzip data are damaged after {self.base + self.end} unpacked bytes ({error})",
                where=self.path,
                hint="fetch the file again and compare its checksum",
            ) from error
        finally:
            view.release()

    def error(self, what: str, at: int | None = None, **more: str | None) -> DataError:
        """Make an error that names the file and the byte offset in its unpacked text."""
        offset = self.base + (self.start if at is None else at)
        return DataError(what, where=f"{self.path}: byte {offset}", **more)


def _name(quoted: bytes | None, bare: bytes | None) -> str:
    raw = quoted.replace(b"``", b"`") if quoted is not None else bare or b""
    return raw.decode("utf-8", "backslashreplace")


def _parse_create(statement: bytes) -> dict[str, str]:
    """Map column names to SQL type words, in the order of ``CREATE TABLE name (...)``."""
    definitions: list[bytes] = []
    depth = 0
    current = b""
    for token in _TOKEN.findall(statement):
        if token == b"(":
            depth += 1
            if depth == 1:
                current = b""
                continue
        elif token == b")":
            depth -= 1
            if depth == 0:
                definitions.append(current)
                break
        elif token == b"," and depth == 1:
            definitions.append(current)
            current = b""
            continue
        current += token
    columns: dict[str, str] = {}
    for definition in definitions:
        match = _COLUMN.match(definition)
        if match is None or (match[2] is not None and match[2].decode("latin-1").lower() in _NOT_COLUMNS):
            continue
        columns[_name(match[1], match[2])] = match[3].decode("latin-1").lower()
    return columns


class _Scanner:
    """Walks over the statements of a dump."""

    def __init__(self, path: Path, table: str) -> None:
        self.window = _Window(path)
        self.table = table
        self.tables: list[str] = []
        self.columns: dict[str, str] = {}
        self._keys_disabled = False

    def next_insert(self) -> list[str] | None:
        """Go to the rows of the next ``INSERT`` into the table.

        Returns
        -------
        list of str or None
            The columns of its rows, None at the end of the file. The window then starts at the rows.
        """
        while self.next_statement():
            insert = _INSERT.match(self.window.buf, self.window.start, self.window.end)
            if insert is None:
                self._create()
            elif _name(insert[1], insert[2]) == self.table:
                if not self.columns:
                    raise self.window.error(
                        f"rows of table `{self.table}` without a CREATE TABLE statement before them",
                        expected="a dump with its table structure",
                        hint="dump it again without --no-create-info",
                    )
                self.window.start = insert.end()
                if insert[3] is None:
                    return list(self.columns)
                return [part.strip().strip(b"`").decode("utf-8", "replace") for part in insert[3].split(b",")]
            else:
                name = _name(insert[1], insert[2])
                if name not in self.tables:
                    self.tables.append(name)
                self._skip()
        if not self.columns:
            held = ", ".join(f"`{name}`" for name in self.tables)
            plural = "s" if len(self.tables) > 1 else ""
            raise DataError(
                f"the file holds table{plural} {held}" if held else "the file holds no table at all",
                where=self.window.path,
                expected=f"table `{self.table}`" if held else f"a mysqldump file of table `{self.table}`",
                hint="check which dump file this is",
            )
        if self._keys_disabled:
            raise self.window.error(
                f"the dump of table `{self.table}` ends without ENABLE KEYS",
                self.window.end,
                expected="the closing statements of mysqldump",
                hint="the file was probably cut off: fetch it again and compare its checksum",
            )
        return None

    def next_statement(self) -> bool:
        """Skip blanks and comments; whether a statement follows (its head is then in the window)."""
        window = self.window
        while True:
            if window.end - window.start < MAX_HEADER_BYTES and not window.at_end:
                window.fill()
            blank = _BLANK.match(window.buf, window.start, window.end)
            window.start = blank.end() if blank else window.start
            if window.start == window.end:
                if window.at_end:
                    return False
                continue
            head = bytes(window.buf[window.start : window.start + 2])
            if head == b"--" or head[:1] == b"#":
                self._skip_to(b"\n")
            elif head == b"/*":
                keys = _KEYS.fullmatch(self._skip_to(b"*/"))
                if keys and _name(keys[1], None) == self.table:
                    self._keys_disabled = keys[2] == b"DISABLE"
            elif window.end - window.start < MAX_HEADER_BYTES and not window.at_end:
                continue
            else:
                return True

    def _skip_to(self, mark: bytes) -> bytes:
        """Go to behind the next `mark`; returns what was skipped."""
        window = self.window
        searched = window.start
        while True:
            found = window.buf.find(mark, searched, window.end)
            if found < 0 and window.at_end:
                if mark != b"\n":
                    raise window.error("the comment that starts here does not end", expected="a complete dump")
                found = window.end
            if found >= 0:
                skipped = bytes(window.buf[window.start : found + len(mark)])
                window.start = min(found + len(mark), window.end)
                return skipped
            searched = max(window.end - window.start - len(mark) + 1, 0)
            window.fill()

    def _skip(self) -> None:
        from .mysqldump_kernel import skip_statement

        window = self.window
        begin = window.base + window.start
        quote, escaped = 0, False
        while True:
            found, window.start, quote, escaped = skip_statement(
                np.frombuffer(window.buf, np.uint8), window.start, window.end, quote, escaped
            )
            if found:
                return
            if window.at_end:
                # Without any table before it, it is no statement but another kind of file.
                if quote and self.tables:
                    raise window.error(
                        "the statement that starts here does not end",
                        begin - window.base,
                        expected="a complete dump",
                        hint="the file was probably cut off: fetch it again and compare its checksum",
                    )
                return
            window.fill()

    def _create(self) -> None:
        """Skip a statement that is no ``INSERT``, keeping the columns if it creates the table."""
        window = self.window
        create = _CREATE.match(window.buf, window.start, window.end)
        if create is None:
            if _INSERT_WORD.match(window.buf, window.start, window.end):
                raise window.error(
                    "an INSERT statement that is not understood",
                    expected="INSERT INTO `table` [(columns)] VALUES (...)",
                    hint="the file may have been cut off here",
                )
            self._skip()
            return
        name = _name(create[1], create[2])
        if name not in self.tables:
            self.tables.append(name)
        begin = window.start
        if name == self.table:
            statement = bytearray()
            for token in _TOKEN.finditer(window.buf, begin, min(window.end, begin + MAX_HEADER_BYTES)):
                if token[0] == b";":
                    break
                statement += token[0]
            else:
                raise window.error(f"the CREATE TABLE statement of `{name}` does not end", expected="a complete dump")
            self.columns = _parse_create(bytes(statement))
        self._skip()


def table_columns(path: Path | str, table: str) -> dict[str, str]:
    """Read the columns of a table from its ``CREATE TABLE`` statement.

    Parameters
    ----------
    path
        A mysqldump file, plain or gzip.
    table
        Name of the table.

    Returns
    -------
    dict
        Column name to SQL type word (``int``, ``varbinary``, …), in order.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If it does not hold the table or is broken before that statement's end.
    """
    scanner = _Scanner(Path(path), table)
    with scanner.window:
        scanner.next_insert()
        return scanner.columns


def read_table(
    path: Path | str, table: str, columns: Sequence[str], *, progress: Progress | None = None
) -> Iterator[Chunk]:
    r"""Read some columns of a table, in chunks of some megabytes.

    Understood are statements on one line and one row a line, explicit column lists, several tables in a file,
    ``_binary`` prefixes, ``--hex-blob`` and concatenated gzip members.

    Parameters
    ----------
    path
        A mysqldump file, plain or gzip (recognised by content).
    table
        Name of the table.
    columns
        The columns wanted. Those of an integer SQL type are parsed, all others are given as bytes.
    progress
        Called after every chunk.

    Yields
    ------
    Chunk
        At least one row each; an empty table yields nothing.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If the table or a column is not there, a row has another width than the header, an integer column
        holds something else, or the file is damaged or cut off. The byte offset is that of the unpacked text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "page.sql")
    ...     sql = r"CREATE TABLE `page` (`page_id` int, `page_title` varbinary(255));"
    ...     _ = path.write_text(sql + r"INSERT INTO `page` VALUES (7,'Rock_\'n\'_Roll'),(8,'),(9');")
    ...     for chunk in read_table(path, "page", ["page_title", "page_id"]):
    ...         print(chunk.integers["page_id"].tolist(), list(chunk.strings["page_title"]))
    [7, 8] [b"Rock_'n'_Roll", b'),(9']
    """
    scanner = _Scanner(Path(path), table)
    with scanner.window:
        yield from _read_rows(scanner, list(columns), progress)


def _read_rows(scanner: _Scanner, wanted: list[str], progress: Progress | None) -> Iterator[Chunk]:
    from . import mysqldump_kernel as kernel

    window = scanner.window
    present = scanner.next_insert()
    header = scanner.columns
    for name in wanted:
        if name not in header:
            raise DataError(
                f"table `{scanner.table}` has no column `{name}`",
                where=window.path,
                expected=f"one of {', '.join(header)}",
                hint=near_matches(name, header),
            )
    integer_names = [name for name in wanted if header[name] in _INTEGER_TYPES]
    text_names = [name for name in wanted if header[name] not in _INTEGER_TYPES]
    integers = np.zeros((len(integer_names), _ROWS_PER_CHUNK), np.int64)
    integer_nulls = np.zeros(integers.shape, np.bool_)
    offsets = np.zeros((len(text_names), _ROWS_PER_CHUNK + 1), np.int64)
    text_nulls = np.zeros((len(text_names), _ROWS_PER_CHUNK), np.bool_)
    texts = np.empty((len(text_names), len(window.buf)), np.uint8)
    row = 0

    def take() -> Chunk:
        nonlocal row
        chunk = Chunk(
            rows=row,
            integers={name: integers[k, :row].copy() for k, name in enumerate(integer_names)},
            strings={
                name: Strings(texts[k, : offsets[k, row]].copy(), offsets[k, : row + 1].copy())
                for k, name in enumerate(text_names)
            },
            nulls={name: integer_nulls[k, :row].copy() for k, name in enumerate(integer_names)}
            | {name: text_nulls[k, :row].copy() for k, name in enumerate(text_names)},
        )
        row = 0
        if progress is not None:
            progress(window.read_bytes, window.size)
        return chunk

    while present is not None:
        for name in wanted:
            if name not in present:
                raise window.error(
                    f"the column list of this INSERT lacks `{name}`",
                    expected=", ".join(wanted),
                    hint="dump the table again with all its columns",
                )
        kinds = np.zeros(len(present), np.int64)
        slots = np.zeros(len(present), np.int64)
        for names, kind in ((integer_names, kernel.INTEGER), (text_names, kernel.TEXT)):
            for slot, name in enumerate(names):
                kinds[present.index(name)] = kind
                slots[present.index(name)] = slot
        after_row = False
        status = kernel.MORE
        while status != kernel.DONE:
            status, window.start, after_row, row = kernel.scan_rows(
                np.frombuffer(window.buf, np.uint8),
                window.start,
                window.end,
                after_row,
                kinds,
                slots,
                row,
                integers,
                integer_nulls,
                texts,
                offsets,
                text_nulls,
                kernel.ESCAPES,
            )
            if status == kernel.FULL:
                yield take()
            elif status == kernel.MORE:
                # Emptied before each refill, so that the text arrays never need more room than the buffer.
                if row:
                    yield take()
                if window.at_end:
                    raise window.error(
                        f"the dump of table `{scanner.table}` is cut off in the middle of an INSERT",
                        expected="a complete row and a semicolon",
                        hint="fetch the file again and compare its checksum",
                    )
                window.fill()
                if len(window.buf) > texts.shape[1]:
                    texts = np.empty((len(text_names), len(window.buf)), np.uint8)
            elif status != kernel.DONE:
                raise _row_error(window, scanner.table, status, present)
        fills = window.fills
        present = scanner.next_insert()
        if row and window.fills != fills:
            yield take()
    if row:
        yield take()


def _row_error(window: _Window, table: str, status: int, columns: list[str]) -> DataError:
    from . import mysqldump_kernel as kernel

    near = bytes(window.buf[window.start : min(window.end, window.start + 60)]).decode("utf-8", "backslashreplace")
    if status in (kernel.TOO_MANY, kernel.TOO_FEW):
        more = "more" if status == kernel.TOO_MANY else "fewer"
        return window.error(
            f"a row of table `{table}` has {more} values than the header has columns: {near!r}",
            expected=f"{len(columns)} values: {', '.join(columns)}",
            hint="the header and the rows come from different versions of the table: fetch the dump again",
        )
    if status == kernel.NOT_INTEGER:
        return window.error(
            f"an integer column of table `{table}` holds {near!r}",
            expected="a whole number below 2^63",
            hint="the header and the rows may come from different versions of the table",
        )
    return window.error(
        f"the rows of table `{table}` cannot be read at {near!r}",
        expected="(value, …), (value, …);",
        hint="the file is damaged here: fetch it again and compare its checksum",
    )
