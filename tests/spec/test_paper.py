import dataclasses
import re

import pytest

from leukcnn.errors import SpecError
from leukcnn.fields import replace_at
from leukcnn.spec import (
    Assumption,
    Augmentation,
    Figure,
    Model,
    Paper,
    Preprocessing,
    Profile,
    Published,
    Row,
    Setup,
    Split,
    Table,
    Training,
)
from tests.outputs.least import least

TRAINING = Training(epochs=4, batch_size=8, initial_learning_rate=1e-3, final_learning_rate=1e-4)

SETUP = Setup(
    model=Model("made_up.Small", {"penalty": 0.5, "kernel": "glorot", "sides": (3, 5)}),
    preprocessing=Preprocessing(crop=10),
    augmentation=Augmentation(),
    split=Split(),
    training=TRAINING,
)
ASSUMPTIONS = tuple(
    Assumption(name, field=path, reason="", where="", choices=choices)
    for name, path, choices in (
        ("batch_size", "training.batch_size", ()),
        ("penalty", "model.arguments.penalty", ()),
        ("loss", "training.loss", ()),
        ("augmentation", "augmentation.variants", ("once", "fresh")),
        ("split_fractions", "split.fractions", ()),
        ("mean", "preprocessing.subtract_channel_mean", ()),
    )
)


def make_paper(**changes) -> Paper:
    values = {
        "key": "made_up",
        "controls": ("majority",),
        "title": "",
        "authors": "",
        "year": 2020,
        "citation": "",
        "task": "",
        "datasets": ("cnmc2019",),
        "classes": ("healthy", "ill"),
        "positive_class": "ill",
        "splits": ("cell", "kfold"),
        "rows": (Row("one", "One", SETUP), Row("two", "Two", replace_at(SETUP, "training.epochs", 6))),
        "profiles": (
            Profile("paper", ""),
            Profile(
                "smoke",
                "",
                changes={"training.epochs": 2, "training.batch_size": 2, "model.arguments.penalty": 0.25},
                row_changes={"two": {"training.epochs": 1}},
            ),
        ),
        "assumptions": ASSUMPTIONS,
        "tables": (Table("table1", "", "metrics", "", published=(Published("one", "accuracy", 90.0),)),),
        "figures": (Figure("figure1", "", "history", "", rows=("two",)),),
        "findings": (),
    }
    return Paper(**(values | changes))


PAPER = make_paper()


def test_paper_profile_leaves_the_rows_unchanged():
    assert PAPER.setup("one") == SETUP
    assert PAPER.setup("two").training.epochs == 6


def test_each_kind_of_change_overrides_those_before_it():
    # The profile sets 2, its change of the row 1, the assumption 8 and the option 16.
    assert PAPER.setup("one", profile="smoke").training.epochs == 2
    assert PAPER.setup("two", profile="smoke").training.epochs == 1
    assert PAPER.setup("two", profile="smoke").training.batch_size == 2
    assumed = {"batch_size": 8}
    assert PAPER.setup("two", profile="smoke", assumed=assumed).training.batch_size == 8
    changes = {"training.batch_size": 16}
    assert PAPER.setup("two", profile="smoke", assumed=assumed, changes=changes).training.batch_size == 16


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(SpecError, match="no row of made_up named 'tow'") as caught:
        PAPER.setup("tow")
    assert caught.value.remedy == "did you mean 'two'?"
    with pytest.raises(SpecError, match="no profile of made_up named 'smok'"):
        PAPER.setup("one", profile="smok")
    with pytest.raises(SpecError, match="no assumption of made_up named 'batchsize'") as caught:
        PAPER.setup("one", assumed={"batchsize": 3})
    assert caught.value.remedy == "did you mean 'batch_size'?"
    with pytest.raises(SpecError, match=r"training\.epoch"):
        PAPER.setup("one", changes={"training.epoch": 3})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch_size=32", ("batch_size", 32)),
        (" batch_size = 32 ", ("batch_size", 32)),
        ("penalty=7e-4", ("penalty", 0.0007)),
        ("penalty=1", ("penalty", 1.0)),
        ("loss=binary_crossentropy", ("loss", "binary_crossentropy")),
        ("loss=a=b", ("loss", "a=b")),
        ("augmentation=fresh", ("augmentation", "fresh")),
        ("split_fractions=[0.8, 0.1, 0.1]", ("split_fractions", (0.8, 0.1, 0.1))),
        ("mean=true", ("mean", True)),
        ("mean=False", ("mean", False)),
    ],
)
def test_assumption_is_parsed_to_the_type_of_its_field(text, expected):
    name, value = PAPER.parse_assumption(text)
    assert (name, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("batch_size", "got 'batch_size'"),
        ("batch_size=2.5", r"got '2\.5'"),
        ("batch_size=many", "got 'many'"),
        ("batch_size=true", "got 'true'"),
        ("batch_size=", "got ''"),
        ("batch_size=" + "9" * 5000, "got '999"),
        ("penalty=NaN", "got 'NaN'"),
        ("penalty=-Infinity", "got '-Infinity'"),
        ("penalty=true", "got 'true'"),
        ("penalty=[1]", r"got '\[1\]'"),
        ("split_fractions=0.6", r"got '0\.6'"),
        ("split_fractions=0.6,0.3,0.1", "got"),
        ("mean=1", "got '1'"),
        ("augmentation=often", "got 'often'"),
        ("=3", "no assumption"),
    ],
)
def test_malformed_assumption_is_refused(text, named):
    with pytest.raises(SpecError, match=named) as caught:
        PAPER.parse_assumption(text)
    assert caught.value.expected


