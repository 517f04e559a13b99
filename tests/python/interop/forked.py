# SPDX-License-Identifier: Apache-2.0
"""Reads files that may be poison, each in a child of its own, and tells what became.

Run as a program: JSON lines of {"path", "flips"} come in, and for each one JSON line of
{"path", "outcome", "detail", "peak", "seconds"} goes out. The child has a ceiling on its
address space and on its time; `flips` are [place, value] bytes to put into a copy first.
Outcomes: "data" (with a fingerprint of the values), the name of an exception, "signal <n>", "hang".
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import zlib

ROOM = 1 << 30  # address space that a child may take on top of what the parent has
SECONDS = 30


def run(jobs: list[dict], scratch: str) -> list[dict]:
    """The outcomes of the jobs, from one process that forks for each of them."""
    command = [sys.executable, __file__, scratch]
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=900)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(jobs):
        raise AssertionError(f"{len(results)} of {len(jobs)} jobs done: {done.stderr[-2000:]}")
    return results


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _prepared(job: dict, scratch: str) -> str:
    if "flips" not in job and "cut" not in job:
        return job["path"]
    name = os.path.join(scratch, "copy.parquet")
    with open(job["path"], "rb") as file:
        data = bytearray(file.read())
    for place, value in job.get("flips", []):
        data[place] ^= value
    with open(name, "wb") as file:
        file.write(data[: job.get("cut", len(data))])
    return name


def _read(path: str, options: dict) -> str:
    import py_parquet_forge

    py_parquet_forge.inspect_schema(path)
    table = py_parquet_forge.read_parquet(path, output_format="arrow", **options)
    table.validate(full=True)
    rows = 0
    for batch in py_parquet_forge.read_parquet_iter(path, chunk_size=1000, **options):
        batch.validate(full=True)
        rows += len(batch)
    if rows != table.num_rows:
        raise AssertionError(f"{rows} rows in batches, {table.num_rows} in the table")
    return f"{rows} rows {_fingerprint(table):08x}"


def _fingerprint(table) -> int:
    """A number that two tables share when their values do."""
    whole = [column.combine_chunks() for column in table.columns]
    texts = [array.to_string(window=10**6, container_window=10**6) for array in whole]
    return zlib.crc32("\n".join(texts).encode("utf-8", "surrogateescape"))


def _child(path: str, options: dict, out: int) -> None:
    ceiling = _address_space() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)
    try:
        detail, outcome = _read(path, options), "data"
    except BaseException as error:
        outcome, detail = type(error).__name__, str(error)
    os.write(out, json.dumps([outcome, detail[:1000]]).encode())
    os._exit(0)


def _outcome(status: int, answer: bytes) -> list[str]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return ["hang" if number == signal.SIGALRM else f"signal {number}", ""]
    return json.loads(answer) if answer else ["no answer", ""]


def _one(job: dict, scratch: str) -> dict:
    path = _prepared(job, scratch)
    begin = time.monotonic()
    pipe_in, pipe_out = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(path, job.get("options", {}), pipe_out)
    os.close(pipe_out)
    answer = b"".join(iter(lambda: os.read(pipe_in, 65536), b""))
    os.close(pipe_in)
    _, status, usage = os.wait4(pid, 0)
    outcome, detail = _outcome(status, answer)
    return {
        "path": job["path"],
        "outcome": outcome,
        "detail": detail,
        "peak": usage.ru_maxrss * 1024,
        "seconds": time.monotonic() - begin,
    }


def main() -> None:
    import pyarrow

    import py_parquet_forge

    # Both on their feet before the first fork, the engine's reader and its threads too.
    path = os.path.join(sys.argv[1], "first.parquet")
    table = pyarrow.table({"a": [1, 2, 3]})
    py_parquet_forge.write_parquet(table, path, table.schema)
    py_parquet_forge.read_parquet(path, output_format="arrow")
    for line in sys.stdin:
        print(json.dumps(_one(json.loads(line), sys.argv[1])), flush=True)


if __name__ == "__main__":
    main()
