"""The compiled tokeniser of :mod:`.mysqldump`: rows of ``INSERT`` statements to columns."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Compiled code is cached beside the file with the name of the module. Test runners import the file under the
# name of the clone's folder too, and a cache written there could not be loaded here.
_CACHE = __name__.startswith("neurontology.")

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

# What to do with the values of a column.
SKIP, INTEGER, TEXT = 0, 1, 2
# Where a scan stopped, and why.
MORE, DONE, FULL, TOO_MANY, TOO_FEW, NOT_INTEGER, SYNTAX = 0, 1, 2, 3, 4, 5, 6

# The character that a backslash and this byte stand for (MySQL manual, "String Literals", table 11.1).
ESCAPES = np.arange(256).astype(np.uint8)
for _byte, _meaning in zip(b"0nrtbZ", b"\0\n\r\t\b\x1a", strict=True):
    ESCAPES[_byte] = _meaning


@njit(cache=_CACHE)
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@njit(cache=_CACHE)
def _hex_digit(byte: int) -> int:
    if 48 <= byte <= 57:
        return byte - 48
    low = byte | 32
    return low - 87 if 97 <= low <= 102 else -1


@njit(cache=_CACHE)
def scan_rows(
    buf: U8,
    pos: int,
    end: int,
    after_row: bool,
    kinds: I64,
    slots: I64,
    row: int,
    integers: I64,
    integer_nulls: Flags,
    texts: U8,
    offsets: I64,
    text_nulls: Flags,
    escapes: U8,
) -> tuple[int, int, bool, int]:
    """Read rows from ``buf[pos:end]`` until the statement, the buffer or the room for rows ends.

    A row that does not end inside the buffer is left unread. Text columns are unescaped into ``texts[slot]``,
    which must have room for all bytes of the buffer.

    Returns
    -------
    tuple
        status, position (of the row or byte concerned if the status is an error), whether the position is
        behind a row, number of rows filled.
    """
    width = len(kinds)
    capacity = integers.shape[1]
    while True:
        while pos < end and _is_space(buf[pos]):
            pos += 1
        if pos >= end:
            return MORE, pos, after_row, row
        byte = buf[pos]
        if after_row:
            if byte == 44:
                pos += 1
                after_row = False
                continue
            if byte == 59:
                return DONE, pos + 1, False, row
            return SYNTAX, pos, after_row, row
        if byte != 40:
            return SYNTAX, pos, after_row, row
        if row >= capacity:
            return FULL, pos, after_row, row
        start = pos
        pos += 1
        column = 0
        while True:
            while pos < end and _is_space(buf[pos]):
                pos += 1
            if pos >= end:
                return MORE, start, False, row
            if column >= width:
                return TOO_MANY, start, False, row
            kind = kinds[column]
            slot = slots[column]
            byte = buf[pos]
            if byte == 95:
                # MySQL 8 writes binary columns as _binary '...'.
                while pos < end and (buf[pos] == 95 or 48 <= buf[pos] <= 57 or 97 <= (buf[pos] | 32) <= 122):
                    pos += 1
                while pos < end and _is_space(buf[pos]):
                    pos += 1
                if pos >= end:
                    return MORE, start, False, row
                byte = buf[pos]
                if byte != 39:
                    return SYNTAX, pos, False, row
            if byte == 39:
                if kind == INTEGER:
                    return NOT_INTEGER, pos, False, row
                pos += 1
                if kind == SKIP:
                    while True:
                        while pos < end and buf[pos] != 39 and buf[pos] != 92:
                            pos += 1
                        # Both a backslash and a quote need a look at the next byte.
                        if pos + 1 >= end:
                            return MORE, start, False, row
                        if buf[pos] == 39 and buf[pos + 1] != 39:
                            pos += 1
                            break
                        pos += 2
                else:
                    to = offsets[slot, row]
                    while True:
                        while pos < end and buf[pos] != 39 and buf[pos] != 92:
                            texts[slot, to] = buf[pos]
                            to += 1
                            pos += 1
                        if pos + 1 >= end:
                            return MORE, start, False, row
                        following = buf[pos + 1]
                        if buf[pos] == 39:
                            if following != 39:
                                pos += 1
                                break
                            texts[slot, to] = 39
                        elif following == 37 or following == 95:
                            # \% and \_ keep their backslash outside of patterns.
                            texts[slot, to] = 92
                            to += 1
                            texts[slot, to] = following
                        else:
                            texts[slot, to] = escapes[following]
                        to += 1
                        pos += 2
                    offsets[slot, row + 1] = to
                    text_nulls[slot, row] = False
            else:
                token = pos
                while pos < end and buf[pos] != 44 and buf[pos] != 41 and not _is_space(buf[pos]):
                    if buf[pos] == 39 or buf[pos] == 40 or buf[pos] == 59:
                        return SYNTAX, pos, False, row
                    pos += 1
                if pos >= end:
                    return MORE, start, False, row
                if pos == token:
                    return SYNTAX, pos, False, row
                null = (
                    pos - token == 4
                    and (buf[token] | 32) == 110
                    and (buf[token + 1] | 32) == 117
                    and (buf[token + 2] | 32) == 108
                    and (buf[token + 3] | 32) == 108
                )
                if kind == INTEGER:
                    value = np.int64(0)
                    if not null:
                        k = token + 1 if buf[token] == 45 else token
                        if k == pos or pos - k > 19:
                            return NOT_INTEGER, token, False, row
                        while k < pos:
                            digit = np.int64(buf[k]) - 48
                            if digit < 0 or digit > 9:
                                return NOT_INTEGER, token, False, row
                            value = value * 10 + digit
                            if value < 0:
                                return NOT_INTEGER, token, False, row
                            k += 1
                        if buf[token] == 45:
                            value = -value
                    integers[slot, row] = value
                    integer_nulls[slot, row] = null
                elif kind == TEXT:
                    to = offsets[slot, row]
                    if buf[token] == 48 and token + 1 < pos and (buf[token + 1] | 32) == 120:
                        # --hex-blob
                        if (pos - token) % 2:
                            return SYNTAX, token, False, row
                        for k in range(token + 2, pos, 2):
                            high, low = _hex_digit(buf[k]), _hex_digit(buf[k + 1])
                            if high < 0 or low < 0:
                                return SYNTAX, k, False, row
                            texts[slot, to] = high * 16 + low
                            to += 1
                    elif not null:
                        for k in range(token, pos):
                            texts[slot, to] = buf[k]
                            to += 1
                    offsets[slot, row + 1] = to
                    text_nulls[slot, row] = null
            while pos < end and _is_space(buf[pos]):
                pos += 1
            if pos >= end:
                return MORE, start, False, row
            byte = buf[pos]
            pos += 1
            column += 1
            if byte == 41:
                break
            if byte != 44:
                return SYNTAX, pos - 1, False, row
        if column != width:
            return TOO_FEW, start, False, row
        row += 1
        after_row = True


@njit(cache=_CACHE)
def skip_statement(buf: U8, pos: int, end: int, quote: int, escaped: bool) -> tuple[bool, int, int, bool]:
    """Go to behind the semicolon that ends a statement.

    Returns
    -------
    tuple
        whether it was found, position, the quote character that is open (0 = none), whether a backslash
        is pending: the last two are to be passed in with the next part.
    """
    while pos < end:
        byte = buf[pos]
        pos += 1
        if escaped:
            escaped = False
        elif quote:
            if byte == 92 and quote != 96:
                escaped = True
            elif byte == quote:
                quote = 0
        elif byte == 39 or byte == 34 or byte == 96:
            quote = byte
        elif byte == 59:
            return True, pos, 0, False
    return False, pos, quote, escaped
