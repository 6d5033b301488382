import pytest

from leukcnn import spec
from leukcnn.datasets import Genuine
from leukcnn.outputs.build import build_tables


def rows_of(results):
    (shown,) = build_tables(results, only="table2")
    titles = [column.title for column in shown.columns]
    return {row[0]: dict(zip(titles, row, strict=True)) for row in shown.rows}


def test_counts_come_from_the_catalogue_and_agree_with_the_printed_ones(alertnet):
    here = {"jtsc": {"HBS": 300, "ALL": 0, "AML": 0}, "taleghani": {"HBS": 504, "ALL": 2752, "AML": 0}}
    rows = rows_of(alertnet.results(split="kfold", final_total=0, datasets=here))
    assert len(rows) == 16 + 1 + 1
    total = rows["Total"]
    sums = [total[name] for name in ("HBS", "ALL", "AML", "Other", "Total")]
    assert sums == [1058, 794, 563, 72, 2487]
    assert sum(sums[:3]) == 2415
    assert all(row["As printed"] == "yes" for row in list(rows.values())[:16])
    assert total["As printed"] == ""
    assert rows["JTSC"]["HBS here"] == total["HBS here"] == 300
    extra = next(row for row in rows.values() if row["As printed"] == "not in the paper")
    assert extra["ALL here"] == 2752


def test_what_is_here_is_counted_next_to_what_was_published(alertnet):
    here = {"jtsc": {"HBS": 299, "ALL": 0, "AML": 0}, "atlas": {"HBS": 0, "ALL": 20, "AML": 40}}
    results = alertnet.results(split="kfold", final_total=0, datasets=here)
    rows = rows_of(results)
    counts = {
        name: tuple(rows[name][title] for title in ("HBS here", "ALL here", "AML here", "Total here"))
        for name in ("JTSC", "Atlas", "ALL-IDB 1", "Total")
    }
    assert counts == {
        "JTSC": (299, 0, 0, 299),
        "Atlas": (0, 20, 40, 60),
        "ALL-IDB 1": (0, 0, 0, 0),
        "Total": (299, 20, 40, 359),
    }
    (shown,) = build_tables(results, only="table2")
    (note,) = [note for note in shown.notes if "published images" in note]
    assert "Of the 2,487 published images, the paper uses the 2,415 of its classes" in note
    assert note.endswith("Here are 359 images in 2 of the 16 datasets.")


def test_the_state_of_the_images_here_is_next_to_their_numbers(alertnet):
    here = {"jtsc": {"HBS": 300}, "ash": {"AML": 1000}, "atlas": {"AML": 40}, "pbc": {"HBS": 3}}
    images = {
        "jtsc": Genuine(300, verified=300),
        "ash": Genuine(96, foreign=1000, excess=1000),
        "atlas": Genuine(88, unverified=40),
        "pbc": Genuine(17_092, unverified=3),
    }
    results = alertnet.results(split="kfold", final_total=0, datasets=here, published_images=images)
    states = {name: row["State here"] for name, row in rows_of(results).items() if row["State here"]}
    assert states == {"JTSC": "verified", "ASH-OK": "unverified", "Atlas": "unverified", "PBC": "unverified"}
    (shown,) = build_tables(results, only="table2")
    assert any(note.startswith("State here: 'verified': all published") for note in shown.notes)
    # Synthetic images are none of the published ones.
    assert "State here" not in rows_of(alertnet.results(split="kfold", final_total=0))["JTSC"]


# Bloodline as the LeukNet paper prints it, which lacks 13 of its images.
PRINTED = (("allidb1", 59, 49, 108), ("jtsc", 300, 0, 300), ("bloodline", 0, 204, 204))
TRUE_SUMS, SUMS_OF_PRINTED = (359, 266, 625), (359, 253, 612)


def two_classes(left_out, *reference):
    table = spec.Table("table2", "Datasets", "datasets", "Table II", reference=reference)
    return rows_of(left_out(table).results())


def test_two_classes_have_no_other_column(left_out):
    rows = two_classes(left_out, *PRINTED)
    assert "Other" not in rows["JTSC"]
    assert rows["ALL-IDB 1"]["pathological"] == 49
    assert rows["ALL-IDB 1"]["pathological here"] == 6
    assert rows["ALL-IDB 1"]["As printed"] == "yes"
    total = rows["Total"]
    assert tuple(total[name] for name in ("non-pathological", "pathological", "Total")) == TRUE_SUMS
    assert total["As printed"] == ""


def test_a_count_that_differs_from_the_catalogue_is_reported(left_out):
    bloodline = list(two_classes(left_out, *PRINTED).values())[2]
    assert bloodline["pathological"] == 217
    assert bloodline["As printed"] == "no, printed 0 / 204 / 204"


@pytest.mark.parametrize(
    ("printed", "agreement"),
    [
        (TRUE_SUMS, "yes; the printed rows add up to 359 / 253 / 612"),
        (SUMS_OF_PRINTED, "no, printed 359 / 253 / 612"),
        ((1, 2, 3), "no, printed 1 / 2 / 3; the printed rows add up to 359 / 253 / 612"),
    ],
)
def test_printed_sums_are_compared_with_the_true_ones_and_the_printed_rows(left_out, printed, agreement):
    rows = two_classes(left_out, *PRINTED, ("Total", *printed))
    assert rows["Total"]["As printed"] == agreement
    assert len(rows) == 4
