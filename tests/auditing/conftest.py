"""The audits of all papers, made once."""

import pytest

import leukcnn
from leukcnn import papers
from leukcnn.auditing import binary, multiclass, run_sets


@pytest.fixture(scope="session")
def audits():
    with pytest.MonkeyPatch.context() as patch:
        # Controls show how much a match proves; a few show that they are counted.
        for module, few in ((multiclass, 2), (run_sets, 20), (binary, 50)):
            patch.setattr(module, "CONTROLS", few)
        return {key: leukcnn.audit(key) for key in papers.list_papers()}
