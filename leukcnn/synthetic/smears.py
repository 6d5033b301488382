"""Synthetic blood smears: bright-field images of a Wright-Giemsa stain; each dataset has a look of its own.

Datasets differ in colour, magnification, sharpness, noise and frame. Classes differ in the form of the white
cells (`leukocytes`). The classes of Taleghani also differ in the number of white cells. Background, red
cells, platelets, exposure and depth of stain are sampled independently of the class.
"""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.seeding import generator
from leukcnn.synthetic.drawing import cloud, fill, polygon, wavy_circle
from leukcnn.synthetic.leukocytes import (
    EOSIN,
    LYMPHOBLAST,
    SMALLEST_SCALE,
    Leukocyte,
    draw_leukocyte,
    pick_form,
)

MIN_SIZE = 64  # pixels
MOST_CELLS = 12

_RED_CELL_DIAMETER = 7.5  # micrometres
_TRIES_PER_CELL = 12
# Hue in degrees and maximum saturation of the empty glass: straw, rose, lavender, sky blue; never green.
_GLASS = ((42, 0.4), (345, 0.16), (265, 0.14), (215, 0.2))


@dataclass(frozen=True)
class Frame:
    """The field of view of a dataset's images.

    Attributes:
        size: Height and width, in pixels.
        cells: Minimum and maximum number of white cells in an image.
        cell_scale: Factor of the cells' size, 0..1; 1 for images that are closely cropped around their cells.
        cells_of: Class -> minimum and maximum number of white cells in its images, within `cells`, if the
            number depends on the class.
    """

    size: tuple[int, int]
    cells: tuple[int, int] = (1, 1)
    cell_scale: float = 1.0
    cells_of: Mapping[str, tuple[int, int]] = field(default_factory=dict)


# The frame of any other dataset is sampled from its key. The real images of ALL-IDB 1 are far larger than
# here, those of LISC twice as large.
FRAMES: dict[str, Frame] = {
    "allidb1": Frame((420, 560), (2, 6)),
    "allidb2": Frame((257, 257)),
    "aml_lmu": Frame((400, 400)),
    "ash": Frame((300, 400), (2, 4)),
    "cellavision2": Frame((300, 300)),
    "jtsc": Frame((120, 120)),
    "lisc": Frame((288, 360), cell_scale=0.65),
    "pbc": Frame((363, 360), cell_scale=0.9),
    "taleghani": Frame(
        (224, 224),
        (2, 12),
        cell_scale=0.95,
        cells_of={"benign": (4, 7), "early": (3, 6), "pre": (9, 12), "pro": (2, 4)},
    ),
}


@dataclass(frozen=True)
class Look:
    """The properties that all images of a dataset share.

    Attributes:
        frame: Field of view of an image.
        background: Colour of the empty glass, RGB, 0..255.
        absorption: Optical density of each channel for an amount of 1 of eosin, methylene blue and azure,
            (3 channels, 3 dyes).
        cell_fraction: Diameter of a single lymphoblast in an image, as a fraction of the smaller of height
            and width.
        red_cell_stain: Relative amount of eosin in a red cell.
        pallor: Fraction of this eosin that is missing at the centre of the red cell, 0..1.
        crowding: Number of attempts to place a red cell, relative to the number of red cells that fit.
        blur: Standard deviation of the blur, as a fraction of the smaller of height and width.
        noise: Standard deviation of the noise, in 8-bit levels.
    """

    frame: Frame
    background: np.ndarray
    absorption: np.ndarray
    cell_fraction: float
    red_cell_stain: float
    pallor: float
    crowding: float
    blur: float
    noise: float


