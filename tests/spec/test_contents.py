import dataclasses

import pytest

from leukcnn import spec
from leukcnn.spec import Published, Table

SPECIFICATIONS = [kind for kind in vars(spec).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", SPECIFICATIONS, ids=lambda kind: kind.__name__)
def test_every_specification_is_frozen(kind):
    blank = object.__new__(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(blank, dataclasses.fields(kind)[0].name, 1)


def test_published_figure_of_a_row():
    figure = Published("one", "accuracy", 90.0, sd=1.5)
    table = Table("table1", "", "folds", "", published=(figure,))
    assert table.printed("one", "accuracy") is figure
    assert table.printed("one", "precision") is None
    assert table.printed("two", "accuracy") is None


def test_a_row_is_the_paper_s_own_unless_it_has_a_name_for_scratch():
    setup = spec.Setup(
        spec.Model("Small"),
        spec.Preprocessing(crop=10),
        spec.Augmentation(),
        spec.Split(),
        spec.Training(epochs=1, batch_size=1, initial_learning_rate=1.0),
    )
    assert spec.Row("one", "One", setup).scratch == ""
    assert spec.Row("two", "Two", setup, scratch="small").scratch == "small"
