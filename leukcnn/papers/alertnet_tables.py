"""The tables of the Alert Net paper as printed, and its t-test."""

from leukcnn.spec import Published, Sample, Table, additional_tables

ALERT_NETS = ("alertnet", "alertnet_wd", "alertnet_r", "alertnet_rwd", "alertnet_x", "alertnet_xwd")
WITH_DROPOUT = ("alertnet", "alertnet_r", "alertnet_x")
SHALLOW = ("resnet50_sft", "inceptionv3_sft", "xception_sft")
DEEP = ("resnet50_dft", "inceptionv3_dft", "xception_dft")

TABLE_1 = Table(
    id="table1",
    title="Related work",
    kind="reference",
    where="Table I",
    columns=("Work", "Task", "Year", "Descriptors", "Classifier", "Images", "Accuracy (%)"),
    reference=(
        ("Vogado et al.", "leukaemia or healthy", "2018", "deep features", "SVM", 1268, 99.76),
        ("Vincent et al.", "ALL or healthy", "2015", "texture and geometry", "MLP", 100, 97.70),
        ("Singhal and Singh", "ALL or healthy", "2016", "texture", "SVM", 260, 93.80),
        ("Thanh et al.", "ALL or healthy", "2017", "deep features", "CNN", 1188, 96.60),
        ("Shafique et al.", "ALL or healthy", "2018", "deep features", "CNN", 760, 99.50),
        ("Rehman et al.", "ALL or healthy", "2018", "deep features", "CNN", 330, 97.78),
        ("Sipes et al.", "ALL or healthy", "2018", "deep features", "CNN", 388, 88.00),
        ("Pansombut et al.", "ALL or healthy", "2019", "deep features", "CNN", 363, 81.74),
        ("Ahmed et al.", "ALL or healthy", "2019", "deep features", "CNN", 2478, 88.25),
        ("Madhukar and Agaian", "AML or healthy", "2012", "texture", "SVM", 50, 93.50),
        ("Goutam and Sailaja", "AML or healthy", "2015", "texture", "SVM", 90, 98.00),
        ("Rawat et al.", "ALL, AML or healthy", "2017", "geometry, colour and texture", "GA-SVM", 420, 99.50),
        (
            "Laosai and Chamnongthai",
            "ALL, AML or healthy",
            "2018",
            "shape, colour distribution, texture and number of nucleoli",
            "SVM",
            500,
            99.85,
        ),
    ),
    not_audited={"*": "of another work, whose paper would be needed"},
)

# Key of the dataset, then HBS, ALL, AML, other types, total.
TABLE_2 = Table(
    id="table2",
    title="The datasets",
    kind="datasets",
    where="Table II",
    reference=(
        ("allidb1", 59, 49, 0, 0, 108),
        ("allidb1_crop", 0, 510, 0, 0, 510),
        ("allidb2", 130, 130, 0, 0, 260),
        ("leukocytes", 149, 0, 0, 0, 149),
        ("cellavision", 109, 0, 0, 0, 109),
        ("atlas", 0, 25, 40, 23, 88),
        ("omid2014", 154, 0, 0, 0, 154),
        ("omid2015", 0, 0, 27, 0, 27),
        ("ash", 0, 0, 96, 0, 96),
        ("bloodline", 0, 0, 217, 0, 217),
        ("onkodin", 0, 0, 78, 0, 78),
        ("cellavision2", 100, 0, 0, 0, 100),
        ("jtsc", 300, 0, 0, 0, 300),
        ("ufg", 57, 10, 27, 27, 121),
        ("pn_all", 0, 30, 0, 0, 30),
        ("leukemia_images", 0, 40, 78, 22, 140),
    ),
    notes=(
        "Eleven of the sixteen datasets have a single class: what distinguishes datasets (stain, camera, "
        "magnification) distinguishes classes too. The controls on border and colour show how well.",
    ),
)

# Table II's sums and section IV. Table V's standard deviations show that means are over folds.
_FOLDS = (Sample((1058, 794, 563), folds=5),)

