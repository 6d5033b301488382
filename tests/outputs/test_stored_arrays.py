import numpy as np
import pytest

from leukcnn.errors import StoreError
from leukcnn.outputs.stored_arrays import stored_arrays, write_arrays


def test_arrays_come_back_by_name(tmp_path):
    values = {"pictures": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "titles": np.array(["a", "größer"])}
    write_arrays(tmp_path / "new" / "file.npz", **values)
    with stored_arrays(tmp_path / "new" / "file.npz") as arrays:
        for name, value in values.items():
            np.testing.assert_array_equal(arrays[name], value)
            assert arrays[name].dtype == value.dtype
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.npz"]


@pytest.mark.parametrize("content", [None, b"", b"no zip", "cut"])
def test_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "file.npz"
    write_arrays(path, pictures=np.zeros(1000))
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(StoreError, match=r"file\.npz can't be read"), stored_arrays(path) as arrays:
        arrays["pictures"]


def test_array_that_lacks_is_an_error(tmp_path):
    write_arrays(tmp_path / "file.npz", titles=np.array(["a"]))
    with (
        pytest.raises(StoreError, match="pictures"),
        stored_arrays(tmp_path / "file.npz") as arrays,
    ):
        arrays["pictures"]


def test_objects_are_not_read(tmp_path):
    write_arrays(tmp_path / "file.npz", titles=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match="can't be read"), stored_arrays(tmp_path / "file.npz") as arrays:
        arrays["titles"]
