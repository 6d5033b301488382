"""Synthetic white blood cells: two classes that differ as real ones do, of subjects with their own stain.

The classes differ in form. Blasts have little cytoplasm, fine chromatin with nucleoli and an irregular, often
indented outline; healthy precursors have more cytoplasm, clumped chromatin and a round outline. The classes
don't differ in colour: the mean and contrast of the stain inside the cell are sampled independently of the
class. The size is nearly the same. Otherwise, the mean and standard deviation of the three channels would be
enough to distinguish the classes.

The outlines and clouds (smooth noise) at the end of the module are used for all kinds of synthetic cells.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.seeding import generator

MIN_SIZE = 320  # pixels; the largest cell fits in, with its shift off the centre
_LARGEST_RADIUS = 150.0
_ANGLES = np.linspace(0, 2 * np.pi, 128, endpoint=False)
_HARMONICS = np.arange(2, 9)
_WAVES = np.exp(1j * np.outer(_HARMONICS, _ANGLES))

# Mean of the 8-bit channels (R, G, B) inside cells, measured on C-NMC 2019, and 1.4 times their standard
# deviation (13, 10, 11). The higher contrast lets a network learn the form in the few epochs of a smoke run.
_MEAN_COLOUR = np.array([68.0, 29.0, 78.0])
_COLOUR_CONTRAST = np.array([18.2, 14.0, 15.4])
# Uneven staining shifts the hue between reddish and bluish and hardly changes the brightness.
_HUE_SHIFT = np.array([2.0, 0.0, -2.0])


@dataclass(frozen=True)
class Morphology:
    """The mean appearance of one class of cells; subjects and cells deviate from it.

    Attributes:
        diameter: Diameter of the circle with the cell's area, in pixels.
        nucleus_fraction: Nucleus area / cell area, 0..1.
        outline_roughness: Relative deviation of the cell's outline from a circle.
        nucleus_roughness: Relative deviation of the nucleus' outline from the cell's.
        indentation_chance: Probability that the outline is indented, 0..1.
        clump_width: Width of a chromatin clump, in pixels.
        clumping: Contrast of the chromatin, in units of the step from cytoplasm to nucleus.
        nucleoli: Maximum number of nucleoli in a nucleus; each cell has 0 to this many.
    """

    diameter: float
    nucleus_fraction: float
    outline_roughness: float
    nucleus_roughness: float
    indentation_chance: float
    clump_width: float
    clumping: float
    nucleoli: int


MALIGNANT = Morphology(
    diameter=218,
    nucleus_fraction=0.9,
    outline_roughness=0.10,
    nucleus_roughness=0.03,
    indentation_chance=0.5,
    clump_width=9,
    clumping=0.2,
    nucleoli=3,
)
HEALTHY = Morphology(
    diameter=206,
    nucleus_fraction=0.48,
    outline_roughness=0.035,
    nucleus_roughness=0.015,
    indentation_chance=0.1,
    clump_width=24,
    clumping=0.3,
    nucleoli=0,
)


@dataclass(frozen=True)
class _Subject:
    """How one subject's cells differ from their class: colours in 8-bit levels, the rest as factors."""

    mean_colour: np.ndarray
    contrast: float
    size: float
    clump_width: float
    clumping: float
    nucleus_fraction: float


@dataclass(frozen=True)
class _Outline:
    """Cell and nucleus as closed polygons of shape (P, 2), (x, y) in pixels from the cell's centre."""

    cell: np.ndarray
    nucleus: np.ndarray


