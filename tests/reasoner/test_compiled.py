"""What is kept of kernels on disk, and who may call which."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from neurontology.reasoner import compiled
from numba.core.registry import CPUDispatcher

FOLDER = Path(compiled.__file__).parent


def kernels() -> Iterator[tuple[str, Any]]:
    """Every kernel with the name of its file."""
    for file in FOLDER.glob("*.py"):
        if "from .compiled import" in file.read_text():
            module = import_module(f"{compiled.__package__}.{file.stem}")
            for value in vars(module).values():
                if isinstance(value, CPUDispatcher) and value.py_func.__module__ == module.__name__:
                    yield file.stem, value


def keeps_machine_code_alone(kernel: Any) -> bool:
    return isinstance(kernel._cache._impl, compiled._MachineCode)


def test_every_file_with_kernels_is_in_the_digest_of_the_cache() -> None:
    assert {file for file, _ in kernels()} <= set(compiled.MODULES)


def test_kernels_call_no_kernels_of_which_only_machine_code_is_kept() -> None:
    """Else one that is compiled when the other is read from disk could not be linked."""
    assert sum(keeps_machine_code_alone(kernel) for _, kernel in kernels()) > 20
    for file, kernel in kernels():
        scope = kernel.py_func.__globals__
        for name in kernel.py_func.__code__.co_names:
            called = scope.get(name)
            if isinstance(called, CPUDispatcher):
                assert not keeps_machine_code_alone(called), f"{file}: {kernel.__name__} calls {name}"
