"""Datasets that hospitals and universities made for research: values only.

For the datasets of the Alert Net paper (Claro et al., 2020), counts are those of its Table II, and citations
are those of the same group's LeukNet paper. LISC is only in the LeukNet paper; its count is from Table II
there. Values that no source gives are "not stated".
"""

from dataclasses import replace

from leukcnn.datasets.cards import ANY_FOLDER, DatasetCard, Layout, Subset
from leukcnn.datasets.class_words import class_words
from leukcnn.datasets.open_sets import SEGMENTATION_WBC

_NOT_STATED = "not stated by its authors"
_ALL_IDB = (
    "Labati, R. D., Piuri, V., & Scotti, F. (2011). ALL-IDB: the acute lymphoblastic leukemia image database "
    "for image processing. 18th IEEE International Conference on Image Processing (ICIP), 2045-2048."
)
_ALL_IDB_LINK = "https://homes.di.unimi.it/scotti/all"
_ALL_IDB_ON_REQUEST = "on request from its authors at the University of Milan"
_ALL_IDB_LICENCE = "free of charge for research only, under the terms that its authors send"
# The authors' names end in _0 (healthy) or _1 (ALL); some copies name healthy fields WBC_Healthy_10.jpg.
_ALL_IDB_NAME = r"(?:Im\d+|WBC)_(?P<named>0|1|Healthy)(?:_\d+)?"
# Both sets have the same names; JPEG is ALL-IDB 1's format and TIFF is ALL-IDB 2's.
_ALL_IDB1_SHOWN_BY, _ALL_IDB2_SHOWN_BY = rf"{_ALL_IDB_NAME}\.jpe?g", rf"{_ALL_IDB_NAME}\.tiff?"
_ALL_IDB_WORDS = class_words("healthy", "ALL")
_ZHENG = (
    "Zheng, X., Wang, Y., Wang, G., & Liu, J. (2018). Fast and robust segmentation of white blood cell "
    "images by self-supervised learning. Micron, 107, 55-71."
)
_HEALTHY = class_words("healthy")
_LEUKOCYTES_NAME = r"(?:Eosinophil|Lymphocytes|Monocytes|Neutrophil)_\d+"

ALLIDB1 = DatasetCard(
    key="allidb1",
    name="ALL-IDB 1",
    classes=("healthy", "ALL"),
    class_words={**_ALL_IDB_WORDS, "0": "healthy", "1": "ALL"},
    subsets=(Subset(key="allidb1", title="ALL_IDB1", images={"healthy": 59, "ALL": 49}),),
    layouts=(
        Layout(
            name="authors' own",
            subset="allidb1",
            folder=r"im",
            stem=_ALL_IDB_NAME,
            identity="{stem}.jpg",
            example="ALL_IDB1/im/Im001_1.jpg (_0 healthy, _1 ALL)",
            shown_by=_ALL_IDB1_SHOWN_BY,
        ),
        Layout(
            name="renamed folder",
            subset="allidb1",
            folder=r"im|img|imgs|image|images",
            stem=_ALL_IDB_NAME,
            identity="{stem}.jpg",
            example="ALL_IDB1/images/Im001_1.jpg",
            names_only=True,
        ),
        Layout.by_class("allidb1", _ALL_IDB_WORDS, stem=_ALL_IDB_NAME, shown_by=_ALL_IDB1_SHOWN_BY),
        Layout(
            name="one folder",
            subset="allidb1",
            folder=ANY_FOLDER,
            stem=_ALL_IDB_NAME,
            identity="{stem}.jpg",
            example="allidb1/Im001_1.jpg (_0 healthy, _1 ALL)",
            deepest=0,
            shown_by=_ALL_IDB1_SHOWN_BY,
        ),
    ),
    folder_names=("allidb1", "ALL_IDB1", "ALL-IDB1"),
    images_are="smears",
    link=_ALL_IDB_LINK,
    availability=_ALL_IDB_ON_REQUEST,
    licence=_ALL_IDB_LICENCE,
    citation=_ALL_IDB,
    how_to_get=f"ask its authors for it ({_ALL_IDB_LINK}) and unpack it into a folder 'ALL_IDB1'",
    remarks=(
        "The shipped manifest lists 84 of the 108 images, 17 of them under the names of a copy. Images that "
        "it lacks aren't reported as faults, and images that it lists are recognised under any name.",
    ),
    groups_are="fields",
    manifest_whole=False,
    shares_cells_with=("allidb1_crop", "allidb2"),
)

