"""Open datasets that no paper here uses, and an open archive that two cards share: values only.

Anyone may download them. They supply what the papers' own datasets don't make available: real myeloblasts,
and thousands of cells of healthy people.
"""

from leukcnn.datasets.cards import Archive, DatasetCard, Layout, Subset
from leukcnn.datasets.class_words import class_words, normalised

SEGMENTATION_WBC = (
    Archive(
        name="segmentation_WBC-master.zip",
        url="https://github.com/zxaoyou/segmentation_WBC/archive/refs/heads/master.zip",
    ),
)
"""The repository of Zheng et al., which holds JTSC and CellaVision 2 with their masks."""

# The kinds of cell of AML-Cytomorphology_LMU, each a folder, with the published number of images.
_LMU_KINDS = {
    **{"BAS": 79, "EBO": 78, "EOS": 424, "KSC": 15, "LYA": 11, "LYT": 3937, "MMZ": 15, "MOB": 26},
    **{"MON": 1789, "MYB": 42, "MYO": 3268, "NGB": 109, "NGS": 8484, "PMB": 18, "PMO": 70},
}
_MYELOBLASTS, _OTHER_CELLS = "MYO", "other cells"
# The patients' mature cells prove no leukaemia and no health, and "other" means the other leukaemias.
_LMU_WORDS = {
    **{kind.lower(): "AML" if kind == _MYELOBLASTS else _OTHER_CELLS for kind in _LMU_KINDS},
    **class_words("AML"),
    normalised(_OTHER_CELLS): _OTHER_CELLS,
}
_LMU_NAME = rf"(?P<named>{'|'.join(_LMU_KINDS)})_\d+"

AML_LMU = DatasetCard(
    key="aml_lmu",
    name="AML-Cytomorphology_LMU",
    classes=("AML", _OTHER_CELLS),
    class_words=_LMU_WORDS,
    subsets=(
        Subset(
            key="aml_lmu",
            title="single cells",
            images={
                "AML": _LMU_KINDS[_MYELOBLASTS],
                _OTHER_CELLS: sum(_LMU_KINDS.values()) - _LMU_KINDS[_MYELOBLASTS],
            },
            size=(400, 400),
        ),
    ),
    layouts=(
        Layout(
            name="authors' own",
            subset="aml_lmu",
            folder=f"(?P<folder>{'|'.join(_LMU_KINDS)})",
            stem=_LMU_NAME,
            identity="",
            example="AML-Cytomorphology_LMU/{MYO,NGS,LYT,...}/MYO_0001.tiff",
            any_name=True,
            shown_by=rf"{_LMU_NAME}\.\w+",
        ),
        Layout.by_class(
            "aml_lmu", {word: _LMU_WORDS[word] for word in (*class_words("AML"), normalised(_OTHER_CELLS))}
        ),
    ),
    folder_names=("aml_lmu", "AML-Cytomorphology_LMU", "AML-Cytomorphology"),
    images_are="cells",
    link="https://doi.org/10.7937/tcia.2019.36f5o9ld",
    availability="open download from The Cancer Imaging Archive, free of charge",
    licence="CC BY 3.0",
    citation=(
        "Matek, C., Schwarz, S., Marr, C., & Spiekermann, K. (2019). A single-cell morphological dataset of "
        "leukocytes from AML patients and non-malignant controls [Data set]. The Cancer Imaging Archive. "
        "https://doi.org/10.7937/tcia.2019.36f5o9ld"
    ),
    how_to_get=(
        "download the collection 'AML-Cytomorphology_LMU' (11 GB) from The Cancer Imaging Archive "
        "(https://doi.org/10.7937/tcia.2019.36f5o9ld, free of charge, through the IBM Aspera plugin of the "
        "browser) and unpack it into a folder 'AML-Cytomorphology_LMU'"
    ),
    remarks=(
        "15 kinds of cell, one folder each: "
        + ", ".join(f"{kind} {count:,}" for kind, count in _LMU_KINDS.items())
        + ".",
        "MYO, the myeloblasts, count as AML; no paper's class has the other kinds, which come from patients "
        "and controls alike.",
        "From 100 patients and 100 controls; the person on each image isn't in its name.",
    ),
    open_access=True,
)

_PBC_KINDS = {
    **{"basophil": 1218, "eosinophil": 3117, "erythroblast": 1551, "ig": 2895},
    **{"lymphocyte": 1214, "monocyte": 1420, "neutrophil": 3329, "platelet": 2348},
}

PBC = DatasetCard(
    key="pbc",
    name="PBC",
    classes=("healthy",),
    class_words={**dict.fromkeys(_PBC_KINDS, "healthy"), **class_words("healthy")},
    subsets=(
        Subset(key="pbc", title="PBC_dataset_normal_DIB", images={"healthy": sum(_PBC_KINDS.values())}),
    ),
    layouts=(
        Layout(
            name="authors' own",
            subset="pbc",
            folder=f"(?P<folder>{'|'.join(_PBC_KINDS)})",
            stem=r"[A-Z]+_\d+",
            identity="",
            example="PBC_dataset_normal_DIB/{basophil,monocyte,...}/BA_100102.jpg, all healthy",
            class_name="healthy",
            any_name=True,
            shown_by=r"[A-Z]+_\d{3,}\.\w+",
        ),
        Layout.by_class("pbc", class_words("healthy")),
        Layout.one_folder("pbc", "healthy"),
    ),
    folder_names=("pbc", "PBC_dataset_normal_DIB"),
    images_are="cells",
    link="https://doi.org/10.17632/snkd93bnjr.1",
    availability="open download from Mendeley Data, free of charge",
    licence="CC BY 4.0",
    citation=(
        "Acevedo, A., Merino, A., Alférez, S., Molina, Á., Boldú, L., & Rodellar, J. (2020). A dataset of "
        "microscopic peripheral blood cell images for development of automatic recognition systems. Data in "
        "Brief, 30, 105474."
    ),
    how_to_get=(
        "download PBC_dataset_normal_DIB.zip from Mendeley Data (https://doi.org/10.17632/snkd93bnjr.1, free "
        "of charge) and unpack it, or run 'leukcnn datasets pbc --download DIR'"
    ),
    remarks=(
        "8 kinds of cell, one folder each: "
        + ", ".join(f"{kind} {count:,}" for kind, count in _PBC_KINDS.items())
        + ".",
        "From people without infection or disease of the blood, Hospital Clinic of Barcelona; the person on "
        "each image isn't published. Erythroblasts and platelets aren't leukocytes.",
        "360x363 pixels (width x height), with some exceptions.",
    ),
    open_access=True,
    archives=(
        Archive(
            name="PBC_dataset_normal_DIB.zip",
            url=(
                "https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/"
                "2fc38728-2ae7-4a62-a857-032af82334c3/file_downloaded"
            ),
        ),
    ),
)
