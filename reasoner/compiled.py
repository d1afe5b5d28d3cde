"""The two ways in which kernels are compiled: both cached on disk and without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that Python calls."""
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: without the wrappers, which take longer than the rest."""
    return cast(
        Function,
        numba.njit(
            cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
        )(function),
    )
