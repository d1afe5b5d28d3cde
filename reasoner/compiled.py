"""The ways in which kernels are compiled: cached on disk, without the interpreter lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
from llvmlite import binding as llvm
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

Scalar: TypeAlias = Any  # a number inside a kernel: of Python or of numpy, as the compiler sees fit
Function = TypeVar("Function", bound=Callable[..., object])
# Without reference counting of arrays, which costs more than the counting of bits; so no allocation inside.
BARE: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}


MODULES = (
    *("beam", "compiled", "counts", "distinct", "enumeration", "extents", "forms", "literals", "named_classes"),
    *("pairs", "pool", "popcount", "restrictions", "shape", "universe"),
    *("contexts", "ranked_pool", "ranked_search", "ranking"),
)


def _digest() -> str:
    """Digest of the sources of all kernels and of the constants in them."""
    sources = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in MODULES]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()


SOURCES = _digest()


class _MachineCode(CompileResultCacheImpl):
    """What is kept of a kernel: its machine code, not what the compiler would need to put it into other kernels.

    Reading that is most of the work of reading a kernel. In its place stands the one name that Python looks for.
    """

    def reduce(self, cres: Any) -> Any:
        numba_impl: Any = super()
        (name, kind, (code, _)), *rest = numba_impl.reduce(cres)
        wrapper = f'define void @"{cres.fndesc.llvm_cpython_wrapper_name}"() {{ unreachable }}'
        return (name, kind, (code, llvm.parse_assembly(wrapper).as_bitcode())), *rest


class _KernelCache(FunctionCache):
    """Compiled kernels on disk.

    The cache knows a kernel by the file that it stands in: it would miss a change in one that it calls from another
    file, and could not even read what was kept of classes that are gone or were imported under another name. So its
    files carry the name of the package and the digest of all kernels.
    """

    def __init__(self, function: Callable[..., object], kept: type[CompileResultCacheImpl]) -> None:
        numba_cache: Any = super()
        numba_cache.__init__(function)
        self._impl: Any = kept(function)
        file: Any = IndexDataCacheFile
        base = f"{__package__}.{SOURCES[:12]}.{self._impl.filename_base}"
        self._cache_file = file(cache_path=self.cache_path, filename_base=base, source_stamp=SOURCES)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Read a kernel, without making the compiler ready first as numba does: that takes longer than the rest.

        The compiler makes itself ready when there is something to compile.
        """
        numba_cache: Any = self
        with numba_cache._guard_against_spurious_io_errors():
            return numba_cache._load_overload(sig, target_context)


def _compile(function: Function, kept: type[CompileResultCacheImpl], **options: Any) -> Function:
    dispatcher = numba.njit(**BARE, **options)(function)
    dispatcher._cache = _KernelCache(function, kept)
    return cast(Function, dispatcher)


def kernel(function: Function) -> Function:
    """Compile a function that Python calls, and no other kernel; it must not allocate arrays."""
    return _compile(function, _MachineCode)


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: without the wrapper, which takes longer than the rest."""
    return _compile(function, CompileResultCacheImpl, no_cpython_wrapper=True)


def shared(function: Function) -> Function:
    """Compile a function that Python and kernels call; it must not allocate arrays."""
    return _compile(function, CompileResultCacheImpl)
