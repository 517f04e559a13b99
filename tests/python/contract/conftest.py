# SPDX-License-Identifier: Apache-2.0
"""The shim that sees, and kills at, every call that changes the file system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from .support import said

QUICK = "/dev/shm"


@pytest.fixture
def tmp_path(tmp_path_factory):
    """An empty folder, in memory where there is room: what is tested is names and bytes, not the disk."""
    if not os.access(QUICK, os.W_OK) or shutil.disk_usage(QUICK).free < 1 << 30:
        yield tmp_path_factory.mktemp("t")
        return
    with tempfile.TemporaryDirectory(prefix="contract-", dir=QUICK) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    out = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-w", "-O1", "-shared", "-fPIC", "-o", out, source, "-ldl"], check=True)
    return out


# What every child under the shim begins with: `arm`, `log`, and `killed_at_every_event`.
PREFIX = """
import ctypes, os, signal, sys
import pyarrow as pa, pyarrow.parquet as pq
from py_parquet_forge import *
shim = ctypes.CDLL(None)
out = sys.argv[1]

def events(call):
    "The events of a call, as (name, one, two)."
    path = out + ".log"
    shim.shim_log(path.encode())
    try:
        call()
    finally:
        shim.shim_log(None)
    with open(path) as f:
        found = [tuple(line.rstrip("\\n").split("\\t")) for line in f]
    os.unlink(path)
    return found

def in_child(call, arm=0):
    "Runs the call in a child that dies at the event arm; True if it lived."
    pid = os.fork()
    if not pid:
        try:
            shim.shim_arm(arm)
            call()
            shim.shim_arm(0)
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    return status == 0

def killed_at_every_event(call):
    "Runs the call again and again, killed one event later each time; yields after each kill and at the end."
    arm = 1
    while True:
        lived = in_child(call, arm)
        yield lived
        if lived:
            assert arm > 3, "the shim saw nothing"
            return
        arm += 1

def hidden(folder):
    return sorted(n for n in os.listdir(folder) if n.startswith("."))
"""


@pytest.fixture
def under_shim(shim):
    """Runs code under the shim and gives what it prints."""

    def run(code: str, *args: object, **kwargs) -> str:
        return said(
            PREFIX + textwrap.dedent(code), *args, env={**os.environ, "LD_PRELOAD": str(shim)}, **kwargs
        )

    return run
