"""`leukcnn` as a program, with small papers: leukcnn_small.py WORDS"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from leukcnn.cli import main

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        if "_LEUKCNN_COMPLETE" not in os.environ:  # completion runs nothing that could be large
            from tests.docs.prepared import scale_down

            scale_down(patch, figures=False)
        main(prog_name="leukcnn")