def test_error_shows_the_form_the_choices_or_the_nearest_name():
    with pytest.raises(SpecError) as caught:
        PAPER.parse_assumption("batch_size 3")
    assert caught.value.expected == "NAME=VALUE"
    assert "batch_size, penalty" in caught.value.remedy
    with pytest.raises(SpecError) as caught:
        PAPER.parse_assumption("augmentation=often")
    assert caught.value.expected == "once or fresh"
    with pytest.raises(SpecError, match="did you mean 'fresh'"):
        PAPER.parse_assumption("augmentation=frehs")
    with pytest.raises(SpecError) as caught:
        PAPER.parse_assumption("penalti=3")
    assert caught.value.remedy == "did you mean 'penalty'?"


def test_assumption_of_some_rows_does_not_change_the_others():
    rate = Assumption("rate", "model.arguments.rate", "", "", rows=("two",))
    two = dataclasses.replace(SETUP, model=Model("made_up.Other", {"penalty": 0.5, "rate": 0.5}))
    rows = (Row("one", "One", SETUP), Row("two", "Two", two))
    paper = make_paper(rows=rows, assumptions=(*ASSUMPTIONS, rate))
    assert paper.setup("one", assumed={"rate": 0.25}) == SETUP
    assert paper.setup("two", assumed={"rate": 0.25}).model.arguments["rate"] == 0.25
    assert paper.parse_assumption("rate=0.1") == ("rate", 0.1)
    assert paper.assumed_value("rate") == "0.5"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rows": (PAPER.rows[0], PAPER.rows[0])}, "twice"),
        ({"figures": (Figure("table1", "", "samples", ""),)}, "twice"),
        ({"tables": (Table("t", "", "metrics", "", published=(Published("six", "f1", 1.0),)),)}, "six"),
        ({"tables": (Table("t", "", "metrics", "", rows=("six",)),)}, "six"),
        ({"assumptions": (Assumption("a", "training.epochs", "", "", rows=("six",)),)}, "six"),
        ({"class_of": {"blast": "sick"}}, "sick"),
        ({"positive_class": "sick"}, "sick"),
        ({"splits": ("cell", "coin")}, "coin"),
        ({"figures": (Figure("figure1", "", "history", "", rows=("six",)),)}, "six"),
        ({"profiles": (Profile("paper", "", changes={"training.epoch": 3}),)}, r"training\.epoch"),
        ({"profiles": (Profile("paper", "", changes={"training.epochs": 0}),)}, "epochs = 0"),
        ({"profiles": (Profile("paper", "", row_changes={"six": {"training.epochs": 1}}),)}, "six"),
        ({"assumptions": (Assumption("a", "training.steps", "", ""),)}, r"training\.steps"),
        (
            {
                "rows": (
                    PAPER.rows[0],
                    Row("two", "", dataclasses.replace(SETUP, model=Model("made_up.Other"))),
                )
            },
            "penalty",
        ),
    ],
    ids=[
        "rows",
        "ids",
        "published",
        "table_rows",
        "assumption_rows",
        "class_of",
        "positive_class",
        "splits",
        "figure",
        "path",
        "value",
        "row_changes",
        "assumption",
        "second_row",
    ],
)
def test_paper_that_contradicts_itself_is_refused(changes, named):
    with pytest.raises(SpecError, match=named):
        make_paper(**changes)