def draw_cell(
    *, malignant: bool, subject: str, seed: int, cell: str | int, image_size: int = 450
) -> np.ndarray:
    """Draws one segmented white cell on black, like the images of C-NMC 2019.

    The cell has the same size in pixels in an image of any size, as in the dataset: images of 450 and 600
    pixels differ only in the black margin.

    Args:
        malignant: Whether the cell is a blast (C-NMC's `all`) or a healthy precursor (`hem`).
        subject: Name of the subject. The stain and typical form of its cells depend on (seed, subject).
        seed: Root seed.
        cell: Number or name of the subject's cell. Everything else depends on (seed, subject, class, cell).
        image_size: Height and width of the image in pixels, at least 320.

    Returns:
        Array (image_size, image_size, 3), uint8, RGB; exactly 0 outside the cell and above 0 in some channel
        inside.

    Raises:
        ArgumentError: The image is too small for a cell, or the seed isn't a whole number >= 0.
    """
    if image_size < MIN_SIZE:
        raise ArgumentError(f"The image size is {image_size} pixels.", expected=f"at least {MIN_SIZE} pixels")
    morphology = MALIGNANT if malignant else HEALTHY
    traits = _sample_subject(generator(seed, "synthetic", "subject", str(subject)))
    rng = generator(seed, "synthetic", "cell", str(subject), "all" if malignant else "hem", str(cell))
    outline = _sample_outline(rng, morphology, traits)
    corner = np.floor(outline.cell.min(axis=0)).astype(int)
    width, height = np.ceil(outline.cell.max(axis=0)).astype(int) - corner + 1
    inside = fill(np.zeros((height, width), np.uint8), outline.cell - corner)
    nucleus = fill(np.zeros_like(inside), outline.nucleus - corner) & inside
    density = _stain_density(rng, nucleus, morphology, traits)
    coloured = _colour(rng, density, inside, traits)

    left, top = corner + image_size // 2
    image = np.zeros((image_size, image_size, 3), np.uint8)
    image[top : top + height, left : left + width] = coloured
    return image


def _sample_subject(rng: np.random.Generator) -> _Subject:
    """Samples what all cells of a subject share, independently of the class."""
    return _Subject(
        mean_colour=_MEAN_COLOUR * rng.normal(1, 0.1) + rng.normal(0, [4, 3, 4]),
        contrast=rng.lognormal(0, 0.18),
        size=rng.normal(1, 0.05),
        clump_width=rng.lognormal(0, 0.1),
        clumping=rng.lognormal(0, 0.15),
        nucleus_fraction=rng.normal(1, 0.03),
    )


def _sample_outline(rng: np.random.Generator, morphology: Morphology, traits: _Subject) -> _Outline:
    """Samples the outlines of cell and nucleus around the origin, with a small shift of the whole cell."""
    cell = wavy_circle(rng, morphology.outline_roughness)
    if rng.random() < morphology.indentation_chance:
        cell *= notch(
            rng.uniform(0, 2 * np.pi), depth=rng.uniform(0.12, 0.3), half_width=rng.uniform(0.2, 0.4)
        )
    # The area must not depend on the roughness, or the brightness of the image would reveal the class.
    cell /= np.sqrt(np.mean(cell**2))
    radius = 0.5 * morphology.diameter * traits.size * rng.normal(1, 0.08)
    cell = np.clip(cell * radius, 0.3 * _LARGEST_RADIUS, _LARGEST_RADIUS)

    fraction = np.clip(
        morphology.nucleus_fraction * traits.nucleus_fraction * rng.normal(1, 0.05), 0.35, 0.95
    )
    nucleus = cell * np.sqrt(fraction) * wavy_circle(rng, morphology.nucleus_roughness)
    to_border = radius * (1 - np.sqrt(fraction))
    off_centre = rng.uniform(0, 0.8) * to_border * unit_vector(rng.uniform(0, 2 * np.pi))
    shift = rng.uniform(-8, 8, size=2)
    return _Outline(cell=polygon(cell) + shift, nucleus=polygon(nucleus) + off_centre + shift)