# The paper doesn't say how it averages precision and recall over the classes.
_METRICS = (
    *("accuracy", "log_loss", "weighted_precision", "macro_precision", "weighted_recall", "macro_recall"),
    *("kappa", "parameters", "file_mb"),
)

_HEADINGS = {
    **{"accuracy": "A (%)", "log_loss": "loss", "precision": "P (%)", "recall": "R (%)", "kappa": "K"},
    **{"parameters": "Num. param"},
}

_LOSS = {"*/log_loss*": "a loss isn't a fraction of images"}

TABLE_3 = Table(
    id="table3",
    title="Alert Net in 5-fold cross-validation",
    kind="metrics",
    metrics=_METRICS,
    headings=_HEADINGS,
    kappa_words="alertnet",
    not_audited=_LOSS,
    where="Table III",
    samples=_FOLDS,
    rows=ALERT_NETS,
    published=(
        Published("alertnet", "accuracy", 95.94),
        Published("alertnet", "log_loss", 0.1186),
        Published("alertnet", "precision", 97.37),
        Published("alertnet", "recall", 93.45),
        Published("alertnet", "kappa", 0.9317),
        Published("alertnet_wd", "accuracy", 96.72),
        Published("alertnet_wd", "log_loss", 0.0953),
        Published("alertnet_wd", "precision", 97.44),
        Published("alertnet_wd", "recall", 95.58),
        Published("alertnet_wd", "kappa", 0.9481),
        Published("alertnet_r", "accuracy", 95.85),
        Published("alertnet_r", "log_loss", 0.1180),
        Published("alertnet_r", "precision", 98.01),
        Published("alertnet_r", "recall", 93.32),
        Published("alertnet_r", "kappa", 0.9353),
        Published("alertnet_rwd", "accuracy", 97.18),
        Published("alertnet_rwd", "log_loss", 0.0940),
        Published("alertnet_rwd", "precision", 97.23),
        Published("alertnet_rwd", "recall", 97.18),
        Published("alertnet_rwd", "kappa", 0.9564),
        Published("alertnet_x", "accuracy", 94.76),
        Published("alertnet_x", "log_loss", 0.1575),
        Published("alertnet_x", "precision", 94.94),
        Published("alertnet_x", "recall", 94.77),
        Published("alertnet_x", "kappa", 0.9194),
        Published("alertnet_xwd", "accuracy", 95.53),
        Published("alertnet_xwd", "log_loss", 0.1399),
        Published("alertnet_xwd", "precision", 95.72),
        Published("alertnet_xwd", "recall", 95.20),
        Published("alertnet_xwd", "kappa", 0.9324),
    ),
)

TABLE_4 = Table(
    id="table4",
    title="The proposed method and related ones",
    kind="reference",
    where="Table IV",
    columns=("Method", "Descriptors", "Images", "Accuracy (%)"),
    reference=(
        ("Rawat et al.", "geometry, colour and texture", 420, 99.50),
        ("Laosai and Chamnongthai", "shape, colour, texture and number of nucleoli", 500, 99.85),
        ("Proposed method", "deep features", 2415, 97.18),
    ),
    measured=(("Proposed method", "alertnet_rwd", "accuracy"),),
    not_audited={"*": "of another work, whose paper would be needed"},
)

_ALERT_NET_RWD = (
    Published("alertnet_rwd", "accuracy", 97.18, std=0.61),
    Published("alertnet_rwd", "log_loss", 0.0940, std=0.03),
    Published("alertnet_rwd", "precision", 97.23, std=0.61),
    Published("alertnet_rwd", "recall", 97.18, std=0.60),
    Published("alertnet_rwd", "kappa", 0.9564, std=0.0094),
    Published("alertnet_rwd", "parameters", 8_792_963),
    Published("alertnet_rwd", "file_mb", 68),
)

