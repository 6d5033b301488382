"""The file of predictions that the leaderboard of the C-NMC challenge accepts."""

import re
import zipfile
from pathlib import Path

import numpy as np

from leukcnn.errors import DataError
from leukcnn.files import replace_file
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions

MEMBER = "isbi_valid.predict"


def write_challenge_file(path: Path, predictions: Predictions, *, expected: int) -> Path:
    """Writes predictions of the final phase as the zip file that the leaderboard accepts.

    The zip holds one file, `isbi_valid.predict`, with a line for each image in the numeric order of its
    file name (1.bmp, 2.bmp ... 10.bmp): 1 for malignant, 0 for healthy.

    Args:
        path: The zip file.
        predictions: Predictions of the final-phase images, in any order.
        expected: Number of images of the final phase (2,586).

    Raises:
        DataError: An image is missing, or a file name isn't a number.
        StoreError: The folder can't be written to.
    """
    numbers = []
    for name in predictions.image:
        match = re.fullmatch(r"(?:.*/)?(\d+)\.\w+", str(name))
        if match is None:
            raise DataError(
                f"The file name of {name} isn't a number.", expected="file names 1.bmp, 2.bmp ..."
            )
        numbers.append(int(match[1]))
    order = np.array(numbers, dtype=np.int64)
    if not np.array_equal(np.sort(order), np.arange(1, expected + 1)):
        missing = sorted(set(range(1, expected + 1)) - set(order.tolist()))
        dots = " ..." if missing[5:] else ""
        raise DataError(
            f"The final phase has {len(order)} images here; missing: {missing[:5]}{dots}",
            expected=f"{expected} images, 1 to {expected}",
            remedy="complete the folder; the leaderboard accepts all images or none",
        )
    malignant = predictions.class_names.index("malignant")
    answers = (predictions.predicted == malignant).astype(int)[np.argsort(order)]
    with replace_file(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        # A fixed date, so that the same predictions give the same bytes.
        member = zipfile.ZipInfo(MEMBER, date_time=(2019, 4, 8, 0, 0, 0))
        archive.writestr(member, "".join(f"{value}\n" for value in answers))
    return path


def why_no_final_scores(results: Results, row: str) -> str:
    """Returns why a row has no results on the final phase, and which file to send to the leaderboard."""
    final = results.runs(row, subset="final")
    why = results.why_missing(row, "final") or "the final phase's labels are not public"
    if not final or len(final[0]) != results.record.final_total:
        return why
    comparable = "" if results.why_not_comparable() else " for the leaderboard"
    return f"{why}; challenge/{row}.zip holds the predictions{comparable}"
