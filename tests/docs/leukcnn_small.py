"""`leukcnn` as a program, with small papers: leukcnn_small.py WORDS"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from leukcnn.cli import main
from tests.docs.prepared import scale_down

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        scale_down(patch)
        main(prog_name="leukcnn")
