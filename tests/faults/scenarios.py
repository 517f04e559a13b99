# SPDX-License-Identifier: Apache-2.0
"""What is done while system calls are watched. Run as a program under the shim:

record   scenarios.py record NAME FOLDER         prints {"base": tree}, and writes FOLDER.log
fail     scenarios.py fail NAME FOLDER ERRNO     each call fails once; prints what was seen after each
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from disk import tree_of

import py_parquet_forge as forge

SCHEMA = pa.schema([pa.field("g", pa.int32()), pa.field("i", pa.int64(), nullable=False)])
OLD = pa.table({"g": pa.array([0, 0, 1, 2], pa.int32()), "i": [1, 2, 3, 4]}, schema=SCHEMA)
NEW = pa.table({"g": pa.array([1, 2, 3, 3], pa.int32()), "i": [11, 12, 13, 14]}, schema=SCHEMA)
ONE = NEW.slice(0, 1)


def target(root: str) -> str:
    return os.path.join(root, "t")


def dataset(data: pa.Table, root: str, **options: object) -> None:
    forge.write_to_dataset(data, target(root), SCHEMA, **{"partition_cols": ["g"], **options})


def old_dataset(root: str) -> None:
    dataset(OLD, root, durable=False)


def old_files(root: str) -> None:
    for i in range(4):
        dataset(OLD.slice(i, 1), root, durable=False)
        dataset(OLD.slice(i, 1), root, durable=False)


def old_file(root: str) -> None:
    forge.write_parquet(OLD, target(root), SCHEMA, metadata={"k": "old"}, durable=False)


def stream(root: str) -> None:
    with forge.ParquetStreamWriter(target(root), SCHEMA, row_group_size=2) as writer:
        writer.write_chunk(NEW.slice(0, 3))
        writer.write_chunk(NEW.slice(3))


# name: (what is there before, what is done)
SCENARIOS = {
    "append": (old_dataset, lambda root: dataset(NEW, root)),
    "append of one file": (old_dataset, lambda root: dataset(ONE, root)),
    "append without partitions": (
        lambda root: dataset(OLD, root, partition_cols=None, durable=False),
        lambda root: dataset(NEW, root, partition_cols=None),
    ),
    "first write": (lambda root: None, lambda root: dataset(NEW, root)),
    "overwrite": (old_dataset, lambda root: dataset(NEW, root, mode="overwrite")),
    "overwrite with nothing": (old_dataset, lambda root: dataset(NEW.slice(0, 0), root, mode="overwrite")),
    "file": (old_file, lambda root: forge.write_parquet(NEW, target(root), SCHEMA)),
    "new file": (lambda root: None, lambda root: forge.write_parquet(NEW, target(root), SCHEMA)),
    "stream": (old_file, stream),
}
if hasattr(forge, "compact"):
    SCENARIOS["overwrite of partitions"] = (
        old_dataset,
        lambda root: dataset(NEW, root, mode="overwrite", overwrite_scope="partitions"),
    )
    SCENARIOS["compact"] = (old_files, lambda root: forge.compact(target(root)))
    SCENARIOS["metadata"] = (old_file, lambda root: forge.update_metadata(target(root), {"k": "new"}))


# ---- what can be seen ----


def rows(root: str) -> list | None:
    """What our reader sees: rows in order of i, and the key-value metadata of a file."""
    try:
        table = forge.read_parquet(target(root), output_format="arrow")
    except FileNotFoundError:
        return None
    if not table.num_columns:
        return []
    found = sorted(zip(table["g"].to_pylist(), table["i"].to_pylist(), strict=True), key=str)
    told = (table.schema.metadata or {}).get(b"k", b"").decode()
    return [*map(list, found), told]


def torn(root: str) -> list[str]:
    """Visible files that a foreign reader cannot read."""
    bad = []
    for folder, _, names in os.walk(target(root)):
        for name in names:
            if name.startswith((".", "_")):
                continue
            try:
                pq.ParquetFile(os.path.join(folder, name)).read()
            except (pa.ArrowException, OSError) as error:
                bad.append(f"{name}: {error}")
    return bad


def hidden(root: str) -> list[str]:
    """Hidden things and foreign names, anywhere below."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, files in os.walk(root)
        for name in [*folders, *(file for file in files if file != "t")]
        if name.startswith(".") or (name in files and not name.endswith(".parquet"))
    )


FILES = ("file", "new file", "stream", "metadata")


def next_write(name: str, root: str) -> None:
    """One more write to the same target; a dataset gets one more row."""
    if name in FILES:
        old_file(root)
        return
    flat = os.path.isdir(target(root)) and any(name.endswith(".parquet") for name in os.listdir(target(root)))
    dataset(ONE, root, partition_cols=None if flat else ["g"], durable=False)


# ---- as a program ----


def shim() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ["LD_PRELOAD"])
    library.fault_arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_char_p]
    library.fault_failed.restype = ctypes.c_char_p
    return library


def record(name: str, root: str) -> dict:
    before, action = SCENARIOS[name]
    watch = shim()
    os.mkdir(root)
    before(root)
    base, old = tree_of(root), rows(root)
    watch.fault_arm(root.encode(), 0, 0, (root + ".log").encode())
    action(root)
    watch.fault_disarm()
    return {"base": base, "old": old, "new": rows(root)}


def fail(name: str, root: str, error: int) -> list[dict]:
    before, action = SCENARIOS[name]
    watch, seen = shim(), []
    for at in range(1, 1000):
        folder = f"{root}.{at}"
        os.mkdir(folder)
        before(folder)
        watch.fault_arm(folder.encode(), at, error, None)
        raised = None
        try:
            action(folder)
        except OSError as problem:
            raised = [problem.errno, str(problem)]
        calls = watch.fault_disarm()
        seen.append(
            {
                "at": at,
                "call": watch.fault_failed().decode(),
                "raised": raised,
                "rows": rows(folder),
                "torn": torn(folder),
                "hidden": hidden(folder),
            }
        )
        next_write(name, folder)
        seen[-1]["hidden in the end"] = hidden(folder)
        seen[-1]["rows in the end"] = rows(folder)
        if calls < at:
            return seen
    raise RuntimeError("the action never ends")


if __name__ == "__main__":
    mode, name, root, *rest = sys.argv[1:]
    print(json.dumps(record(name, root) if mode == "record" else fail(name, root, int(rest[0]))))
