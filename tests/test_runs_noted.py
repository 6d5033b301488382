from leukcnn.records import changed_files, note_files


def test_missing_and_changed_files_are_found(tmp_path):
    paths = [tmp_path / "figures" / f"{name}.png" for name in "abc"]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"whole")
    assert changed_files(tmp_path) == {}
    note_files(tmp_path, paths[:1])
    note_files(tmp_path, paths[1:])
    assert changed_files(tmp_path) == {}
    paths[0].unlink()
    paths[2].write_bytes(b"other")
    assert changed_files(tmp_path) == {paths[0]: "missing", paths[2]: "changed since it was written"}
    note_files(tmp_path, paths[2:])
    assert changed_files(tmp_path) == {paths[0]: "missing"}


def test_files_that_are_no_longer_written_are_removed_from_the_list(tmp_path):
    paths = [tmp_path / name for name in ("figures/a.png", "figures/b.png", "captured/c.npz")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"whole")
    note_files(tmp_path, paths)
    note_files(tmp_path, paths[:1], again=("figures",))
    for path in paths:
        path.unlink()
    assert changed_files(tmp_path) == {paths[0]: "missing", paths[2]: "missing"}
