"""Columns of byte strings, stored back to back, and exact look-up in them: millions of titles, no objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import DataError

_BATCH = 1 << 16


@dataclass(frozen=True, eq=False)
class Strings:
    r"""A column of byte strings.

    Attributes
    ----------
    blob
        All strings one after the other, uint8, shape (bytes,).
    offsets
        int64, shape (n + 1,): string i is ``blob[offsets[i]:offsets[i + 1]]``.

    Examples
    --------
    >>> column = Strings.of([b"Trees", "Bäume".encode()])
    >>> len(column), column[0], column.text(1)
    (2, b'Trees', 'Bäume')
    """

    blob: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Strings:
        """Make a column of Python byte strings."""
        items = list(values)
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum([len(item) for item in items], out=offsets[1:])
        return cls(np.frombuffer(bytearray(b"".join(items)), np.uint8), offsets)

    @classmethod
    def concatenate(cls, columns: Sequence[Strings]) -> Strings:
        """Append columns to each other."""
        if not columns:
            return cls.of([])
        counts = np.concatenate([np.diff(column.offsets) for column in columns])
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return cls(np.concatenate([column.blob for column in columns]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.blob[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        data = self.blob.tobytes()
        return (data[start:stop] for start, stop in pairwise(self.offsets.tolist()))

    def text(self, index: int) -> str:
        """Decode one string from UTF-8."""
        return self[index].decode("utf-8")

    def texts(self) -> Iterator[str]:
        """Decode all strings from UTF-8, one at a time."""
        return (item.decode("utf-8") for item in self)

    def take(self, indices: NDArray[np.int64]) -> Strings:
        """Copy the strings at `indices` (non-negative), in that order."""
        from . import strings_kernel

        return Strings(*strings_kernel.gather(self.blob, self.offsets, np.asarray(indices, np.int64)))

    def equal_to(self, value: bytes) -> NDArray[np.bool_]:
        """Mark the strings that are `value`, shape (n,)."""
        same: NDArray[np.bool_] = np.diff(self.offsets) == len(value)
        rows = np.flatnonzero(same)
        for k, byte in enumerate(value):
            rows = rows[self.blob[self.offsets[rows] + k] == byte]
        same[:] = False
        same[rows] = True
        return same

    def first_invalid_utf8(self) -> int | None:
        """Index of the first string that is not UTF-8, or None."""
        for first in range(0, len(self), _BATCH):
            bounds = self.offsets[first : first + _BATCH + 1]
            starts = bounds[:-1][np.diff(bounds) > 0]
            try:
                # Whole batches at once, unless a string starts inside a character: then parts may be invalid
                # though their sequence is not.
                if not ((self.blob[starts] & 0xC0) == 0x80).any():
                    self.blob[bounds[0] : bounds[-1]].tobytes().decode("utf-8")
                    continue
            except UnicodeDecodeError:
                pass
            for index in range(first, first + len(bounds) - 1):
                try:
                    self.text(index)
                except UnicodeDecodeError:
                    return index
        return None


class StringIndex:
    """Exact look-up of many byte strings at once among distinct ones.

    Parameters
    ----------
    strings
        The strings to be found; equal ones are a `DataError`.
    what, where
        What the strings are and what holds them, for that error.

    Examples
    --------
    >>> index = StringIndex(Strings.of([b"Cars", b"Buses"]), "title", "page.sql")
    >>> index.find(Strings.of([b"Buses", b"Boats"]))
    array([ 1, -1])
    """

    def __init__(self, strings: Strings, what: str, where: object) -> None:
        from . import strings_kernel

        self.strings = strings
        # At most half full, so that runs of occupied slots stay short.
        self._table = np.full(1 << max(4, (2 * len(strings)).bit_length()), -1, np.int64)
        first, _ = strings_kernel.build_table(strings.blob, strings.offsets, self._table)
        if first >= 0:
            value = strings[first].decode("utf-8", "backslashreplace")
            raise DataError(f"the {what} {value!r} occurs twice", where=where, expected=f"every {what} once")

    def find(self, query: Strings) -> NDArray[np.int64]:
        """Index of each query string, -1 where it is absent; shape (len(query),)."""
        from . import strings_kernel

        found: NDArray[np.int64] = strings_kernel.find(
            self._table, self.strings.blob, self.strings.offsets, query.blob, query.offsets
        )
        return found