@pytest.mark.parametrize(
    ("changes", "named", "remedy"),
    [
        ({"controls": ("majority", "bordr")}, "Paper 'made_up': controls = 'bordr'", "'border'"),
        ({"controls": ("majority", "majority")}, "controls has 'majority' twice", ""),
        ({"datasets": ("cnmc209",)}, "Paper 'made_up': datasets = 'cnmc209'", "'cnmc2019'"),
        ({"datasets": "cnmc2019"}, "datasets = 'cnmc2019'", r"\('cnmc2019',\)"),
        ({"key": "a/b"}, "key = 'a/b'", ""),
        ({"key": ""}, "key = ''", ""),
        ({"year": "2020"}, "year = '2020'", ""),
        ({"classes": ("ill",)}, "classes", ""),
        ({"rows": ()}, "rows is empty", ""),
        ({"rows": (SETUP,)}, "rows", ""),
        ({"runs": 0}, "runs = 0", ""),
        ({"profiles": (Profile("smoke", ""),)}, "profiles are", ""),
        ({"profiles": (Profile("paper", ""), Profile("paper", ""))}, "profiles has 'paper' twice", ""),
        (
            {"profiles": (Profile("paper", "", changes={"training.loss": "x"}),)},
            "Profile 'paper', Row 'one'",
            "",
        ),
        ({"assumptions": (*ASSUMPTIONS, ASSUMPTIONS[0])}, "assumptions has 'batch_size' twice", ""),
        (
            {
                "assumptions": (
                    Assumption("a", "training.loss", "", "", choices=("categorical_crossentropi",)),
                )
            },
            "Assumption 'a', Row 'one': Training: loss = 'categorical_crossentropi'",
            "'categorical_crossentropy'",
        ),
        ({"synthetic_images": {"allidb1": {"ALL": 3}}}, "synthetic_images = 'allidb1'", ""),
        ({"synthetic_images": {"cnmc2019": 3}}, "synthetic_images", ""),
        ({"class_of": {"hem": 1}}, "class_of", ""),
        (
            {
                "tables": (
                    Table("t", "", "metrics", "", published=(Published("one", "f1", 1.0, dataset="jtsc"),)),
                )
            },
            "Table 't': dataset of a published value = 'jtsc'",
            "",
        ),
        ({"tables": (Table("t", "", "metrics", "", split="subject"),)}, "Table 't': split = 'subject'", ""),
        (
            {"tables": (least("reference", measured=(("A", "six", "f1"),)),)},
            "measured = 'six'",
            "",
        ),
        (
            {"figures": (Figure("f", "", "feature_space", rows=("one",), dataset="jtsc"),)},
            "dataset = 'jtsc'",
            "",
        ),
        ({"splits": ("cell", "cell")}, "splits has 'cell' twice", ""),
        ({"splits": ("kfold",)}, r"Row 'one': split\.kind = 'cell'", ""),
    ],
)
def test_unknown_name_in_a_paper_is_refused(changes, named, remedy):
    with pytest.raises(SpecError, match=named) as caught:
        make_paper(**changes)
    assert caught.value.expected
    if remedy:
        assert re.search(remedy, caught.value.remedy)


def test_border_control_needs_images_larger_than_the_border():
    with pytest.raises(SpecError, match=r"control 'border': preprocessing\.crop = 10") as caught:
        make_paper(controls=("majority", "border"))
    assert "at least 32 pixels" in caught.value.expected
    rows = tuple(Row(r.id, r.label, replace_at(r.setup, "preprocessing.crop", 32)) for r in PAPER.rows)
    make_paper(rows=rows, controls=("majority", "border"))


def test_extra_split_must_fit_the_training_of_its_row():
    rows = (dataclasses.replace(PAPER.rows[0], extra_splits=("kfold",)), PAPER.rows[1])
    with pytest.raises(
        SpecError, match="Row 'one', extra_splits = 'kfold': The split 'kfold' with the checkpoint"
    ):
        make_paper(rows=rows)
