"""IRIs: percent-encoding, and a compact sorted table of many of them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

# RFC 3987 leaves these readable in a path segment; everything else of ASCII is percent-encoded.
_SAFE_ASCII = "-._~!$&'()*+,;=:@"
_KEEP = {chr(c) for c in range(0xA0, 0xD800)} | {chr(c) for c in range(0xF900, 0xFDD0)}


def encode_segment(text: str) -> str:
    """Percent-encode a name so that it can be one segment of an IRI; letters of any script stay readable.

    Examples
    --------
    >>> encode_segment('traffic light/"stop"')
    'traffic%20light%2F%22stop%22'
    >>> encode_segment("Äpfel")
    'Äpfel'
    """
    return "".join(c if c in _KEEP and c.isprintable() else quote(c, safe=_SAFE_ASCII) for c in text)


class IriTable(Sequence[str]):
    """Sorted, distinct IRIs in one byte buffer; an IRI's position is its id.

    Sorted by UTF-8 bytes, so that ids do not depend on the order of insertion and bisection finds them.

    Parameters
    ----------
    buffer
        uint8, shape (total bytes,).
    offsets
        int64, shape (n + 1,): IRI i is ``buffer[offsets[i]:offsets[i + 1]]``.

    Examples
    --------
    >>> table = IriTable.from_iris(["http://b", "http://a"])
    >>> table.id("http://b"), table[0], table.id("http://c")
    (1, 'http://a', None)
    """

    def __init__(self, buffer: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self._buffer = buffer
        self._offsets = offsets

    @classmethod
    def from_iris(cls, iris: Iterable[str]) -> IriTable:
        """Build the table from IRIs in any order, duplicates allowed."""
        encoded = sorted({iri.encode() for iri in iris})
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(e) for e in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._bytes(i).decode() for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._bytes(index % len(self)).decode()

    def __iter__(self) -> Iterator[str]:
        return (self._bytes(i).decode() for i in range(len(self)))

    def _bytes(self, index: int) -> bytes:
        return self._buffer[self._offsets[index] : self._offsets[index + 1]].tobytes()

    def id(self, iri: str) -> int | None:
        """Id of an IRI, or None when the table lacks it."""
        key = iri.encode()
        position = bisect.bisect_left(range(len(self)), key, key=self._bytes)
        return position if position < len(self) and self._bytes(position) == key else None

    def __contains__(self, iri: object) -> bool:
        return isinstance(iri, str) and self.id(iri) is not None

    def save(self, folder: Path, name: str) -> None:
        """Write ``<name>.bytes.npy`` and ``<name>.offsets.npy``."""
        np.save(folder / f"{name}.bytes.npy", self._buffer)
        np.save(folder / f"{name}.offsets.npy", self._offsets)

    @classmethod
    def load(cls, folder: Path, name: str) -> IriTable:
        """Map the two files that :meth:`save` wrote."""
        return cls(
            np.load(folder / f"{name}.bytes.npy", mmap_mode="r"),
            np.load(folder / f"{name}.offsets.npy", mmap_mode="r"),
        )
