"""The individuals that a learning problem speaks of: from names to IRIs, and examples that follow from a class."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from ..ontology.errors import UsageError
from ..ontology.expression import And, ClassExpression, Named
from ..ontology.index import KBIndex
from ..ontology.iris import IriTable
from ..ontology.names import local_name
from .interpretation import Interpretation
from .problem import LearningProblem, is_iri

MAX_LISTED = 10
"""Individuals that an error lists, at most."""


def resolve_individuals(names: Iterable[str], index: KBIndex) -> list[str]:
    """IRIs of individuals given by IRI or by local name.

    An IRI that the knowledge base knows stands for itself. Any other name, with or without an undeclared prefix,
    stands for the only individual with this local name; a full IRI is never taken for another one. The
    individuals are gone through once, and only if a name is not a known IRI.

    Returns
    -------
    list of str
        One IRI for each name, in the order given.

    Raises
    ------
    UsageError
        Names that no individual or more than one has; up to ten of them are listed.

    Examples
    --------
    >>> from pyoxigraph import NamedNode, Quad
    >>> from neurontology.ontology.vocabulary import TYPE
    >>> index = KBIndex.build(
    ...     Quad(NamedNode(f"http://a.org/#{i}"), TYPE, NamedNode("http://a.org/#Image")) for i in ("i1", "i2")
    ... )
    >>> resolve_individuals(["i2", "http://a.org/#i1", "ex:i1"], index)
    ['http://a.org/#i2', 'http://a.org/#i1', 'http://a.org/#i1']
    >>> resolve_individuals(["i3"], index)
    Traceback (most recent call last):
    neurontology.ontology.errors.UsageError: the knowledge base has no individual i3 (near: i1, i2). Names are \
case-sensitive; is it the right knowledge base?.
    """
    given = list(names)
    table = index.individuals
    resolved = {name: name for name in given if name in table}
    open_names = [name for name in dict.fromkeys(given) if name not in resolved]
    if open_names:
        holders = _holders(open_names, table)
        _refuse(open_names, holders, table)
        resolved |= {name: holders[name][0] for name in open_names}
    return [resolved[name] for name in given]
