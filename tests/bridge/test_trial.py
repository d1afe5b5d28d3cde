"""The trial before an extraction: outputs that chance or the batch decides, and rows that are no photographs."""

import logging

import pytest

pytest.importorskip("torch")
pytest.importorskip("PIL")
import torch
from neurontology.bridge.activations import extract
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform
from neurontology.bridge.trial import try_out
from neurontology.ontology.errors import DataError
from PIL import Image
from torch import nn

CPU = torch.device("cpu")


class Drawing(nn.Module):
    def forward(self, images):
        return nn.functional.dropout(images, 0.5)


class Stubborn(nn.BatchNorm2d):
    def train(self, mode=True):
        return super().train(True)


def wrapped(*modules):
    torch.manual_seed(0)
    return LoadedModel.wrap(nn.Sequential(*modules), transform=SquareTransform(16, (0.5,) * 3, (0.5,) * 3))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (Drawing(), "layer output for a photograph are not the same from pass to pass"),
        (Stubborn(3), "layer output for a photograph depend on what else is in the batch"),
        (nn.BatchNorm2d(3, track_running_stats=False), "layer output for a photograph depend on what else"),
        (nn.Dropout(0.5), None),
        (nn.BatchNorm2d(3), None),
        (nn.ReLU(), None),
    ],
)
def test_a_warning_says_what_else_decides(caplog, last, said):
    with caplog.at_level(logging.WARNING):
        try_out(wrapped(nn.Conv2d(3, 3, 3), last), ["0", "output"], "max", CPU)
    assert len(caplog.messages) == (said is not None)
    assert said is None or said in caplog.messages[0]


def test_half_precision_and_silent_units_give_no_warning(caplog):
    class Half(nn.Module):
        def forward(self, images):
            return images.half() * 0 + torch.tensor([0.0, 3.0, -2.0]).half()[:, None, None]

    with caplog.at_level(logging.WARNING):
        try_out(wrapped(Half()), ["0"], "mean", CPU)
    assert caplog.messages == []


def test_sequences_first_are_refused_also_where_their_length_is_that_of_the_batch(tmp_path):
    """Eight tokens of eight photographs: the numbers of rows agree, and each row would be a token."""

    class Turned(nn.Module):
        def forward(self, images):
            return images.flatten(2)[:, :, :8].permute(2, 0, 1)

    photos = tmp_path / "photos"
    photos.mkdir()
    for at in range(8):
        Image.new("RGB", (20, 20), (at * 30, 0, 0)).save(photos / f"{at}.png")
    with pytest.raises(DataError, match="8 rows for 3 images"):
        extract(wrapped(Turned()), "0", photos, out=tmp_path / "out", batch_size=8)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
