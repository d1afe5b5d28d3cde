"""Folders of images, one for each class."""

from pathlib import Path

import pytest
from neurontology.kb_build.annotate import annotate, read_annotations
from neurontology.kb_build.imagefolder import read_imagefolder
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB

# As in the documentation of torchvision.datasets.ImageFolder: root/dog/xxx.png, root/dog/[...]/xxz.png
FILES = ["dog/xxx.png", "dog/more/xxz.JPG", "fire_truck/123.jpeg", "fire_truck/notes.txt", ".git/a.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"image")
    return tmp_path / "data"


def test_the_class_is_the_folder_below_the_root(root: Path) -> None:
    images, bad = read_annotations("imagefolder", root)
    assert [(i.id, i.scene, i.objects) for i in images] == [
        ("123", "fire truck", ()),
        ("xxx", "dog", ()),
        ("xxz", "dog", ()),
    ]
    assert not bad


def test_images_get_their_class(root: Path, tmp_path: Path) -> None:
    (tmp_path / "o.ttl").write_text("<http://example.org/Dogs> a <http://www.w3.org/2002/07/owl#Class> .")
    build_owl([tmp_path / "o.ttl"], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    report = annotate(kb, read_imagefolder(root)[0], dataset="d", origin=root, base="http://example.org/i/")
    index = kb.index
    assert (report.images, report.objects) == (3, 0)
    assert {(index.individuals[i], index.classes[c]) for i, c, _ in index.types if c >= 0} == {
        ("http://example.org/i/123", f"{kb.base}dataset/d/class/fire_truck"),
        ("http://example.org/i/xxx", "http://example.org/Dogs"),
        ("http://example.org/i/xxz", "http://example.org/Dogs"),
    }


def test_broken_entries_are_named_and_left_out_on_request(root: Path) -> None:
    (root / "loose.png").write_bytes(b"image")
    (root / "cat").mkdir()
    (root / "dog" / "empty.png").touch()
    with pytest.raises(DataError, match=r"3 image or class folders? .*cat: holds no image; .*empty\.png: is empty; "):
        read_imagefolder(root)
    images, bad = read_imagefolder(root, skip_bad=True)
    assert len(images) == 3
    assert [(Path(b.where).name, b.reason) for b in bad] == [
        ("cat", "holds no image"),
        ("empty.png", "is empty"),
        ("loose.png", "is in no class folder"),
    ]


def test_one_stem_in_two_classes_is_refused(root: Path) -> None:
    (root / "fire_truck" / "xxx.jpg").write_bytes(b"image")
    with pytest.raises(DataError, match=r"fire_truck/xxx\.jpg: has the same file stem as .*dog/xxx\.png"):
        read_imagefolder(root)


def test_wrong_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_imagefolder(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no image in a class folder"):
        read_imagefolder(tmp_path)
