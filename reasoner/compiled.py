"""The ways in which kernels are compiled: cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])
# Without reference counting of arrays, which costs more than the counting of bits; so no allocation inside.
BARE = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: Function) -> Function:
    """Compile a function that Python calls; it must not allocate arrays."""
    return cast(Function, numba.njit(**BARE)(function))


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: without the wrappers, which take longer than the rest."""
    return cast(Function, numba.njit(**BARE, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))
