# SPDX-License-Identifier: Apache-2.0
"""Every system call of a commit as the last one before a kill or a power cut, and as one that fails.

A record of the calls is played back on a disk that loses what no sync has made safe (tests/faults). After
each stop: our reader sees the old or the new rows, whole; no visible file is torn for a foreign reader;
the next write works and clears everything away. After a call that has returned, nothing is lost.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).resolve().parent.parent / "faults"
sys.path.insert(0, str(FAULTS))

import scenarios  # noqa: E402
from disk import Record  # noqa: E402

ALL = bool(os.environ.get("PQF_TEST_ALL"))
SEED = 20261122
LOSSES = 6 if ALL else 1
"""Random losses that are tried at each stop, beside losing nothing and losing all that is legal."""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the shim needs Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="the shim needs a C compiler"),
]


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("shim") / "shim.so"
    flags = ["-D_GNU_SOURCE", "-O1", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", path, FAULTS / "shim.c", "-ldl", "-lpthread"], check=True)
    return str(path)


def run(shim: str, *arguments: object) -> dict:
    environment = {**os.environ, "LD_PRELOAD": shim}
    done = subprocess.run(
        [sys.executable, FAULTS / "scenarios.py", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expect_good(root: Path, told: str, allowed: list) -> None:
    seen = scenarios.rows(str(root))
    assert seen in allowed, f"{told}: {seen}"
    assert scenarios.torn(str(root)) == [], told
    again = scenarios.rows(str(root))
    assert again == seen, f"{told}: the second read sees {again}, the first {seen}"


def expect_recovery(name: str, root: Path, told: str) -> None:
    """The next write to the same target adds its rows and leaves nothing hidden."""
    before = scenarios.rows(str(root))
    scenarios.next_write(name, str(root))
    if name not in scenarios.FILES:
        after = scenarios.rows(str(root))
        assert len(after) == len(before or [""]) + 1, f"{told}: {before} became {after}"
    assert scenarios.hidden(str(root)) == [], told


@pytest.mark.parametrize("name", list(scenarios.SCENARIOS))
def test_every_stop_leaves_the_old_or_the_new(tmp_path, shim, name):
    told = run(shim, "record", name, tmp_path / "r")
    record = Record(told["base"], (tmp_path / "r.log").read_text().splitlines())
    rng = random.Random(SEED)
    assert told["old"] != told["new"] or name == "compact"
    for at in range(len(record) + 1):
        allowed = [told["new"]] if at == len(record) else [told["old"], told["new"]]
        ways = [("kill", record.all_steps(at)), ("power cut", record.kept(at, None))]
        ways += [(f"power cut {i}", record.kept(at, rng)) for i in range(LOSSES)]
        for way, steps in ways:
            root = tmp_path / f"{at}-{way.replace(' ', '-')}"
            record.make(steps, root)
            line = f"{name}: {way} before call {at + 1} of {len(record)}, seed {SEED}"
            expect_good(root, line, allowed)
            if ALL or at % 4 == 0:
                expect_recovery(name, root, line)
            shutil.rmtree(root)


BEHIND_A_JOURNAL = ("append", "overwrite of partitions", "compact")  # one file alone needs none


def expect_committed(name: str, seen: dict, told: dict, line: str) -> None:
    """The message says that the rows are there, and they are, once; the next write finishes the rest."""
    assert "rows are safe" in seen["raised"][1] and "would be there twice" in seen["raised"][1], line
    assert seen["rows"] == told["new"], line
    expected = [*told["new"][:-1], [1, 11], told["new"][-1]]
    assert sorted(map(str, seen["rows in the end"])) == sorted(map(str, expected)), line


@pytest.mark.parametrize(
    "error", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE], ids=errno.errorcode.get
)
@pytest.mark.parametrize("name", list(scenarios.SCENARIOS))
def test_every_call_may_fail(tmp_path, shim, name, error):
    if not ALL and (error != errno.ENOSPC or name not in ("append", "overwrite", "file", "compact")):
        pytest.skip("these errors for every scenario: PQF_TEST_ALL=1")
    told = run(shim, "record", name, tmp_path / "r")
    failures = committed = 0
    for seen in run(shim, "fail", name, tmp_path / "f", error):
        line = f"{name}: call {seen['at']} failed with {errno.errorcode[error]}: {seen}"
        if seen["raised"] is None:
            assert seen["rows"] == told["new"], line
        else:
            failures += 1
            assert seen["raised"][0] == error, line
            assert seen["rows"] in (told["old"], told["new"]), line
        assert seen["torn"] == [], line
        unsure = seen["raised"] is not None and "power cut" in seen["raised"][1]  # old rows are kept then
        if (
            seen["call"] not in ("unlink", "rmdir") and not unsure
        ):  # what cannot be removed stays for the next write
            assert seen["hidden"] == [], line
        assert seen["hidden in the end"] == [], line
        if seen["raised"] is not None and "is committed" in seen["raised"][1]:
            committed += 1
            expect_committed(name, seen, told, line)
    assert failures > 3
    assert committed > 0 or name not in BEHIND_A_JOURNAL
