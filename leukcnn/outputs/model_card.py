"""The model card of an experiment: what its networks are for, what they were trained on, how good they are.

The sections are those of Mitchell et al., "Model cards for model reporting" (FAT* 2019), and the header is
that of Hugging Face's model cards. Everything comes from the store: the same experiment gives the same card.
"""

from collections.abc import Iterator, Sequence

from leukcnn import __version__, spec
from leukcnn.datasets import card
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.outputs.model_links import FOLDER, links_of
from leukcnn.outputs.titles import dataset_title
from leukcnn.results.comparisons import best_control
from leukcnn.results.measure import Measured, measure
from leukcnn.results.results import Results
from leukcnn.spec import Setup
from leukcnn.spec.folders import UNPUBLISHED
from leukcnn.spec.splits import IMAGES

__all__ = ["MODEL_CARD", "model_card"]

MODEL_CARD = "MODEL_CARD.md"
"""Name of the card in an experiment's folder and next to an exported network."""

_HEADER = """---
library_name: keras
pipeline_tag: image-classification
tags:
- leukcnn
- medical-imaging
- blood-smear
- leukaemia
---
"""
_USE = (
    "For research on methods: to repeat a measurement, to compare networks with controls, to look at what a "
    "network sees.",
    "**Not a diagnosis and not a medical device.** No network here was validated on patients. Don't base a "
    "decision about a patient on it.",
    "Out of scope: other stains, microscopes, cameras, magnifications and laboratories than those of the "
    "training images, classes that aren't listed, and images without a white cell.",
)
_METRICS = ("accuracy", "macro_f1")
_UNKNOWN = "not stated"


def __dir__() -> list[str]:
    return sorted(__all__)


def model_card(results: Results) -> str:
    """Returns the card of an experiment's networks, as Markdown; "" if none of them is trained.

    Args:
        results: The experiment.
    """
    kinds = dict.fromkeys(trial.split for trial in results.record.trials)
    shown = [one for kind in kinds if (one := results.under(kind)) and _networks(one)]
    if not shown:
        return ""
    sections = {
        f"Networks of {results.paper.key}": _details(results, shown),
        "Intended use": [f"- {line}" for line in _USE],
        "Data": [*_data(results)],
        "Split": [line for one in shown for line in _split(one)],
        "Results": [line for one in shown for line in _figures(one)],
        "Leaks and other limits": [*_limits(results)],
        "Preprocessing and training": [*_preprocessing(results, shown)],
        "How to load": [*_loading(results, shown)],
        "Provenance": [*_provenance(results)],
        "Citation": [*_citations(results)],
    }
    texts = [f"## {title}\n\n" + "\n".join(lines).rstrip() for title, lines in sections.items()]
    # The first one is the title of the card.
    return _HEADER + "\n" + "\n\n".join(texts).removeprefix("#") + "\n"


def _networks(results: Results) -> list[str]:
    """Returns the ids of the rows that have values and a saved network."""
    return [row for row in results.paper.row_ids if results.has_values(row) and links_of(results, row)]


def _details(results: Results, shown: Sequence[Results]) -> list[str]:
    paper, record = results.paper, results.record
    lines = [
        f"Task: {paper.task}. The classes, in the order of the outputs: {', '.join(paper.classes)}.",
        "",
        f"Trained with leukcnn {__version__} on Keras ({record.backend}), profile {record.profile}, for "
        + ("a study of the user's own images" if paper.authors == UNPUBLISHED else _cited(paper))
        + ".",
        "",
        "| Network | Parameters | Trained networks |",
        "|---|---:|---:|",
    ]
    for row in dict.fromkeys(row for one in shown for row in _networks(one)):
        trials = [trial for one in shown for _, _, trial in one.trials[row]]
        parameters = trials[0].result.get("parameters")
        count = f"{parameters:,}" if parameters is not None else _UNKNOWN
        lines.append(f"| {paper.row(row).label} | {count} | {len({trial.path.name for trial in trials}):,} |")
    return lines


