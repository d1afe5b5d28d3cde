"""Code of others: what a user's model file does is kept from standard output, what goes wrong in it is said as such."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from ..ontology.errors import DataError, NeurontologyError

_OURS = Path(__file__).resolve().parent.parent

_SHOWN = 500
"""Characters of an exception's text that are shown."""


@contextmanager
def foreign_errors(what: str, where: object, *, expected: str | None = None, hint: str | None = None) -> Iterator[None]:
    """Turn whatever code of others raises into a `DataError` that names the exception and the line.

    An attempt to end the process counts, since nothing would have been done; our own errors and interruptions pass.

    Parameters
    ----------
    what
        What failed, as the beginning of a sentence.
    where, expected, hint
        As for :class:`~neurontology.ontology.errors.NeurontologyError`.
    """
    try:
        yield
    except NeurontologyError:
        raise
    except (Exception, SystemExit) as problem:  # whatever code of others raises: it is told, and nothing goes on
        raise DataError(f"{what}: {_described(problem)}", where=where, expected=expected, hint=hint) from problem


@contextmanager
def foreign_code(what: str, where: object, *, expected: str | None = None, hint: str | None = None) -> Iterator[None]:
    """Like `foreign_errors`; and what the code prints goes to standard error, since results go to standard output.

    Not for threads, which share one standard output.
    """
    with redirect_stdout(sys.stderr), foreign_errors(what, where, expected=expected, hint=hint):
        yield


def _described(problem: BaseException) -> str:
    """Name an exception, say what it says, and the line of other people's code that it comes from."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    # TorchScript puts its reason last, after the code; everybody else begins with it.
    text = (lines[-1] if "TorchScript" in lines[0] else lines[0]) if lines else ""
    place, kind = _place(problem), type(problem).__name__
    said = f"{kind}: {text.removeprefix(f'{kind}: ')[:_SHOWN]}" if text else kind
    return f"{said} ({place})" if place else said


def _place(problem: BaseException) -> str | None:
    """The last line that is neither ours nor in an installed package, as FILE:LINE; None if there is none."""
    if isinstance(problem, SyntaxError):
        # Its text names the file and the line.
        return None
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        path = Path(frame.filename)
        installed = {"site-packages", "dist-packages"} & set(path.parts) or frame.filename.startswith("<frozen")
        if not installed and not path.is_relative_to(_OURS) and not path.is_relative_to(Path(sys.base_prefix, "lib")):
            return f"{frame.filename}:{frame.lineno}"
    return None
