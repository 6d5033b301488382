"""C-NMC 2019, the dataset of the ISBI 2019 challenge: values only."""

from leukcnn.datasets.cards import ANY_FOLDER, DatasetCard, LabelsFile, Layout, Subset
from leukcnn.datasets.class_words import class_words

# Headers of the BMP files: 24 bits a pixel, 3,779 pixels a metre. The preliminary phase has a longer one.
# That of the final phase is assumed: a file made with it either has the published SHA-256 or decides nothing.
_TRAINING = (
    "424dc6480900000000003600000028000000c2010000c20100000100"
    "18000000000090480900c30e0000c30e00000000000000000000"
)
_PRELIMINARY = (
    "424d1a490900000000008a0000007c000000c2010000c2010000010018000000000090"
    "480900c30e0000c30e000000000000000000000000ff0000ff0000ff000000000000ff"
    "42475273000000000000000054b81efc0000000000000000666666fc00000000000000"
    "00c4f528ff00000000000000000000000004000000000000000000000000000000"
)
_FINAL = (
    _TRAINING.replace("c6480900", "f67a1000").replace("90480900", "c07a1000").replace("c2010000", "58020000")
)
_CELL = r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P<named>all|hem)"
_SHOWN_BY = rf"{_CELL}\.\w+"
_PHASE = r"\d+\.\w+"
_LABELS = LabelsFile(
    name="C-NMC_test_prelim_phase_data_labels.csv",
    image="new_names",
    label="labels",
    subject="Patient_ID",
    subject_pattern=r"UID_(?P<subject>H?\d+)_(?:\d+_\d+_(?P<named>all|hem)\b)?",
    classes={"0": "healthy", "1": "malignant", "normal": "healthy"},
    other_names=("phase2.csv",),
)

CNMC2019 = DatasetCard(
    key="cnmc2019",
    name="C-NMC 2019",
    classes=("healthy", "malignant"),
    class_words=class_words("healthy", "malignant"),
    subsets=(
        Subset(
            key="training",
            title="C-NMC training data",
            images={"healthy": 3389, "malignant": 7272},
            subjects={"healthy": 26, "malignant": 47},
            size=(450, 450),
            bmp_header=_TRAINING,
        ),
        Subset(
            key="preliminary",
            title="C-NMC test preliminary phase data",
            images={"healthy": 648, "malignant": 1219},
            subjects={"healthy": 15, "malignant": 13},
            size=(450, 450),
            bmp_header=_PRELIMINARY,
        ),
        Subset(
            key="final",
            title="C-NMC test final phase data",
            images={"": 2586},
            subjects={"": 17},
            size=(600, 600),
            bmp_header=_FINAL,
        ),
    ),
    layouts=(
        Layout(
            name="folds (archive and competition)",
            subset="training",
            folder=r"fold_(?P<fold>[0-2])/(?P<folder>all|hem)",
            stem=_CELL,
            identity="training_data/fold_{fold}/{folder}/{stem}.bmp",
            example="[C-NMC_Leukemia/training_data/]fold_0/{all,hem}/UID_1_1_1_all.bmp",
            shown_by=_SHOWN_BY,
        ),
        Layout(
            name="preliminary phase",
            subset="preliminary",
            folder=r"C-NMC_test_prelim_phase_data",
            stem=r"\d+",
            identity="validation_data/C-NMC_test_prelim_phase_data/{stem}.bmp",
            example="[validation_data/]C-NMC_test_prelim_phase_data/1.bmp, "
            "with C-NMC_test_prelim_phase_data_labels.csv",
            labels_file=_LABELS,
            shown_by=_PHASE,
        ),
        Layout(
            name="final phase",
            subset="final",
            folder=r"C-NMC_test_final_phase_data",
            stem=r"\d+",
            identity="testing_data/C-NMC_test_final_phase_data/{stem}.bmp",
            example="[testing_data/]C-NMC_test_final_phase_data/1.bmp",
            shown_by=_PHASE,
        ),
        Layout(
            name="phase 2 (competition)",
            subset="preliminary",
            folder=r"phase_2",
            stem=r"\d+",
            identity="validation_data/C-NMC_test_prelim_phase_data/{stem}.bmp",
            example="phase2/1.bmp, with phase2.csv",
            labels_file=_LABELS,
        ),
        Layout(
            name="phase 3 (competition)",
            subset="final",
            folder=r"phase_3",
            stem=r"\d+",
            identity="testing_data/C-NMC_test_final_phase_data/{stem}.bmp",
            example="phase3/1.bmp",
        ),
        Layout(
            name="plain",
            subset="training",
            folder=r"(?P<folder>[^/]+)",
            stem=_CELL,
            identity="",
            example="{all,hem} or {malignant,healthy}/*.{bmp,png,jpg,tif}",
            any_name=True,
            deepest=1,
            shown_by=_SHOWN_BY,
        ),
        Layout(
            name="one folder",
            subset="training",
            folder=ANY_FOLDER,
            stem=_CELL,
            identity="",
            example="UID_1_1_1_all.bmp (all malignant, hem healthy)",
            shown_by=_SHOWN_BY,
            names_only=True,
        ),
    ),
    folder_names=("cnmc2019", "C-NMC_Leukemia", "C-NMC 2019 (PKG)", "PKG - C-NMC 2019", "C-NMC"),
    images_are="cells",
    link="https://doi.org/10.7937/tcia.2019.dc64i46r",
    availability="open download from The Cancer Imaging Archive, free of charge",
    licence="CC BY 3.0",
    citation=(
        "Mourya, S., Kant, S., Kumar, P., Gupta, A., & Gupta, R. (2019). ALL Challenge dataset of ISBI "
        "2019 (C-NMC 2019) (Version 1) [Data set]. The Cancer Imaging Archive. "
        "https://doi.org/10.7937/tcia.2019.dc64i46r"
    ),
    how_to_get=(
        "download the collection 'C-NMC 2019' from The Cancer Imaging Archive "
        "(https://doi.org/10.7937/tcia.2019.dc64i46r, free of charge), unpack its zip files and pass "
        "their folder, or the one above it, as --data"
    ),
    remarks=(
        "Cells cut out of stain-normalised smears, 24-bit BMP, on black; the names hold the subjects.",
        "The training data hold 104 byte-identical pairs, 99 of them across subjects, 94 across folds.",
        "The final phase has no published labels.",
    ),
    open_access=True,
)