def _data(results: Results) -> Iterator[str]:
    record, classes = results.record, results.paper.classes
    yield "| Dataset | " + " | ".join(classes) + " | Licence |"
    yield "|---|" + "---:|" * len(classes) + "---|"
    for key, counts in record.datasets.items():
        numbers = " | ".join(f"{counts.get(name, 0):,}" for name in classes)
        yield f"| {card(key).name} | {numbers} | {card(key).licence or _UNKNOWN} |"
    yield ""
    yield "Images of each class, as they were found here."
    for note in record.data_notes:
        yield f"- {note}"
    images = record.counts.get("train", {})
    if before := images.get("before"):
        after = sum(images.get("after", before).values())
        yield (
            f"- The first network was trained on {sum(before.values()):,} images"
            + (f", {after:,} with augmented variants." if after != sum(before.values()) else ".")
        )


def _split(results: Results) -> Iterator[str]:
    kind = spec.SPLITS[results.split_kind]
    folds = f", {results.n_folds} folds" if results.n_folds > 1 else ""
    runs = f", {results.record.runs} runs" if results.record.runs > 1 else ""
    unit = (
        "images are split at random, and those of a subject or slide may be in training and test"
        if kind.unit == IMAGES
        else f"{kind.unit} are kept whole: none is in both training and test"
    )
    copies = (
        "near-duplicates of test images aren't trained on"
        if kind.copy_proof
        else "near-duplicates of test images may be trained on"
    )
    yield f"- {_capital(kind.title)}{folds}{runs}: {unit}; {copies}."


def _figures(results: Results) -> Iterator[str]:
    """Yields a table for each tested dataset: networks and controls; then the comparison in words."""
    for dataset in results.tested or ("",):
        where = dataset_title(results, dataset) if dataset else "test set"
        rows = [row for row in _networks(results) if _measured(results, row, dataset)[0]]
        if not rows:
            continue
        yield f"**{_capital(spec.SPLITS[results.split_kind].title)}, {where}** (95 % interval)"
        yield ""
        yield "| | Accuracy | F1-score, macro | Images |"
        yield "|---|---:|---:|---:|"
        labels = {row: results.paper.row(row).label for row in rows}
        labels |= {name: f"control: {control_label(name)}" for name in results.paper.controls}
        for row, label in labels.items():
            found = _measured(results, row, dataset)
            if found[0]:
                yield f"| {label} | {' | '.join(map(_shown, found))} | {found[0].n:,} |"
        yield ""
        for row in rows:
            compared = best_control(results, row, dataset=dataset)
            if compared:
                control, comparison = compared
                yield f"- {labels[row]}: {comparison.words(CONTROLS[control].sees)}."
        yield ""


def _capital(text: str) -> str:
    """Returns a text with a capital letter first; the others stay, as in LODOCV."""
    return text[:1].upper() + text[1:]


def _measured(results: Results, row: str, dataset: str) -> list[Measured | None]:
    return [measure(results, row, metric, dataset=dataset) for metric in _METRICS]


def _shown(found: Measured | None) -> str:
    if found is None:
        return _UNKNOWN
    interval = found.interval
    bounds = "" if interval.reason else f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
    return f"{100 * found.spread[0]:.1f} %{bounds}"


