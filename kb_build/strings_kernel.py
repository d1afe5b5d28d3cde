"""Compiled loops over byte strings that are stored back to back in one array (see :mod:`.strings`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Compiled code is cached beside the file with the name of the module. Test runners import the file under the
# name of the clone's folder too, and a cache written there could not be loaded here.
_CACHE = __name__.startswith("neurontology.")

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

_FNV_PRIME = np.uint64(0x100000001B3)
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_HEX = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)


@njit(cache=_CACHE)
def gather(blob: U8, offsets: I64, indices: I64) -> tuple[U8, I64]:
    """Copy the strings at `indices`, in that order."""
    out_offsets = np.empty(len(indices) + 1, np.int64)
    total = 0
    for k in range(len(indices)):
        out_offsets[k] = total
        total += offsets[indices[k] + 1] - offsets[indices[k]]
    out_offsets[len(indices)] = total
    out = np.empty(total, np.uint8)
    for k in range(len(indices)):
        start = offsets[indices[k]]
        to = out_offsets[k]
        for j in range(offsets[indices[k] + 1] - start):
            out[to + j] = blob[start + j]
    return out, out_offsets


@njit(cache=_CACHE)
def _hash(blob: U8, start: int, stop: int) -> np.uint64:
    """FNV-1a, then the finaliser of MurmurHash3, because the table takes the low bits."""
    value = _FNV_OFFSET
    for k in range(start, stop):
        value = (value ^ np.uint64(blob[k])) * _FNV_PRIME
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    return value


@njit(cache=_CACHE)
def _equal(blob: U8, start: int, stop: int, other: U8, other_start: int, other_stop: int) -> bool:
    if stop - start != other_stop - other_start:
        return False
    for k in range(stop - start):  # noqa: SIM110 - numba compiles the loop, not the generator
        if blob[start + k] != other[other_start + k]:
            return False
    return True


@njit(cache=_CACHE)
def build_table(blob: U8, offsets: I64, table: I64) -> tuple[int, int]:
    """Fill an open-addressing hash table (-1 = free); return the first pair of equal strings or (-1, -1)."""
    mask = np.uint64(len(table) - 1)
    first, second = -1, -1
    for i in range(len(offsets) - 1):
        slot = _hash(blob, offsets[i], offsets[i + 1]) & mask
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = i
                break
            if _equal(blob, offsets[i], offsets[i + 1], blob, offsets[known], offsets[known + 1]):
                if first < 0:
                    first, second = known, i
                break
            slot = (slot + np.uint64(1)) & mask
    return first, second


@njit(cache=_CACHE)
def find(table: I64, blob: U8, offsets: I64, query: U8, query_offsets: I64) -> I64:
    """Index of every query string among the hashed ones, -1 where it is absent; equality is by bytes."""
    mask = np.uint64(len(table) - 1)
    out = np.empty(len(query_offsets) - 1, np.int64)
    for i in range(len(query_offsets) - 1):
        start, stop = query_offsets[i], query_offsets[i + 1]
        slot = _hash(query, start, stop) & mask
        out[i] = -1
        while table[slot] >= 0:
            known = table[slot]
            if _equal(query, start, stop, blob, offsets[known], offsets[known + 1]):
                out[i] = known
                break
            slot = (slot + np.uint64(1)) & mask
    return out


@njit(cache=_CACHE)
def _legal_code_point(point: int) -> bool:
    """Whether RFC 3987 has this non-ASCII code point in `ucschar`."""
    if point < 0x10000:
        return 0xA0 <= point <= 0xD7FF or 0xF900 <= point <= 0xFDCF or 0xFDF0 <= point <= 0xFFEF
    if point >= 0xF0000 or 0xE0000 <= point < 0xE1000:
        return False
    return (point & 0xFFFF) <= 0xFFFD


@njit(cache=_CACHE)
def percent_encode(blob: U8, offsets: I64, legal_ascii: NDArray[np.bool_]) -> tuple[U8, I64]:
    """Percent-encode the bytes of every character that may not stand in the path of an IRI (RFC 3987)."""
    # Each byte becomes at most three: "%" and two digits.
    out = np.empty(3 * len(blob), np.uint8)
    out_offsets = np.empty(len(offsets), np.int64)
    to = 0
    for i in range(len(offsets) - 1):
        out_offsets[i] = to
        k = offsets[i]
        while k < offsets[i + 1]:
            byte = blob[k]
            length = 1
            keep = False
            if byte < 0x80:
                keep = legal_ascii[byte]
            else:
                point = 0
                if byte >= 0xF0:
                    length, point = 4, byte & 0x07
                elif byte >= 0xE0:
                    length, point = 3, byte & 0x0F
                else:
                    length, point = 2, byte & 0x1F
                for j in range(1, length):
                    point = (point << 6) | (blob[k + j] & 0x3F)
                keep = _legal_code_point(point)
            for j in range(length):
                if keep:
                    out[to] = blob[k + j]
                    to += 1
                else:
                    out[to] = 37
                    out[to + 1] = _HEX[blob[k + j] >> 4]
                    out[to + 2] = _HEX[blob[k + j] & 15]
                    to += 3
            k += length
    out_offsets[len(offsets) - 1] = to
    return out[:to].copy(), out_offsets


@njit(cache=_CACHE)
def escape_literal(blob: U8, offsets: I64) -> tuple[U8, I64]:
    """Turn underscores into spaces and escape what an N-Triples literal may not hold as it is."""
    out = np.empty(2 * len(blob), np.uint8)
    out_offsets = np.empty(len(offsets), np.int64)
    to = 0
    for i in range(len(offsets) - 1):
        out_offsets[i] = to
        for k in range(offsets[i], offsets[i + 1]):
            byte = blob[k]
            if byte == 95:
                byte = np.uint8(32)
            elif byte == 34 or byte == 92:
                out[to] = 92
                to += 1
            elif byte == 10 or byte == 13:
                out[to] = 92
                to += 1
                byte = np.uint8(110) if byte == 10 else np.uint8(114)
            out[to] = byte
            to += 1
    out_offsets[len(offsets) - 1] = to
    return out[:to].copy(), out_offsets


@njit(cache=_CACHE)
def _put(out: U8, to: int, blob: U8, start: int, stop: int) -> int:
    for k in range(start, stop):
        out[to] = blob[k]
        to += 1
    return to


@njit(cache=_CACHE)
def join_lines(
    head: U8,
    left: U8,
    left_offsets: I64,
    left_indices: I64,
    middle: U8,
    right: U8,
    right_offsets: I64,
    right_indices: I64,
    tail: U8,
) -> U8:
    """Write head + left[i] + middle + right[j] + tail for every pair (i, j) of the two index arrays."""
    total = len(left_indices) * (len(head) + len(middle) + len(tail))
    for k in range(len(left_indices)):
        total += left_offsets[left_indices[k] + 1] - left_offsets[left_indices[k]]
        total += right_offsets[right_indices[k] + 1] - right_offsets[right_indices[k]]
    out = np.empty(total, np.uint8)
    to = 0
    for k in range(len(left_indices)):
        to = _put(out, to, head, 0, len(head))
        to = _put(out, to, left, left_offsets[left_indices[k]], left_offsets[left_indices[k] + 1])
        to = _put(out, to, middle, 0, len(middle))
        to = _put(out, to, right, right_offsets[right_indices[k]], right_offsets[right_indices[k] + 1])
        to = _put(out, to, tail, 0, len(tail))
    return out
