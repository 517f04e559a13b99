#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what `run.py --json FILE` kept: per case how many times as fast as pyarrow each engine is.

python bench/chart.py FILE.json CHART.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def cases(rows: list[dict], what: str) -> dict[str, dict[str, float]]:
    """{table/codec: {engine: times as fast as pyarrow}}."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["what"] == what and row["ratio"]:
            found.setdefault(f"{row['table']}/{row['codec']}", {})[row["engine"]] = row["ratio"]
    return found


def draw(axis, found: dict[str, dict[str, float]], engines: list[str], title: str) -> None:
    names, height = list(found), 0.8 / len(engines)
    for k, engine in enumerate(engines):
        places = [i + k * height for i in range(len(names))]
        axis.barh(places, [found[name].get(engine, 0) for name in names], height, label=engine)
    axis.set_yticks([i + 0.4 - height / 2 for i in range(len(names))], names)
    axis.invert_yaxis()
    axis.axvline(1, color="black", linewidth=0.6)
    axis.set_title(title)
    axis.set_xlabel("times as fast as pyarrow; no bar: an error, wrong values, or not offered")


def main() -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("matplotlib is not installed: no chart")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kept = json.loads(Path(sys.argv[1]).read_text())
    engines = list(kept["versions"])
    figure, axes = plt.subplots(1, 2, figsize=(15, 10), layout="constrained")
    for axis, what in zip(axes, ("read", "write"), strict=True):
        draw(
            axis,
            cases(kept["rows"], what),
            engines,
            f"{what}, {kept['cores']} cores, median of {kept['runs']}",
        )
    labels = [f"{name} {version}" for name, version in kept["versions"].items()]
    figure.legend(axes[0].containers, labels, loc="outside lower center", ncols=len(labels))
    figure.savefig(sys.argv[2], dpi=80)
    print(f"{sys.argv[2]} is drawn")


if __name__ == "__main__":
    main()
