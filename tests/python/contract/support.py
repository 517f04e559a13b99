# SPDX-License-Identifier: Apache-2.0
"""Helpers of the tests of the promises: children, folders as they lie on the disk, and small data."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[3]

# A child that starts with this line lives in an environment without the named packages.
WITHOUT = """
import sys
class _Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, _Missing())
"""


def without(*names: str) -> str:
    return WITHOUT.format(names=set(names))


def child(code: str, *args: object, timeout: float = 60, **kwargs) -> subprocess.CompletedProcess:
    """Runs code in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        **kwargs,
    )


def said(code: str, *args: object, **kwargs) -> str:
    """What the code prints; it must succeed."""
    done = child(code, *args, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def everything(folder) -> list[str]:
    """All names below a folder, hidden ones included, folders with a slash behind."""
    found = []
    for at, folders, files in os.walk(folder):
        near = os.path.relpath(at, folder)
        found += [os.path.normpath(os.path.join(near, name)) + "/" for name in folders]
        found += [os.path.normpath(os.path.join(near, name)) for name in files]
    return sorted(found)


def files(folder) -> list[str]:
    return [name for name in everything(folder) if not name.endswith("/")]


def hidden(folder) -> list[str]:
    """Names directly in a folder that begin with a dot."""
    return sorted(name for name in os.listdir(folder) if name.startswith("."))


def contents(folder) -> dict[str, tuple[int, int, bytes]]:
    """Inode, time and bytes of every file below a folder."""
    shot = {}
    for name in files(folder):
        path = os.path.join(folder, name)
        stat = os.stat(path)
        shot[name] = (stat.st_ino, stat.st_mtime_ns, Path(path).read_bytes())
    return shot


def numbers(n: int = 1000) -> pa.Table:
    return pa.table(
        {
            "a": pa.array(range(n), pa.int64()),
            "b": [i / 8 for i in range(n)],
            "c": [f"s{i % 7}" for i in range(n)],
        }
    )
