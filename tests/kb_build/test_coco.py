"""COCO annotations, in the format of cocodataset.org ("Data format", 1. Object Detection)."""

import collections
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.annotate import annotate, individual_base, read_annotations
from neurontology.kb_build.coco import read_coco
from neurontology.kb_build.json_stream import iter_elements
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB

# The order of the keys is that of instances_val2017.json: annotations come before the categories they refer to.
COCO = {
    "info": {"description": "COCO 2017 Dataset", "url": "http://cocodataset.org", "version": "1.0", "year": 2017},
    "licenses": [{"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4, "name": "Attribution License"}],
    "images": [
        {"license": 4, "file_name": "000000397133.jpg", "height": 427, "width": 640, "id": 397133},
        {"license": 4, "file_name": "val2017/000000037777.jpg", "height": 230, "width": 352, "id": 37777},
        {"license": 4, "file_name": "000000252219.jpg", "height": 428, "width": 640, "id": 252219},
    ],
    "annotations": [
        {
            "segmentation": [[510.66, 423.01, 511.72, 420.03]],
            "area": 702.1,
            "iscrowd": 0,
            "image_id": 397133,
            "bbox": [473.07, 395.93, 38.65, 28.67],
            "category_id": 18,
            "id": 1768,
        },
        {"segmentation": [[1, 2, 3, 4]], "iscrowd": 0, "image_id": 397133, "category_id": 1, "id": 1773},
        {"segmentation": [[1, 2, 3, 4]], "iscrowd": 0, "image_id": 37777, "category_id": 3, "id": 1774},
        {
            "segmentation": {"counts": [272, 2, 4], "size": [427, 640]},
            "iscrowd": 1,
            "image_id": 37777,
            "category_id": 1,
            "id": 900100037777,
        },
    ],
    "categories": [
        {"supercategory": "person", "id": 1, "name": "person"},
        {"supercategory": "vehicle", "id": 3, "name": "car"},
        {"supercategory": "animal", "id": 18, "name": "dog"},
    ],
}
EX = "http://example.org/"


def write(folder: Path, content: object = COCO, name: str = "instances_val2017.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def changed(**parts: object) -> dict[str, object]:
    return {**json.loads(json.dumps(COCO)), **parts}


def test_images_objects_and_supercategories(tmp_path: Path) -> None:
    images, bad = read_annotations("coco", write(tmp_path))
    assert not bad
    assert [i.id for i in images] == ["000000037777", "000000252219", "000000397133"]
    car, crowd = images[0].objects
    assert (car.id, car.names, car.broader, car.attributes) == ("1774", ("car",), ("vehicle",), ())
    assert (crowd.names, crowd.broader, crowd.attributes) == (("person",), (), ("crowd",))
    assert images[1].objects == ()


def test_counts_agree_with_the_file_read_by_json(tmp_path: Path) -> None:
    images, _ = read_coco(write(tmp_path).parent)
    names = {c["id"]: c["name"] for c in COCO["categories"]}
    expected = collections.Counter(names[a["category_id"]] for a in COCO["annotations"])
    assert collections.Counter(o.names[0] for i in images for o in i.objects) == expected


def test_categories_become_classes_below_their_supercategories(tmp_path: Path) -> None:
    (tmp_path / "o.ttl").write_text(f"<{EX}Dogs> a <http://www.w3.org/2002/07/owl#Class> .")
    build_owl([tmp_path / "o.ttl"], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    images, _ = read_coco(write(tmp_path))
    annotate(kb, images, dataset="val", origin="x", base=individual_base(kb, "coco", "val"))
    own = f"{kb.base}dataset/val/"
    index = kb.index
    links = index.told.parents.tocoo()
    told = {(index.classes[c], index.classes[p]) for c, p in zip(links.row, links.col, strict=True)}
    assert told == {(f"{own}class/car", f"{own}class/vehicle")}
    types = {(index.individuals[i].removeprefix(own), index.classes[c]) for i, c, _ in index.types if c >= 0}
    # Nothing is told of Dogs, which is the knowledge base's: the dog itself is an animal.
    assert {c for i, c in types if i == "individual/obj_1768_000000397133"} == {EX + "Dogs", f"{own}class/animal"}
    assert {c for i, c in types if i == "individual/obj_1773_000000397133"} == {f"{own}class/person"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(images=COCO["images"][1:]), r"annotation 1768: belongs to the image 397133"),
        (changed(categories=COCO["categories"][:2]), r"annotation 1768: has the category 18, which the file does"),
        (changed(annotations=[{"id": 7, "image_id": 37777}]), r"annotation 7: has no 'category_id'"),
        (changed(annotations=[5]), r"annotation that is no object: "),
        (changed(annotations=[COCO["annotations"][0]] * 2), r"annotation 1768: occurs a second time"),
        (changed(categories=[*COCO["categories"], {"id": 4}]), r"category 4: has no 'name'"),
        (changed(images=[*COCO["images"], {"id": 37777, "file_name": "b.jpg"}]), "image 37777: occurs a second"),
        (changed(images=[*COCO["images"], {"id": 9, "file_name": 9}]), "image 9: has the file_name 9"),
        ({"images": []}, "lists no images"),
        (["a"], "lists no images"),
        ({"images": COCO["images"], "annotations": [{"caption": "a dog"}]}, "lists no categories"),
        (
            changed(
                categories=[{"id": 1, "name": "a", "supercategory": "b"}, {"id": 2, "name": "b", "supercategory": "a"}]
            ),
            "the supercategories of 'a' form a cycle",
        ),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, content: object, message: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=message):
        read_coco(file)


def test_broken_annotations_and_files_are_left_out_on_request(tmp_path: Path) -> None:
    write(tmp_path, changed(images=COCO["images"][1:]))
    (tmp_path / "instances_train2017.json").write_text('{"images": [\n{"id": 1')
    images, bad = read_coco(tmp_path, skip_bad=True)
    assert sum(len(i.objects) for i in images) == 2
    assert [(b.where.rpartition("/")[2], b.reason[:17]) for b in bad] == [
        ("instances_train2017.json:2 (column 9)", "is not valid JSON"),
        ("instances_val2017.json, annotation 1768", "belongs to the im"),
        ("instances_val2017.json, annotation 1773", "belongs to the im"),
    ]


def test_two_images_with_one_stem_are_refused(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a/x.jpg"}, {"id": 2, "file_name": "b/x.png"}]
    with pytest.raises(DataError, match=r"a/x\.jpg and b/x\.png have the same file stem"):
        read_coco(write(tmp_path, changed(images=images, annotations=[])))
    write(tmp_path, COCO, "instances_a.json")
    write(tmp_path, COCO, "instances_b.json")
    (tmp_path / "instances_val2017.json").unlink()
    with pytest.raises(DataError, match=r"instances_b\.json: annotates the image 000000397133, as .*_a\.json"):
        read_coco(tmp_path)


def test_missing_paths_are_wrong_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_coco(tmp_path / "none.json")
    with pytest.raises(UsageError, match="holds no COCO annotation"):
        read_coco(tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
)
def test_documents_read_in_pieces_are_what_json_reads(
    tmp_path_factory: pytest.TempPathFactory, content: object, chunk: int, indent: int | None
) -> None:
    file = tmp_path_factory.mktemp("json") / "x.json"
    file.write_text(json.dumps(content, ensure_ascii=False, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurontology.kb_build.json_stream._CHUNK", chunk)
        if isinstance(content, list):
            assert list(iter_elements(file)) == [(None, e) for e in content]
        elif isinstance(content, dict):
            expected = [(k, e) for k, v in content.items() for e in (v if isinstance(v, list) else [v])]
            assert list(iter_elements(file)) == expected
        else:
            with pytest.raises(DataError, match="neither a JSON array nor"):
                list(iter_elements(file))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1,]",
        '{"a":1,}',
        "[1 2]",
        '["a]',
        "[1",
        '{"a"}',
        "{1: 2}",
        "[] []",
        "[tru]",
        '{"a": [1, "\\x"]}',
        "[" * 200_000,
    ],
)
@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_broken_documents_are_refused(tmp_path: Path, text: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurontology.kb_build.json_stream._CHUNK", chunk)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json:1 \(column \d+\): (is not valid JSON|the file is empty|is nested)"):
        list(iter_elements(tmp_path / "x.json"))


def test_a_document_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes('["é"]'.encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8 text"):
        list(iter_elements(tmp_path / "x.json"))


def test_the_folder_of_annotations_beside_the_images(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 3}],
    }
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    (image,), bad = read_coco(tmp_path)
    assert (image.id, [o.names for o in image.objects], bad) == ("a", [("car",)], [])
