import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(folder):
    command = [sys.executable, "-c", CODE, "--config", str(ROOT / ".importlinter"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_every_module_imports_only_from_lower_layers():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("seeding.py", "from leukcnn import papers", "The layers of leukcnn"),
        ("new_module.py", "", "The layers of leukcnn"),
        ("pipeline.py", "import tensorflow", "Only leukcnn.distribution knows TensorFlow and JAX"),
        ("papers/cnmc2019.py", "import numpy", "A paper is data"),
        ("rendering/tables.py", "from leukcnn import labels", "A rendering knows values and files alone"),
    ],
    ids=["upward", "module without a layer", "backend", "code in a paper", "rendering"],
)
def test_forbidden_import_is_found(tmp_path, module, line, contract):
    shutil.copytree(ROOT / "leukcnn", tmp_path / "leukcnn", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "leukcnn" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    assert len(broken) == 1
    assert broken[0].startswith(contract)
