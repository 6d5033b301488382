"""The labels file of C-NMC 2019, as people save it."""

import codecs
from pathlib import Path

import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.labels_file import read_labels
from leukcnn.datasets.verification import verify
from leukcnn.errors import DataError

CNMC = card("cnmc2019")
(LABELS,) = {
    layout.labels_file.name: layout.labels_file for layout in CNMC.layouts if layout.labels_file
}.values()
ROWS = ("UID_57_29_1_all.bmp,1.bmp,1", "UID_H49_35_1_hem.bmp,2.bmp,0", "UID_h49_36_1_hem.bmp,10.bmp,0")
PLAIN = "\n".join(["Patient_ID,new_names,labels", *ROWS, ""])
EXPECTED = {"1": (1, "57"), "2": (0, "H49"), "10": (0, "H49")}


def read(folder: Path, content):
    path = folder / "phase2.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(CNMC, LABELS, path)


def words(healthy, malignant):
    return PLAIN.replace(",1\n", f",{malignant}\n").replace(",0\n", f",{healthy}\n")


def lines(change, header=None):
    first, *rows = PLAIN.splitlines()
    return "\n".join([header or change(first), *map(change, rows)])


SAVED = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "separator's own line": "sep=;\r\n" + PLAIN.replace(",", ";"),
    "UTF-8 with a mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16 of Excel": PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "UTF-16, the other way round": PLAIN.encode("utf-16-be"),
    "another column in an old encoding": lines(lambda line: f"{line},Größe").encode("latin-1"),
    "index without a name": lines(lambda line: f"7,{line}", ",Patient_ID,new_names,labels"),
    "index with a name": lines(lambda line: f"7,{line}", "Unnamed: 0,Patient_ID,new_names,labels"),
    "index that the first line lacks": lines(lambda line: f"7,{line}", "Patient_ID,new_names,labels"),
    "floats": words("0.0", "1.0"),
    "decimal commas": PLAIN.replace(",", ";").replace(";1\n", ";1,0\n").replace(";0\n", ";0,0\n"),
    "words": words("hem", "all"),
    "words in capitals": words("HEM", "ALL"),
    "English words": words("Healthy", "malignant"),
    "another English word": words("normal", "Malignant"),
    "words with separators": words("Non-Leukemia", "acute lymphoblastic_leukaemia"),
    "empty lines": "\n\n" + PLAIN.replace("\n", "\n\n") + ",,\n , , \n",
    "trailing columns": lines(lambda line: line + ",,"),
    "trailing columns in the rows only": lines(lambda line: line + ",,", "Patient_ID,new_names,labels"),
    "quoted": '"' + PLAIN.strip().replace(",", '","').replace("\n", '"\n"') + '"\n',
    "quoted, with semicolons": '"' + PLAIN.strip().replace(",", '";"').replace("\n", '"\n"') + '"\n',
    "each line in one cell": lines(lambda line: f'"{line}"'),
    "another order": lines(lambda line: ",".join(reversed(line.split(",")))),
    "another case and spaces": PLAIN.replace(
        "Patient_ID,new_names,labels", " patient id , New Names ,LABEL"
    ).replace(",", " , "),
    "carriage returns": PLAIN.replace("\n", "\r"),
    "Windows' line ends": PLAIN.replace("\n", "\r\n"),
    "repeated rows": PLAIN + "\n".join(ROWS),
    "names without extension": PLAIN.replace(".bmp", ""),
    "names with a folder": PLAIN.replace(",1.bmp", ",prelim/1.bmp").replace(",2.bmp", r",C:\prelim\2.BMP"),
    "no line end": PLAIN.strip(),
}


@pytest.mark.parametrize("how", SAVED)
def test_labels_are_read_as_people_save_them(tmp_path, how):
    assert read(tmp_path, SAVED[how]) == EXPECTED


HEADER = "Patient_ID,new_names,labels\n"
WRONG = {
    "third label": (HEADER + "\nUID_57_29_1_all.bmp,1.bmp,2\n", ["Line 3: labels is '2'"]),
    "no subject": (HEADER + "nobody,1.bmp,1\n", ["Line 2: Patient_ID is 'nobody'"]),
    "missing fields": (HEADER + "UID_57_29_1_all.bmp\n", ["new_names is empty, labels is empty"]),
    "line of the row after a quoted line end": (
        'note,Patient_ID,new_names,labels\n"two\nlines",UID_57_29_1_all.bmp,1.bmp,1\n'
        "\nx,UID_57_30_1_all.bmp,2.bmp,?\n",
        ["Line 5: labels is '?'"],
    ),
    "all faults at once": (
        HEADER + "UID_1_1_1_all,1,5\nUID_1_1_1_all,2,1\nUID_1_1_1_all,,1\n,4,1\n",
        ["3 lines", "Line 2: labels is '5'", "Line 4: new_names is empty", "Line 5: Patient_ID is empty"],
    ),
    "rows that disagree": (
        PLAIN + "UID_58_29_1_all.bmp,1.bmp,1\n",
        ["Line 5: 1 has another label or subject than in line 2"],
    ),
    "labels the other way round": (
        words("1", "x").replace(",x", ",0"),
        ["3 lines", "Line 2: labels is '0', healthy, but 'UID_57_29_1_all.bmp' is malignant"],
    ),
    "other columns": ("a,b\n1,2\n", ["line 1 has the columns a, b", "Patient_ID"]),
    "other columns and semicolons": ("\na;b\n1;2\n", ["line 2 has the columns a, b"]),
    "column that is there twice": ("Patient_ID,new_names,labels,Labels\n", ["has the column labels twice"]),
    "open quotation mark": (PLAIN + '"UID_57_29_1_all.bmp,3.bmp,1\n', ["line 5: "]),
    "nothing": ("", ["it is empty"]),
    "empty lines only": ("\n \r\n\n", ["it is empty"]),
    "workbook": (b"PK\x03\x04\x14\0\x06\0", ["save it as CSV"]),
    "half a character": (b"\xff\xfe\x00", ["isn't a text file"]),
    "bytes": (b"abc\0\xff", ["isn't a text file"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_every_line_that_cannot_be_understood_is_named(tmp_path, what):
    content, words = WRONG[what]
    with pytest.raises(DataError) as error:
        read(tmp_path, content)
    for word in words:
        assert word in str(error.value)


def test_real_labels_are_read_whole_however_they_are_saved(real_data, tmp_path):
    name = "C-NMC_test_prelim_phase_data_labels.csv"
    content = (real_data / "cnmc2019/validation_data" / name).read_text()
    table = read(tmp_path, content)
    assert len(table) == 1867
    assert [label for label, _ in table.values()].count(1) == 1219
    resaved = "\r\n\r\n".join(f"{i};{line}" for i, line in enumerate(content.replace(",", ";").split()))
    assert read(tmp_path, resaved.replace("0;Patient", ";Patient", 1).encode("utf-16")) == table


def test_resaved_labels_give_the_same_images(archive):
    whole = verify("cnmc2019", archive).counts
    path = archive / f"validation_data/{LABELS.name}"
    path.write_bytes(path.read_text().replace(",", "\t").encode("utf-16"))
    assert verify("cnmc2019", archive).counts == whole