def draw_smear(
    *,
    class_name: str,
    dataset: str,
    seed: int,
    image: str | int,
    size: tuple[int, int] | None = None,
    cells: int | None = None,
) -> np.ndarray:
    """Draws one image of a smear with one of its white cells near the centre.

    Args:
        class_name: Class of all its white cells, a key of `leukocytes.FORMS`.
        dataset: Key of the dataset. The look of all its images depends on (seed, dataset).
        seed: Root seed.
        image: Number or name of the image. Everything else depends on (seed, dataset, class_name, image).
        size: Height and width in pixels, at least 64; by default the dataset's own.
        cells: Number of white cells, 1 to 12. The diameter of a single cell is about half of the smaller of
            height and width, or less if the dataset's own frame is wider. With more cells, each is smaller.
            By default, the number is sampled from the dataset's range.

    Returns:
        Array (H, W, 3), uint8, RGB.

    Raises:
        ArgumentError: The class has no form, the size or the number of cells is outside its range, or the
            seed isn't a whole number >= 0.
    """
    if size is not None and min(size) < MIN_SIZE:
        raise ArgumentError(
            f"The image is {size[0]}x{size[1]} pixels.",
            expected=f"a height and a width of at least {MIN_SIZE} pixels",
        )
    if cells is not None and not 1 <= cells <= MOST_CELLS:
        raise ArgumentError(f"The image has {cells} white cells.", expected=f"1 to {MOST_CELLS}")
    look = sample_look(dataset, seed=seed)
    # The key contains a former word: another key would give other images.
    rng = generator(seed, "smears", "picture", dataset, class_name, str(image))
    shape = size or look.frame.size
    fewest, most = look.frame.cells if cells is None else (cells, cells)
    fraction = look.frame.cell_scale * look.cell_fraction / np.sqrt(most)
    if cells is None:
        fewest, most = look.frame.cells_of.get(class_name, (fewest, most))
    scale = max(fraction * min(shape) / LYMPHOBLAST.diameter * rng.normal(1, 0.08), SMALLEST_SCALE)
    leukocytes = [
        draw_leukocyte(rng, pick_form(rng, class_name), scale=scale)
        for _ in range(rng.integers(fewest, most + 1))
    ]
    places = _sample_places(rng, leukocytes, shape)
    dyes = np.zeros((*shape, 3), np.float32)
    dyes[..., EOSIN] = _draw_red_cells(rng, look, leukocytes, places, shape, scale)
    _draw_platelets(rng, dyes, scale)
    for leukocyte, place in zip(leukocytes, places, strict=True):
        _add_cell(dyes, leukocyte, place)
    return _expose(rng, dyes, look)


def sample_look(dataset: str, *, seed: int) -> Look:
    """Samples the properties that all images of a dataset share.

    Args:
        dataset: Key of the dataset.
        seed: Root seed.

    Raises:
        ArgumentError: The seed isn't a whole number >= 0.
    """
    rng = generator(seed, "smears", "look", dataset)
    if dataset == "taleghani":
        return _taleghani_look(rng)
    shorter = int(rng.integers(40, 76)) * 4
    longer = int(shorter * rng.choice([1, 1, 1.25, 4 / 3]))
    degrees, strongest = _GLASS[rng.integers(len(_GLASS))]
    hue = (degrees + rng.uniform(-18, 18)) / 360
    glass = colorsys.hsv_to_rgb(hue, rng.uniform(0.02, strongest), rng.uniform(0.72, 0.98))
    eosin = rng.uniform([0.03, 0.32, 0.1], [0.2, 0.5, 0.5])
    methylene_blue = rng.uniform([0.45, 0.25, 0.02], [0.75, 0.45, 0.15])
    azure = rng.uniform([0.55, 0.95, 0.25], [1.05, 1.35, 0.7])
    return Look(
        frame=FRAMES.get(dataset, Frame((shorter, longer))),
        background=255 * np.array(glass),
        absorption=np.stack([eosin, methylene_blue, azure], axis=1),
        cell_fraction=rng.uniform(0.4, 0.52),
        red_cell_stain=rng.uniform(0.45, 1.0),
        pallor=rng.uniform(0.25, 0.8),
        crowding=rng.uniform(0.7, 4),
        blur=rng.uniform(0.0015, 0.005),
        noise=rng.uniform(1, 5),
    )


def _taleghani_look(rng: np.random.Generator) -> Look:
    """Samples a look similar to the real one: faintly green glass, crowded grey red cells, violet nuclei."""
    return Look(
        frame=FRAMES["taleghani"],
        background=np.array([247, 250, 243]) * rng.normal(1, 0.01, size=3),
        absorption=np.array([[0.33, 0.38, 0.62], [0.27, 0.34, 0.86], [0.18, 0.04, 0.16]]),
        cell_fraction=0.46,
        red_cell_stain=rng.uniform(0.6, 0.9),
        pallor=rng.uniform(0.4, 0.8),
        crowding=rng.uniform(1, 1.6),
        blur=rng.uniform(0.002, 0.004),
        noise=rng.uniform(1, 3),
    )


