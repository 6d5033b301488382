"""The tested images of the LeukNet paper's tables, non-pathological and pathological, from its Table II."""

from leukcnn.spec import Sample

# Section IV: five runs. LeukNet's standard deviations on ALL-IDB 2 are printed as fractions.
OF_FIVE_RUNS = (
    Sample((59, 49), dataset="allidb1", runs=5),
    Sample((130, 130), dataset="allidb2", rows=("leuknet",), runs=5, std_unit="fraction"),
    Sample((130, 130), dataset="allidb2", runs=5),
)

# Section IV-C: no runs are mentioned. The values of the ten folds fit one confusion matrix of all images.
OF_FEATURES = (
    Sample((59, 49), dataset="allidb1"),
    Sample((59, 49), dataset="allidb1", subset="within"),
    Sample((130, 130), dataset="allidb2"),
    Sample((130, 130), dataset="allidb2", subset="within"),
)

OF_FIVE_FOLDS = (Sample((1434, 2102), folds=5),)

# No standard deviation is printed for the other work.
ON_UFG = (
    Sample((57, 64), dataset="ufg", rows=("vogado2018",)),
    Sample((57, 64), dataset="ufg", runs=5),
)
