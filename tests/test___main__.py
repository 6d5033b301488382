import subprocess
import sys

import leukcnn


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "leukcnn", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == leukcnn.__version__
