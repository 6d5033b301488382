import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import leukcnn
from leukcnn import papers

ROOT = Path(__file__).parent.parent
MANIFEST = "leukcnn/datasets/manifests/cnmc2019.csv.gz"


@pytest.fixture(scope="module")
def set_up():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_requirements_file_agrees_with_setup_cfg(set_up):
    listed = requirements((ROOT / "requirements.txt").read_text())
    assert listed == requirements(set_up["options"]["install_requires"])


def test_extras_are_those_that_the_pages_name(set_up):
    pages = ("README.rst", "CONTRIBUTING.rst", "docs/how-to/install.rst")
    named = [set(re.findall(r"'\.\[(\w+)\]'", (ROOT / page).read_text())) for page in pages]
    assert set.union(*named) == named[-1] == set(set_up["options.extras_require"])


def test_test_extra_builds_the_documentation(set_up):
    extras = set_up["options.extras_require"]
    assert set(requirements(extras["docs"])) <= set(requirements(extras["test"]))


def test_sources_have_the_documentation():
    listed = (ROOT / "MANIFEST.in").read_text()
    endings = {path.suffix for path in (ROOT / "docs").rglob("*.*") if "__pycache__" not in path.parts}
    (line,) = re.findall("^recursive-include docs (.*)$", listed, re.MULTILINE)
    assert {f"*{ending}" for ending in endings} <= set(line.split())
    top = {name for line in re.findall("^include (.*)$", listed, re.MULTILINE) for name in line.split()}
    assert {"CONTRIBUTING.rst", "CHANGELOG.rst", "SECURITY.md"} <= top


def test_build_needs_only_packages_of_the_test_extra(set_up):
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(needed) <= set(requirements(set_up["options.extras_require"]["test"]))


def test_changelog_and_citation_name_this_version():
    assert f"\n{leukcnn.__version__}," in (ROOT / "CHANGELOG.rst").read_text()
    assert f"\nversion: {leukcnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("key", papers.list_papers())
def test_citation_names_every_paper(key):
    text = (ROOT / "CITATION.cff").read_text()
    paper = papers.get(key)
    assert paper.title in text
    number = re.search(r"(?:doi:|ISBN )(\S+)", paper.citation)
    assert (number[1] if number else paper.citation) in text


def test_licence_is_complete():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text[:100]
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Builds the wheel from a copy of the sources, so that it has no file of an earlier build."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "leukcnn", folder / "leukcnn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.rst", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", "dist"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (folder / "dist").glob("leukcnn-*.whl")
    return path


@pytest.mark.slow
def test_wheel_has_all_modules_and_data(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        metadata = next(name for name in inside if name.endswith("dist-info/METADATA"))
        described = archive.read(metadata).decode()
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "leukcnn").rglob("*.py")}
    assert modules | {MANIFEST, "leukcnn/py.typed"} <= inside
    assert not any(name.startswith(("tests/", "experiments/")) for name in inside)
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    assert f"Version: {leukcnn.__version__}\n" in described
    assert "Requires-Python: >=3.11\n" in described


@pytest.mark.slow
def test_wheel_runs_outside_the_checkout(wheel, tmp_path):
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel]
    subprocess.run(command, capture_output=True, check=True)

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("-c", "import leukcnn; print(leukcnn.__file__)").strip() == str(
        target / "leukcnn" / "__init__.py"
    )
    assert "reproduce" in run("-c", "from leukcnn.cli import main; main(['--help'])")
    read = "from leukcnn.datasets.manifest import manifest; print(len(manifest('cnmc2019')))"
    assert run("-c", read).strip() == "15114"
    version = run(str(target / "bin" / "leukcnn"), "--version")
    assert leukcnn.__version__ in version
