"""Synthetic leukocytes in a Wright-Giemsa stain: the appearance of each class, and single cells.

A cell is rendered as relative amounts of three dyes; `smears` converts them to colours. All nuclei have the
same amount of DNA, so a small nucleus stains darker than a large one. This also prevents the mean colour of
an image from revealing the class.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.synthetic.drawing import cloud, fill, notch, polygon, unit_vector, wavy_circle

EOSIN, METHYLENE_BLUE, AZURE = range(3)

_NUCLEUS_AREA = 100.0  # square micrometres; a nucleus of this area has an amount of azure of about 1
SMALLEST_SCALE = 1.0  # pixels per micrometre; at lower scales a nucleus has no visible structure


@dataclass(frozen=True)
class Form:
    """The mean appearance of one kind of leukocyte; cells deviate from it.

    Attributes:
        diameter: Diameter of the cell, in micrometres.
        nucleus: Shape of the nucleus: "round", "folded", "segmented" (lobes), "band" or "smudged" (a burst
            cell without cytoplasm).
        nucleus_fraction: Nucleus area / cell area, 0..1.
        clump_width: Width of a chromatin clump, in micrometres.
        clumping: Contrast of the chromatin, relative to its mean.
        nucleoli: Minimum and maximum number of nucleoli.
        basophilia: Relative amount of methylene blue in the cytoplasm, at least 0.
        acidophilia: Relative amount of eosin in the cytoplasm, at least 0.
        granules: Relative amount of azure in a granule of the cytoplasm; 0 for no granules.
        vacuoles: Maximum number of vacuoles.
        auer_rod_chance: Probability of an Auer rod, 0..1.
    """

    diameter: float
    nucleus: str
    nucleus_fraction: float
    clump_width: float
    clumping: float
    nucleoli: tuple[int, int] = (0, 0)
    basophilia: float = 0.0
    acidophilia: float = 0.0
    granules: float = 0.0
    vacuoles: int = 0
    auer_rod_chance: float = 0.0


LYMPHOBLAST = Form(
    diameter=12.5,
    nucleus="round",
    nucleus_fraction=0.86,
    clump_width=0.7,
    clumping=0.09,
    nucleoli=(0, 1),
    basophilia=0.75,
)
MYELOBLAST = Form(
    diameter=16.0,
    nucleus="folded",
    nucleus_fraction=0.54,
    clump_width=0.6,
    clumping=0.08,
    nucleoli=(2, 4),
    basophilia=0.3,
    granules=0.28,
    auer_rod_chance=0.35,
)
NEUTROPHIL = Form(
    diameter=13.5,
    nucleus="segmented",
    nucleus_fraction=0.37,
    clump_width=1.3,
    clumping=0.16,
    basophilia=0.04,
    acidophilia=0.4,
    granules=0.25,
)
LYMPHOCYTE = Form(
    diameter=9.5,
    nucleus="round",
    nucleus_fraction=0.82,
    clump_width=1.8,
    clumping=0.2,
    basophilia=0.55,
)
MONOCYTE = Form(
    diameter=16.5,
    nucleus="band",
    nucleus_fraction=0.4,
    clump_width=1.1,
    clumping=0.16,
    basophilia=0.28,
    acidophilia=0.12,
    granules=0.06,
    vacuoles=4,
)
BAND = Form(
    diameter=13.5,
    nucleus="band",
    nucleus_fraction=0.36,
    clump_width=1.2,
    clumping=0.16,
    basophilia=0.05,
    acidophilia=0.32,
    granules=0.25,
)
CLL_LYMPHOCYTE = Form(
    diameter=9.5,
    nucleus="round",
    nucleus_fraction=0.92,
    clump_width=2.0,
    clumping=0.32,
    basophilia=0.5,
)
SMUDGE = Form(
    diameter=13.0,
    nucleus="smudged",
    nucleus_fraction=1.0,
    clump_width=1.6,
    clumping=0.3,
)

# Precursors of B lymphocytes: a benign one that is often mistaken for a blast, and blasts of three stages.
HEMATOGONE = Form(
    diameter=9.0,
    nucleus="round",
    nucleus_fraction=0.92,
    clump_width=1.2,
    clumping=0.08,
    basophilia=0.5,
)
EARLY_PRE_B = Form(
    diameter=15.0,
    nucleus="round",
    nucleus_fraction=0.84,
    clump_width=0.8,
    clumping=0.06,
    nucleoli=(0, 1),
    basophilia=0.7,
)
PRE_B = Form(
    diameter=12.0,
    nucleus="round",
    nucleus_fraction=0.9,
    clump_width=1.4,
    clumping=0.16,
    basophilia=0.6,
)
PRO_B = Form(
    diameter=12.5,
    nucleus="folded",
    nucleus_fraction=0.66,
    clump_width=1.8,
    clumping=0.3,
    nucleoli=(1, 3),
    acidophilia=0.3,
    basophilia=0.2,
)

# Fraction of each form among the white cells of a class. "other" means the chronic leukaemias,
# "pathological" the acute ones of either kind.
FORMS: dict[str, tuple[tuple[float, Form], ...]] = {
    "healthy": ((0.7, NEUTROPHIL), (0.15, LYMPHOCYTE), (0.15, MONOCYTE)),
    "ALL": ((1.0, LYMPHOBLAST),),
    "AML": ((1.0, MYELOBLAST),),
    "other": ((0.45, CLL_LYMPHOCYTE), (0.35, SMUDGE), (0.2, BAND)),
    "pathological": ((0.5, LYMPHOBLAST), (0.5, MYELOBLAST)),
    "benign": ((0.7, HEMATOGONE), (0.3, MONOCYTE)),
    "early": ((1.0, EARLY_PRE_B),),
    "pre": ((1.0, PRE_B),),
    "pro": ((1.0, PRO_B),),
    # Kinds of mature cell that datasets keep in folders of their own.
    "neutrophil": ((1.0, NEUTROPHIL),),
    "lymphocyte": ((1.0, LYMPHOCYTE),),
    "monocyte": ((1.0, MONOCYTE),),
}


@dataclass(frozen=True, eq=False)
class Leukocyte:
    """One synthetic cell at the centre of a square patch of S x S pixels.

    Attributes:
        dyes: Relative amounts of eosin, methylene blue and azure, (S, S, 3), float32, at least 0.
        cell: The cell with its nucleus, (S, S), uint8, 255 inside and 0 outside.
        nucleus: The nucleus, in the same form as `cell`.
    """

    dyes: np.ndarray
    cell: np.ndarray
    nucleus: np.ndarray


def pick_form(rng: np.random.Generator, class_name: str) -> Form:
    """Samples the form of one cell of a class.

    Raises:
        ArgumentError: The class has no form.
    """
    if class_name not in FORMS:
        raise ArgumentError(
            f"There are no synthetic white cells for the class {class_name!r}.",
            expected=f"one of {', '.join(FORMS)}",
        )
    fractions, forms = zip(*FORMS[class_name], strict=True)
    return forms[rng.choice(len(forms), p=fractions)]


def draw_leukocyte(rng: np.random.Generator, form: Form, *, scale: float) -> Leukocyte:
    """Draws one leukocyte.

    Args:
        rng: Samples the cell's deviations from the form.
        form: Appearance of the cell.
        scale: Magnification, in pixels per micrometre.

    Returns:
        The cell, in a patch a little larger than the cell.

    Raises:
        ArgumentError: The scale is below 1 pixel per micrometre.
    """
    if not scale >= SMALLEST_SCALE:
        raise ArgumentError(
            f"The scale is {scale} pixels per micrometre.", expected=f"at least {SMALLEST_SCALE}"
        )
    smudged = form.nucleus == "smudged"
    radius = 0.5 * form.diameter * rng.normal(1, 0.05) * scale
    outline = wavy_circle(rng, 0.16 if smudged else 0.06)
    outline *= radius / np.sqrt(np.mean(outline**2))
    size = 2 * int(np.ceil(outline.max() + 2 * scale)) + 1
    middle = size // 2
    cell = fill(np.zeros((size, size), np.uint8), polygon(outline) + middle)
    nucleus = cell if smudged else _draw_nucleus(rng, form, outline, cell, scale)
    soft_nucleus = _soften(nucleus, (1.5 if smudged else 0.22) * scale)
    chromatin = _draw_chromatin(rng, form, nucleus, scale)
    cytoplasm = _draw_cytoplasm(rng, form, cell & ~nucleus, radius, scale)
    soft_cell = _soften(cell, 0.25 * scale)
    # The zone of the Golgi apparatus around the nucleus is paler than the rest.
    paler = 1 - 0.45 * cv2.GaussianBlur(soft_nucleus, (0, 0), scale)
    cytoplasm *= (soft_cell * (1 - soft_nucleus) * paler)[..., None]
    cytoplasm[..., AZURE] += soft_nucleus * chromatin
    return Leukocyte(dyes=cytoplasm, cell=cell, nucleus=nucleus)


def _soften(mask: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32) / 255


def _draw_nucleus(
    rng: np.random.Generator, form: Form, outline: np.ndarray, cell: np.ndarray, scale: float
) -> np.ndarray:
    """Draws the mask of the nucleus, uint8 (S, S), in a cell with the given radii and mask."""
    radius = np.sqrt(np.mean(outline**2))
    mask, middle = np.zeros_like(cell), len(cell) // 2
    fraction = np.clip(form.nucleus_fraction * rng.normal(1, 0.04), 0.2, 0.93)
    if form.nucleus in ("segmented", "band"):
        lobes, lobe_radius = _lobe_places(rng, fraction, banded=form.nucleus == "band")
        thread = max(1, round(1.8 * lobe_radius * radius if form.nucleus == "band" else 0.7 * scale))
        places = lobes * radius + middle
        cv2.polylines(mask, [np.round(places).astype(np.int32)], False, 255, thread)
        for place in places:
            fill(mask, polygon(wavy_circle(rng, 0.12) * lobe_radius * radius) + place)
        return mask & cell
    radii = outline * np.sqrt(fraction) * wavy_circle(rng, 0.04)
    if form.nucleus == "folded":
        angle = rng.uniform(0, 2 * np.pi)
        radii *= notch(angle, depth=rng.uniform(0.6, 0.8), half_width=rng.uniform(0.3, 0.45))
        if rng.random() < 0.5:
            opposite = angle + rng.uniform(2, 4)
            radii *= notch(opposite, depth=rng.uniform(0.2, 0.35), half_width=rng.uniform(0.2, 0.3))
        radii *= radius * np.sqrt(fraction) / np.sqrt(np.mean(radii**2))
    off_centre = (
        rng.uniform(0.3, 0.9) * radius * (1 - np.sqrt(fraction)) * unit_vector(rng.uniform(0, 2 * np.pi))
    )
    return fill(mask, polygon(radii) + off_centre + middle) & cell


def _lobe_places(rng: np.random.Generator, fraction: float, *, banded: bool) -> tuple[np.ndarray, float]:
    """Samples lobes along a curve, or the beads of a band, for a cell of radius 1 around the origin.

    Returns:
        Centres (L, 2), (x, y), and the radius with which the lobes fill the given fraction of the cell.
    """
    start = rng.uniform(0, 2 * np.pi)
    if banded:
        span = rng.uniform(3.0, 3.8)
        length = 0.5 * span
        # Solves 2 * length * r + pi * r**2 = pi * fraction: a bent bar with round ends.
        lobe_radius = (np.sqrt(length**2 + np.pi**2 * fraction) - length) / np.pi
        places = 0.5 * unit_vector(start + np.linspace(0, span, 12))
    else:
        lobes = rng.choice([2, 3, 4, 5], p=[0.15, 0.4, 0.35, 0.1])
        lobe_radius = np.sqrt(fraction / lobes)
        spacing = 2 * np.arcsin(lobe_radius / 0.55)
        angles = start + spacing * np.arange(lobes) * rng.uniform(0.97, 1.08, size=lobes)
        places = rng.uniform(0.48, 0.62, size=(lobes, 1)) * unit_vector(angles)
    return places - 0.6 * places.mean(axis=0), float(lobe_radius)


def _draw_chromatin(rng: np.random.Generator, form: Form, nucleus: np.ndarray, scale: float) -> np.ndarray:
    """Draws the amount of azure in each pixel of a nucleus, float32 (S, S)."""
    area = max(int(np.count_nonzero(nucleus)), 1) / scale**2
    chromatin = 1 + form.clumping * cloud(rng, nucleus.shape, max(form.clump_width * scale, 1.5))
    contours, _ = cv2.findContours(nucleus, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if form.nucleus != "smudged":
        # Chromatin is denser at the nuclear membrane.
        cv2.drawContours(chromatin, contours, -1, 1.2, max(1, round(0.5 * scale)))
    rows, columns = np.nonzero(cv2.erode(nucleus, np.ones((3, 3)), iterations=max(1, round(1.2 * scale))))
    for _ in range(rng.integers(form.nucleoli[0], form.nucleoli[1] + 1) if len(rows) else 0):
        pick = rng.integers(len(rows))
        middle = (int(columns[pick]), int(rows[pick]))
        nucleolus = max(1, round(rng.uniform(0.8, 1.2) * scale))
        cv2.circle(chromatin, middle, nucleolus, 0.55, cv2.FILLED)
        cv2.circle(chromatin, middle, nucleolus, 1.12, max(1, round(0.25 * scale)))
    blurred = cv2.GaussianBlur(chromatin, (0, 0), 0.2 * scale)
    return np.maximum(blurred, 0.2) * (_NUCLEUS_AREA / area) ** 0.75


def _draw_cytoplasm(
    rng: np.random.Generator, form: Form, cytoplasm: np.ndarray, radius: float, scale: float
) -> np.ndarray:
    """Draws the dyes in the cytoplasm, float32 (S, S, 3), as if it continued below the nucleus."""
    shape = cytoplasm.shape
    dyes = np.zeros((*shape, 3), np.float32)
    uneven = 1 + 0.12 * cloud(rng, shape, 1.5 * scale)
    cv2.circle(uneven, (shape[1] // 2, shape[0] // 2), round(radius), 1.35, max(1, round(0.7 * scale)))
    dyes[..., METHYLENE_BLUE] = form.basophilia * uneven
    dyes[..., EOSIN] = form.acidophilia * uneven
    if form.granules:
        grains = cloud(rng, shape, max(0.45 * scale, 1))
        dyes[..., AZURE] = form.granules * np.clip(grains - 0.8, 0, 1.2)
    # Vacuoles and rods don't cross the border of the cytoplasm.
    depth = cv2.distanceTransform(cytoplasm, cv2.DIST_L2, 3)
    rows, columns = np.nonzero(depth > min(0.8 * scale, 0.7 * depth.max()))
    if not len(rows):
        return dyes
    for pick in rng.integers(len(rows), size=rng.integers(form.vacuoles + 1)):
        vacuole = max(1, round(rng.uniform(0.4, 0.8) * scale))
        cv2.circle(dyes, (int(columns[pick]), int(rows[pick])), vacuole, (0.02, 0.02, 0), cv2.FILLED)
    if rng.random() < form.auer_rod_chance:
        pick = rng.integers(len(rows))
        middle = np.array([columns[pick], rows[pick]])
        # At a right angle to the direction of the centre, most of a rod is in the cytoplasm.
        outward = middle - shape[0] // 2
        along = np.array([-outward[1], outward[0]]) / max(np.hypot(*outward), 1)
        half = rng.uniform(1.0, 1.7) * scale * along
        start, end = np.round([middle - half, middle + half]).astype(int).tolist()
        cv2.line(dyes, start, end, (0.8, 0.2, 0.8), max(1, round(0.45 * scale)), cv2.LINE_AA)
    return np.maximum(cv2.GaussianBlur(dyes, (0, 0), 0.12 * scale), 0)
