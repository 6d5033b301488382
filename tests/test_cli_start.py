import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from leukcnn.cli import main

HEAVY = ("tensorflow", "keras", "jax", "cv2", "skimage", "sklearn", "scipy", "matplotlib")
HELP_IN_SECONDS, COMPLETED_IN_SECONDS, LISTED_IN_SECONDS = 0.2, 0.3, 0.5
REFUSED_IN_SECONDS = 1


def loaded_by(code):
    """Returns which of the heavy libraries a fresh interpreter has loaded after some code."""
    code += f"\nimport sys; print('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.rsplit("loaded:", 1)[1].split()


def test_the_check_itself_sees_a_heavy_library():
    assert loaded_by("import cv2") == ["cv2"]


def test_importing_leukcnn_loads_no_heavy_library():
    assert loaded_by("import leukcnn; leukcnn.papers.list_papers()") == []


def test_help_loads_no_heavy_library():
    assert loaded_by("from leukcnn.cli import main; main(['--help'], standalone_mode=False)") == []
    assert loaded_by("from leukcnn.cli import main; main(['reproduce', '-h'], standalone_mode=False)") == []


def test_listing_papers_and_datasets_loads_no_heavy_library():
    assert loaded_by("from leukcnn.cli import main; main(['papers'], standalone_mode=False)") == []
    assert loaded_by("from leukcnn.cli import main; main(['datasets'], standalone_mode=False)") == []


COMPLETION = {
    "COMP_WORDS": "leukcnn reproduce leuknet_lodocv --only t",
    "COMP_CWORD": "4",
    "_LEUKCNN_COMPLETE": "bash_complete",
}


def test_completion_loads_no_heavy_library():
    code = f"import os; os.environ.update({COMPLETION!r})\nfrom leukcnn.cli import main\n"
    assert loaded_by(f"{code}try: main(prog_name='leukcnn')\nexcept SystemExit: pass") == []


@pytest.mark.parametrize(
    ("words", "environment", "answer", "limit"),
    [
        (["--help"], {}, "reproduce", HELP_IN_SECONDS),
        (["papers"], {}, "leuknet_lodocv", LISTED_IN_SECONDS),
        (["datasets"], {}, "taleghani", LISTED_IN_SECONDS),
        ([], COMPLETION, "plain,table1", COMPLETED_IN_SECONDS),
    ],
)
def test_a_quick_command_answers_quickly(words, environment, answer, limit):
    code = f"from leukcnn.cli import main; main({words or None!r}, prog_name='leukcnn')"
    seconds = []
    # The best of several, in time of the processor: other processes may slow the machine down.
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert answer in done.stdout
    assert min(seconds) < limit, seconds


