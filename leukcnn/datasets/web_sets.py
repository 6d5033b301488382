"""Datasets that were collected from image banks, atlases and blogs on the web: values only.

Counts are those of Table II of the Alert Net paper (Claro et al., 2020), and works to cite are those that its
sister paper on LeukNet cites. MIDB is only in the LeukNet paper; its count is from Table II there. Neither
paper lists the images, so the exact images that were used are unknown.
"""

from leukcnn.datasets.cards import DatasetCard, Layout, Subset
from leukcnn.datasets.class_words import class_words
from leukcnn.datasets.open_sets import SEGMENTATION_WBC

_NOT_STATED = "not stated by its authors"
_NOT_NAMED = "the source is not named in the papers that use it"
_NO_LIST = "the list of its images that were used is not published"
_LINK_NOT_SHOWN = "a link in the paper on LeukNet, whose address its text doesn't show"
_HEALTHY, _AML = class_words("healthy"), class_words("AML")
_PATHOLOGICAL = class_words("pathological")

CELLAVISION = DatasetCard(
    key="cellavision",
    name="CellaVision",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="cellavision", title="CellaVision", images={"healthy": 109}),),
    layouts=(Layout.by_class("cellavision", _HEALTHY), Layout.one_folder("cellavision", "healthy")),
    folder_names=("cellavision",),
    images_are="smears",
    link="no address known: see the paper to cite",
    availability="unknown",
    licence=_NOT_STATED,
    citation=(
        "Rollins-Raval, M., Raval, J., & Contis, L. (2012). Experience with CellaVision DM96 for peripheral "
        "blood differentials in a large multi-center academic hospital system. Journal of Pathology "
        "Informatics, 3, 29."
    ),
    how_to_get=f"ask the authors of the papers that use it: {_NO_LIST}",
)

CELLAVISION2 = DatasetCard(
    key="cellavision2",
    name="CellaVision 2",
    classes=("healthy",),
    class_words=_HEALTHY,
    subsets=(Subset(key="cellavision2", title="Dataset 2", images={"healthy": 100}, size=(300, 300)),),
    layouts=(
        Layout(
            name="authors' own",
            subset="cellavision2",
            folder=r"Dataset 2",
            stem=r"\d{3}",
            identity="Dataset 2/{stem}.bmp",
            example="segmentation_WBC/Dataset 2/001.bmp (the PNG files are masks)",
            shown_by=r"\d{3}\.(bmp|png)",
            class_name="healthy",
            extensions=(".bmp",),
        ),
        Layout.by_class("cellavision2", _HEALTHY, stem=r"\d{3}"),
        Layout.one_folder("cellavision2", "healthy", stem=r"\d{3}"),
    ),
    folder_names=(
        "cellavision2",
        "cellavision2/Dataset 2",
        "segmentation_WBC/Dataset 2",
        "segmentation_WBC-master/Dataset 2",
    ),
    images_are="cells",
    link="https://github.com/zxaoyou/segmentation_WBC",
    availability="open download from GitHub",
    licence=_NOT_STATED,
    citation=(
        "Zheng, X., Wang, Y., Wang, G., & Liu, J. (2018). Fast and robust segmentation of white blood cell "
        "images by self-supervised learning. Micron, 107, 55-71."
    ),
    how_to_get="clone https://github.com/zxaoyou/segmentation_WBC, or run 'leukcnn datasets cellavision2 "
    "--download DIR'; CellaVision 2 is its 'Dataset 2'",
    remarks=("From the CellaVision blog; masks of nucleus and cytoplasm are next to the cells.",),
    mask_extension=".png",
    open_access=True,
    archives=SEGMENTATION_WBC,
)

ATLAS = DatasetCard(
    key="atlas",
    name="Atlas",
    classes=("ALL", "AML", "other"),
    class_words=class_words("ALL", "AML", "other"),
    subsets=(Subset(key="atlas", title="Atlas", images={"ALL": 25, "AML": 40, "other": 23}),),
    layouts=(Layout.by_class("atlas", class_words("ALL", "AML", "other")),),
    folder_names=("atlas",),
    images_are="smears",
    link=_NOT_NAMED,
    availability="unknown",
    licence="unknown",
    citation="no work is cited for it in the papers that use it",
    how_to_get=f"ask the authors of the papers that use it: {_NOT_NAMED}",
)

