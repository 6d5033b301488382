import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.errors import ArgumentError, DataError
from tests.own_images import write_image


@pytest.fixture
def images(tmp_path):
    for i in range(4):
        write_image(tmp_path / "images" / f"{i}.png", seed=i)
    return tmp_path / "images"


def labels(images, text, encoding="utf-8"):
    path = images.parent / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


def index_of(images, text, groups=None, encoding="utf-8"):
    return ImageIndex.from_folder(images, groups, labels=labels(images, text, encoding))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "header", ["path,label,patient", "Label,FILE NAME,Subject ID", "image,Diagnosis,slide"]
)
def test_a_file_of_labels_is_understood(images, header, encoding, separator):
    first = header.lower().startswith("label")
    lines = [("a,images/0.png,1" if first else "images/0.png,a,1"), ("b,1,2" if first else "1,b,2")]
    lines += [
        ("b,C:\\data\\2.PNG,2" if first else "C:\\data\\2.PNG,b,2"),
        ("a,3.png," if first else "3.png,a,"),
    ]
    index = index_of(images, "\n".join([header, *lines]).replace(",", separator), encoding=encoding)
    assert index.class_names == ("a", "b")
    assert index.ids.tolist() == ["0.png", "3.png", "1.png", "2.png"]
    assert index.labels.tolist() == [0, 0, 1, 1]
    assert index.group.tolist() == ["1", "", "2", "2"]


def test_images_without_a_label_are_left_out_with_a_note(images):
    index = index_of(images, "path,label\n0.png,1.0\n1.png,2.0\n2.png,\n")
    assert index.class_names == ("1", "2")
    assert index.ids.tolist() == ["0.png", "1.png"]
    assert "1 line without a label: 2.png" in index.notes
    left_out = next(note for note in index.notes if "left out" in note)
    assert left_out == "2 images in the folder have no label in labels.csv and are left out: 2.png, 3.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label\n0.png,a\n1.png,b\n7.png,b\n8.png,a",
            "labels without an image in the folder, 2 of them",
        ),
        ("path,label\n0.png,a\n0.png,b\n1.png,b", "another label or group than in line 2"),
        (
            "path,label\n0.png,Blast\n1.png,blast\n2.png,a",
            "classes that differ by case alone: Blast and blast",
        ),
        ("path,label\n0.png,a\n1.png,a", "one class only: a"),
        ("path,label\n", "no image with a label"),
        ("path,size\n0.png,a", "no column of labels. Its columns: path, size"),
        ("name,label\n0.png,a", "no column of paths"),
        ("", "it is empty"),
        ("PK\x03\x04", "a workbook or a zip file"),
    ],
)
def test_labels_that_dont_fit_give_one_message(images, text, message):
    with pytest.raises(DataError) as error:
        index_of(images, text)
    assert message in str(error.value)


def test_all_faults_are_in_one_message(images):
    (images / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError) as error:
        index_of(images, "path,label\n0.png,a\n1.png,b\n7.png,b")
    assert "7.png (line 4)" in str(error.value)
    assert "1.png is no BMP" in str(error.value)


def test_a_path_may_be_of_several_images_unless_it_is_complete(images):
    write_image(images / "more" / "0.png", seed=9)
    write_image(images / "more" / "9.png", seed=10)
    index = index_of(images, "path,label\n0.png,a\nmore/0.png,b\n9.png,b")
    assert index.ids.tolist() == ["0.png", "more/0.png", "more/9.png"]
    write_image(images / "other" / "9.png", seed=11)
    with pytest.raises(DataError, match="labels that fit several images"):
        index_of(images, "path,label\n0.png,a\n9.png,b")


def test_groups_are_a_column_or_an_expression(images):
    text = "path,label,mine\n0.png,a,x\n1.png,b,y\n2.png,a,y\n3.png,b,y"
    assert set(index_of(images, text).group) == {""}
    assert index_of(images, text, "Mine").group.tolist() == ["x", "y", "y", "y"]
    assert index_of(images, text, r"(\d)\.png").group.tolist() == ["0", "2", "1", "3"]
    with pytest.raises(DataError, match="no column of"):
        index_of(images, text, "patient")
    with pytest.raises(ArgumentError, match="change the expression"):
        index_of(images, text, r"patient_(\d)")


def test_a_file_of_labels_that_isnt_there(images):
    with pytest.raises(DataError, match="isn't there"):
        ImageIndex.from_folder(images, labels=images / "labels.csv")
    with pytest.raises(DataError, match=r"--labels labels\.csv"):
        ImageIndex.from_folder(labels(images, "path,label\n"))
    assert np.all(
        ImageIndex.from_folder(images.parent, labels=labels(images, "file,class\n0,a\n1,b")).fold == -1
    )
