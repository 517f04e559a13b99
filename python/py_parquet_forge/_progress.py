# SPDX-License-Identifier: Apache-2.0
"""progress=: calls of the user's function, or a bar on a terminal."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BAR_CHARS = 30


class Progress:
    """Forwards (done, total) with the unit `rows`; `finish` makes the last call."""

    __slots__ = ("call",)

    def __init__(self, progress: Any) -> None:
        self.call = progress
        if progress is True:
            self.call = draw if sys.stderr.isatty() else None

    def __call__(self, done: int, total: int | None = None) -> None:
        if self.call is not None:
            self.call(done, total, "rows")

    def finish(self, rows: int) -> None:
        """Everything is done."""
        self(rows, rows)


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