ALLIDB1_CROP = DatasetCard(
    key="allidb1_crop",
    name="ALL-IDB 1 (Crop)",
    classes=("ALL",),
    class_words=class_words("ALL"),
    subsets=(Subset(key="allidb1_crop", title="crops of ALL-IDB 1", images={"ALL": 510}),),
    layouts=(
        Layout.by_class("allidb1_crop", class_words("ALL")),
        Layout.one_folder("allidb1_crop", "ALL"),
    ),
    folder_names=("allidb1_crop", "ALL_IDB1_crop", "ALL-IDB1_crop"),
    images_are="cells",
    link=_ALL_IDB_LINK,
    availability="cut out of ALL-IDB 1; no publication of these crops is known",
    licence=_ALL_IDB_LICENCE,
    citation=_ALL_IDB,
    how_to_get="get ALL-IDB 1 from its authors and crop its lymphoblasts at the centroids in its xyc files",
    remarks=("The source image of each crop isn't published, so crops of one image can't be kept together.",),
    shares_cells_with=("allidb1", "allidb2"),
)

ALLIDB2 = DatasetCard(
    key="allidb2",
    name="ALL-IDB 2",
    classes=("healthy", "ALL"),
    class_words={**_ALL_IDB_WORDS, "0": "healthy", "1": "ALL"},
    subsets=(
        Subset(
            key="allidb2",
            title="ALL_IDB2",
            images={"healthy": 130, "ALL": 130},
        ),
    ),
    layouts=(
        Layout(
            name="authors' own",
            subset="allidb2",
            folder=r"img",
            stem=_ALL_IDB_NAME,
            identity="{stem}.tif",
            example="ALL_IDB2/img/Im001_1.tif (_0 healthy, _1 ALL)",
            shown_by=_ALL_IDB2_SHOWN_BY,
        ),
        Layout(
            name="renamed folder",
            subset="allidb2",
            folder=r"im|img|imgs|image|images",
            stem=_ALL_IDB_NAME,
            identity="{stem}.tif",
            example="ALL_IDB2/images/Im001_1.tif",
            names_only=True,
        ),
        Layout.by_class("allidb2", _ALL_IDB_WORDS, stem=_ALL_IDB_NAME, shown_by=_ALL_IDB2_SHOWN_BY),
        Layout(
            name="one folder",
            subset="allidb2",
            folder=ANY_FOLDER,
            stem=_ALL_IDB_NAME,
            identity="{stem}.tif",
            example="allidb2/Im001_1.tif (_0 healthy, _1 ALL)",
            deepest=0,
            shown_by=_ALL_IDB2_SHOWN_BY,
        ),
    ),
    folder_names=("allidb2", "ALL_IDB2", "ALL-IDB2"),
    images_are="cells",
    link=_ALL_IDB_LINK,
    availability=_ALL_IDB_ON_REQUEST,
    licence=_ALL_IDB_LICENCE,
    citation=_ALL_IDB,
    how_to_get=f"ask its authors for it ({_ALL_IDB_LINK}) and unpack it into a folder 'ALL_IDB2'",
    remarks=(
        "257x257 pixels; ten of the images are smaller.",
        "Cells cut out of ALL-IDB 1; 185 of the 260 were found there, and the manifest lists their fields.",
        "74 of the 75 crops without a known field are ALL: grouped folds can't keep crops of their fields "
        "together. Crops are numbered field by field, so contiguous blocks of numbers (--split block_kfold) "
        "mostly can.",
    ),
    groups_are="fields of ALL-IDB 1",
    mask_extension=".png",
    masks_by_others=True,
    shares_cells_with=("allidb1", "allidb1_crop"),
)