def _sample_places(
    rng: np.random.Generator, leukocytes: Sequence[Leukocyte], shape: tuple[int, int]
) -> list[np.ndarray]:
    """Samples the cells' centres, (x, y) in pixels: one near the image's centre, the others away from it."""
    size = np.array(shape[::-1])
    places = [size / 2 + rng.uniform(-0.06, 0.06, size=2) * size.min()]
    for leukocyte in leukocytes[1:]:
        margin = min(0.4 * len(leukocyte.cell), 0.3 * size.min())
        tries = rng.uniform(margin, size - margin, size=(_TRIES_PER_CELL, 2))
        nearest = np.linalg.norm(tries[:, None] - np.array(places), axis=-1).min(axis=1)
        places.append(tries[nearest.argmax()])
    return places


def _draw_red_cells(
    rng: np.random.Generator,
    look: Look,
    leukocytes: Sequence[Leukocyte],
    places: Sequence[np.ndarray],
    shape: tuple[int, int],
    scale: float,
) -> np.ndarray:
    """Draws the red cells between the white ones, as amounts of eosin, float32 (H, W)."""
    size = np.array(shape[::-1])
    radius = 0.5 * _RED_CELL_DIAMETER * scale
    fit = np.prod(size + 2 * radius) / (4 * radius**2)
    tries = int(np.ceil(look.crowding * fit * rng.lognormal(0, 0.5)))
    middles = rng.uniform(-radius, size + radius, size=(tries, 2))
    radii = radius * rng.normal(1, 0.07, size=tries)
    kept = list(places)
    # A patch reaches two micrometres beyond its cell.
    reach = [0.5 * len(leukocyte.cell) - 2 * scale for leukocyte in leukocytes]
    discs, pale = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for middle, own in zip(middles, radii, strict=True):
        gaps = np.linalg.norm(np.array(kept) - middle, axis=1) - np.array(reach)
        if gaps.min() < 0.96 * own:
            continue
        kept.append(middle)
        reach.append(own)
        outline = polygon(wavy_circle(rng, 0.04)) * rng.normal(1, 0.04, size=2)
        fill(discs, own * outline + middle, int(rng.uniform(190, 240)))
        fill(pale, 0.55 * own * outline + middle)
    amount = cv2.GaussianBlur(discs, (0, 0), max(0.15 * scale, 0.3)).astype(np.float32)
    dip = cv2.GaussianBlur(pale, (0, 0), 0.8 * scale).astype(np.float32)
    return look.red_cell_stain / 255 * amount * (1 - look.pallor / 255 * dip)


def _draw_platelets(rng: np.random.Generator, dyes: np.ndarray, scale: float) -> None:
    """Draws a few platelets into the dyes, (H, W, 3)."""
    for _ in range(rng.integers(4)):
        spot = polygon(wavy_circle(rng, 0.08) * rng.uniform(0.7, 1.2) * scale)
        middle = rng.uniform(0, dyes.shape[1::-1])
        mask = fill(np.zeros(dyes.shape[:2], np.uint8), spot + middle)
        dyes[mask > 0] = (0.1, 0.2, 0.3)


def _add_cell(dyes: np.ndarray, leukocyte: Leukocyte, place: np.ndarray) -> None:
    """Adds a white cell with the given centre to the dyes (H, W, 3), in place; it replaces the dyes there."""
    half = len(leukocyte.cell) // 2
    left, top = np.round(place).astype(int) - half
    rows = slice(max(top, 0), min(top + 2 * half + 1, dyes.shape[0]))
    columns = slice(max(left, 0), min(left + 2 * half + 1, dyes.shape[1]))
    visible = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    around = leukocyte.cell[visible][..., None] == 0
    dyes[rows, columns] = dyes[rows, columns] * around + leukocyte.dyes[visible]


def _expose(rng: np.random.Generator, dyes: np.ndarray, look: Look) -> np.ndarray:
    """Turns amounts of dye (H, W, 3) into an image (H, W, 3), uint8, RGB, by the Beer-Lambert law."""
    shape = dyes.shape[:2]
    # Preparations differ in depth of stain, exposures in brightness and white balance.
    depth = rng.lognormal(0, 0.16)
    background = look.background * rng.normal(1, 0.03) * rng.normal(1, 0.012, size=3)
    light = 1 + 0.018 * cloud(rng, shape, 0.7 * max(shape))
    transmitted = cv2.exp(cv2.transform(dyes, -depth * look.absorption))
    blurred = cv2.GaussianBlur(transmitted, (0, 0), max(look.blur * min(shape), 0.3))
    exposed = blurred * (light[..., None] * background.astype(np.float32))
    noise = look.noise * rng.standard_normal(exposed.shape, dtype=np.float32)
    return np.clip(exposed + noise, 0, 255).astype(np.uint8)
