"""The errors of leukcnn: one base class, and messages in three parts."""

__all__ = [
    "ArgumentError",
    "DataError",
    "DependencyError",
    "DeviceError",
    "LeukCNNError",
    "SpecError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
]


def __dir__() -> list[str]:
    return sorted(__all__)


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
        found, expected, remedy = (
            text.encode("utf-8", "backslashreplace").decode() for text in (found, expected, remedy)
        )
        self.found, self.expected, self.remedy = found, expected, remedy
        parts = [found]
        if expected:
            parts.append(f"Expected: {expected}")
        if remedy:
            parts.append(f"What to do: {remedy}")
        super().__init__("\n".join(parts))

    @property
    def reason(self) -> str:
        """What is wrong, without the full stop at its end, for use within a sentence."""
        return self.found if self.found.endswith("..") else self.found.removesuffix(".")


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


class WeightsError(LeukCNNError):
    """Weights can't be found, downloaded or loaded into the network."""


class DependencyError(LeukCNNError):
    """An optional package isn't installed."""


class UnknownNameError(LeukCNNError, KeyError):
    """A run has no table, figure, row or split of that name."""

    # KeyError would show its message in quotes, with its line breaks escaped.
    __str__ = LeukCNNError.__str__
