# SPDX-License-Identifier: Apache-2.0
"""Where the processor time of whole reads and writes goes: the rows of docs/speed.md.

usage: python bench/profile.py FOLDER OBJECTS [part of a name]

FOLDER holds tables as NAME.arrow (an Arrow IPC file) and NAME.CODEC.parquet; OBJECTS is the build folder of the library,
whose object files tell the source file of each function. Repeats each call for three seconds on all cores while `perf record`
samples its threads, and prints Markdown: the median processor time of a call in ms and the shares of the samples in %.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CODECS = ("none", "snappy", "zstd")
SHARES = ("memory", "file", "codec", "values", "levels", "assembly", "columns", "copies", "Python", "rest")
SECONDS = 3

CALL = """
import gc, sys, time
import pyarrow as pa
from py_parquet_forge import read_parquet, write_parquet
op, folder, name, codec, out, seconds = sys.argv[1:]
table = pa.ipc.open_file(pa.memory_map(f"{folder}/{name}.arrow")).read_all() if op == "write" else None
level = {"compression_level": 1} if codec == "zstd" else {}
def call():
    if op == "read": return read_parquet(f"{folder}/{name}.{codec}.parquet", output_format="arrow")
    write_parquet(table, out, table.schema, compression=codec, durable=False, **level)
times, end = [], time.monotonic() + float(seconds)
while time.monotonic() < end or len(times) < 5:
    cpu = time.process_time(); held = call(); times.append(time.process_time() - cpu); del held
print(sorted(times)[len(times) // 2] * 1e3)
"""

# What the kernel's functions work for, by parts of their names; others count by who called the kernel.
KERNEL = (
    (
        "file",
        (
            "copy_folio",
            "copy_page",
            "_copy_to_iter",
            "filemap",
            "shmem",
            "folio_batch",
            "generic_perform",
            "vfs_",
            "pread",
            "pwrite",
        ),
    ),
    (
        "memory",
        (
            "clear_page",
            "page_fault",
            "zap_",
            "unmap",
            "mmap",
            "madvise",
            "munmap",
            "anonymous",
            "huge",
            "rmqueue",
            "alloc_pages",
        ),
    ),
)
CALLERS = (
    (
        "file",
        (
            "shmem_file",
            "filemap_read",
            "vfs_read",
            "vfs_write",
            "pwrite",
            "pread",
            "do_iter_readv",
            "renameat",
            "unlinkat",
            "evict",
        ),
    ),
    ("memory", ("exc_page_fault", "munmap", "madvise", "mmap", "brk", "mremap", "exit_mmap")),
)
# By the beginnings of object files: the room, and in `column` what the file is for.
FILES = (
    ("levels", ("column_levels", "column_shred")),
    ("assembly", ("column_assemble", "column_leaf_out", "column_dict_out", "arrow_")),
    ("columns", ("column_",)),
    ("values", ("kernel_", "encoding_")),
    ("codec", ("codec_",)),
)
LIBRARIES = (
    ("codec", ("libzstd", "libsnappy", "liblz4", "libdeflate", "libbrotli")),
    ("Python", ("python3", "libpython", "libarrow", "lib.cpython", "libstdc++")),
)
COPIES = ("memmove", "memcpy", "memset", "memcmp")


def files_of(objects: str) -> dict[str, str]:
    """Name of a function -> room_file of its source."""
    files: dict[str, str] = {}
    for path in Path(objects).rglob("src_*.o"):
        file = path.name.removeprefix("src_")
        for line in subprocess.run(
            ["nm", str(path)], capture_output=True, text=True, check=True
        ).stdout.splitlines():
            parts = line.split()
            if len(parts) == 3 and parts[1] in "tT":
                files.setdefault(parts[2].split(".")[0], file)
    return files


def first_of(table: tuple[tuple[str, tuple[str, ...]], ...], text: str) -> str | None:
    return next((share for share, parts in table if any(part in text for part in parts)), None)


def share_of(stack: list[tuple[str, str]], files: dict[str, str]) -> str:
    """Of a sample; stack: (function, library), the one that runs first."""
    function, library = stack[0]
    if "kernel" in library:
        below = " ".join(name for name, where in stack if "kernel" in where)
        return first_of(CALLERS, below) or first_of(KERNEL, function) or "rest"
    if any(part in function for part in COPIES):
        return "copies"
    if "py_parquet_forge" not in library:
        return first_of(LIBRARIES, library) or "rest"
    file = files.get(function.split(".")[0], "")
    return next((share for share, parts in FILES if file.startswith(parts)), "rest")


def frames_of(text: str) -> list[tuple[str, str]]:
    return [
        (name.strip(), library) for name, library in re.findall(r"^\s*[0-9a-f]+ (.+?) \((.*)\)$", text, re.M)
    ]


def samples_of(data: str) -> list[list[tuple[str, str]]]:
    """A stack for each sample: the function that ran, then its callers as far as the kernel's are known.

    Two listings of the same samples: one by one for the function, and with their chains. A chain is left empty where a
    leaf function keeps no frame, so the chains alone would lose the samples of the tightest loops.
    """
    fields = ["perf", "script", "-i", data, "-F"]
    lines = subprocess.run(
        [*fields, "time,ip,sym,dso", "-G"], capture_output=True, text=True, check=True
    ).stdout
    tops = [frames_of(line.split(":", 1)[1]) for line in lines.splitlines() if ":" in line]
    listing = subprocess.run([*fields, "time,ip,sym,dso"], capture_output=True, text=True, check=True).stdout
    chains = [frames_of(block) for block in re.split(r"^\s*\d+\.\d+:", listing, flags=re.M)[1:]]
    if len(tops) != len(chains):
        raise SystemExit(
            f"perf lists {len(tops)} samples alone and {len(chains)} with chains; expected as many"
        )
    return [chain or top for top, chain in zip(tops, chains, strict=True)]


def profile(op: str, folder: str, name: str, codec: str, files: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as room:
        data = f"{room}/perf.data"
        call = [sys.executable, "-c", CALL, op, folder, name, codec, f"{room}/out.parquet", str(SECONDS)]
        record = ["perf", "record", "-q", "-g", "-F", "2000", "-e", "cpu-clock", "-o", data, *call]
        env = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(record, capture_output=True, text=True, check=True, env=env)
        counts = collections.Counter(share_of(stack, files) for stack in samples_of(data))
    total = sum(counts.values())
    shares = " | ".join(f"{100 * counts[share] / total:.0f}" for share in SHARES)
    return f"| {name}/{codec} | {float(done.stdout.split()[-1]):,.0f} | {shares} |"


def main() -> None:
    folder, objects = sys.argv[1:3]
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    files = files_of(objects)
    names = sorted(path.stem for path in Path(folder).glob("*.arrow") if part in path.stem)
    for op in ("read", "write"):
        print(f"| {op} | CPU, ms | " + " | ".join(f"{share}, %" for share in SHARES) + " |")
        print("| --- " * (len(SHARES) + 2) + "|")
        for name in names:
            for codec in CODECS:
                print(profile(op, folder, name, codec, files), flush=True)
        print()


if __name__ == "__main__":
    main()
