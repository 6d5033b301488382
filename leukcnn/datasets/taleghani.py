"""The images of Taleghani hospital in Tehran, original and segmented: values only."""

from dataclasses import replace

from leukcnn.datasets.cards import ANY_FOLDER, ANY_NAME, DatasetCard, Layout, Subset
from leukcnn.datasets.class_words import class_words

_STAGES = class_words("benign", "early", "pre", "pro")
_TALEGHANI_COUNTS = {"benign": 504, "early": 985, "pre": 963, "pro": 804}
_TALEGHANI_NAME = r"WBC-(?:Malignant-)?(?P<named>Benign|Early|Pre|Pro)-\d+"
_TALEGHANI_SHOWN_BY = rf"{_TALEGHANI_NAME}\.\w+"
_TALEGHANI_GET = (
    "download it from Kaggle with an account (https://doi.org/10.34740/KAGGLE/DSV/2175623), or in Python: "
    "import kagglehub; kagglehub.dataset_download('mehradaria/leukemia'); unpack it into a folder "
    "'taleghani'; the images are those in its folder"
)

TALEGHANI = DatasetCard(
    key="taleghani",
    name="Taleghani hospital ALL",
    classes=("benign", "early", "pre", "pro"),
    class_words=_STAGES,
    subsets=(Subset(key="taleghani", title="Original", images=_TALEGHANI_COUNTS, size=(224, 224)),),
    layouts=(
        Layout(
            name="authors' own",
            subset="taleghani",
            folder=r"Original/(?P<folder>benign|early|pre|pro)",
            stem=_TALEGHANI_NAME,
            identity="Original/{folder}/{stem}.jpg",
            example="Original/{Benign,Early,Pre,Pro}/WBC-Benign-001.jpg",
            shown_by=_TALEGHANI_SHOWN_BY,
        ),
        Layout(
            name="other release",
            subset="taleghani",
            folder=r"(?:\[?malignant\]?_)?(?P<folder>early_pre_b|pre_b|pro_b)",
            stem=ANY_NAME,
            identity="",
            example="Blood cell Cancer [ALL]/{Benign,[Malignant] early Pre-B,[Malignant] Pre-B,"
            "[Malignant] Pro-B}/Snap_001.jpg",
            any_name=True,
            shown_by=r".*",
            release="the release 'Blood cell Cancer [ALL]'",
        ),
        Layout.by_class("taleghani", _STAGES, stem=_TALEGHANI_NAME, shown_by=_TALEGHANI_SHOWN_BY),
        Layout(
            name="one folder",
            subset="taleghani",
            folder=ANY_FOLDER,
            stem=_TALEGHANI_NAME,
            identity="",
            example="taleghani/WBC-Malignant-Early-001.jpg",
            shown_by=_TALEGHANI_SHOWN_BY,
            names_only=True,
        ),
    ),
    folder_names=("taleghani", "taleghani/Original"),
    images_are="smears",
    link="https://doi.org/10.34740/KAGGLE/DSV/2175623",
    availability="open download from Kaggle, with an account",
    licence="see its page on Kaggle",
    citation=(
        "Aria, M., et al. (2021). Acute Lymphoblastic Leukemia (ALL) image dataset. Kaggle. "
        "https://doi.org/10.34740/KAGGLE/DSV/2175623"
    ),
    how_to_get=f"{_TALEGHANI_GET} 'Original'",
    remarks=(
        "From 89 people, 25 of them without leukaemia; the person on each image isn't published.",
        "86 groups of near-duplicates (correlation above .97 at 24x24 pixels); the manifest lists them.",
    ),
    groups_are="groups (near-duplicates joined)",
    shares_cells_with=("taleghani_segmented",),
    open_access=True,
)

TALEGHANI_SEGMENTED = replace(
    TALEGHANI,
    key="taleghani_segmented",
    name="Taleghani hospital ALL (segmented)",
    subsets=(
        Subset(key="taleghani_segmented", title="Segmented", images=_TALEGHANI_COUNTS, size=(224, 224)),
    ),
    layouts=(
        Layout(
            name="authors' own",
            subset="taleghani_segmented",
            folder=r"Segmented/(?P<folder>benign|early|pre|pro)",
            stem=_TALEGHANI_NAME,
            identity="Segmented/{folder}/{stem}.jpg",
            example="Segmented/{Benign,Early,Pre,Pro}/WBC-Benign-001.jpg",
            shown_by=_TALEGHANI_SHOWN_BY,
        ),
        Layout.by_class("taleghani_segmented", _STAGES, stem=_TALEGHANI_NAME, shown_by=_TALEGHANI_SHOWN_BY),
        Layout(
            name="one folder",
            subset="taleghani_segmented",
            folder=ANY_FOLDER,
            stem=_TALEGHANI_NAME,
            identity="",
            example="taleghani_segmented/WBC-Malignant-Early-001.jpg",
            shown_by=_TALEGHANI_SHOWN_BY,
            names_only=True,
        ),
    ),
    folder_names=("taleghani_segmented", "taleghani/Segmented"),
    how_to_get=f"{_TALEGHANI_GET} 'Segmented'",
    remarks=(
        "The authors' own segmentation of the images of 'Original', by unpublished colour thresholds in HSV "
        "space; an image's near-duplicates are those of its original.",
    ),
    shares_cells_with=("taleghani",),
    made_from="taleghani",
)
