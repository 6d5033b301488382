"""C-NMC 2019, the dataset of the ISBI 2019 challenge: values only."""

from leukcnn.datasets.cards import ANY_FOLDER, DatasetCard, LabelsFile, Layout, Subset

_CELL = r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P<named>all|hem)"
_SHOWN_BY = rf"{_CELL}\.\w+"
_PHASE = r"\d+\.\w+"
_LABELS = LabelsFile(
    name="C-NMC_test_prelim_phase_data_labels.csv",
    image="new_names",
    label="labels",
    subject="Patient_ID",
    subject_pattern=r"UID_(?P<subject>H?\d+)_",
    classes={"0": "healthy", "1": "malignant"},
    also_named=("phase2.csv",),
)

CNMC2019 = DatasetCard(
    key="cnmc2019",
    name="C-NMC 2019",
    classes=("healthy", "malignant"),
    class_words={"hem": "healthy", "healthy": "healthy", "all": "malignant", "malignant": "malignant"},
    subsets=(
        Subset(
            key="training",
            title="C-NMC training data",
            images={"healthy": 3389, "malignant": 7272},
            subjects={"healthy": 26, "malignant": 47},
            size=(450, 450),
        ),
        Subset(
            key="preliminary",
            title="C-NMC test preliminary phase data",
            images={"healthy": 648, "malignant": 1219},
            subjects={"healthy": 15, "malignant": 13},
            size=(450, 450),
        ),
        Subset(
            key="final",
            title="C-NMC test final phase data",
            images={"": 2586},
            subjects={"": 17},
            size=(600, 600),
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
            folder=r"(?P<folder>all|hem|malignant|healthy)",
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
