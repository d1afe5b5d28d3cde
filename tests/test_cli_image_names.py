"""Images with any name are joined with their annotations by the command line."""

import pytest
from command_line import answer, succeed

pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

NAMES = ("IMG 1 (2)", "100%", "a%20b", "a b", "a#b", "été", "😀", "quo'te", "new\nline", "bad\udcff", "plain", "שלום")

MODEL = """from torch import nn
def build():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""

CLASSES = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
:dark a owl:Class . :light a owl:Class .
"""


def test_names_of_images_do_not_keep_them_from_their_annotations(tmp_path):
    for at, name in enumerate(NAMES):
        folder = tmp_path / "images" / ("light" if at % 2 else "dark")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (200 + at,) * 3 if at % 2 else (at,) * 3).save(folder / f"{name}.png")
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "classes.ttl").write_text(CLASSES)
    kb, acts, run = tmp_path / "kb", tmp_path / "acts", tmp_path / "run"
    succeed("kb", "build", "owl", tmp_path / "classes.ttl", "--out", kb)
    succeed("kb", "annotate", kb, "imagefolder", tmp_path / "images")
    succeed(
        *("activations", f"{tmp_path / 'model.py'}:build", "--layer", "1", "--images", tmp_path / "images"),
        *("--holdout", "0", "--out", acts),
    )
    labels = answer("label", "--kb", kb, "--activations", acts, "--rule", "80/20", "--units", "0", "--out", run)
    (unit,) = labels["units"]
    best = unit["solutions"][0]
    assert (unit["positives"], unit["negatives"], best["tp"], best["fp"]) == (6, 6, 6, 0)
    assert best["dl"] == "light"
