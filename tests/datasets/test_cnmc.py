from leukcnn.datasets.cnmc import CNMC2019


def test_counts_are_as_published():
    assert [(subset.key, subset.total) for subset in CNMC2019.subsets] == [
        ("training", 10_661),
        ("preliminary", 1_867),
        ("final", 2_586),
    ]
    assert CNMC2019.total == 15_114
    assert sum(n for subset in CNMC2019.subsets for n in subset.subjects.values()) == 118
    assert CNMC2019.subset("training").images == {"healthy": 3389, "malignant": 7272}


def test_malignant_class_is_the_second_output():
    assert CNMC2019.classes == ("healthy", "malignant")
