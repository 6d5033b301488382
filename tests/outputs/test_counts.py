from leukcnn.outputs.build import build_tables


def test_without_a_trial_only_printed_counts_are_shown_and_a_note_says_why(experiment):
    nothing = experiment.results(counts={}, missing={"test": "the data hold too few images"})
    (with_counts,), (table,) = (
        build_tables(results, only="table1") for results in (experiment.results(), nothing)
    )
    assert [row[:2] for row in table.rows] == [row[:2] for row in with_counts.rows]
    assert {cell for row in table.rows for cell in row[2::2]} == {None}
    assert "Not measured: the data hold too few images." in table.notes
    assert not any("Not measured" in note for note in with_counts.notes)