LEUKOCYTES = DatasetCard(
    key="leukocytes",
    name="Leukocytes",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="leukocytes", title="Leukocytes", images={"healthy": 149}),),
    layouts=(
        replace(
            Layout.one_folder("leukocytes", "healthy", stem=_LEUKOCYTES_NAME),
            name="authors' own",
            example="leukocytes/Eosinophil_1.bmp, Lymphocytes_1.bmp, ..., all healthy",
            shown_by=rf"{_LEUKOCYTES_NAME}\.\w+",
        ),
        Layout.by_class("leukocytes", _HEALTHY, stem=_LEUKOCYTES_NAME),
    ),
    folder_names=("leukocytes",),
    images_are="smears",
    link="https://doi.org/10.4103/2277-9175.163998 (the paper; the images' own address isn't known)",
    availability="its 149 images are public: copies of them are on the web, under their authors' file names",
    licence=_NOT_STATED,
    citation=(
        "Sarrafzadeh, O., & Dehnavi, A. M. (2015). Nucleus and cytoplasm segmentation in microscopic images "
        "using K-means clustering and region growing. Advanced Biomedical Research, 4, 174."
    ),
    how_to_get=(
        "ask its authors (Isfahan University of Medical Sciences) for it, or find a public copy; "
        "'leukcnn check leukocytes' compares every image with the manifest"
    ),
    remarks=(
        "Eosinophil 42, Lymphocytes 33, Monocytes 36, Neutrophil 38 images, 24-bit BMP, 189 to 2,834 pixels.",
    ),
    open_access=True,
)

OMID2014 = DatasetCard(
    key="omid2014",
    name="Omid et al. 2014",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="omid2014", title="Omid et al. 2014", images={"healthy": 154}),),
    layouts=(Layout.by_class("omid2014", _HEALTHY), Layout.one_folder("omid2014", "healthy")),
    folder_names=("omid2014",),
    images_are="smears",
    link="no address known: see the paper to cite",
    availability="unknown",
    licence=_NOT_STATED,
    citation=(
        "Sarrafzadeh, O., Rabbani, H., Talebi, A., & Usefi-Banaem, H. (2014). Selection of the best features "
        "for leukocytes classification in blood smear microscopic images. Proc. SPIE 9041."
    ),
    how_to_get="ask its authors (Isfahan University of Medical Sciences) for it",
)

OMID2015 = DatasetCard(
    key="omid2015",
    name="Omid et al. 2015",
    classes=("AML",),
    class_words=class_words("AML"),
    subsets=(Subset(key="omid2015", title="Omid et al. 2015", images={"AML": 27}),),
    layouts=(Layout.by_class("omid2015", class_words("AML")), Layout.one_folder("omid2015", "AML")),
    folder_names=("omid2015",),
    images_are="smears",
    link="no address known: see the paper to cite",
    availability="unknown",
    licence=_NOT_STATED,
    citation=(
        "Sarrafzadeh, O., Rabbani, H., Dehnavi, A. M., & Talebi, A. (2015). Detecting different sub-types of "
        "acute myelogenous leukemia using dictionary learning and sparse representation. IEEE International "
        "Conference on Image Processing (ICIP), 3339-3343."
    ),
    how_to_get="ask its authors (Isfahan University of Medical Sciences) for it",
)

JTSC = DatasetCard(
    key="jtsc",
    name="JTSC",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="jtsc", title="Dataset 1", images={"healthy": 300}),),
    layouts=(
        Layout(
            name="authors' own",
            subset="jtsc",
            folder=r"Dataset 1",
            stem=r"\d{3}",
            identity="Dataset 1/{stem}.bmp",
            example="segmentation_WBC/Dataset 1/001.bmp (the PNG files are masks)",
            shown_by=r"\d{3}\.(bmp|png)",
            class_name="healthy",
            extensions=(".bmp",),
        ),
        Layout.by_class("jtsc", _HEALTHY, stem=r"\d{3}"),
        Layout.one_folder("jtsc", "healthy", stem=r"\d{3}"),
    ),
    folder_names=(
        "jtsc",
        "jtsc/Dataset 1",
        "segmentation_WBC/Dataset 1",
        "segmentation_WBC-master/Dataset 1",
    ),
    images_are="cells",
    link="https://github.com/zxaoyou/segmentation_WBC",
    availability="open download from GitHub",
    licence=_NOT_STATED,
    citation=_ZHENG,
    how_to_get="clone https://github.com/zxaoyou/segmentation_WBC, or run 'leukcnn datasets jtsc --download "
    "DIR'; JTSC is its 'Dataset 1'",
    remarks=(
        "From Jiangxi Tecom Science Corporation; masks of nucleus and cytoplasm are next to the cells.",
        "Up to 120x120 pixels: 76 cells are smaller. 112.bmp and 139.bmp are byte-identical.",
    ),
    mask_extension=".png",
    open_access=True,
    archives=SEGMENTATION_WBC,
)

