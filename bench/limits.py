#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a dataset as a stream, iterates and filters it under a limit of the process's data segment.

usage: limits.py [--gigabytes 4] [--limit-mib 700] [--partitions 4] [--folder DIR]

The limit is RLIMIT_DATA, which counts every private writable mapping: heap, results and thread stacks.
Each step runs in a process of its own; sums are compared with what was written.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

ROWS = 100_000  # of a chunk, about 8 MB as Arrow


def chunks(gigabytes: float, partitions: int):
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(11)
    words = np.array([f"word-{i:06d}-{'x' * (i % 23)}" for i in range(5000)])
    done, start = 0, 0
    while done < gigabytes * 1e9:
        n = np.arange(start, start + ROWS)
        batch = pa.record_batch(
            {
                "id": pa.array(n),
                "value": pa.array(rng.normal(size=ROWS), mask=rng.random(ROWS) < 0.1),
                "amount": pa.array(rng.integers(0, 10**12, ROWS)),
                "text": pa.array(words[rng.integers(0, len(words), ROWS)]),
                "note": pa.array([f"{a:x}-{b:x}" for a, b in rng.integers(0, 2**40, (ROWS, 2))]),
                "part": pa.array((n // ROWS) % partitions, pa.int32()),
            }
        )
        done += batch.nbytes
        start += ROWS
        yield batch


def step(what: str, folder: str, gigabytes: float, partitions: int) -> dict[str, object]:
    import pyarrow as pa
    import pyarrow.compute as pc

    import py_parquet_forge as forge

    if what == "write":
        source = chunks(gigabytes, partitions)
        first = next(source)
        total = {"rows": first.num_rows, "bytes": first.nbytes, "sum": pc.sum(first["id"]).as_py()}

        def stream():
            yield first
            for batch in source:
                total["rows"] += batch.num_rows
                total["bytes"] += batch.nbytes
                total["sum"] += pc.sum(batch["id"]).as_py()
                yield batch

        cols = ["part"] if partitions > 1 else None
        forge.write_to_dataset(stream(), folder, first.schema, partition_cols=cols, mode="overwrite")
        return total
    filters = pc.field("amount") < 10**10 if what == "filter" else None
    rows, ids, size = 0, 0, 0
    for batch in forge.read_parquet_iter(folder, chunk_size=ROWS, filters=filters):
        rows += batch.num_rows
        size += batch.nbytes
        ids += pc.sum(batch["id"]).as_py() or 0
        if filters is not None and pc.max(batch["amount"]).as_py() >= 10**10:
            raise SystemExit("a row that does not satisfy the filter")
    return {"rows": rows, "bytes": size, "sum": ids, "pyarrow": pa.__version__}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--limit-mib", type=int, default=700)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--folder")
    parser.add_argument("--step")
    a = parser.parse_args()
    if a.step:
        start = time.perf_counter()
        result = step(a.step, a.folder, a.gigabytes, a.partitions)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({**result, "seconds": time.perf_counter() - start, "peak_mib": peak}))
        return 0
    with tempfile.TemporaryDirectory(dir=a.folder) as room:
        results = {}
        for what in ("write", "iterate", "filter"):
            limit = a.limit_mib << 20
            run = subprocess.run(
                [sys.executable, __file__, "--step", what, "--folder", f"{room}/ds"]
                + ["--gigabytes", str(a.gigabytes), "--partitions", str(a.partitions)],
                capture_output=True,
                text=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
            )
            if run.returncode:
                print(f"{what}: failed under {a.limit_mib} MiB\n{run.stderr[-2000:]}")
                return 1
            r = results[what] = json.loads(run.stdout)
            print(
                f"{what:8s} {r['rows']:>12,} rows  {r['bytes'] / 1e6:8,.0f} MB  "
                f"{r['seconds']:6.1f} s  peak RSS {r['peak_mib']} MiB",
                flush=True,
            )
    same = (results["write"]["rows"], results["write"]["sum"])
    if same != (results["iterate"]["rows"], results["iterate"]["sum"]):
        print("other rows than were written")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
