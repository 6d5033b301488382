"""The file that the C-NMC challenge's leaderboard takes."""

import re
import zipfile
from pathlib import Path

import numpy as np

from leukcnn.errors import DataError
from leukcnn.files import replace_file
from leukcnn.results.results import Results
from leukcnn.runs import Predictions

MEMBER = "isbi_valid.predict"


def write_challenge_file(path: Path, predictions: Predictions, *, expected: int) -> Path:
    """Writes predictions of the final phase as the zip file that the leaderboard takes.

    The zip holds one file, `isbi_valid.predict`, with a line for each image in the numeric order of its
    file name (1.bmp, 2.bmp ... 10.bmp): 1 for malignant, 0 for healthy.

    Args:
        path: The zip file.
        predictions: Of the final-phase images, in any order.
        expected: How many images the final phase has (2,586).

    Raises:
        DataError: An image is missing, or a name holds no number.
        StoreError: The folder can't be written to.
    """
    numbers = [re.fullmatch(r"(?:.*/)?(\d+)\.\w+", str(name)) for name in predictions.image]
    if None in numbers:
        raise DataError(
            f"{predictions.image[numbers.index(None)]} has no number for a name.",
            expected="file names 1.bmp, 2.bmp ...",
        )
    order = np.array([int(match[1]) for match in numbers], dtype=np.int64)
    if not np.array_equal(np.sort(order), np.arange(1, expected + 1)):
        missing = sorted(set(range(1, expected + 1)) - set(order.tolist()))
        dots = " ..." if missing[5:] else ""
        raise DataError(
            f"The final phase has {len(order)} images here; missing: {missing[:5]}{dots}",
            expected=f"{expected} images, 1 to {expected}",
            remedy="complete the folder; the leaderboard takes no part of it",
        )
    malignant = predictions.class_names.index("malignant")
    said = (predictions.predicted == malignant).astype(int)[np.argsort(order)]
    with replace_file(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        # A fixed date, so that the same predictions give the same bytes.
        member = zipfile.ZipInfo(MEMBER, date_time=(2019, 4, 8, 0, 0, 0))
        archive.writestr(member, "".join(f"{value}\n" for value in said))
    return path


def why_no_final_scores(results: Results, row: str) -> str:
    """Returns why a row has no figures on the final phase, and which file asks the leaderboard for them."""
    final = results.runs(row, subset="final")
    why = results.why_missing(row, "final") or "the final phase's labels are not public"
    if not final or len(final[0]) != results.record.final_total:
        return why
    comparable = "" if results.record.not_comparable else " for the leaderboard"
    return f"{why}; challenge/{row}.zip holds the predictions{comparable}"
