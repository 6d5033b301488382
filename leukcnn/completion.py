"""What the shell completes: papers, data sets, and the rows, tables, profiles ... of the paper typed before.

The paper's own names come from the paper. A paper of the user's own isn't run for them: its file may take
long to run, or do anything. Its names are those written out in its text.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, split_arg_string

from leukcnn import papers, spec
from leukcnn.errors import LeukCNNError

_LARGEST_TEXT = 2**20  # bytes of a paper's file that is read

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]
Words = Iterable[tuple[str, str]]
"""Words that the shell offers, each with a text that zsh and fish show next to it; "" for none."""


@dataclass(frozen=True)
class Names:
    """The names of a paper, each with its title.

    Attributes:
        key: Key of the paper; "" if it isn't known.
        rows: Ids of the rows.
        items: Ids of the tables and figures.
        profiles: Names of the profiles.
        assumptions: NAME of `--assume NAME=VALUE` -> title, and the values that are known.
        substitutes: NAME of `--base scratch=NAME`.
        datasets: Keys of the data sets.
        classes: Names of the classes.
        splits: Kinds of split.
    """

    key: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)
    assumptions: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    substitutes: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()


def _of_paper(paper: spec.Paper) -> Names:
    assumptions = {}
    for one in paper.assumptions:
        values = tuple(str(choice) for choice in one.choices) or (paper.assumed_value(one.name),)
        usable = []
        for value in values:
            # Rows with values of their own have no word for all of them.
            with suppress(LeukCNNError):
                paper.read_assumption(one.name, value)
                usable.append(value)
        assumptions[one.name] = (one.reason, tuple(usable))
    items: tuple[spec.Table | spec.Figure, ...] = (*paper.tables, *paper.figures)
    return Names(
        key=paper.key,
        rows={row.id: row.label for row in paper.rows},
        items={item.id: item.title for item in items},
        profiles={profile.name: profile.description for profile in paper.profiles},
        assumptions=assumptions,
        substitutes=tuple(paper.substitutes),
        datasets=paper.datasets,
        classes=paper.classes,
        splits=(*paper.splits, *spec.EVERY_PAPER_KINDS),
    )


def _of_text(path: Path) -> Names:
    """Returns the names that are written out in a paper's file, without running it."""
    import ast

    if not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
        return Names()

    def literal(node: ast.expr) -> Any:
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return ast.literal_eval(node)
        return None

    calls = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]

    def of(kind: type) -> Iterator[dict[str, Any]]:
        order = [one.name for one in fields(kind)]
        for call in calls:
            if getattr(call.func, "id", getattr(call.func, "attr", "")) == kind.__name__:
                given = [*zip(order, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
                yield {name: value for name, node in given if name and (value := literal(node)) is not None}

    def titled(kind: type, name: str, title: str) -> dict[str, str]:
        return {one[name]: str(one.get(title, "")) for one in of(kind) if isinstance(one.get(name), str)}

    (paper, *_) = (*of(spec.Paper), {})
    return Names(
        key=str(paper.get("key", "")),
        rows=titled(spec.Row, "id", "label"),
        items={**titled(spec.Table, "id", "title"), **titled(spec.Figure, "id", "title")},
        profiles=titled(spec.Profile, "name", "description"),
        assumptions={
            one["name"]: (str(one.get("reason", "")), tuple(map(str, one.get("choices", ()))))
            for one in of(spec.Assumption)
            if isinstance(one.get("name"), str)
        },
        substitutes=tuple(titled(spec.Row, "scratch_name", "label")),
        **{
            name: tuple(map(str, paper.get(name, ())))
            for name in ("datasets", "classes", "splits")
            if isinstance(paper.get(name, ()), tuple | list)
        },
    )


def _subject(ctx: click.Context) -> str:
    """Returns the command's first argument, "" if there is none yet."""
    # An option without its value yet leaves the arguments unread.
    unread = next((word for word in ctx.args if not word.startswith("-")), "")
    return str(ctx.params.get("paper") or ctx.params.get("name") or unread)


def _names(ctx: click.Context) -> Names:
    """Returns the names of the paper that was typed; none if there isn't such a paper."""
    typed = _subject(ctx)
    if typed in papers.list_papers():
        return _of_paper(papers.get(typed))
    if papers.is_file_name(typed):
        return _of_text(Path(typed))
    from leukcnn.papers.source import STORED

    stored = sorted((_runs(ctx) / typed).glob(f"experiments/*/{STORED}"))
    return _of_text(stored[-1]) if stored else Names()


def _runs(ctx: click.Context) -> Path:
    return Path(ctx.params.get("out") or "runs")


def _completer(words: Callable[[click.Context, str], Words], *, places: str = "") -> Completer:
    """Returns a function for click's `shell_complete`.

    Args:
        words: Returns all words, for what is typed so far.
        places: "file" or "dir" where a path may be typed as well.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        found: list[CompletionItem[str]] = []
        # A fault is the command's to report. The shell would print it in the middle of the line.
        with suppress(LeukCNNError, OSError, ValueError, SyntaxError, RecursionError):
            found = [
                CompletionItem(word, help=" ".join(about.split()) or None)
                for word, about in words(ctx, incomplete)
                if word.startswith(incomplete)
            ]
        return found or ([CompletionItem(incomplete, type=places)] if places else [])

    return complete


def _folders() -> Words:
    return ((path.name, "") for path in sorted(Path().iterdir()) if path.name[0] != "." and path.is_dir())


def _papers() -> Words:
    """Yields leukcnn's papers, and the files in this folder that have a paper."""
    yield from ((key, "") for key in papers.list_papers())
    for path in sorted(Path().glob("*.py")):
        if path.is_file() and path.stat().st_size <= _LARGEST_TEXT and b"PAPER" in path.read_bytes():
            yield path.name, ""


def _stored(ctx: click.Context) -> Words:
    """Yields the papers of `_papers`, and those whose runs alone keep them."""
    yield from _papers()
    for folder in sorted(_runs(ctx).glob("*/experiments")):
        if folder.parent.name not in papers.list_papers():
            yield folder.parent.name, "runs of your own"


def _catalog() -> Words:
    from leukcnn.datasets.catalog import CATALOG

    return ((key, card.name) for key, card in CATALOG.items())


def _listed(words: Words, incomplete: str) -> Words:
    """Yields a list with one word more, for an option that takes words with a comma between two of them."""
    before, comma, _ = incomplete.rpartition(",")
    for word, about in words:
        if word not in before.split(","):
            yield f"{before}{comma}{word}", about


def _datasets(ctx: click.Context, incomplete: str) -> Words:
    from leukcnn.experiment.request import OPEN

    return _listed([*((key, "") for key in _names(ctx).datasets), (OPEN, "those for everyone")], incomplete)


def _assumptions(ctx: click.Context, incomplete: str) -> Words:
    """Yields NAME=; NAME=VALUE for each known value if there is only one NAME."""
    name, equals, _ = incomplete.partition("=")
    found = {
        one: about
        for one, about in _names(ctx).assumptions.items()
        if (one == name if equals else one.startswith(name))
    }
    for one, (about, values) in found.items():
        if len(found) > 1 or not values:
            yield f"{one}=", about
        else:
            yield from ((f"{one}={value}", about) for value in values)


def _classes(ctx: click.Context, incomplete: str) -> Words:
    from leukcnn.datasets.catalog import CATALOG

    folder, equals, _ = incomplete.partition("=")
    names = _names(ctx)
    keys = [key for key in (_subject(ctx), *names.datasets) if key in CATALOG]
    known = dict.fromkeys(name for key in keys for name in CATALOG[key].classes)
    return ((f"{folder}={name}", "") for name in known or names.classes if equals)


def _bases(ctx: click.Context, _: str) -> Words:
    from leukcnn.experiment.request import SCRATCH

    if found := _names(ctx).substitutes:
        yield SCRATCH, ""
        yield from ((f"{SCRATCH}={name}", "") for name in found)


def _networks(_: click.Context, incomplete: str) -> Words:
    """Yields the networks of `leukcnn evaluate`; how one is fine-tuned after its name and a colon."""
    from leukcnn.models.backbones import BACKBONES, MODES
    from leukcnn.studies.networks import NETWORKS, SCRATCH

    name, colon, _mode = incomplete.rpartition(",")[2].partition(":")
    if colon:
        words = [f"{name}:{mode}" for mode in (*MODES, SCRATCH)]
    else:
        words = [*NETWORKS, *(backbone.lower() for backbone in BACKBONES)]
    return _listed([(word, "") for word in words], incomplete)


def _trackers(_: click.Context, incomplete: str) -> Words:
    from leukcnn.tracking import TRACKERS

    return _listed([(name, "") for name in TRACKERS], incomplete)


def _trials(ctx: click.Context) -> Words:
    """Yields the trials of the latest run of the paper in --out, which may be unfinished.

    The plan of a run that hasn't begun would need its images. `leukcnn evaluate` names no paper: the latest
    run of any is likely to be the same study.
    """
    import json

    records, key = "experiments/*/experiment.json", _names(ctx).key
    one = any(param.name == "paper" for param in ctx.command.params)
    found = (_runs(ctx) / key).glob(records) if one else _runs(ctx).glob(f"*/{records}")
    latest = max(found, key=os.path.getmtime, default=None)
    values = json.loads(latest.read_bytes()) if latest else {}
    probe = [values["probe"]] if values.get("probe") else []
    for trial in (*values.get("trials", ()), *values.get("controls", ()), *probe):
        fold = f", fold {trial['fold']}" if trial["fold"] >= 0 else ""
        yield trial["name"], f"{trial['row']}, {trial['split']}{fold}, run {trial['run']}"


paper = _completer(lambda ctx, _: _papers(), places="file")
stored = _completer(lambda ctx, _: _stored(ctx), places="file")
checked = _completer(lambda ctx, _: (*_catalog(), *_papers()), places="file")
dataset = _completer(lambda ctx, _: _catalog())
item = _completer(lambda ctx, _: (*_names(ctx).items.items(), *_names(ctx).rows.items()))
profile = _completer(lambda ctx, _: _names(ctx).profiles.items())
split = _completer(lambda ctx, _: ((kind, spec.SPLITS[kind].title) for kind in _names(ctx).splits))
datasets = _completer(_datasets)
assumption = _completer(_assumptions)
classes = _completer(_classes)
base = _completer(_bases)
weights = _completer(lambda ctx, _: (("none", "random weights"), ("imagenet", "of Keras")), places="file")
hosts = _completer(lambda ctx, _: ((word, "") for word in ("slurm", "2", "4", "8")))
devices = _completer(lambda ctx, _: ((word, "") for word in ("all", "1", "2", "4", "8", "cpu:2", "cpu:4")))
launcher = _completer(lambda ctx, _: ((word, "") for word in ("dask", "dask:2", "dask:4", "dask:8")))
trial = _completer(lambda ctx, _: _trials(ctx))
networks = _completer(_networks)
tracker = _completer(_trackers)
folder = _completer(lambda ctx, _: _folders(), places="dir")
data = _completer(lambda ctx, _: (("synthetic", "synthetic cells"), *_folders()), places="dir")


class Bash(BashComplete):
    """Completion for bash, which breaks words at "=" and ":"."""

    _kept = ""  # what bash doesn't replace: the word up to its last break

    def get_completion_args(self) -> tuple[list[str], str]:
        """Returns the words before the incomplete one, and the incomplete one, each put together again."""
        words, place = split_arg_string(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        joined: list[str] = []
        last = ""
        for last in words[1 : place + 1]:
            breaks = not last.strip("=:")
            if joined and (breaks or (joined[-1].endswith(("=", ":")) and not last.startswith("-"))):
                joined[-1] += last
            else:
                joined.append(last)
        if len(words) <= place:
            return joined, ""
        incomplete = joined.pop()
        self._kept = incomplete if not last.strip("=:") else incomplete.removesuffix(last)
        return joined, incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Returns the part of a word that bash replaces."""
        value = str(item.value)
        for start in range(len(self._kept)):
            if value.startswith(self._kept[start:]):
                return f"{item.type},{value[len(self._kept) - start :]}"
        return f"{item.type},{value}"


class Fish(FishComplete):
    """Completion for fish, also of words with a comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')
