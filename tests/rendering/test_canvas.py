import subprocess
import sys

import matplotlib
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from leukcnn.errors import StoreError
from leukcnn.rendering.canvas import sheet, wrapped

SENTENCE = "Not comparable with the paper: smoke profile, synthetic data, 59 of 10,661 cells"


def plot(path, *, mark: str = "", caption: str = "") -> bytes:
    with sheet(path, width=3, height=2, mark=mark, caption=caption) as figure:
        figure.subplots().plot([1, 2, 3])
    return path.read_bytes()


@pytest.mark.parametrize("width", [1.5, 2.5, 6])
def test_no_wrapped_line_is_wider_than_asked(width):
    lines = wrapped(SENTENCE, width).split("\n")
    font = FontProperties(family="DejaVu Sans", size=9)
    extents = [TextPath((0, 0), line, prop=font).get_extents().width / 72 for line in lines]
    assert max(extents) <= width
    assert " ".join(lines) == SENTENCE


def test_wrapped_breaks_a_word_that_is_too_long():
    lines = wrapped("UID_H11_1_1_hem" * 4, 1).split("\n")
    assert len(lines) > 3
    assert "".join(lines) == "UID_H11_1_1_hem" * 4


def test_an_empty_text_stays_empty():
    assert wrapped("", 3) == ""


def test_same_plot_gives_the_same_bytes_with_any_user_style(tmp_path):
    first = plot(tmp_path / "a.png", mark="mark")
    with matplotlib.rc_context({"font.size": 30, "figure.facecolor": "black", "savefig.dpi": 40}):
        assert plot(tmp_path / "b.png", mark="mark") == first
        assert matplotlib.rcParams["font.size"] == 30


def test_file_names_neither_software_nor_date(tmp_path):
    content = plot(tmp_path / "a.png")
    assert b"Software" not in content
    assert b"tEXt" not in content


def test_mark_and_caption_add_to_the_height(tmp_path):
    heights = []
    for name, texts in {"a": {}, "b": {"mark": SENTENCE}, "c": {"mark": SENTENCE, "caption": "x"}}.items():
        content = plot(tmp_path / f"{name}.png", **texts)
        heights.append(int.from_bytes(content[20:24], "big"))
    assert heights == sorted(set(heights))


def test_a_failed_plot_leaves_no_file(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        sheet(tmp_path / "a.png", width=2, height=2, mark="", caption=""),
    ):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StoreError, match="--out"):
        plot(tmp_path / "out" / "a.png")


def test_pyplot_is_not_imported():
    code = "import sys, leukcnn.rendering.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
