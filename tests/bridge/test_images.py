"""Image sets, against the folder's own contents and files broken on purpose."""

import hashlib
import logging
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from neurontology.bridge.images import BadImage, ImageSet, load_rgb, manifest_digest
from neurontology.ontology.errors import DataError, UsageError
from PIL import Image


def photo(path: Path, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_folder_is_sorted_and_classes_are_folders(tmp_path):
    photo(tmp_path / "park" / "b.jpg", 1)
    photo(tmp_path / "market" / "outdoor" / "a.PNG", 2)
    photo(tmp_path / "c.jpg", 3)
    found = ImageSet.find(tmp_path)
    assert [(one.id, one.relative, one.label) for one in found] == [
        ("c", "c.jpg", None),
        ("a", "market/outdoor/a.PNG", "market outdoor"),
        ("b", "park/b.jpg", "park"),
    ]
    assert [one.sha256 for one in found] == [
        hashlib.sha256((tmp_path / one.relative).read_bytes()).hexdigest() for one in found
    ]


def test_masks_hidden_files_and_texts_are_not_images(tmp_path):
    photo(tmp_path / "x.jpg")
    for name in ("x_seg.png", "x_parts_1.png", "x/instance_000_x.png", ".y.png", ".git/z.png"):
        photo(tmp_path / name, 7)
    (tmp_path / "x_atr.txt").write_text("001 # 0 # 0 # car # car # ''")
    assert [one.id for one in ImageSet.find(tmp_path)] == ["x"]


def test_manifest_tells_content_class_and_order_but_not_place(tmp_path):
    photo(tmp_path / "one" / "k" / "a.png", 1)
    photo(tmp_path / "two" / "k" / "a.png", 1)
    photo(tmp_path / "three" / "k" / "a.png", 2)
    photo(tmp_path / "four" / "other" / "a.png", 1)
    first, same, content, label = (
        ImageSet.find(tmp_path / name).manifest_sha256 for name in ("one", "two", "three", "four")
    )
    assert first == same
    assert len({first, content, label}) == 3
    rows = [("a", "1", None), ("b", "2", "k")]
    assert manifest_digest(rows) != manifest_digest(reversed(rows))


def test_copy_with_the_same_stem_is_listed_once(tmp_path, caplog):
    photo(tmp_path / "a" / "x.png", 1)
    photo(tmp_path / "b" / "x.png", 1)
    with caplog.at_level(logging.WARNING):
        assert [one.relative for one in ImageSet.find(tmp_path)] == ["a/x.png"]
    assert "b/x.png is a copy of a/x.png" in caplog.text


def test_different_images_with_one_stem_are_refused(tmp_path):
    photo(tmp_path / "a" / "x.png", 1)
    photo(tmp_path / "b" / "x.jpg", 2)
    with pytest.raises(DataError, match=r"a/x\.png and b/x\.jpg.*called 'x'"):
        ImageSet.find(tmp_path)


@pytest.mark.parametrize("name", ["t.jpg", "t.png"])
def test_truncated_images_are_all_named_or_skipped(tmp_path, name):
    photo(tmp_path / "good.jpg", 1)
    broken = photo(tmp_path / name, 2, (200, 200))
    broken.write_bytes(broken.read_bytes()[:-2000])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("this is no image")
    with pytest.raises(DataError, match="3 unusable images") as caught:
        ImageSet.find(tmp_path)
    assert all(bad in str(caught.value) for bad in (name, "empty.png", "text.jpg"))
    assert "good.jpg" not in str(caught.value)
    found = ImageSet.find(tmp_path, skip_bad=True)
    assert [one.id for one in found] == ["good"]
    assert [one.relative for one in found.skipped] == sorted([name, "empty.png", "text.jpg"])


def test_jpeg_with_bytes_after_its_end_is_sound(tmp_path):
    file = photo(tmp_path / "a.jpg")
    file.write_bytes(file.read_bytes() + b"appended by a camera")
    assert len(ImageSet.find(tmp_path)) == 1


def bomb(path: Path, width: int, height: int) -> None:
    """Write a PNG whose header promises far more pixels than there are."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_decompression_bombs_are_refused(tmp_path, side):
    bomb(tmp_path / "bomb.png", side, side)
    photo(tmp_path / "good.png")
    with pytest.raises(DataError, match=r"bomb\.png \(.*(pixels|decompression bomb)"):
        ImageSet.find(tmp_path)
    assert [one.id for one in ImageSet.find(tmp_path, skip_bad=True)] == ["good"]


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="no images found"):
        ImageSet.find(tmp_path)
    with pytest.raises(UsageError, match="no such image folder"):
        ImageSet.find(tmp_path / "absent")
    (tmp_path / "notes.md").write_text("text")
    with pytest.raises(UsageError, match="not an image"):
        ImageSet.find(tmp_path / "notes.md")
    (tmp_path / "only.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the images can be read"):
        ImageSet.find(tmp_path, skip_bad=True)


def test_single_image(tmp_path):
    found = ImageSet.find(photo(tmp_path / "photo of a cat.png"))
    assert [(one.id, one.label) for one in found] == [("photo of a cat", None)]


def test_lists(tmp_path):
    photo(tmp_path / "in" / "b.png", 1)
    photo(tmp_path / "in" / "a.png", 2)
    table = tmp_path / "list.csv"
    table.write_text("path,label\nin/b.png,park\n./in/a.png,\n")
    found = [(one.relative, one.label) for one in ImageSet.find(table)]
    assert found == [("in/a.png", None), ("in/b.png", "park")]
    text = tmp_path / "list.txt"
    text.write_text("in/b.png\n\nin/a.png\n")
    assert [one.id for one in ImageSet.find(text)] == ["a", "b"]
    table.write_text("path\nin/a.png\nin/missing.png\n")
    with pytest.raises(DataError, match=r"list\.csv:3: no such image: in/missing\.png"):
        ImageSet.find(table)
    table.write_text("file\nin/a.png\n")
    with pytest.raises(DataError, match=r"list\.csv:1: .*no column 'path'"):
        ImageSet.find(table)
    table.write_text("path,class\nin/a.png,x\nin/a.png,y\n")
    with pytest.raises(DataError, match=r"list\.csv:3: .*different classes"):
        ImageSet.find(table)


def test_linked_folders_are_followed_once(tmp_path):
    photo(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "park").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "set")
    assert [one.relative for one in ImageSet.find(tmp_path / "set")] == ["park/a.png"]


def test_modes_become_rgb(tmp_path):
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((4, 4), 257 * 80, dtype=np.uint16)).save(tmp_path / "deep.png")
    Image.new("L", (4, 4), 80).save(tmp_path / "grey.png")
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    palette.save(tmp_path / "palette.png", transparency=b"\xff\xff")
    expected = {"clear": (255,) * 3, "deep": (80,) * 3, "grey": (80,) * 3, "palette": (200, 100, 50)}
    for name, colour in expected.items():
        image = load_rgb(tmp_path / f"{name}.png")
        assert image.mode == "RGB"
        assert image.getpixel((1, 1)) == colour, name
    Image.fromarray(np.zeros((4, 4), dtype=np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(ValueError, match="mode F"):
        load_rgb(tmp_path / "float.tiff")


def test_large_jpegs_are_decoded_smaller_on_request(tmp_path):
    # A smooth picture, so that only scaling matters: grey rises by one level every four pixels.
    across = np.mgrid[0:800, 0:1000][1] // 4
    Image.fromarray(across.astype(np.uint8)).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(across.astype(np.uint8)).convert("RGB").save(tmp_path / "b.png")
    assert load_rgb(tmp_path / "a.jpg").size == (1000, 800)
    assert load_rgb(tmp_path / "a.jpg", (500, 401)).size == (1000, 800)
    assert load_rgb(tmp_path / "b.png", (100, 100)).size == (1000, 800)
    half = load_rgb(tmp_path / "a.jpg", (448, 400))
    assert half.size == (500, 400)
    assert load_rgb(tmp_path / "a.jpg", (100, 100)).size == (125, 100)
    grey = np.asarray(half, dtype=float)[..., 0]
    np.testing.assert_allclose(grey[:, 10:-10], (across[::2, ::2] + 0.25)[:, 10:-10], atol=1.5)


def test_bad_image_says_why(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    photo(tmp_path / "a.png")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = ImageSet.find(tmp_path, skip_bad=True)
    assert [one.id for one in found] == ["a"]
    (bad,) = found.skipped
    assert isinstance(bad, BadImage)
    assert bad.relative == "gone.jpg"
    assert "No such file" in bad.reason


def test_published_photographs(shared_data):
    root = shared_data / "ade20k-scenes"
    found = ImageSet.find(root)
    assert len(found) == 298
    assert {one.path for one in found} == set(root.rglob("*.jpg"))
    assert sum(one.label == "mountain" for one in found) == 85
    assert sum(one.label == "market outdoor" for one in found) == 27


def test_reasons_are_the_same_each_time(tmp_path):
    """They are recorded, so they must not name objects in memory."""
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.png").write_text("<html>404</html>")
    photo(tmp_path / "sound.png")
    found = ImageSet.find(tmp_path, skip_bad=True)
    assert {bad.relative: bad.reason for bad in found.skipped} == {
        "empty.jpg": "the file is empty",
        "page.png": "not an image of a known format",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read a folder")
def test_a_folder_that_may_not_be_read_is_not_empty():
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "closed"
        folder.mkdir()
        photo(Path(root) / "sound.png")
        photo(folder / "hidden.png")
        Path(root).chmod(0o755)
        folder.chmod(0o700)
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionError, match="closed"):
                ImageSet.find(root)
        finally:
            os.seteuid(0)