TABLE_5 = Table(
    id="table5",
    title="Shallow fine-tuning (SFT)",
    kind="metrics",
    metrics=_METRICS,
    headings=_HEADINGS,
    kappa_words="alertnet",
    not_audited=_LOSS,
    where="Table V",
    samples=_FOLDS,
    rows=(*SHALLOW, "alertnet_rwd"),
    published=(
        Published("resnet50_sft", "accuracy", 41.61, std=4.86),
        Published("resnet50_sft", "log_loss", 1.2667, std=0.11),
        Published("resnet50_sft", "precision", 18.50, std=1.48),
        Published("resnet50_sft", "recall", 41.61, std=4.86),
        Published("resnet50_sft", "kappa", 0),
        Published("resnet50_sft", "parameters", 24_638_339),
        Published("resnet50_sft", "file_mb", 94),
        Published("inceptionv3_sft", "accuracy", 64.30, std=2.09),
        Published("inceptionv3_sft", "log_loss", 0.8231, std=0.03),
        Published("inceptionv3_sft", "precision", 65.25, std=1.73),
        Published("inceptionv3_sft", "recall", 64.30, std=2.09),
        Published("inceptionv3_sft", "kappa", 0.4501, std=0.03),
        Published("inceptionv3_sft", "parameters", 22_853_411),
        Published("inceptionv3_sft", "file_mb", 109),
        Published("xception_sft", "accuracy", 72.00, std=3.48),
        Published("xception_sft", "log_loss", 0.6913, std=0.02),
        Published("xception_sft", "precision", 71.43, std=3.64),
        Published("xception_sft", "recall", 72.084, std=3.47),
        Published("xception_sft", "kappa", 0.5601, std=0.05),
        Published("xception_sft", "parameters", 22_910_480),
        Published("xception_sft", "file_mb", 90),
        *_ALERT_NET_RWD,
    ),
)

TABLE_6 = Table(
    id="table6",
    title="Deep fine-tuning (DFT)",
    kind="metrics",
    metrics=_METRICS,
    headings=_HEADINGS,
    kappa_words="alertnet",
    not_audited=_LOSS,
    where="Table VI",
    samples=_FOLDS,
    rows=(*DEEP, "alertnet_rwd"),
    published=(
        Published("resnet50_dft", "accuracy", 97.80),
        Published("resnet50_dft", "precision", 97.81),
        Published("resnet50_dft", "recall", 97.80),
        Published("resnet50_dft", "kappa", 0.9660),
        *_ALERT_NET_RWD,
    ),
    notes=("The text gives only ResNet50's values of Table VI, in section V.",),
)

T_TEST = Table(
    id="t_test",
    title="Is Alert Net-RWD as good as ResNet50 with deep fine-tuning?",
    kind="t_test",
    where="Section V",
    rows=("alertnet_rwd", "resnet50_dft"),
    reference=(("statistically equivalent",),),
)

BY_DATASET = Table(
    id="by_dataset",
    title="Accuracy on each dataset",
    kind="metrics",
    axes=("dataset", "row"),
    show=("images", "metric", "measured", "interval"),
    metrics=("accuracy",),
    over="runs",
    notes=(
        "The networks of Tables III and V, trained on all datasets together. The paper reports no such "
        "values.",
        "Most datasets have one class: a network that recognises the dataset by its stain, light or image "
        "size is right on all of its images.",
    ),
)

MOBILE = Table(
    id="mobile",
    title="Is Alert Net-RWD more attractive for use on mobile devices?",
    kind="mobile",
    where="Sections V and VI",
    rows=(*ALERT_NETS, *SHALLOW, *DEEP),
    notes=(
        "The paper compares file sizes only: 'Analyzing the file size generated from the training'.",
        "Deep fine-tuning trains all layers of the networks that shallow fine-tuning trains in part: their "
        "files have the same size and take about the same time.",
    ),
)

TABLES = (
    *(TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5, TABLE_6, BY_DATASET, T_TEST, MOBILE),
    *additional_tables(),
)