UFG = DatasetCard(
    key="ufg",
    name="UFG",
    classes=("healthy", "ALL", "AML", "other"),
    class_words=class_words("healthy", "ALL", "AML", "other"),
    subsets=(Subset(key="ufg", title="UFG", images={"healthy": 57, "ALL": 10, "AML": 27, "other": 27}),),
    layouts=(Layout.by_class("ufg", class_words("healthy", "ALL", "AML", "other")),),
    folder_names=("ufg",),
    images_are="smears",
    link="https://hematologia.farmacia.ufg.br (as of June 2020)",
    availability="images of a web site; no archive to download is known",
    licence=_NOT_STATED,
    citation="Federal University of Goiás, https://hematologia.farmacia.ufg.br (accessed in June 2020)",
    how_to_get="collect the images from the site, or ask its authors, and sort them into folders by class",
    remarks=("From several microscopes; some images show one leukocyte, some many.",),
)

PN_ALL = DatasetCard(
    key="pn_all",
    name="PN-ALL",
    classes=("ALL",),
    class_words=class_words("ALL"),
    subsets=(Subset(key="pn_all", title="PN-ALL", images={"ALL": 30}),),
    layouts=(Layout.by_class("pn_all", class_words("ALL")), Layout.one_folder("pn_all", "ALL")),
    folder_names=("pn_all", "PN-ALL"),
    images_are="smears",
    link="no address known: see the paper to cite",
    availability="unknown",
    licence=_NOT_STATED,
    citation=(
        "Duggal, R., Gupta, A., Gupta, R., & Mallick, P. (2017). SD-Layer: stain deconvolutional layer for "
        "CNNs in medical microscopic imaging. MICCAI 2017, 435-443."
    ),
    how_to_get="ask its authors (see the paper to cite) for it",
)

LISC = DatasetCard(
    key="lisc",
    name="LISC",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="lisc", title="LISC", images={"healthy": 376}, size=(576, 720)),),
    layouts=(
        Layout(
            name="authors' own",
            subset="lisc",
            folder=r"Main Dataset/(?P<folder>Baso|eosi|lymp|mixt|mono|neut)",
            stem=r"\d+",
            identity="Main Dataset/{folder}/{stem}.bmp",
            example="LISC Database/Main Dataset/{Baso,eosi,lymp,mixt,mono,neut}/1.bmp, all healthy",
            class_name="healthy",
            shown_by=r"\d+\.\w+",
        ),
        Layout.by_class("lisc", _HEALTHY),
        Layout.one_folder("lisc", "healthy"),
    ),
    folder_names=("lisc", "lisc/Main Dataset", "LISC Database/Main Dataset"),
    images_are="smears",
    link="http://users.cecs.anu.edu.au/~hrezatofighi/Data/Leukocyte%20Data.htm",
    availability="download from the page of its authors, if it is still online",
    licence="see the page of its authors",
    citation=(
        "Rezatofighi, S. H., & Soltanian-Zadeh, H. (2011). Automatic recognition of five types of white "
        "blood cells in peripheral blood. Computerized Medical Imaging and Graphics, 35(4), 333-343."
    ),
    how_to_get="download it from the page of its authors and unpack it as the folder 'LISC Database'",
    remarks=(
        "From 8 healthy people, Imam Khomeini hospital in Tehran; the person on each image is not known.",
        "Its authors count 400 samples, the paper on LeukNet 376; which 376 isn't published.",
    ),
)
