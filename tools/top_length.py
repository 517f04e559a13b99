#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the longest files and functions of the C sources; fails above the limits of this project.

Limits: 800 lines a file, 100 lines a function; the median function stays under 15 lines.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE, MAX_FUNCTION, MAX_MEDIAN = 800, 100, 15


def functions(path: Path) -> list[tuple[int, str]]:
    """(lines, place) of each top-level function: from the line of its brace to the closing one."""
    found, depth, start, name, in_comment = [], 0, 0, "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'|//.*|/\*.*?\*/', "", line)
        if in_comment or "/*" in code:
            in_comment = "*/" not in code
            continue
        if line.startswith("#"):
            continue
        if depth == 0 and re.match(r"[A-Za-z_].*\(", code):
            name, start = code.split("(")[0].split()[-1].lstrip("*"), number
        depth += code.count("{") - code.count("}")
        if depth == 0 and "}" in code and name:
            found.append((number - start + 1, f"{path.relative_to(ROOT)}:{start} {name}"))
            name = ""
    return found


def main() -> int:
    paths = sorted([*(ROOT / "src").rglob("*.[ch]"), *(ROOT / "python" / "ext").glob("*.[ch]")])
    files = sorted(((len(p.read_text().splitlines()), str(p.relative_to(ROOT))) for p in paths), reverse=True)
    every = sorted((f for p in paths if p.suffix == ".c" for f in functions(p)), reverse=True)
    median = statistics.median(n for n, _ in every)
    for title, rows in (("files", files), ("functions", every)):
        print(f"longest {title}: " + ", ".join(f"{n} {place}" for n, place in rows[:4]))
    print(f"{len(every)} functions, median {median} lines, 90th percentile {every[len(every) // 10][0]}")
    bad = [f for f in files if f[0] > MAX_FILE] + [f for f in every if f[0] > MAX_FUNCTION]
    for n, place in bad:
        print(f"too long: {n} lines in {place}")
    if median > MAX_MEDIAN:
        print(f"the median function has more than {MAX_MEDIAN} lines")
    return 1 if bad or median > MAX_MEDIAN else 0


if __name__ == "__main__":
    sys.exit(main())
