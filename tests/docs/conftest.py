"""A folder for the commands of the documentation."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short: the tables that commands print fold a long one, which the pages do not show."""
    with TemporaryDirectory() as name:
        yield Path(name)
