"""The report of a run: one self-contained HTML page, made from the store alone with Jinja2.

The page needs no server and asks for nothing: style, script and images are inside. Its script only sorts and
filters tables; without it, the page shows the same.
"""

from leukcnn.html_report.page import PAGE, Contents, write

__all__ = ["PAGE", "Contents", "write"]


def __dir__() -> list[str]:
    return sorted(__all__)
