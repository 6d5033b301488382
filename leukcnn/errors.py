"""The errors of leukcnn: one base class, and messages in three parts."""

import re
from typing import Any

__all__ = [
    "ArgumentError",
    "DataError",
    "DependencyError",
    "DeviceError",
    "DivergenceError",
    "HostError",
    "LeukCNNError",
    "SpecError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
]


# Longer words, such as 20,000 brackets, are cut: the message must stay readable. Most paths are shorter.
_LONGEST_WORD = 500


def __dir__() -> list[str]:
    return sorted(__all__)


def shortened(text: str) -> str:
    """Returns a message with its longest words cut, which says how long they were."""
    return re.sub(
        rf"\S{{{_LONGEST_WORD + 1},}}",
        lambda word: f"{word[0][:80]}... ({len(word[0]):,} characters)",
        text,
    )


class LeukCNNError(Exception):
    """Base class of every error that leukcnn raises on purpose.

    The message says what was found, what was expected and what to do, in that order.

    Args:
        found: What is wrong, with the value that was found.
        expected: What would be right, with its limits.
        remedy: What the user can do.
    """

    def __init__(self, found: str, *, expected: str = "", remedy: str = ""):
        # Names of files may hold bytes that aren't UTF-8, which no terminal and no text file takes.
        self.found, self.expected, self.remedy = (
            shortened(text.encode("utf-8", "backslashreplace").decode()) for text in (found, expected, remedy)
        )
        parts = [self.found]
        if expected:
            parts.append(f"Expected: {self.expected}")
        if remedy:
            parts.append(f"What to do: {self.remedy}")
        super().__init__("\n".join(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        # For errors that another process raises: their parts aren't positional.
        return _restored, (type(self), self.found, self.expected, self.remedy, vars(self))

    @property
    def reason(self) -> str:
        """What is wrong, without the full stop at its end, for use within a sentence."""
        return self.found if self.found.endswith("..") else self.found.removesuffix(".")


def _restored(
    kind: type[LeukCNNError], found: str, expected: str, remedy: str, values: dict[str, Any]
) -> LeukCNNError:
    """Returns an error as it was before it was pickled."""
    error = kind.__new__(kind)
    LeukCNNError.__init__(error, found, expected=expected, remedy=remedy)
    vars(error).update(values)
    return error


class ArgumentError(LeukCNNError, ValueError):
    """An argument of a library function has the wrong type or is outside its limits."""


class DataError(LeukCNNError):
    """A dataset's folder or an image in it can't be used as it is."""


class SpecError(LeukCNNError):
    """A paper, profile, row or assumption is unknown or contradicts itself."""


class StoreError(LeukCNNError):
    """The store of runs can't be read or written, or holds other content than expected."""


class DeviceError(LeukCNNError):
    """The requested devices don't exist or can't share the work."""


class HostError(LeukCNNError):
    """Another host of a run was lost, ended with an error, or was given other options or data."""


class DivergenceError(LeukCNNError):
    """A training diverged: its loss is no longer a finite number."""

    @classmethod
    def because(cls, why: str) -> "DivergenceError":
        """Returns the error for a reason, such as "loss is nan after epoch 3"."""
        return cls(
            f"The training diverged: {why}.",
            expected="a loss that stays finite",
            remedy="use a lower learning rate (--assume) or --precision float32; with the same options it "
            "would diverge again, and isn't repeated unless the trial's folder is removed",
        )

    @property
    def why(self) -> str:
        """The reason alone."""
        return self.reason.removeprefix("The training diverged: ")


class WeightsError(LeukCNNError):
    """Weights can't be found, downloaded or loaded into the network, or give no probabilities."""


class DependencyError(LeukCNNError):
    """An optional package isn't installed."""


class UnknownNameError(LeukCNNError, KeyError):
    """A run has no table, figure, row or split of that name."""

    # KeyError would show its message in quotes, with its line breaks escaped.
    __str__ = LeukCNNError.__str__