def _limits(results: Results) -> Iterator[str]:
    record = results.record
    if record.not_comparable:
        yield f"- Not comparable with the paper: {record.not_comparable}."
    for text in dict.fromkeys(shared.describe() for shared in record.overlaps):
        yield f"- The networks know some tested images: {text}."
    for kind, numbers in record.separated_pairs.items():
        yield (
            f"- {_capital(spec.SPLITS[kind].title)} separates copies, of which one was tested and the other "
            f"trained on. Pairs of identical images: {numbers.identical:,}, of nearly identical ones: "
            f"{numbers.near:,}."
        )
    for kind, unknown in record.unknown_subjects.items():
        yield (
            f"- {_capital(spec.SPLITS[kind].title)}: the subject of {unknown.images:,} of "
            f"{unknown.total:,} images is unknown."
        )
    for key, others in record.related.items():
        if others:
            names = ", ".join(card(other).name for other in others)
            yield f"- {card(key).name} shares images or cells with {names}."
    yield (
        "- A network that is no better than a control may have seen no more than the control does, such as "
        "the colour of the border. The intervals hold for images like those that were tested, not for "
        "another laboratory."
    )


def _preprocessing(results: Results, shown: Sequence[Results]) -> Iterator[str]:
    rows = dict.fromkeys(row for one in shown for row in _networks(one))
    for in_words in (_steps_in_words, _training_in_words):
        labels: dict[str, list[str]] = {}
        for row in rows:
            labels.setdefault(in_words(results.setup(row)), []).append(results.paper.row(row).label)
        for words, named in labels.items():
            yield f"- {', '.join(named)}: {words}."


def _training_in_words(setup: Setup) -> str:
    training = setup.training
    epochs = f"trained for at most {training.epochs:,} epoch{'s' * (training.epochs != 1)}"
    return (
        f"{epochs} in batches of {training.batch_size}, {training.optimizer}, learning rate "
        f"{training.initial_learning_rate:g}, {training.loss.replace('_', ' ')}"
    )


def _steps_in_words(setup: Setup) -> str:
    steps = setup.preprocessing
    words = ["RGB, 8 bits"]
    if steps.threshold != "none":
        words.append(f"white cells found by thresholding ({steps.threshold}), all else black")
    if steps.region == "crops":
        words.append("their components side by side")
    if steps.crop:
        words.append(f"central {steps.crop}x{steps.crop} pixels")
    elif not steps.squeeze:
        words.append("largest central square")
    if steps.resize:
        words.append(f"resized to {steps.resize}x{steps.resize} ({steps.shrinking} or {steps.enlarging})")
    if steps.mask:
        words.append(f"{steps.mask} black")
    words.append(f"multiplied by {steps.scale:.6g}")
    if steps.subtract_channel_mean:
        words.append("less the mean of each channel")
    return ", ".join(words)


def _loading(results: Results, shown: Sequence[Results]) -> Iterator[str]:
    model = f"{FOLDER}/{next(iter(links_of(results, _networks(shown[0])[0])))}"
    yield f"In the experiment's folder, which has `{FOLDER}`:"
    yield ""
    yield "```python"
    yield "from leukcnn.prediction import SavedNetwork"
    yield ""
    yield f'network = SavedNetwork.load("{model}")'
    yield 'network.predict(["image.png"])  # a probability for each of network.class_names'
    yield "```"
    yield ""
    yield "```bash"
    yield f"leukcnn predict {model} image.png"
    yield f"leukcnn export {model} --format onnx"
    yield "```"


def _provenance(results: Results) -> Iterator[str]:
    record = results.record
    yield f"- leukcnn {__version__}, Keras on {record.backend}, seed {record.seed}, profile {record.profile}."
    for name, value in record.assumed.items():
        yield f"- `--assume {name}={value}`"
    yield "- `experiment.json` lists the trials; each trial's `environment.json` has versions and devices."


def _citations(results: Results) -> Iterator[str]:
    paper = results.paper
    if paper.citation and paper.authors != UNPUBLISHED:
        yield f"- {_cited(paper)}."
    own = {folder.key for folder in paper.folders}
    for key in results.record.datasets:
        if card(key).citation and key not in own:
            yield f"- {card(key).name}: {card(key).citation}"
    yield "- leukcnn: see `CITATION.cff` of its repository."


def _cited(paper: spec.Paper) -> str:
    return f"{paper.authors} ({paper.year}). {paper.title}. {paper.citation}"
