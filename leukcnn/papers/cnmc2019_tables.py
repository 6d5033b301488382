"""The tables of the C-NMC 2019 paper as its text prints them, and additional ones."""

from leukcnn.spec import Published, Sample, Table, additional_tables

NETWORKS = ("vgg16", "vgg19", "xception")
ABLATION = (
    *("vgg16", "vgg16_max_pooling", "vgg16_without_dense", "vgg16_4096"),
    *("vgg16_without_shear", "vgg16_without_salt_and_pepper", "vgg16_without_penalty"),
)

# Section 2.1, 2.2 and Table 1: malignant and healthy cells before and after augmentation.
TABLE_1 = Table(
    id="table1",
    title="Cells in the training, validation and test sets",
    kind="counts",
    where="Table 1",
    columns=("Set", "Malignant before", "Healthy before", "Malignant after", "Healthy after"),
    reference=(
        ("Training", 4364, 2034, 10_000, 10_000),
        ("Validation", 2181, 1016, 5_000, 5_000),
        ("Test", 727, 339, None, None),
    ),
)

_SCORES = ("accuracy", "precision", "sensitivity", "specificity", "f1", "weighted_f1")

TABLE_2 = Table(
    id="table2",
    title="The networks on the test set",
    kind="metrics",
    where="Table 2",
    rows=NETWORKS,
    axes=("row", "subset"),
    subsets=("test", "balanced"),
    shape={"subset": "section"},
    metrics=_SCORES,
    show=("cells", "metric", "published", "measured", "interval", "difference", "verdict"),
    values_as="percent",
    published=(
        Published("vgg16", "accuracy", 92.48),
        Published("vgg16", "precision", 91.14),
        Published("vgg16", "sensitivity", 94.10),
        Published("vgg16", "specificity", 90.86),
        Published("vgg16", "f1", 92.60),
        Published("vgg19", "accuracy", 91.59),
        Published("vgg19", "precision", 90.06),
        Published("vgg19", "sensitivity", 93.51),
        Published("vgg19", "specificity", 86.68),
        Published("vgg19", "f1", 91.75),
        Published("xception", "accuracy", 90.41),
        Published("xception", "precision", 87.64),
        Published("xception", "sensitivity", 94.10),
        Published("xception", "specificity", 86.73),
        Published("xception", "f1", 90.76),
    ),
    samples=(Sample((339, 727)),),
)

TABLE_3 = Table(
    id="table3",
    title="F1-scores published by participants of the challenge",
    kind="reference",
    where="Table 3",
    columns=("Participant", "F1-score (%)", "Method"),
    reference=(
        ("The paper's VGG16", 92.60, "VGG16 from scratch"),
        ("Pan et al., 2019", 92.50, "transfer learning, ResNets, neighbourhood correction"),
        ("Honnalgere and Nayak, 2019", 91.70, "transfer learning, VGG16"),
        ("Xiao et al., 2019", 90.30, "deep multi-model ensemble of convolutional networks"),
        ("Verma and Singh, 2019", 89.47, "transfer learning, MobileNetV2"),
        ("Prellberg and Kramer, 2019", 87.89, "ResNeXt50 from scratch"),
        ("Shah et al., 2019", 87.58, "transfer learning, convolutional and recurrent networks"),
        ("Marzahl et al., 2019", 87.46, "transfer learning, ResNet18"),
        ("Ding et al., 2019", 86.74, "InceptionV3, DenseNet, InceptionResNetV2 from scratch"),
        ("Kulhalli et al., 2019", 85.70, "ResNeXt50 and ResNeXt101 from scratch"),
        ("Liu and Long, 2019", 84.00, "transfer learning, Inception and ResNets"),
        ("Khan and Choo, 2019", 81.79, "transfer learning, ResNets and SENets"),
    ),
    measured=(("The paper's VGG16", "vgg16", "f1"),),
    subsets=("balanced",),
    not_audited={"*": "of another work, whose paper would be needed"},
    notes=(
        "The participants were scored on the preliminary phase or in cross-validation; the paper on a subset "
        "of the training data that shares subjects with its training cells. The scores aren't comparable.",
    ),
)

TABLE_4 = Table(
    id="table4",
    title="The challenge's leaderboard, final phase: weighted F1-score",
    kind="metrics",
    where="Table 4",
    rows=NETWORKS,
    subsets=("final",),
    metrics=("weighted_f1",),
    show=("published", "state"),
    values_as="percent",
    published=(
        Published("xception", "weighted_f1", 86.35177019, subset="final"),
        Published("vgg16", "weighted_f1", 83.24786937, subset="final"),
        Published("vgg19", "weighted_f1", 82.59010758, subset="final"),
    ),
    # Section 2.1. The labels are secret.
    samples=(Sample(total=2586, subset="final"),),
)

TABLE_5 = Table(
    id="table5",
    title="The challenge's final ranking",
    kind="reference",
    where="Table 5",
    columns=("Name", "Rank", "Weighted F1-score"),
    reference=(
        ("Yongsheng Pan", 1, 0.910),
        ("Ekansh Verma", 2, 0.894),
        ("Jonas Prellberg", 3, 0.889),
        ("Fenrui Xiao", 4, 0.885),
        ("Tian Shi", 5, 0.879),
        ("Ying Liu", 6, 0.876),
        ("Salman Shah", 7, 0.866),
        ("Yifan Ding", 8, 0.855),
        ("Xinpeng Xie", 9, 0.848),
    ),
    not_audited={"*": "of another work, whose paper would be needed"},
)

ADDITIONAL = (
    Table(
        "confusion",
        "Confusion matrices on the test set and the external set",
        "confusion",
        rows=NETWORKS,
        subsets=("test", "balanced", "external"),
    ),
    Table(
        "external",
        "Results on other subjects (the challenge's preliminary phase), compared with the test set",
        "metrics",
        rows=NETWORKS,
        subsets=("external",),
        metrics=_SCORES,
        show=("metric", "test", "balanced", "measured", "interval", "less_test", "less_balanced", "state"),
        values_as="percent",
    ),
    Table("subjects", "Accuracy on each subject's cells", "subjects", where="", rows=NETWORKS),
    *additional_tables(axes=("row", "subset"), rows=NETWORKS, subsets=("test", "external")),
)

ABLATION_TABLE = Table(
    "ablation",
    "VGG16 with the changes that the text mentions",
    "metrics",
    where="Sections 2.2, 2.3 and 2.5",
    rows=ABLATION,
    axes=("row", "subset"),
    subsets=("test", "balanced"),
    shape={"subset": "section"},
    metrics=("accuracy", "f1"),
    show=("metric", "measured", "interval", "state"),
    values_as="percent",
    notes=(
        "The paper gives the effects in words alone. Dense layers after global average pooling: 'a slight "
        "increase in validation accuracy compared to the same setup using max pooling layers' (section 2.3). "
        "Fewer neurons than the 4096 of VGG16: 'without any decrease in model accuracy' (section 2.3). Shear "
        "and salt and pepper: 'a better training performance and model accuracy' (section 2.2). The penalty "
        "was adjusted 'to obtain the lowest validation loss' (section 2.5).",
        "`leukcnn reproduce cnmc2019 --only ablation` trains all of them.",
    ),
)

TABLES = (TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5, ABLATION_TABLE, *ADDITIONAL)
