"""The parameters of a transform, as `ImageAugmenter` samples and applies them."""

from typing import TypedDict


class Geometry(TypedDict):
    """The arguments of `leukcnn.augmentation.affine_matrix`: degrees, pixels and factors."""

    theta: float
    tx: float
    ty: float
    shear: float
    zx: float
    zy: float
    shear_factor_x: float
    shear_factor_y: float


class Transform(Geometry):
    """All parameters of one image.

    `noise_seed` is the seed of salt and pepper, `choice` a position in the augmenter's `one_of` (None without
    it) and `quarter_turns` is 0 to 3, counter-clockwise.
    """

    flip_horizontal: bool
    flip_vertical: bool
    gaussian_blur: int
    salt_and_pepper: float
    noise_seed: int
    choice: int | None
    quarter_turns: int


NEUTRAL_GEOMETRY: Geometry = {
    "theta": 0.0,
    "tx": 0.0,
    "ty": 0.0,
    "shear": 0.0,
    "zx": 1.0,
    "zy": 1.0,
    "shear_factor_x": 0.0,
    "shear_factor_y": 0.0,
}
NEUTRAL: Transform = {
    **NEUTRAL_GEOMETRY,
    "flip_horizontal": False,
    "flip_vertical": False,
    "gaussian_blur": 0,
    "salt_and_pepper": 0.0,
    "noise_seed": 0,
    "choice": None,
    "quarter_turns": 0,
}


def geometry_of(params: Transform) -> Geometry:
    """Returns the parameters of the affine matrix."""
    return {
        "theta": params["theta"],
        "tx": params["tx"],
        "ty": params["ty"],
        "shear": params["shear"],
        "zx": params["zx"],
        "zy": params["zy"],
        "shear_factor_x": params["shear_factor_x"],
        "shear_factor_y": params["shear_factor_y"],
    }
