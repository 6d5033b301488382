"""The audits of all papers, made once."""

import pytest

import leukcnn
from leukcnn import papers


@pytest.fixture(scope="session")
def audits():
    return {key: leukcnn.audit(key) for key in papers.list_papers()}
