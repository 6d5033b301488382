"""Words that were replaced by the field's own and must not come back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THIS = Path(__file__).relative_to(ROOT).as_posix()

INSTEAD = {
    "picture": "image",
    r"\bdrawn\b": "synthetic, sampled or plotted",
    r"\blearnt\b": "trained on",
    r"\bmakers?\b": "authors or publisher",
    r"(?<![a-z])sds?(?![a-z-])": "std",
    r"\bbesides?\b": "next to, or also",
    r"\bbehind\b": "after",
    r"\banew\b": "again",
    r"\bwhoever\b": "who",
    r"\bamiss\b": "wrong",
    r"\bstands?\b": "is, appears",
    # "can't tell" is a verdict, with the apostrophe of HTML too.
    r"(?<!can't )(?<!can&#x27;t )\btells?\b|\btold\b": "says, shows, distinguishes",
    r"\blays?\b|\blaid\b": "is in, is stored",
    "keep_apart": "hold_out_validation",
    "frozen_border": "last_frozen_layer",
    "smallest_side": "min_size",
    r"\bside=|\.side\b": "image_size",
    r"\bpart=|\.part\b": "subset",
    r"\bapart=|\.apart\b": "per_dataset",
    r"\balso=|\.also\b": "extra_splits",
    r"\bpreprocess_input=": "include_preprocessing",
    r"\bshares? of\b|\btest[ _]share\b": "fraction",
    r"\btaken for\b": "predicted as, mistaken for",
}

# A key of a random generator is part of each result that rests on it, and a changelog names what was renamed.
KEYED = re.compile(r"\b(?:generator|child_seed|seed_sequence)\([^)]*\)")
# The bytes of a notebook's images are no text.
IMAGE = re.compile(r'"image/png": "[^"]*"')
NAMES_OLD_WORDS = (THIS, "CHANGELOG.rst")
ENDINGS = {".py", ".rst", ".ipynb", ".cfg", ".cff", ".ini", ".csv", ".md", ".tex"}


def old_words(text):
    """Yields line number and word for each that has a better one, the keys of random generators left out."""
    for number, line in enumerate(IMAGE.sub("", KEYED.sub("", text)).splitlines(), start=1):
        for word in INSTEAD:
            # A name in snake_case has words, too.
            if found := re.search(word, line.lower().replace("_", " ")) or re.search(word, line.lower()):
                yield number, found[0]


def own_files():
    """Returns the project's texts by their path in it, without what is built or run in a checkout."""
    folders = ("leukcnn", "tests", "docs", "experiments", "notebooks")
    files = [*ROOT.glob("*.*"), *(path for name in folders for path in (ROOT / name).rglob("*.*"))]
    texts = {path.relative_to(ROOT).as_posix(): path for path in files if path.suffix in ENDINGS}
    return {name: path for name, path in texts.items() if name not in NAMES_OLD_WORDS}


def test_words_that_were_replaced_do_not_come_back():
    files = own_files()
    assert {"README.rst", "leukcnn/cli.py", "notebooks/cnmc2019.ipynb"} <= files.keys()
    found = [
        f"{name}:{number}: {word}"
        for name, path in sorted(files.items())
        for number, word in old_words(path.read_text())
    ]
    assert not found, "\n".join([f"{len(found)} old words; see INSTEAD in {THIS}", *found[:50]])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("def read_picture(path):", ["picture"]),
        ("mean_and_sd(values)", ["sd"]),
        ("a table beside it\nthe standard deviation", ["beside"]),
        ('rng = generator(seed, "smears", "picture", name)', []),
        ("resize(image, side=64); spec.side", ["side="]),
        ("index.part == 'final'", [".part"]),
        ("Split(apart=(), part=2)", ["part=", "apart="]),
        ("Row(also=())", ["also="]),
        ("build(preprocess_input=True)", ["preprocess_input="]),
        ("the share of cells in the test_share", ["share of"]),
        ("a cell taken for a blast", ["taken for"]),
        ("outside, understand, standard, besiege", []),
        ("Datasets share cells. A part of each side, apart from one mistaken for another, also.", []),
        ("images = vgg16.preprocess_input(images)", []),
    ],
)
def test_old_words_are_found_in_names_and_sentences(line, words):
    assert [word for _, word in old_words(line)] == words
