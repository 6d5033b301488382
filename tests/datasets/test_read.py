import cv2
import numpy as np
import pytest

from leukcnn.datasets.headers import BrokenImage, conversion
from leukcnn.datasets.read import decode_image, read_header, read_image
from leukcnn.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
BGR = RGB[..., ::-1]
GREY = RGB[..., 0]


def write(path, image):
    assert cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize("extension", [".bmp", ".png", ".tif", ".tiff", ".BMP", ".PNG"])
def test_lossless_formats_give_the_same_pixels_as_rgb(tmp_path, extension):
    image, note = read_image(write(tmp_path / f"cell{extension}", BGR))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)
    assert note is None


@pytest.mark.parametrize("extension", [".jpg", ".jpeg"])
def test_jpeg_is_read_as_rgb(tmp_path, extension):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    image, note = read_image(write(tmp_path / f"cell{extension}", red[..., ::-1]))
    assert np.abs(image.astype(int) - red).max() <= 3
    assert note is None


@pytest.mark.parametrize("extension", [".bmp", ".png", ".tif"])
def test_grey_is_repeated(tmp_path, extension):
    image, note = read_image(write(tmp_path / f"cell{extension}", GREY))
    np.testing.assert_array_equal(image, np.repeat(GREY[..., None], 3, axis=2))
    assert note == "grey repeated in three channels"


@pytest.mark.parametrize("extension", [".bmp", ".png", ".tif"])
def test_alpha_is_dropped_even_where_it_is_zero(tmp_path, extension):
    image, note = read_image(write(tmp_path / f"cell{extension}", np.dstack([BGR, np.zeros_like(GREY)])))
    np.testing.assert_array_equal(image, RGB)
    assert note == "alpha channel dropped"


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_16_bits_are_divided_by_257_and_rounded(tmp_path, extension):
    values = np.array([0, 128, 129, 257, 385, 386, 65535], np.uint16)
    stored = np.repeat(values[None, :, None], 3, axis=2)
    image, note = read_image(write(tmp_path / f"cell{extension}", stored))
    assert image.dtype == np.uint8
    assert image[0, :, 0].tolist() == [0, 0, 1, 1, 1, 2, 255]
    assert note == "16 bits a channel scaled to 8"


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_16_bit_colours_keep_their_channels(tmp_path, extension):
    image, _ = read_image(write(tmp_path / f"cell{extension}", BGR.astype(np.uint16) * 257))
    np.testing.assert_array_equal(image, RGB)


@pytest.mark.parametrize("extension", [".bmp", ".png", ".jpg", ".tif"])
@pytest.mark.parametrize("stored", [BGR, GREY, np.dstack([BGR, GREY])], ids=["colour", "grey", "alpha"])
def test_header_gives_the_same_note_as_decoding(extension, stored):
    if extension == ".jpg" and stored.shape[2:] == (4,):
        pytest.skip("JPEG has no alpha")
    content = cv2.imencode(extension, stored)[1].tobytes()
    header = read_header(content)
    image, note = decode_image(content)
    assert note == conversion(header.channels, header.bits)
    assert image.shape == (header.height, header.width, 3)


@pytest.mark.parametrize("extension", [".bmp", ".png", ".jpg", ".tif"])
def test_truncated_image_is_refused_by_name(tmp_path, extension):
    path = write(tmp_path / f"cell{extension}", BGR)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=rf"cell\{extension} is truncated"):
        read_image(path)


def test_file_that_is_no_image_is_refused_by_name(tmp_path, capfd):
    empty, text, floats = tmp_path / "empty.bmp", tmp_path / "text.bmp", tmp_path / "floats.tif"
    empty.touch()
    text.write_text("no image\n")
    write(floats, BGR.astype(np.float32))
    with pytest.raises(DataError, match=r"empty\.bmp is empty"):
        read_image(empty)
    with pytest.raises(DataError, match=r"text\.bmp is no BMP, PNG, JPEG, TIFF, GIF or PNM"):
        read_image(text)
    with pytest.raises(DataError, match=r"floats\.tif holds values of type float32"):
        read_image(floats)
    with pytest.raises(DataError, match=r"missing\.bmp can't be read"):
        read_image(tmp_path / "missing.bmp")
    assert capfd.readouterr().err == ""


def test_decoder_does_not_write_on_the_terminal(capfd):
    content = cv2.imencode(".tif", np.dstack([BGR, GREY]))[1].tobytes()
    decode_image(content)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "values",
    [np.zeros((40, 29, 3), np.uint8), np.zeros((40, 30, 3), np.uint16), np.zeros((40, 30, 1), np.uint8)],
    ids=["size", "bits", "channels"],
)
def test_decoder_that_contradicts_the_header_is_not_believed(values, monkeypatch):
    monkeypatch.setattr("leukcnn.datasets.formats.opencv.stored_values", lambda content, header: values)
    with pytest.raises(BrokenImage, match="the decoder misreads it"):
        decode_image(cv2.imencode(".png", BGR)[1].tobytes())


def test_image_that_the_decoder_refuses_is_refused(monkeypatch, capfd):
    content = cv2.imencode(".png", BGR)[1].tobytes()

    def refuse(*arguments):
        raise cv2.error("no")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(BrokenImage, match="can't be decoded as PNG"):
        decode_image(content)

    def fill_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(cv2, "imdecode", fill_memory)
    with pytest.raises(BrokenImage, match="too large for the memory") as caught:
        decode_image(content)
    assert caught.value.kind == "too large"
    assert capfd.readouterr().err == ""


def test_real_cell_is_read(real_data):
    path = next((real_data / "cnmc2019").rglob("*.bmp"))
    image, note = read_image(path)
    assert image.shape == (450, 450, 3)
    assert note is None
    np.testing.assert_array_equal(image, cv2.imread(str(path))[..., ::-1])
    assert not image[0, 0].any()
    assert image[225, 225].any()
