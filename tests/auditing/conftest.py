"""The audits of all papers, made once."""

import pickle

import pytest

import leukcnn
from leukcnn import papers
from leukcnn.auditing import binary, multiclass, run_sets
from leukcnn.files import locked


@pytest.fixture(scope="session")
def audits(tmp_path_factory, request):
    """Returns the audit of each paper; processes that share the tests share them."""
    base = tmp_path_factory.getbasetemp()
    kept = (base.parent if hasattr(request.config, "workerinput") else base) / "audits.pickle"
    with locked(kept.with_suffix(".lock")):
        if kept.exists():
            return pickle.loads(kept.read_bytes())
        with pytest.MonkeyPatch.context() as patch:
            # Controls show how much a match proves; a few show that they are counted.
            for module, few in ((multiclass, 2), (run_sets, 20), (binary, 50)):
                patch.setattr(module, "CONTROLS", few)
            made = {key: leukcnn.audit(key) for key in papers.list_papers()}
        kept.write_bytes(pickle.dumps(made))
        return made
