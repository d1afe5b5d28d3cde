"""Problem files: ECII's, DL-Learner's, Ontolearn's, and plain lists. The content tells which one it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...ontology.errors import DataError, UsageError, near_matches
from ..problem import LearningProblem
from . import dllearner, ecii, lists, ontolearn_json
from .text import read_text

__all__ = ["read_lists", "read_problem"]

_EXAMPLES = re.compile(r"(?<!\S)\w+\.(?:positive|negative)Examples\s*=")


def read_problem(path: str | os.PathLike[str], *, select: str | None = None) -> LearningProblem:
    """Read a learning problem from a file in any of the formats.

    Parameters
    ----------
    path
        The file.
    select
        Name of one of several problems in the file.

    Raises
    ------
    UsageError
        There is no such file, it holds several problems and none of them is selected, or none has the name.
    DataError
        The file breaks the syntax of its format, or the examples are not usable.
    """
    path = Path(path)
    text = read_text(path)
    if ontolearn_json.matches(text):
        return ontolearn_json.read(text, path, select)
    if select not in (None, path.stem):
        raise UsageError(f"holds no problem called {select!r}", where=path, hint=near_matches(str(select), [path.stem]))
    if ecii.matches(text):
        return ecii.read(text, path)
    if dllearner.matches(text):
        return dllearner.read(text, path)
    if _EXAMPLES.search(text):
        # What remains can be read as either; they differ in comments that begin with #.
        return ecii.read(text, path) if path.suffix == ".config" else dllearner.read(text, path)
    ontology = text.lstrip().startswith(("<?xml", "<rdf:RDF", "<!DOCTYPE", "@prefix", "@base"))
    raise DataError(
        "is an ontology, not a learning problem" if ontology else "is not a known kind of learning problem",
        where=path,
        expected="an ECII .config, a DL-Learner .conf or a JSON file with positive and negative examples",
        hint="give the ontology with --kb and the problem with --problem"
        if ontology
        else "plain lists of individuals go to --positives and --negatives",
    )


def read_lists(positives: str | os.PathLike[str], negatives: str | os.PathLike[str]) -> LearningProblem:
    """Read a learning problem from two lists of individuals, one IRI or name in a line.

    Raises
    ------
    UsageError
        A file does not exist.
    DataError
        A line holds more than one name, a list is empty, or an individual is in both.
    """
    return lists.read(Path(positives), Path(negatives))
