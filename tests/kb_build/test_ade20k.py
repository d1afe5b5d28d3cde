"""ADE20K annotations: the real files against the published index, broken ones by name and line."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from neurontology.kb_build.ade20k import read_ade20k
from neurontology.ontology.errors import DataError, UsageError


def test_all_published_scenes_agree_with_the_published_index(shared_data: Path) -> None:
    images, bad = read_ade20k(shared_data / "ade20k-scenes")
    assert not bad
    published: dict[str, Counter[tuple[str, int]]] = {}
    with gzip.open(shared_data / "ade20k-index" / "objects.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first = row["class_names"].split(",")[0].strip() or row["raw_name"].strip()
            published.setdefault(row["image"], Counter())[first, int(row["part_level"])] += 1
    assert {i.id for i in images} == set(published)
    for image in images:
        assert Counter((o.names[0], o.part_level) for o in image.objects) == published[image.id], image.id


def test_scenes_come_from_folders_and_from_the_2021_files(shared_data: Path) -> None:
    images, _ = read_ade20k(shared_data / "ade20k-scenes")
    scenes = Counter(i.scene for i in images)
    assert scenes["outdoor market"] == 27
    assert scenes["mountain"] == 85
    assert scenes["kitchen"] == 5
    assert scenes["street"] == 5 + 3


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_the_fields_of_a_line(tmp_path: Path) -> None:
    write(tmp_path / "street", "a_atr.txt", '014 # 1 # 1 # person, individual # man # "sitting, tall"\n')
    (image,), _ = read_ade20k(tmp_path)
    (obj,) = image.objects
    assert (image.id, image.scene) == ("a", "street")
    assert obj.names == ("person", "individual", "man")
    assert (obj.id, obj.part_level, obj.occluded) == ("014_1", 1, True)
    assert obj.attributes == ("sitting", "tall")


def test_lines_with_a_prediction_header_and_a_score(tmp_path: Path) -> None:
    write(tmp_path, "a_atr.txt", 'Prediction:\n3\nLabel:\n3\n001 # 0 # 0 # wall # wall # "" # 0.16\n')
    (image,), _ = read_ade20k(tmp_path)
    assert image.objects[0].names == ("wall",)


def test_equal_instance_numbers_stay_apart(tmp_path: Path) -> None:
    write(tmp_path, "a_atr.txt", '1 # 0 # 0 # car # car # ""\n1 # 0 # 0 # bus # bus # ""\n')
    (image,), _ = read_ade20k(tmp_path)
    assert len({o.id for o in image.objects}) == 2


def test_parts_and_attributes_of_the_2021_release(tmp_path: Path) -> None:
    part = {"id": 1, "name": "wheel", "raw_name": "wheel", "attributes": ["round"], "occluded": "yes"}
    whole = {"id": 0, "name": "car, auto", "raw_name": "car", "attributes": [], "occluded": "no"}
    part["parts"] = {"ispartof": 0, "hasparts": [], "part_level": 1}
    whole["parts"] = {"ispartof": [], "hasparts": [1], "part_level": 0}
    content = {"annotation": {"scene": ["outdoor", "urban", "street"], "object": [whole, part]}}
    write(tmp_path, "ADE_train_00000001.json", json.dumps(content))
    (image,), _ = read_ade20k(tmp_path)
    assert image.scene == "street"
    assert [(o.names, o.part_of, o.occluded, o.attributes) for o in image.objects] == [
        (("car", "auto"), None, False, ()),
        (("wheel",), "0", True, ("round",)),
    ]


def test_every_broken_file_is_named_with_its_line_or_skipped_on_request(tmp_path: Path) -> None:
    good = '001 # 0 # 0 # wall # wall # ""\n'
    write(tmp_path, "a_atr.txt", good)
    write(tmp_path, "b_atr.txt", good + "001 # 0 # wall\n")
    write(tmp_path, "c_atr.txt", "001 # zero # 0 # wall # wall # x\n")
    (tmp_path / "d_atr.txt").write_bytes(b"\xff\xfe")
    write(tmp_path, "ADE_val_00000001.json", "{")
    with pytest.raises(DataError) as caught:
        read_ade20k(tmp_path)
    for place in ("b_atr.txt:2", "c_atr.txt:1", "d_atr.txt", "ADE_val_00000001.json:1"):
        assert place in str(caught.value)
    images, bad = read_ade20k(tmp_path, skip_bad=True)
    assert [i.id for i in images] == ["a"]
    assert len(bad) == 4


def test_one_image_annotated_in_two_ways_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "x", "a_atr.txt", '1 # 0 # 0 # car # car # ""\n')
    write(tmp_path / "y", "a_atr.txt", '1 # 0 # 0 # bus # bus # ""\n')
    with pytest.raises(DataError, match="annotates the image a otherwise"):
        read_ade20k(tmp_path)


def test_a_folder_without_annotations_is_a_wrong_call(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError):
            read_ade20k(path)
