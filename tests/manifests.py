"""Fills in the sizes and pixel digests of the shipped manifests, from the datasets' files.

`python -m tests.manifests DATA --write` reads each dataset that is below DATA and adds what its published
files show; rows without a file keep what they have. Without `--write` it only counts the rows to change.
`leukcnn.datasets.pixels.pixel_digest` defines the digest.
"""

import csv
import gzip
import hashlib
import io
import sys
from pathlib import Path

from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.pixels import pixel_digest
from leukcnn.datasets.read import decode_image
from leukcnn.datasets.scan import scan
from leukcnn.errors import DataError

FOLDER = Path(__file__).parent.parent / "leukcnn" / "datasets" / "manifests"
# An uncompressed TIFF of 257x257 pixels is 257 * 257 * 3 bytes long, and its header and tags 413 bytes.
CROP_BYTES, CROP_SIZE = "198560", "257x257"


def measured(name: str, root: Path) -> dict[str, dict[str, str]]:
    """Returns size and pixel digest of each file below a root that is as the manifest lists it, by id."""
    found = {}
    for image in scan(name, root).images:
        content = image.path.read_bytes()
        file = manifest(name).get(image.id)
        if file and hashlib.sha256(content).hexdigest() == file.sha256:
            pixels, _ = decode_image(content)
            height, width = pixels.shape[:2]
            found[image.id] = {"size": f"{height}x{width}", "pixels": pixel_digest(pixels)}
    return found


def filled(path: Path, root: Path) -> tuple[str, int]:
    """Returns a manifest with what the files below a root add to it, and the number of rows that change."""
    name = path.name.removesuffix(".csv.gz")
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    try:
        known = measured(name, root)
    except DataError:
        known = {}
    changed = 0
    for row in rows:
        new = dict(known.get(row["path"], {}))
        if name == "allidb2" and row["bytes"] == CROP_BYTES:
            new["size"] = CROP_SIZE
        changed += any(row.get(key) != value for key, value in new.items())
        row.update(new)
    columns = dict.fromkeys(column for row in rows for column in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue(), changed


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.csv.gz")):
        text, changed = filled(path, Path(sys.argv[1]))
        print(f"{path.name}: {changed:,} rows")
        if changed and "--write" in sys.argv[2:]:
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
