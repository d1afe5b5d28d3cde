"""Packages that are asked for by name: imported, or an error that says what to install."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from ..ontology.errors import MissingDependencyError


def import_package(name: str, what: str, install: str, *members: str) -> ModuleType:
    """Import a package that may not be there.

    Parameters
    ----------
    name
        The module.
    what
        What needs it, for the message.
    install
        What ``pip install`` gets.
    members
        Names that the module is asked for as well, since some packages import their parts only then.

    Raises
    ------
    MissingDependencyError
        If the package, or something that it imports, is not installed or does not fit.
    """
    try:
        module = importlib.import_module(name)
        for member in members:
            getattr(module, member)
    except (ImportError, RuntimeError) as problem:
        # A torchvision built for another torch ends its import with a RuntimeError.
        raise missing_package(problem, what, name, install) from problem
    return module


def missing_package(problem: Exception, what: str, name: str, install: str) -> MissingDependencyError:
    """Say why a package cannot be imported: it is missing, or imports a torchvision that is not made for this torch."""
    absent = isinstance(problem, ModuleNotFoundError) and problem.name == name.partition(".")[0]
    unfit = None if absent else _unfit_torchvision()
    if unfit is not None:
        return MissingDependencyError(
            f"{what} needs the package {name}, and the torchvision {version('torchvision')} that is installed does not "
            f"fit torch {version('torch')} ({unfit})",
            hint="install the torchvision that is made for this torch, from where torch came from; or uninstall "
            "torchvision, which open_clip and timm need and other packages do without",
        )
    return MissingDependencyError(
        f"{what} needs the package {name}, which cannot be imported ({problem})",
        hint=f"install it with pip install {install}",
    )


def _unfit_torchvision() -> str | None:
    """Why an installed torchvision cannot be imported; None if it can, or is not installed."""
    try:
        version("torchvision")
        importlib.import_module("torchvision")
    except PackageNotFoundError:
        return None
    except (ImportError, RuntimeError) as problem:  # as in import_package: the reason is what is asked for
        return str(problem).splitlines()[0]
    return None
