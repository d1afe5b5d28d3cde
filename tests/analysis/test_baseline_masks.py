"""Masks, thresholds and the pass over photographs, against pixels counted one by one."""

from pathlib import Path

import numpy as np
import pytest
from neurontology.ontology.errors import DataError

torch = pytest.importorskip("torch")
image = pytest.importorskip("PIL.Image")

from neurontology.analysis.baselines.dissection import Tail, Tally, dissect, masks_of
from neurontology.analysis.baselines.netdissect import concept_ious
from neurontology.analysis.baselines.segmentation import NOTHING, SIZE, Masks, has_masks, read_masks

LINES = """\
001 # 0 # 0 # sky # sky # ""
002 # 0 # 0 # car, auto # car # ""
003 # 0 # 1 # car, auto # car # ""
001 # 1 # 0 # wheel # wheel # ""
"""


def encode(codes: np.ndarray, blue: np.ndarray) -> np.ndarray:
    return np.stack([codes // 256 * 10, codes % 256, blue], -1).astype(np.uint8)


def scene(folder: Path, name: str, seed: int = 0) -> Path:
    """Sky above, two cars below, one wheel on the right one; blank in the lower left corner."""
    folder.mkdir(parents=True, exist_ok=True)
    codes, blue = np.full((80, 120), 300), np.full((80, 120), 17)
    codes[40:], blue[40:, :60], blue[40:, 60:] = 1025, 90, 200
    codes[70:, :10] = blue[70:, :10] = 0
    parts, part_blue = np.zeros((80, 120), int), np.zeros((80, 120), int)
    parts[60:80, 80:100], part_blue[60:80, 80:100] = 600, 33
    photo = np.random.default_rng(seed).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    image.fromarray(photo).save(folder / f"{name}.png")
    image.fromarray(encode(codes, blue)).save(folder / f"{name}_seg.png")
    image.fromarray(encode(parts, part_blue)).save(folder / f"{name}_parts_1.png")
    (folder / f"{name}_atr.txt").write_text(LINES)
    return folder / f"{name}.png"


def test_masks_are_read_as_ade20k_defines_them(tmp_path: Path) -> None:
    photo = scene(tmp_path / "street", "x")
    assert has_masks(photo)
    found = read_masks(photo, tmp_path, lambda picture: picture)
    assert (found.names, found.scene, found.layers.shape) == (("sky", "car", "wheel (part)"), "street", (2, SIZE, SIZE))
    whole, parts = found.layers
    assert (whole[:56] == 0).all()
    assert (whole[56:95] == 1).all() and (whole[98:, :9] == NOTHING).all() and (whole[98:, 10:] == 1).all()
    assert ((parts == 2).sum() / SIZE**2) == pytest.approx(20 * 20 / 9600, rel=0.1)


def test_neighbouring_classes_are_told_apart(tmp_path: Path) -> None:
    photo = scene(tmp_path, "x")
    codes = np.repeat([255, 256, 511, 512], 30)[None].repeat(80, 0)
    image.fromarray(encode(codes, codes // 255 * 10 + codes % 7)).save(tmp_path / "x_seg.png")
    (tmp_path / "x_parts_1.png").unlink()
    blues = np.unique(codes // 255 * 10 + codes % 7).tolist()
    at = {int(code): blues.index(int(code // 255 * 10 + code % 7)) + 1 for code in np.unique(codes)}
    (tmp_path / "x_atr.txt").write_text("".join(f'{n:03} # 0 # 0 # c{code} # c # ""\n' for code, n in at.items()))
    found = read_masks(photo, tmp_path, lambda picture: picture)
    assert [found.names[found.layers[0, 0, x]] for x in (5, 40, 70, 105)] == ["c255", "c256", "c511", "c512"]


def test_broken_masks_are_named(tmp_path: Path) -> None:
    photo = scene(tmp_path, "x")
    (tmp_path / "x_seg.png").write_bytes((tmp_path / "x_seg.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"x_seg\.png"):
        read_masks(photo, tmp_path, lambda picture: picture)
    image.fromarray(np.zeros((80, 120), np.uint8)).save(tmp_path / "x_seg.png")
    with pytest.raises(DataError, match="mode L"):
        read_masks(photo, tmp_path, lambda picture: picture)
    (tmp_path / "x_atr.txt").unlink()
    assert not has_masks(photo)


@pytest.mark.parametrize("total", [3, 200, 201, 1000])
def test_thresholds_are_exact_quantiles(total: int) -> None:
    values = np.random.default_rng(total).random((3, total)).round(2)
    tail = Tail(3, total)
    for block in np.array_split(values, 7, axis=1):
        if block.shape[1]:
            tail.add(block)
    assert tail.threshold() == pytest.approx(np.quantile(values, 0.995, axis=1))
    assert tail.least.tolist() == values.min(1).tolist()


def test_masks_of_units_are_scaled_up_bilinearly() -> None:
    pillow = image.Resampling.BILINEAR
    maps = np.random.default_rng(0).random((2, 7, 7)).astype(np.float32)
    large = np.stack([np.asarray(image.fromarray(one).resize((SIZE, SIZE), pillow)) for one in maps])
    found = masks_of(maps, np.array([0.5, 0.9]), np.zeros(2))
    clear = np.abs(large - np.array([0.5, 0.9])[:, None, None]) > 1e-4
    assert (found == (large >= np.array([0.5, 0.9])[:, None, None]))[clear].all()
    # A saturated unit has a mask where it is saturated, a silent one none.
    assert masks_of(np.full((1, 2, 2), 6.0), np.array([6.0]), np.array([0.0])).all()
    assert not masks_of(np.zeros((1, 2, 2)), np.array([0.0]), np.array([0.0])).any()


def test_pixels_are_counted_by_kind() -> None:
    rng, tally, pixels = np.random.default_rng(0), Tally(2), []
    for n in range(4):
        layers = rng.integers(NOTHING, 2, (2, SIZE, SIZE)).astype(np.int32)
        layers[1][layers[1] != NOTHING] = 2 if n else NOTHING
        active = rng.random((2, SIZE, SIZE)) < 0.1
        tally.add(Masks(layers, ("tree", "car", "wheel (part)"), "street" if n else None), None if n == 3 else active)
        if n < 3:
            pixels.append((layers, active, n > 0))
    found = tally.result()
    assert found.names == ("tree", "car", "wheel (part)", "street (scene)")
    ious = concept_ious(found)
    for concept, name in enumerate(found.names):
        held = [
            np.full((SIZE, SIZE), street) if concept == 3 else (layers == concept).any(0)
            for layers, _, street in pixels
        ]
        counted = [street if concept >= 2 else True for _, _, street in pixels]  # Parts are annotated there, too.
        for unit in range(2):
            both = sum((h & a[unit]).sum() for h, (_, a, _) in zip(held, pixels, strict=True))
            either = sum((h | a[unit]).sum() for h, (_, a, _), c in zip(held, pixels, counted, strict=True) if c)
            assert ious[unit, concept] == pytest.approx(both / either), name
    assert found.shown(found.kinds[3]).tolist() == [False, True, True, True]


def test_the_pass_over_photographs(tmp_path: Path) -> None:
    from neurontology.bridge.activations import extract
    from neurontology.bridge.images import ImageSet, load_rgb
    from neurontology.bridge.loaded_model import LoadedModel, SquareTransform

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5, 4), torch.nn.ReLU())
    model = LoadedModel.wrap(network, name="tiny", transform=SquareTransform(32, (127.0,) * 3, (128.0,) * 3, scale=1.0))
    for n in range(6):
        scene(tmp_path / "photos" / "street", f"p{n}", n)
    images = ImageSet.find(tmp_path / "photos")
    acts = extract(model, "1", images, out=tmp_path / "acts", workers=1)
    given = np.array([1, 0, 1, 1, 0, 1], bool)
    found = dissect(model, acts, images, np.arange(6), given, [2, 0])

    with torch.inference_mode():
        inputs = torch.stack([model.transform(load_rgb(one.path, model.decode_size)) for one in images])
        maps = network(inputs)[:, [2, 0]].numpy()[given]
    threshold = np.quantile(maps.transpose(1, 0, 2, 3).reshape(2, -1), 0.995, axis=1)
    active = np.stack([masks_of(one, threshold, maps.min((0, 2, 3))) for one in maps])
    masks = read_masks(images.records[0].path, tmp_path / "photos", lambda picture: picture)
    car = (masks.layers == masks.names.index("car")).any(0)
    expected = (active & car).sum((0, 2, 3)) / (active | car).sum((0, 2, 3))
    assert concept_ious(found)[:, found.names.index("car")] == pytest.approx(expected)
    assert found.area.sum() == 4 * SIZE**2
    assert len(found.present) == 6
