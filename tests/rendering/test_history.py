import io

import numpy as np
import pytest
from matplotlib import image

from leukcnn.errors import ArgumentError
from leukcnn.rendering.history import TrainingCurve, draw_history

ACCURACY, VAL_ACCURACY = [0.5, 0.6, 0.8], [0.4, 0.7, 0.65]
LOSS, VAL_LOSS = [1.2, 0.8, 0.5], [1.3, 0.7, 0.75]


def curve(title="a", *, chosen=2, loss=LOSS, val_loss=VAL_LOSS) -> TrainingCurve:
    return TrainingCurve(title, ACCURACY, VAL_ACCURACY, loss, val_loss, chosen)


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


@pytest.mark.parametrize("n", [1, 3, 30, 31, 400])
def test_history_of_any_length(n, tmp_path):
    values = np.linspace(0.5, 0.9, n)
    path = draw_history(
        [TrainingCurve("a", values, values - 0.05, 1 - values, values, n)], tmp_path / "a.png"
    )
    assert pixels(path).shape[:2] == (540, 1080)


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 2, 1), (2, 2, 2), (3, 2, 3), (4, 4, 2), (5, 4, 3)])
def test_loss_has_a_panel_beside_the_accuracy(n, columns, rows, tmp_path):
    path = draw_history([curve() for _ in range(n)], tmp_path / "a.png")
    assert pixels(path).shape[:2] == (540 * rows, 540 * columns)


def test_loss_changes_its_own_half_alone(tmp_path):
    paths = [
        draw_history([curve(val_loss=[1.3, last, last])], tmp_path / f"{last}.png") for last in (0.6, 0.75)
    ]
    one, other = map(pixels, paths)
    differs = (one != other).any(axis=(0, 2))
    assert differs[len(differs) // 2 :].any()
    assert not differs[: len(differs) // 2].any()


def test_a_later_training_s_higher_loss_is_not_cut_off(tmp_path):
    # Drawn first or last, it gives the scale: the half with the losses is the same but for the order.
    high = curve(loss=[9.0, 5.0, 3.0], val_loss=[9.0, 4.0, 3.5])
    first, last = (
        pixels(draw_history(several, tmp_path / f"{i}.png"))
        for i, several in enumerate(([high, curve()], [curve(), high]))
    )
    np.testing.assert_array_equal(first[:540], np.roll(last, -540, axis=0)[:540])


def test_history_without_validation_or_chosen_epoch(tmp_path):
    nothing = [float("nan")] * 2
    drawn = TrainingCurve("a", [0.5, 0.6], nothing, loss=[0.7, 0.6], val_loss=nothing)
    assert draw_history([drawn], tmp_path / "a.png").exists()


def test_chosen_epoch_changes_the_picture(tmp_path):
    chosen = [draw_history([curve(chosen=epoch)], tmp_path / f"{epoch}.png") for epoch in (None, 1, 3)]
    assert len({path.read_bytes() for path in chosen}) == 3


def test_no_history_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="no training"):
        draw_history([], tmp_path / "a.png")
