"""Triples that wait on disk: as many as there are, in sorted order, with their digest."""

from __future__ import annotations

import hashlib
import heapq
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import BinaryIO

from pyoxigraph import RdfFormat, Triple, parse

_BLANK = re.compile(r"(^| )_:")
"""A blank node in a line; or what looks like one in a literal, which does no harm."""
_RUN = 1 << 17
"""Triples that are sorted in memory; more are sorted in runs, and the runs merged."""


class Spool:
    """Sorted triples in a file, one a line; an equal triple stands there as often as it was given.

    Attributes
    ----------
    digest
        SHA-256 of the lines, hexadecimal. It does not depend on the order in which the triples came.
    distinct
        Number of different triples.
    """

    def __init__(self, file: BinaryIO, digest: str, distinct: int) -> None:
        self._file = file
        self.digest = digest
        self.distinct = distinct

    def lines(self) -> Iterator[str]:
        """Each triple as N-Triples write it, without the full stop."""
        self._file.seek(0)
        return (line[:-1].decode() for line in self._file)

    def triples(self) -> Iterator[Triple]:
        """Triples in sorted order."""
        self._file.seek(0)
        while block := list(islice(self._file, _RUN)):
            yield from triples_of(line[:-1] for line in block)


def triples_of(lines: Iterable[bytes]) -> Iterator[Triple]:
    """Triples from lines as a spool has them."""
    text = b"".join(line + b" .\n" for line in lines)
    return (quad.triple for quad in parse(text, format=RdfFormat.N_TRIPLES))


@dataclass(frozen=True)
class Difference:
    """What has to be done to get from some triples to others, as lines without the full stop."""

    removed: list[str]
    added: list[str]


def difference(old: Spool, new: Spool) -> Difference | None:
    """What distinguishes two spools; None if there are blank nodes, whose names mean nothing.

    Examples
    --------
    >>> from pyoxigraph import NamedNode
    >>> a, b = NamedNode("http://a.org/a"), NamedNode("http://a.org/b")
    >>> with spooled([Triple(a, a, a), Triple(a, a, b)]) as old, spooled([Triple(a, a, b)]) as new:
    ...     difference(old, new)
    Difference(removed=['<http://a.org/a> <http://a.org/a> <http://a.org/a>'], added=[])
    """
    found = Difference([], [])
    before, after = (line for line, _ in groupby(old.lines())), (line for line, _ in groupby(new.lines()))
    left, right = next(before, None), next(after, None)
    while left is not None or right is not None:
        if any(line is not None and _BLANK.search(line) for line in (left, right)):
            return None
        if left == right:
            left, right = next(before, None), next(after, None)
        elif left is not None and (right is None or left < right):
            found.removed.append(left)
            left = next(before, None)
        elif right is not None:
            found.added.append(right)
            right = next(after, None)
    return found


@contextmanager
def spooled(triples: Iterable[Triple]) -> Iterator[Spool]:
    """Sort triples into temporary files, which are deleted at the end.

    Examples
    --------
    >>> from pyoxigraph import NamedNode
    >>> a, b = NamedNode("http://a.org/a"), NamedNode("http://a.org/b")
    >>> with spooled([Triple(b, a, a), Triple(a, a, b)]) as content:
    ...     list(content.lines())
    ['<http://a.org/a> <http://a.org/a> <http://a.org/b>', '<http://a.org/b> <http://a.org/a> <http://a.org/a>']
    """
    with ExitStack() as stack:
        runs: list[BinaryIO] = []
        source = iter(triples)
        while run := sorted(str(triple).encode() + b"\n" for triple in islice(source, _RUN)):
            runs.append(stack.enter_context(tempfile.TemporaryFile()))
            runs[-1].writelines(run)
        for file in runs:
            file.seek(0)
        digest = hashlib.sha256()
        merged = stack.enter_context(tempfile.TemporaryFile())
        distinct, before = 0, b""
        for line in heapq.merge(*runs):
            digest.update(line)
            merged.write(line)
            distinct += line != before
            before = line
        yield Spool(merged, digest.hexdigest(), distinct)
