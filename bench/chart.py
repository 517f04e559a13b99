#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what `run.py --json` and `growth.py --json` kept.

Above: per case how many times as fast as pyarrow each engine is. Below: the time of a unit (a row, a column,
a file) as their number grows; a line that is level is linear growth.

python bench/chart.py RUN.json GROWTH.json CHART.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CURVES = {
    "rows": ("read, rows", "write, rows"),
    "columns": ("read, columns", "write, columns", "read three"),
    "files": ("read, files",),
}
"""Unit -> how the names of its curves begin."""


def cases(rows: list[dict], what: str) -> dict[str, dict[str, float]]:
    """{table/codec: {engine: times as fast as pyarrow}}."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["what"] == what and row["ratio"]:
            found.setdefault(f"{row['table']}/{row['codec']}", {})[row["engine"]] = row["ratio"]
    return found


def draw_cases(axis, kept: dict, what: str) -> None:
    found, engines = cases(kept["rows"], what), list(kept["versions"])
    names, height = list(found), 0.8 / len(engines)
    for k, engine in enumerate(engines):
        places = [i + k * height for i in range(len(names))]
        axis.barh(places, [found[name].get(engine, 0) for name in names], height, label=engine)
    axis.set_yticks([i + 0.4 - height / 2 for i in range(len(names))], names)
    axis.invert_yaxis()
    axis.axvline(1, color="black", linewidth=0.6)
    axis.set_title(f"{what}, {kept['cores']} cores, median of {kept['runs']}")
    axis.set_xlabel("times as fast as pyarrow; no bar: an error, wrong values, or not offered")


def draw_growth(axis, growth: dict[str, dict[str, float]], unit: str) -> None:
    for name, times in growth.items():
        if name.startswith(CURVES[unit]):
            sizes = [int(size) for size in times]
            axis.loglog(sizes, [times[str(n)] / n * 1e6 for n in sizes], marker="o", label=name)
    axis.set_xlabel(unit)
    axis.set_ylabel(f"microseconds for one of the {unit}")
    axis.legend(fontsize=8)


def main() -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("matplotlib is not installed: no chart")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kept, growth = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    figure = plt.figure(figsize=(15, 15), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(10, 4))
    axes = above.subplots(1, 2)
    for axis, what in zip(axes, ("read", "write"), strict=True):
        draw_cases(axis, kept, what)
    labels = [f"{name} {version}" for name, version in kept["versions"].items()]
    above.legend(axes[0].containers, labels, loc="outside lower center", ncols=len(labels))
    for axis, unit in zip(below.subplots(1, len(CURVES)), CURVES, strict=True):
        draw_growth(axis, growth, unit)
    figure.savefig(sys.argv[3], dpi=70)
    print(f"{sys.argv[3]} is drawn")


if __name__ == "__main__":
    main()
