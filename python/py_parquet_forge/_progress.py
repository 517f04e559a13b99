# SPDX-License-Identifier: Apache-2.0
"""progress=: calls of the user's function, or a bar on a terminal."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BAR_CHARS = 30


class Progress:
    """Forwards (done, total) with the unit `rows`; `finish` makes the last call.

    The engine tells rows it has decoded, the package rows it has judged: the larger number holds.
    """

    __slots__ = ("call", "done", "total")

    def __init__(self, progress: Any) -> None:
        self.call = progress
        self.done = 0
        self.total: int | None = None
        if progress is True:
            self.call = draw if sys.stderr.isatty() else None

    def __call__(self, done: int, total: int | None = None) -> None:
        self.done = max(self.done, done)
        self.total = self.total if total is None else max(total, self.done)
        if self.call is not None:
            self.call(self.done, self.total, "rows")

    def finish(self, rows: int) -> None:
        """Everything is done."""
        self(rows, max(rows, self.done))


def draw(done: int, total: int | None, unit: str) -> None:
    """A line on stderr that draws over itself."""
    if total is None:
        line = f"\r{done:,} {unit}"
    else:
        share = done / total if total else 1.0
        full = int(share * BAR_CHARS)
        bar = "#" * full + "." * (BAR_CHARS - full)
        line = f"\r[{bar}] {share:4.0%} of {total:,} {unit}"
    sys.stderr.write(line + ("\n" if done == total else ""))
    sys.stderr.flush()
