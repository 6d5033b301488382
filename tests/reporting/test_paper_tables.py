from leukcnn import papers
from leukcnn.reporting.paper_tables import _BUILDERS, assumption_table, paper_tables
from leukcnn.spec import Table


def test_every_kind_of_table_can_be_drawn():
    kinds = {table.kind for key in papers.list_papers() for table in papers.get(key).tables}
    assert kinds <= {*_BUILDERS, "layers"}


def test_only_that_table(experiment):
    results = experiment.results()
    assert [table.id for table in paper_tables(results, only="table3")] == ["table3"]
    assert len(paper_tables(results, only="vgg16")) == len(results.paper.tables)


def test_layers_are_those_of_the_sketches(staged):
    columns = ("Layer (type)", "Output Shape", "Param #")
    lines = (("dense (Dense)", "(None, 4)", 36),)
    layers = Table("layers", "t", "layers", "", rows=("frozen",), columns=columns, reference=lines)
    results = staged(layers).results()
    summary = {"layers": [["predictions (Dense)", "(None, 4)", 36]], "trainable": 36, "frozen": 0}
    (at_hand,) = paper_tables(results, topology={"layers": summary})
    assert at_hand.rows[0][-1] == "equal"
    (without,) = paper_tables(results)
    assert without.rows[0][-1].startswith("not measured")


def test_assumptions_are_a_table_with_the_values_of_this_experiment(experiment):
    results = experiment.results(profile="smoke", assumed={"batch_size": 7})
    rows = {row[0]: row for row in assumption_table(results).rows}
    assert rows["batch_size"][1:3] == ("7", "yes")
    assert rows["initializer"][1:3] == ("he_normal", "no")
    assert rows["penalty"][1] == "vgg16 0.0001, vgg19 0.0001, xception 0.0007"
    assert any("slip of the pen" in note for note in assumption_table(results).notes)
