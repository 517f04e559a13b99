#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the order of the rooms: who includes whom, who calls malloc, and doors that nobody enters.

A file may include its own folder, base/*.h, the public header and doors of rooms with a lower number.
Only base/mem.c allocates. A function that a door declares has a caller, or is part of the public header,
or stands in FOR_LATER with the reason.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
LEVEL = {
    "base": 1,
    "io": 2,
    "kernel": 2,
    "codec": 2,
    "arrow": 2,
    "format": 3,
    "encoding": 3,
    "column": 4,
    "file": 5,
    "dataset": 6,
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ALLOCATE = re.compile(r"\b(malloc|calloc|realloc|free|posix_memalign|aligned_alloc|mmap|munmap)\s*\(")
# io/source.c maps files to read them, which is no allocation.
MAPS_FILES = {"io/source.c": {"mmap", "munmap"}}
DECLARED = re.compile(r"\b(pqf_[a-z0-9_]+)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/", re.S)

# Doors that are made for a visitor who comes later.
FOR_LATER = {
    "pqf_mem_fail_after": "tests",
    "pqf_mem_trim": "tests and long-lived processes",
    "pqf_kernels_level": "tests and benchmarks",
    "pqf_mem_peak": "tests of memory bounds",
    "pqf_source_open_callback": "tests: faults of reading",
    "pqf_metadata_parse": "tests: footers without a file around them",
    "pqf_chunk_reader_skip": "reading by a selection of rows",
    "pqf_chunk_reader_rows_left": "reading ahead",
}


def text_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def check_includes(path: Path) -> list[str]:
    room = path.parent.name
    problems = []
    for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if "/" not in name:
            if name != "parquet_forge.h" and not (path.parent / name).exists():
                problems.append(f"{path.relative_to(ROOT)}: includes {name}, which is not in its room")
            continue
        other, header = name.split("/", 1)
        is_door = header == f"{other}.h"
        if other == "base" or (is_door and LEVEL.get(other, 99) < LEVEL[room]):
            continue
        problems.append(f"{path.relative_to(ROOT)}: may not include {name}")
    return problems


def check_memory(path: Path) -> list[str]:
    name = str(path.relative_to(SRC))
    if name == "base/mem.c":
        return []
    found = set(ALLOCATE.findall(text_of(path))) - MAPS_FILES.get(name, set())
    return [f"src/{name}: calls {call}; only base/mem.c does" for call in sorted(found)]


def unused_doors(sources: dict[Path, str]) -> list[str]:
    public = set(DECLARED.findall(text_of(ROOT / "include" / "parquet_forge.h")))
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.[ch]"))
    problems = []
    for room in LEVEL:
        door = SRC / room / f"{room}.h"
        headers = [door] if room != "base" else sorted((SRC / room).glob("*.h"))
        for header in headers:
            if not header.exists():  # the door of dataset is the public header
                continue
            for function in sorted(set(DECLARED.findall(text_of(header)))):
                if function in public or function in FOR_LATER or function.endswith("_fn"):
                    continue
                word = re.compile(rf"\b{function}\b")
                used = any(word.search(t) for p, t in sources.items() if p.parent.name != room)
                inside = sum(len(word.findall(t)) for p, t in sources.items() if p.parent.name == room)
                if not used and inside < 3:  # declared, defined, never called
                    where = "only its own tests use" if word.search(tests) else "nobody calls"
                    problems.append(f"src/{room}/{header.name}: {where} {function}")
    return problems


def main() -> int:
    files = sorted(SRC.rglob("*.[ch]"))
    sources = {p: text_of(p) for p in files}
    problems = [line for p in files for line in check_includes(p) + check_memory(p)]
    for p in sorted((ROOT / "python" / "ext").glob("*.[ch]")):
        for name in INCLUDE.findall(p.read_text(encoding="utf-8")):
            if "/" in name:
                problems.append(f"{p.relative_to(ROOT)}: the extension includes only the public header")
    problems += unused_doors(sources)
    for line in problems:
        print(line)
    print(f"rooms: {len(files)} files in {len(LEVEL)} rooms, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
