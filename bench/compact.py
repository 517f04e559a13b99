# SPDX-License-Identifier: Apache-2.0
"""1,000 files of 100 KB into one: time and peak memory, beside pyarrow doing the same.

usage: compact.py FOLDER     makes FOLDER (which must be new), measures each way in a process of its own
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FILES = 1000
ROWS = 6_500

WAYS = {
    "compact": "import py_parquet_forge as f; f.compact({0!r})",
    "merge": "import py_parquet_forge as f; f.merge({0!r}, {0!r} + '.out')",
    "pyarrow, whole": ("import pyarrow.parquet as q; q.write_table(q.read_table({0!r}), {0!r} + '.out')"),
    "pyarrow, file by file": (
        "import glob, pyarrow.parquet as q\n"
        "files = sorted(glob.glob({0!r} + '/*'))\n"
        "with q.ParquetWriter({0!r} + '.out', q.read_schema(files[0])) as w:\n"
        "    for file in files: w.write_table(q.read_table(file))"
    ),
}

MEASURE = """
import os, resource, time
start = time.perf_counter()
{0}
used = resource.getrusage(resource.RUSAGE_SELF)
print(round(time.perf_counter() - start, 2), round(used.ru_utime, 2), used.ru_maxrss >> 10)
"""


def make(folder: Path) -> None:
    """Random numbers, so that neither dictionary nor codec makes the files small."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for i in range(FILES):
        numbers = rng.random(ROWS)
        words = np.char.mod("%d", rng.integers(0, 10**6, ROWS))
        table = pa.table({"id": np.arange(i * ROWS, (i + 1) * ROWS), "x": numbers, "w": words.tolist()})
        pq.write_table(table, folder / f"{i:04d}.parquet")


def main() -> None:
    root = Path(sys.argv[1])
    make(root / "data")
    size = sum(file.stat().st_size for file in (root / "data").iterdir())
    print(f"{FILES:,} files of {size // FILES:,} bytes")
    print(f"{'':24s} seconds  user s  peak MiB")
    for name, code in reversed(WAYS.items()):  # compact changes the folder: last
        command = [sys.executable, "-c", MEASURE.format(code.format(str(root / "data")))]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        print(f"{name:24s} {out[0]:>7s} {out[1]:>7s} {out[2]:>9s}")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