# Words of a command -> part of the error.
REFUSALS = {
    "papers cnmc2091": "did you mean 'cnmc2019'?",
    "reproduce alertnett --data synthetic": "did you mean 'alertnet'?",
    "reproduce my_papr.py --data synthetic": "did you mean 'my_paper.py'?",
    "reproduce cnmc2019 --data synthetic --profile smok": "did you mean 'smoke'?",
    "reproduce cnmc2019 --data synthetic --only vgg166": "did you mean 'vgg16'?",
    "reproduce cnmc2019 --data synthetic --only tabel2": "did you mean 'table2'?",
    "reproduce cnmc2019 --data synthetic --assume batch_siz=3": "did you mean 'batch_size'?",
    "reproduce cnmc2019 --data synthetic --assume batch_size=x": "like 20",
    "reproduce cnmc2019 --data synthetic --split subjekt": "Did you mean 'subject'?",
    "reproduce cnmc2019 --data synthetic --split kfold": "did you mean 'fold'?",
    "reproduce cnmc2019 --data synthetic --mask bordr": "Did you mean 'border'?",
    "reproduce cnmc2019 --data synthetic --precision mixed_float61": "Did you mean 'mixed_float16'?",
    "reproduce cnmc2019 --data nowhere": "nowhere doesn't exist",
    "reproduce alertnet --data synthetic --datasets jtcs": "did you mean 'jtsc'?",
    "reproduce alertnet --data synthetic --datasets open,jtsc": "Expected: open alone",
    "reproduce alertnet --data synthetic --datasets opne": "did you mean 'open'?",
    "reproduce cnmc2019 --data synthetic --datasets open": "it uses cnmc2019",
    "reproduce alertnet --data nowhere": "nowhere doesn't exist",
    "reproduce alertnet --data synthetic --weights imagnet": "did you mean 'imagenet'?",
    "reproduce alertnet --data synthetic --weights weigths.h5": "did you mean 'weights.h5'?",
    "reproduce alertnet --data synthetic --weights my_paper.py": "my_paper.py is no weights file",
    "reproduce alertnet --data synthetic --weights weights.h5": "content isn't that of a .h5 file",
    "reproduce cnmc2019 --data synthetic --weights weights.h5": "start from random weights",
    "reproduce cnmc2019 --data synthetic --weights imagenet": "start from random weights",
    "reproduce alertnet --data synthetic --weights empty --only table5": "holds no file whose",
    "reproduce alertnet --data synthetic --weights empty --only figure9": "only (--only) got",
    "reproduce cnmc2019 --data synthetic --out my_paper.py/runs": "A file is in the place of a folder",
    "reproduce cnmc2019 --data synthetic --assume fill_mode=constnt": "did you mean 'constant'?",
    "reproduce cnmc2019 --data sythetic": "did you mean 'synthetic'?",
    "check cnmc2019 --data sythetic": "did you mean 'synthetic'?",
    "check cnmc2019 --data empty": "is an empty folder",
    "reproduce cnmc2019 --data my_paper": "my_paper doesn't exist",
    "table cnmc2019 --out empt": "did you mean 'empty'?",
    "reproduce cnmc2019 --data synthetic --devices gpu:2": "did you mean '2'?",
    "reproduce cnmc2019 --data synthetic --devices cpu3": "did you mean 'cpu:3'?",
    "reproduce taleghani_resnet50 --data synthetic --base scratch=lightwei": "'scratch=lightweight'?",
    "reproduce cnmc2019 --data synthetic --devices cpu2": "did you mean 'cpu:2'?",
    "reproduce cnmc2019 --data synthetic --devices two": "all, a number, or cpu:N",
    "reproduce cnmc2019 --data empty": "empty",
    "reproduce cnmc2019 --data emptty": "did you mean 'empty'?",
    "reproduce alertnet --data empty": "None of",
    "reproduce alertnet --data synthetic --weights empty --only xception_dft": "holds no file whose",
    "reproduce leuknet_lodocv --data synthetic --weights empty": "holds no file whose name begins",
    "reproduce allidb_lightweight --data synthetic --split kfold --assume folds=1": "--split kfold and --ass",
    "table cnmc2019 --only tabel2": "did you mean 'table2'?",
    "table cnmc2019": "There are no runs",
    "predict my_paper.py a.png": "isn't a .keras file",
    "predict empty.keras cell.png": "it has no metadata.json",
    "predict model.keras cell.png --out cell.png": "cell.png is the input cell.png",
    "predict model.keras cell.png --out ./cell.png": "is the input cell.png",
    "predict model.keras cell.png --out model.keras": "is the input model.keras",
    "predict model.keras cell.png --out empty": "is a directory",
    "predict model.keras cell.png --out thesis.csv": "is no table of predictions",
    "predict model.kers a.png": "did you mean 'model.keras'?",
    "predict model.keras b.png": "did you mean 'a.png'?",
    "datasets cnmc2091": "did you mean 'cnmc2019'?",
    "check alertnett --data synthetic": "did you mean 'alertnet'?",
    "check cnmc2019 --data nowhere": "nowhere doesn't exist",
}
REFUSE = """
import json, sys, time
from click.testing import CliRunner

results = []
for words in json.loads(sys.argv[1]):
    # The first one's time counts from the start of the process, which loads what all need.
    began = time.process_time() if results else 0
    done = CliRunner().invoke(__import__("leukcnn.cli").cli.main, words.split())
    results.append((done.exit_code, done.output, time.process_time() - began))
print(json.dumps([results, [name for name in ("tensorflow", "keras", "jax") if name in sys.modules]]))
"""


def test_a_wrong_word_is_refused_in_a_second_without_keras(tmp_path):
    for name in ("my_paper.py", "weights.h5", "a.png", "model.kers.txt"):
        (tmp_path / name).touch()
    zipfile.ZipFile(tmp_path / "empty.keras", "w").close()
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5", "leukcnn.json"):
            archive.writestr(name, "")
    (tmp_path / "thesis.csv").write_text("image,label")
    cv2.imwrite(str(tmp_path / "cell.png"), np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-c", REFUSE, json.dumps([*REFUSALS])]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    results, loaded = json.loads(done.stdout)
    assert loaded == []
    assert done.stderr == ""
    for (words, said), (code, output, seconds) in zip(REFUSALS.items(), results, strict=True):
        assert code in (1, 2), words
        assert said in output, words
        assert "Traceback" not in output, words
        assert seconds < REFUSED_IN_SECONDS, words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tensorflw", "did you mean 'tensorflow'?"),
        ("torch", "Expected: tensorflow or jax"),
        ("numpy", "Expected: tensorflow or jax"),
    ],
)
def test_an_unsupported_backend_is_refused_before_it_is_loaded(tmp_path, name, said):
    words = f"reproduce cnmc2019 --data synthetic --out {tmp_path}"
    command = [sys.executable, "-c", REFUSE, json.dumps([words])]
    environment = {**os.environ, "KERAS_BACKEND": name}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    [(code, output, seconds)], loaded = json.loads(done.stdout)
    assert (code, loaded) == (1, [])
    assert f"KERAS_BACKEND names the backend '{name}'" in output
    assert said in output
    assert seconds < REFUSED_IN_SECONDS


def test_each_name_is_listed_once():
    output = CliRunner().invoke(main, ["check", "cnmc2018"]).output
    expected = next(line for line in output.splitlines() if line.startswith("Expected: "))
    names = expected.removeprefix("Expected: one of ").split(", ")
    assert "cnmc2019" in names
    assert len(names) == len({*names})
