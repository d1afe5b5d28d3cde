"""IRIs: percent-encoding, and a compact sorted table of many of them."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import overload
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

# RFC 3987 leaves these readable in a path segment; everything else of ASCII is percent-encoded.
_UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@]")
_BATCH = 1 << 16
_WALK = 60
"""Finding one of many IRIs by bisection takes as long as walking over so many."""
_SMALL = 1 << 17
_PER_QUESTION = 8  # IRIs that may enter a dictionary for each that was looked for
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
    return _UNSAFE.sub(_encoded, text)


def _encoded(found: re.Match[str]) -> str:
    c = found[0]
    return c if c in _KEEP and c.isprintable() else quote(c, safe="", errors="surrogateescape")


def ids_by_local_name(ids: Iterable[str]) -> dict[str, str]:
    """Ids by the last part that the IRI of an individual with this id may have.

    Annotated images have their id there, percent-encoded; individuals of OWL files may have it as it is.

    Examples
    --------
    >>> ids_by_local_name(["a", "b 1"])
    {'a': 'a', 'b 1': 'b 1', 'b%201': 'b 1'}
    """
    found = {name: name for name in ids}
    return {**found, **{encode_segment(name): name for name in found}}


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
        # Slices of a memory map are memory maps themselves, which takes many times as long as slicing an array.
        self._buffer = np.asarray(buffer)
        self._offsets = np.asarray(offsets)
        self._known: dict[str, int] | None = None
        self._asked = 0

    @classmethod
    def from_iris(cls, iris: Iterable[str]) -> IriTable:
        """Build the table from IRIs in any order, duplicates allowed."""
        return cls._of_sorted(sorted({iri.encode() for iri in iris}))

    @classmethod
    def ranked(cls, iris: Iterable[bytes]) -> tuple[IriTable, NDArray[np.int32]]:
        """Build the table from IRIs in any order, duplicates allowed, and say which id each of them got.

        Examples
        --------
        >>> table, ids = IriTable.ranked([b"http://b", b"http://a", b"http://b"])
        >>> list(table), ids.tolist()
        (['http://a', 'http://b'], [1, 0, 1])
        """
        encoded = list(iris)
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        distinct: list[bytes] = []
        ids = np.empty(len(encoded), np.int32)
        for position in order:
            if not distinct or encoded[position] != distinct[-1]:
                distinct.append(encoded[position])
            ids[position] = len(distinct) - 1
        return cls._of_sorted(distinct), ids

    def inserted(self, iris: Iterable[str]) -> tuple[IriTable, NDArray[np.int32]]:
        """Table with more IRIs, and the ids that those of this table have there, int32, shape (len(self),)."""
        keys = sorted({iri.encode() for iri in iris})
        new = [(key, at) for key, at, known in self._places(keys) if not known]
        places = np.array([at for _, at in new], np.int64)
        lengths = np.insert(np.diff(self._offsets), places, [len(key) for key, _ in new])
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        pieces = []
        start = 0
        for key, at in new:
            pieces += [self._buffer[start : self._offsets[at]], np.frombuffer(key, np.uint8)]
            start = int(self._offsets[at])
        buffer = np.concatenate([*pieces, self._buffer[start:]])
        old = np.arange(len(self))
        return IriTable(buffer, offsets), (old + np.searchsorted(places, old, side="right")).astype(np.int32)

    @classmethod
    def _of_sorted(cls, encoded: Sequence[bytes]) -> IriTable:
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
        return (iri.decode() for iri in self.encoded())

    def encoded(self) -> Iterator[bytes]:
        """All IRIs in UTF-8, in order."""
        for start in range(0, len(self), _BATCH):
            bounds = self._offsets[start : start + _BATCH + 1]
            data = self._buffer[bounds[0] : bounds[-1]].tobytes()
            for first, last in pairwise((bounds - bounds[0]).tolist()):
                yield data[first:last]

    def _bytes(self, index: int) -> bytes:
        return self._buffer[self._offsets[index] : self._offsets[index + 1]].tobytes()

    def id(self, iri: str) -> int | None:
        """Id of an IRI, or None when the table lacks it.

        A small table that is asked often becomes a dictionary; the others are bisected.
        """
        if self._known is None and len(self) <= _SMALL:
            self._asked += 1
            if self._asked * _PER_QUESTION >= len(self):
                self._known = {known: i for i, known in enumerate(self)}
        if self._known is not None:
            return self._known.get(iri)
        key = iri.encode()
        position = bisect.bisect_left(range(len(self)), key, key=self._bytes)
        return position if position < len(self) and self._bytes(position) == key else None

    def ids(self, iris: Iterable[str]) -> dict[str, int]:
        """Ids of those of many IRIs that the table has.

        Examples
        --------
        >>> IriTable.from_iris(["http://b", "http://a"]).ids(["http://b", "http://c"])
        {'http://b': 1}
        """
        keys = sorted({iri.encode() for iri in iris})
        return {key.decode(): at for key, at, known in self._places(keys) if known}

    def _places(self, keys: list[bytes]) -> Iterator[tuple[bytes, int, bool]]:
        """Where each of the sorted keys is, or would be inserted, and whether it is there."""
        if len(keys) * _WALK > len(self):
            items = chain(enumerate(self.encoded()), [(len(self), None)])
            at, item = next(items)
            for key in keys:
                while item is not None and item < key:
                    at, item = next(items)
                yield key, at, item == key
        else:
            for key in keys:
                at = bisect.bisect_left(range(len(self)), key, key=self._bytes)
                yield key, at, at < len(self) and self._bytes(at) == key

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