ASH = DatasetCard(
    key="ash",
    name="ASH-OK",
    classes=("AML",),
    class_words=_AML,
    subsets=(Subset(key="ash", title="ASH-OK", images={"AML": 96}),),
    layouts=(Layout.by_class("ash", _AML), Layout.one_folder("ash", "AML")),
    folder_names=("ash", "ASH-OK"),
    images_are="smears",
    link="https://imagebank.hematology.org (the Image Bank of the American Society of Hematology)",
    availability=f"images of a web site, singly; {_NO_LIST}",
    licence="the terms of use of the ASH Image Bank",
    citation=(
        "Sipes, R., & Li, D. (2018). Using convolutional neural networks for automated fine grained image "
        "classification of acute lymphoblastic leukemia. 3rd International Conference on Computational "
        "Intelligence and Applications (ICCIA), 157-161."
    ),
    how_to_get="collect images of AML from the Image Bank, within its terms of use",
)

BLOODLINE = DatasetCard(
    key="bloodline",
    name="Bloodline",
    classes=("AML",),
    class_words=_AML,
    subsets=(Subset(key="bloodline", title="Bloodline", images={"AML": 217}),),
    layouts=(Layout.by_class("bloodline", _AML), Layout.one_folder("bloodline", "AML")),
    folder_names=("bloodline",),
    images_are="smears",
    link="bloodline.net, by its name; no address of the images is known",
    availability=f"unknown; {_NO_LIST}",
    licence="unknown",
    citation=(
        "Vale, A. M. P. G., Guerreiro, A. M. G., Neto, A. D. D., Cavallanti Junior, G. B., de Sá Leitão, "
        "V. C. L. T., & Martins, A. M. (2014). Automatic segmentation and classification of blood components "
        "in microscopic images using a fuzzy approach. Revista Brasileira de Engenharia Biomédica, 30, "
        "341-354."
    ),
    how_to_get="ask the authors of the papers that use it: their crops are not published",
    remarks=(
        "15 images with several leukocytes were cut by hand into single ones, which gave 217 images; the "
        "table of the sister paper prints 204.",
    ),
)

ONKODIN = DatasetCard(
    key="onkodin",
    name="ONKODIN",
    classes=("AML",),
    class_words=_AML,
    subsets=(Subset(key="onkodin", title="ONKODIN", images={"AML": 78}),),
    layouts=(Layout.by_class("onkodin", _AML), Layout.one_folder("onkodin", "AML")),
    folder_names=("onkodin",),
    images_are="smears",
    link="onkodin.de, by its name; no address of the images is known",
    availability=f"unknown; {_NO_LIST}",
    licence="unknown",
    citation="Böhm, J. (2008). Pathologie-Websites im World Wide Web. Der Pathologe, 29(3), 231-242.",
    how_to_get="ask the authors of the papers that use it",
)

LEUKEMIA_IMAGES = DatasetCard(
    key="leukemia_images",
    name="leukemia-images",
    classes=("ALL", "AML", "other"),
    class_words=class_words("ALL", "AML", "other"),
    subsets=(
        Subset(
            key="leukemia_images",
            title="leukemia-images",
            images={"ALL": 40, "AML": 78, "other": 22},
        ),
    ),
    layouts=(Layout.by_class("leukemia_images", class_words("ALL", "AML", "other")),),
    folder_names=("leukemia_images", "leukemia-images"),
    images_are="smears",
    link=_LINK_NOT_SHOWN,
    availability="unknown",
    licence="unknown",
    citation="no work is cited for it in the papers that use it",
    how_to_get="ask the authors of the papers that use it",
)

MIDB = DatasetCard(
    key="midb",
    name="MIDB",
    classes=("pathological",),
    class_words=_PATHOLOGICAL,
    subsets=(Subset(key="midb", title="MIDB", images={"pathological": 673}),),
    layouts=(Layout.by_class("midb", _PATHOLOGICAL), Layout.one_folder("midb", "pathological")),
    folder_names=("midb",),
    images_are="smears",
    link=_LINK_NOT_SHOWN,
    availability="unknown",
    licence="unknown",
    citation="no work is cited for it in the paper that uses it",
    how_to_get="ask the authors of the paper that uses it",
    remarks=("The paper calls its images pathological and doesn't say which leukaemia they show.",),
)
