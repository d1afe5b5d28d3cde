"""Reading a text from left to right, with the file and line for every error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Never

from ...ontology.errors import DataError, UsageError


def read_text(path: Path) -> str:
    """Text of a UTF-8 file, whatever its line ends, with line feeds between the lines.

    Raises
    ------
    UsageError
        There is no such file.
    DataError
        It is not UTF-8 text.
    """
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "the file does not exist"
        raise UsageError(what, where=path, expected="a file with a learning problem")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"is not UTF-8 text ({error.reason})",
            where=f"{path}:{content.count(10, 0, error.start) + 1}",
            hint="save it again as UTF-8",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Reader:
    """A position in a text.

    Parameters
    ----------
    text
        What is read.
    path
        Its file, for errors.
    blank
        What may stand between tokens: white space and comments.
    """

    def __init__(self, text: str, path: Path, blank: re.Pattern[str]) -> None:
        self.text = text
        self.path = path
        self.position = 0
        self._blank = blank

    @property
    def line(self) -> int:
        """Number of the line at the position, from 1."""
        return self.text.count("\n", 0, self.position) + 1

    def skip(self) -> None:
        """Move over white space and comments."""
        while found := self._blank.match(self.text, self.position):
            self.position = found.end()
        if self.text.startswith("/*", self.position):
            self.fail("the comment is not closed", "*/")

    def peek(self) -> str:
        """Next character that is neither white space nor comment; the empty string at the end."""
        self.skip()
        return self.text[self.position : self.position + 1]

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Move over a token if it comes next; its first group, if it has one, else all of it."""
        self.skip()
        found = pattern.match(self.text, self.position)
        if not found:
            return None
        self.position = found.end()
        return found[found.re.groups and 1]

    def take_symbol(self, symbol: str) -> bool:
        """Move over a symbol if it comes next."""
        if self.peek() != symbol:
            return False
        self.position += 1
        return True

    def require(self, symbol: str) -> None:
        """Move over a symbol that must come next."""
        if not self.take_symbol(symbol):
            self.unexpected(repr(symbol))

    def unexpected(self, expected: str) -> Never:
        """Raise an error that says what stands at the position."""
        self.skip()
        rest = self.text[self.position : self.position + 30].split("\n")[0].strip()
        if rest.startswith('"') and rest.count('"') == 1:
            self.fail("the string is not closed", '" on the same line')
        self.fail(f"found {rest!r}" if rest else "the text ends here", expected)

    def fail(self, what: str, expected: str) -> Never:
        """Raise an error at the line of the position."""
        raise DataError(what, where=f"{self.path}:{self.line}", expected=expected)
