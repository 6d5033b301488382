"""What hosts do together, apart from training: connect, compare what they were given, take part."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

import leukcnn
from leukcnn.counting import Count, uncounted
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import stop_hosts
from leukcnn.errors import HostError
from leukcnn.experiment.plan import plan
from leukcnn.experiment.request import Request
from leukcnn.experiment.session import Session
from leukcnn.experiment.study import Study
from leukcnn.fields import to_plain
from leukcnn.files import digest, file_sha256
from leukcnn.host_names import CONNECT_SECONDS, note_on_tasks
from leukcnn.hosts import Hosts
from leukcnn.runs import Trial
from leukcnn.splits.checks import TooManyFoldsError
from leukcnn.trials import take_part

# Options that all hosts must have.
_SAME = (
    *("profile", "only", "seed", "runs", "split", "unknown_subjects", "datasets", "mask", "base"),
    *("deterministic", "precision", "augment", "devices", "trial", "controls_only"),
)


class Unshown:
    """Shows nothing, on a host other than 0."""

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Host 0 shows the steps."""

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Host 0 shows the epochs."""

    def message(self, text: str) -> None:
        """Host 0 shows the messages."""

    def counting(self, what: str) -> AbstractContextManager[Count]:
        """Host 0 shows how far a stage is."""
        return uncounted(what)


@contextlib.contextmanager
def connected(request: Request, *, say: Callable[[str], None]) -> Iterator[Hosts]:
    """Context in which the hosts of a request are connected; a single host needs nothing.

    Args:
        request: The options.
        say: Called with a message before it waits for the other hosts.

    Raises:
        HostError: A host doesn't come, has other options or versions, is lost, or ends with an error.
    """
    if place := request.place:
        say(
            f"Host {place.index} of {place.count} waits for the others at {place.address}, at most "
            f"{CONNECT_SECONDS:.0f} seconds ..."
        )
    elif note := note_on_tasks():
        say(note)
    with Hosts(request.place) as hosts:
        if hosts.count > 1:
            _require_same(hosts, "different options or versions", _given(request))
        try:
            yield hosts
        except TooManyFoldsError:
            # Every host finds this in its plan, and starts again with fewer folds.
            hosts.all()
            hosts.close()
            raise


def require_same_images(hosts: Hosts, index: ImageIndex) -> None:
    """Checks that all hosts have the same images.

    Raises:
        HostError: They don't.
    """
    if hosts.count > 1:
        content = digest([index.ids.tolist(), index.sha256.tolist(), index.labels.tolist()])
        _require_same(hosts, "different images", {"images": len(index), "SHA-256 of all": content[:16]})


def follow(study: Study, session: Session) -> None:
    """Takes part in the trials that host 0 runs, until it says that there are no more.

    Args:
        study: The paper with the options applied.
        session: This host's resources. Nothing is read from its store, or written to it.

    Raises:
        HostError: Host 0 has ended with an error, or another host was lost.
    """
    hosts, shared = session.devices.hosts, replace(session.shared, observer=Unshown())
    session.say(
        f"Host {hosts.index} of {hosts.count} takes part. Host 0 shows the progress and has the results."
    )
    planned = plan(study, session.index, counting=uncounted)
    trials = {trial.name: trial for trial in planned.trials}
    while name := hosts.hear().get("train"):
        trial, identity = trials[name], planned.identities[name]
        take_part(
            Trial(session.store.root / "trials" / name, identity),
            study.row(trial.row).setup,
            planned.split_rows[name],
            shared,
            seed=trial.seed,
        )
    hosts.close()
    stop_hosts()


def dismiss(hosts: Hosts) -> None:
    """Lets the other hosts end, after the last network."""
    if hosts.count > 1:
        hosts.send({})
        hosts.close()
        stop_hosts()


def _given(request: Request) -> dict[str, Any]:
    paper = request.paper
    content = [paper.key, to_plain(paper.rows), to_plain(paper.profiles)]
    versions = {"leukcnn": leukcnn.__version__, "keras": keras.__version__}
    values = {f"--{name.replace('_', '-')}": to_plain(getattr(request, name)) for name in _SAME}
    values |= {"--assume": to_plain(request.assumed), "--weights": _weights(request.weights)}
    return {"paper": digest(content)[:16], **values, **versions}


def _weights(place: str | None) -> str:
    """Returns what `--weights` says; for a file or a folder what it holds, since its path may differ."""
    path = Path(place or "none")
    if path.is_file():
        return file_sha256(path)[:16]
    if path.is_dir():
        return digest(sorted((file.name, file.stat().st_size) for file in path.iterdir() if file.is_file()))[
            :16
        ]
    return place or "the paper's"


def _require_same(hosts: Hosts, what: str, own: Mapping[str, Any]) -> None:
    every = [message["value"] for message in hosts.all(own)]
    for host, values in enumerate(every):
        if values == every[0]:
            continue
        first = every[0]
        listed = [
            f"{name} is {first.get(name)} on host 0 and {values[name]} on host {host}"
            for name in values
            if values[name] != first.get(name)
        ]
        raise HostError(
            f"Host {host} has {what}: {'; '.join(listed)}.",
            expected="the same command, data and versions on every host; folders may differ",
            remedy="start the same command on every host, with only --host-index another",
        )
