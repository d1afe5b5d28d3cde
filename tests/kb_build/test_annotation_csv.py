"""Annotations in tables."""

import csv
from pathlib import Path

import pytest
from neurontology.kb_build.annotate import read_annotations
from neurontology.kb_build.annotation_csv import read_annotation_csv
from neurontology.ontology.errors import DataError, UsageError

LONG = """image,object,color,Material,scene
a.jpg,car,red,,street
photos/a.jpg,"tree, oak",,wooden,
b.png,,,,kitchen
a.jpg,car,blue,steel,street
"""
LABELS = 'image,labels\na.jpg,"car, tree"\nb.png,\nc,car\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "x.csv"
    file.write_text(text, encoding="utf-8")
    return file


def flat(path: Path) -> list[tuple[str, str | None, list[tuple[str, tuple[str, ...]]]]]:
    images, bad = read_annotations("csv", path)
    assert not bad
    return [(i.id, i.scene, [(o.names[0], o.attributes) for o in i.objects]) for i in images]


def test_one_row_an_object(tmp_path: Path) -> None:
    file = write(tmp_path, LONG)
    objects = [("car", ("red",)), ("tree, oak", ("wooden",)), ("car", ("blue", "steel"))]
    assert flat(file) == [("a", "street", objects), ("b", "kitchen", [])]
    with file.open(newline="") as text:
        assert sum(bool(row["object"]) for row in csv.DictReader(text)) == 3


@pytest.mark.parametrize(
    "text",
    [
        LABELS,
        LABELS.replace(", ", " | ").replace('"', ""),
        LABELS.replace(", ", ";").replace('"', ""),
        LABELS.replace(", ", "|").replace('"', "").replace(",", "\t"),
        LABELS.replace(", ", "#").replace('"', "").replace(",", ";").replace("#", ","),
        "\ufeff" + LABELS.replace("image", "Filename").replace("\n", "\r\n"),
        LABELS.replace("\nb", "\n\nb"),
    ],
)
def test_one_row_an_image(tmp_path: Path, text: str) -> None:
    assert flat(write(tmp_path, text)) == [
        ("a", None, [("car", ()), ("tree", ())]),
        ("b", None, []),
        ("c", None, [("car", ())]),
    ]


def test_a_label_given_twice_is_two_objects(tmp_path: Path) -> None:
    images, _ = read_annotation_csv(write(tmp_path, "image,labels,scene\na,car|car,road\n"))
    assert [(o.id, o.names) for o in images[0].objects] == [("1", ("car",)), ("2", ("car",))]
    assert images[0].scene == "road"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"x\.csv:1: has the columns of an empty file"),
        ("a,b\n1,2\n", r"x\.csv:1: has the columns 'a', 'b'; expected a header such as"),
        ("image,object,labels\n", r"has the columns 'image', 'object', 'labels'"),
        ("image,object,Object\n", "has the columns"),
        ("image,labels,color\n", "has columns beside labels: color"),
        ("image,labels\n", "holds no annotation"),
        ("image,object\na,b\nc\n", r"1 row is broken: .*x\.csv:3: has 1 columns instead of 2"),
        ('image,object\n"a\nb",c\n,d\n', r"x\.csv:4: names no image"),
        ("image,labels\na.jpg,car\na.png,bus\n", r"x\.csv:3: is a second row of the image a"),
        ("image,object,scene\na,c,x\na,d,y\n", r"x\.csv:3: gives the image a the scene 'y' beside 'x'"),
        ("image,object,color\na,,red\n", r"x\.csv:2: has attributes and no object"),
        ('image,object\na,"b\n', r"x\.csv:2: is not valid CSV"),
    ],
)
def test_broken_tables_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_annotation_csv(write(tmp_path, text))


def test_broken_rows_are_left_out_on_request(tmp_path: Path) -> None:
    images, bad = read_annotation_csv(write(tmp_path, LONG + "\nc\n,x,,,\n"), skip_bad=True)
    assert len(images) == 2
    assert [b.where.rpartition(":")[2] for b in bad] == ["7", "8"]


def test_wrong_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_annotation_csv(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"image,labels\n\xe9,a\n")
    with pytest.raises(DataError, match="is not UTF-8"):
        read_annotation_csv(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "text",
    [
        "filename,label\na.jpg,car\nb.jpg,bus\n",
        "Image ID;Class Name\na;car\nb;bus\n",
        "\ufeffimage_id\tcategory\na.jpg\tcar\nb.jpg\tbus\n",
        ",file_name,class\n0,a.jpg,car\n1,b.jpg,bus\n",
        "image_id,file_name,category_name\n7,a.jpg,car\n8,b.jpg,bus\n",
        "Filenames,objects\na.jpg,car\nb.jpg,bus\n",
        "image,object\r\na.jpg,car\r\n\r\nb.jpg,bus",
    ],
)
def test_headers_that_other_programs_write(tmp_path: Path, text: str) -> None:
    assert flat(write(tmp_path, text)) == [("a", None, [("car", ())]), ("b", None, [("bus", ())])]


def test_a_canonical_name_leaves_the_others_to_attributes(tmp_path: Path) -> None:
    file = write(tmp_path, "image,object,class,tags\na.jpg,car,red,big\n")
    assert flat(file) == [("a", None, [("car", ("red", "big"))])]
    with pytest.raises(DataError, match="columns beside labels: Class name"):
        flat(write(tmp_path, "image,labels,Class name\na.jpg,car,red\n"))
    with pytest.raises(DataError, match="has the columns 'image', 'object', 'labels'"):
        flat(write(tmp_path, "image,object,labels\na.jpg,car,red\n"))


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "None", "NULL", "N/A", "#N/A", "<NA>"])
def test_missing_values(tmp_path: Path, missing: str) -> None:
    file = write(tmp_path, f"image,object,color,scene\na.jpg,car,{missing},{missing}\nb.jpg,{missing},,kitchen\n")
    assert flat(file) == [("a", None, [("car", ())]), ("b", "kitchen", [])]
    assert flat(write(tmp_path, f"image,labels\na.jpg,car|{missing}\nb.jpg,{missing}\n")) == [
        ("a", None, [("car", ())]),
        ("b", None, []),
    ]
    with pytest.raises(DataError, match=r"x\.csv:2: names no image"):
        flat(write(tmp_path, f"image,object\n{missing},car\n"))