def _stain_density(
    rng: np.random.Generator, nucleus: np.ndarray, morphology: Morphology, traits: _Subject
) -> np.ndarray:
    """Samples the amount of stain in each pixel, float32 (H, W): about 0 in cytoplasm, 1 in the nucleus."""
    shape = nucleus.shape
    clumping = morphology.clumping * traits.clumping * rng.lognormal(0, 0.15)
    chromatin = 1 + clumping * cloud(rng, shape, morphology.clump_width * traits.clump_width)
    for _ in range(rng.integers(morphology.nucleoli + 1)):
        rows, columns = np.nonzero(nucleus[::8, ::8])
        pick = rng.integers(len(rows))
        middle = (int(columns[pick]) * 8, int(rows[pick]) * 8)
        cv2.circle(chromatin, middle, int(rng.integers(7, 13)), 0.55, cv2.FILLED)
    blurred = cv2.GaussianBlur(chromatin, (5, 5), 1.5)
    cytoplasm = 0.1 * cloud(rng, shape, 14)
    weight = cv2.GaussianBlur(nucleus, (7, 7), 2).astype(np.float32) / 255
    illumination = 0.15 * cloud(rng, shape, max(shape))
    return cytoplasm + weight * (blurred - cytoplasm) + illumination


def _colour(
    rng: np.random.Generator, density: np.ndarray, inside: np.ndarray, traits: _Subject
) -> np.ndarray:
    """Colours a cell; its mean and contrast don't depend on its form.

    Returns:
        (H, W, 3), uint8, RGB, black outside the cell.
    """
    mean_colour = traits.mean_colour + rng.normal(0, 3) + rng.normal(0, 1.5, size=3)
    contrast = _COLOUR_CONTRAST * traits.contrast * rng.lognormal(0, 0.12)
    (mean,), (std,) = (values[0].tolist() for values in cv2.meanStdDev(density, mask=inside))
    standardised = np.clip((density - mean) / std, -3, 3)
    hue = cloud(rng, density.shape, 70)
    levels = np.stack([-contrast, _HUE_SHIFT, mean_colour], axis=1).astype(np.float32)
    coloured = np.clip(cv2.transform(cv2.merge([standardised, hue]), levels), 1, 255).astype(np.uint8)
    return cv2.bitwise_and(coloured, coloured, mask=inside)


def wavy_circle(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Samples radii around 1 for 128 evenly spaced angles, as a sum of waves; shorter waves are smaller.

    Args:
        rng: Samples the waves.
        roughness: Relative deviation from a circle.

    Returns:
        Array (128,), float64.
    """
    amplitudes = roughness * rng.normal(size=(2, len(_HARMONICS))) / _HARMONICS
    return 1 + ((amplitudes[0] + 1j * amplitudes[1]) @ _WAVES).real


def notch(angle: float, *, depth: float, half_width: float) -> np.ndarray:
    """Returns factors, shape (128,), that shrink the radii of an outline at an indentation.

    Args:
        angle: Position of the indentation, in radians.
        depth: Depth of the indentation as a fraction of the radius, 0..1.
        half_width: Half of its width, in radians.
    """
    from_notch = np.angle(np.exp(1j * (_ANGLES - angle)))
    return 1 - depth * np.exp(-0.5 * (from_notch / half_width) ** 2)


def polygon(radii: np.ndarray) -> np.ndarray:
    """Returns the closed polygon (128, 2), (x, y) around the origin, of radii at evenly spaced angles."""
    return radii[:, None] * unit_vector(_ANGLES)


def unit_vector(angle: float | np.ndarray) -> np.ndarray:
    """Returns (x, y) of length 1 for each angle in radians, shape (..., 2)."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def fill(canvas: np.ndarray, outline: np.ndarray, value: int = 255) -> np.ndarray:
    """Fills a polygon in place, with a precision of a sixteenth of a pixel.

    Args:
        canvas: Array (H, W), uint8.
        outline: Closed polygon (P, 2), (x, y) in pixels; it may extend beyond the canvas.
        value: Value of the pixels inside, 0..255.

    Returns:
        The canvas.
    """
    fraction_bits = 4
    points = np.round(outline * 2**fraction_bits).astype(np.int32)
    return cv2.fillPoly(canvas, [points], value, shift=fraction_bits)


def cloud(rng: np.random.Generator, shape: tuple[int, int], width: float) -> np.ndarray:
    """Samples smooth noise, float32 (H, W), mean 0 and std about 1, with blobs `width` pixels wide."""
    grid = [int(np.ceil(length / width)) + 1 for length in shape]
    noise = rng.standard_normal(grid, dtype=np.float32)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC) * 1.4
