"""What a run says about its images and networks before it trains, and notes in its record."""

from collections.abc import Mapping

import numpy as np

from leukcnn import spec
from leukcnn.experiment.plan import Plan
from leukcnn.experiment.session import Session
from leukcnn.experiment.study import Study
from leukcnn.image_cache import shows_nothing
from leukcnn.outputs.answer import answer_of
from leukcnn.outputs.answer_words import on_controls
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.results.results import Results


def say_what_is_not_trained(
    study: Study, session: Session, planned: Plan, wanted: list[PlannedTrial]
) -> None:
    """Says why networks that the study asks for aren't trained."""
    if not study.trained:
        return
    if planned.reason:
        session.say(
            f"{', '.join(study.trained)} can't be trained: {planned.reason}. Download more of the datasets "
            "(`leukcnn datasets` lists them), name others (--datasets), or use synthetic ones "
            "(--data synthetic)."
        )
    elif not wanted:
        session.say(
            f"Nothing is trained: {study.only} needs a split that this run doesn't have. Its splits: "
            f"{', '.join(sorted({trial.split for trial in planned.trials}))}."
        )


def say_what_is_shared(session: Session, record: ExperimentRecord) -> None:
    """Names each overlap of the authors' test sets with training once, and copies that splits separate."""
    for text, subset in {shared.describe(): shared.subset for shared in record.overlaps}.items():
        left_out = "Its values leave these images out." if subset == "external" else "It has no values here."
        session.say(f"The networks know some tested images: {text}. {left_out}")
    for kind, numbers in record.separated_pairs.items():
        session.say(
            f"{spec.SPLITS[kind].title} separates copies: {numbers.identical:,} pairs of identical and "
            f"{numbers.near:,} of nearly identical images are in the test and in the training or validation "
            "images."
        )


def notes_on_black_images(study: Study, session: Session, wanted: list[PlannedTrial]) -> list[str]:
    """Returns notes with the number of images that thresholding makes black in the networks' input."""
    index, notes = session.index, []
    settings = [study.row(row).setup.preprocessing for row in dict.fromkeys(trial.row for trial in wanted)]
    for preprocessing in dict.fromkeys(one for one in settings if one.threshold != "none"):
        images = session.shared.prepared(preprocessing)
        black = np.array([shows_nothing(image) for image in images], dtype=bool)
        for name in np.unique(index.dataset[black]).tolist():
            own = index.dataset == name
            notes.append(
                f"{name}: {np.count_nonzero(black & own):,} of {np.count_nonzero(own):,} images are black, "
                f"or nearly black, in the networks' input: '{preprocessing.threshold}' leaves no cell in them"
            )
    return list(dict.fromkeys(notes))


def notes_on_known_images(study: Study, seen: Mapping[str, int | None], total: int) -> list[str]:
    """Returns how many images the networks that are only applied were trained on, a note for each network."""
    notes = []
    for row, known in seen.items():
        label = study.row(row).label
        if known is None:
            notes.append(f"{label}: whether it was trained on these images isn't known")
        elif known:
            notes.append(
                f"{label} was trained or validated on {known:,} of the {total:,} images: its values are no "
                "test"
            )
        else:
            notes.append(
                f"{label} was trained on none of the {total:,} images, as far as files are identical"
            )
    return notes


def announce_controls(session: Session, n: int) -> None:
    """Says how many controls will be computed; nothing if none are."""
    if n:
        controls = "1 control, which needs" if n == 1 else f"{n:,} controls, which need"
        session.say(f"Computing {controls} no network ...")


def say_controls(study: Study, session: Session, results: Results) -> None:
    """Says what the controls reach, before any network is trained; nothing if none is to be."""
    if not study.trained or study.controls_only:
        return
    answer = answer_of(results, networks=False)
    if answer.controls:
        session.say(f"Without any network. {' '.join(on_controls(answer))}")
