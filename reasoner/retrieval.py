"""Closed-world evaluation of class expressions over any model that knows its classes, links and values."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from .data_values import PropertyValues

Extension: TypeAlias = NDArray[np.bool_]


class Model(Protocol):
    """Individuals numbered 0 … size - 1, the instances of classes, the links of roles, values of properties."""

    @property
    def size(self) -> int:
        """Number of individuals."""

    def instances(self, iri: str) -> Extension:
        """Instances of a named class: bool, shape (size,)."""

    def role(self, role: Role) -> sparse.csr_matrix:
        """Boolean CSR, shape (size, size): the row's individual is linked to the column's one by the role."""

    def values(self, iri: str) -> PropertyValues:
        """Values of a data property."""


def evaluate(expression: ClassExpression, model: Model) -> Extension:
    """Instances of a class expression in a model: bool, shape (size,)."""
    match expression:
        case Top():
            return np.ones(model.size, np.bool_)
        case Bottom():
            return np.zeros(model.size, np.bool_)
        case Named(iri):
            return model.instances(iri)
        case Not(operand):
            return ~evaluate(operand, model)
        case And(operands):
            joined: Extension = np.logical_and.reduce([evaluate(o, model) for o in operands])
            return joined
        case Or(operands):
            united: Extension = np.logical_or.reduce([evaluate(o, model) for o in operands])
            return united
        case Some(role, filler):
            return np.greater(_counts(role, filler, model), 0)
        case Only(role, filler):
            return np.equal(_counts(role, Not(filler), model), 0)
        case AtLeast(number, role, filler):
            return np.greater_equal(_counts(role, filler, model), number)
        case AtMost(number, role, filler):
            return np.less_equal(_counts(role, filler, model), number)
        case HasValue(prop, value, datatype):
            return _members(model.values(prop).equal(value, datatype), model.size)
        case DataBound(prop, facet, value, datatype):
            return _members(model.values(prop).beyond(facet, value, datatype), model.size)


def _counts(role: Role, filler: ClassExpression, model: Model) -> NDArray[np.int64]:
    """Number of distinct fillers of the role that are instances of `filler`, for each individual."""
    members = evaluate(filler, model).astype(np.int64)
    counts: NDArray[np.int64] = model.role(role).astype(np.int64) @ members
    return counts


def _members(rows: NDArray[np.int64], size: int) -> Extension:
    extension = np.zeros(size, np.bool_)
    extension[rows] = True
    return extension
