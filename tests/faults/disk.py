# SPDX-License-Identifier: Apache-2.0
"""A disk that loses what no sync has made safe.

It plays back a record of system calls (see shim.c) up to any of them, as if the machine had stopped
there. What has been synced is kept. Of the rest any part may be lost: a file's bytes from some write on,
a folder's names from some change on; folders and files independently of each other. A rename between two
folders is one step: it happened in both or in neither, and is safe once either is synced.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path

EXCHANGE = 2


class Step:
    """A change of names (in one or two folders) or of one file's bytes, in terms of nodes."""

    def __init__(self, touches: set[int], apply: Callable[[dict[int, object]], None]) -> None:
        self.touches = touches
        self.apply = apply


class Record:
    """The tree before the first call, and the calls as steps and syncs."""

    def __init__(self, base: dict, lines: list[str]) -> None:
        self.now: dict[int, int] = {}
        """The node that an inode number stands for; numbers come back after a removal."""
        self.inodes: list[int] = []
        """The inode number of each node, in the record."""
        self.base: dict[int, object] = {}
        self.root = self._load(base)
        self.live = self._copy(self.base)
        self.events: list[tuple[str, Step | int | None]] = []
        for line in lines:
            self.events.append(self._event(line.rstrip("\n").split("\t")))

    def __len__(self) -> int:
        return len(self.events)

    def _load(self, entry: dict) -> int:
        node = self._new(entry["inode"])
        if "data" in entry:
            self.base[node] = bytearray.fromhex(entry["data"])
        else:
            self.base[node] = {name: self._load(child) for name, child in entry["entries"].items()}
        return node

    def _new(self, inode: int) -> int:
        node = len(self.inodes)
        self.inodes.append(inode)
        self.now[inode] = node
        self.base.setdefault(node, {})
        return node

    @staticmethod
    def _copy(nodes: dict[int, object]) -> dict[int, object]:
        return {node: value.copy() for node, value in nodes.items()}  # type: ignore[attr-defined]

    # ---- from paths to nodes ----

    def _place(self, path: str) -> tuple[int, str]:
        *folders, name = path.split("/")
        node = self.root
        for folder in folders:
            node = self.live[node][folder]  # type: ignore[index]
        return node, name

    def _event(self, words: list[str]) -> tuple[str, Step | int | None]:
        call, *arguments = words
        if call == "syncfs":
            return "sync all", None
        if call in ("fsync", "fdatasync"):
            return "sync", self.now[int(arguments[0])]
        step = getattr(self, "_" + call)(*arguments)
        step.apply(self.live)
        return "step", step

    def _enter(self, path: str, inode: str, value: object) -> Step:
        folder, name = self._place(path)
        node = self._new(int(inode))
        self.base[node] = value
        self.live[node] = value.copy()  # type: ignore[attr-defined]

        def apply(nodes: dict) -> None:
            nodes[folder][name] = node

        return Step({folder}, apply)

    def _create(self, path: str, inode: str) -> Step:
        return self._enter(path, inode, bytearray())

    def _mkdir(self, path: str, inode: str) -> Step:
        return self._enter(path, inode, {})

    def _link(self, path: str, other: str) -> Step:
        folder, name = self._place(path)
        to, new_name = self._place(other)
        node = self.live[folder][name]  # type: ignore[index]

        def apply(nodes: dict) -> None:
            nodes[to][new_name] = node

        return Step({to}, apply)

    def _unlink(self, path: str) -> Step:
        folder, name = self._place(path)

        def apply(nodes: dict) -> None:
            nodes[folder].pop(name, None)

        return Step({folder}, apply)

    _rmdir = _unlink

    def _rename(self, path: str, other: str, flags: str) -> Step:
        folder, name = self._place(path)
        to, new_name = self._place(other)
        moved = self.live[folder][name]  # type: ignore[index]
        back = self.live[to][new_name] if int(flags) == EXCHANGE else None  # type: ignore[index]

        def apply(nodes: dict) -> None:
            nodes[folder].pop(name, None)
            nodes[to][new_name] = moved
            if back is not None:
                nodes[folder][name] = back

        return Step({folder, to}, apply)

    def _write(self, inode: str, offset: str, data: str = "") -> Step:
        node, at, new = self.now[int(inode)], int(offset), bytes.fromhex(data)

        def apply(nodes: dict) -> None:
            value = nodes[node]
            value.extend(bytes(max(0, at - len(value))))
            value[at : at + len(new)] = new

        return Step({node}, apply)

    def _resize(self, inode: str, length: str) -> Step:
        node, size = self.now[int(inode)], int(length)

        def apply(nodes: dict) -> None:
            value = nodes[node]
            value.extend(bytes(max(0, size - len(value))))
            del value[size:]

        return Step({node}, apply)

    def _cut(self, path: str, inode: str) -> Step:
        return self._resize(inode, "0")

    # ---- a stop ----

    def kept(self, num_calls: int, rng: random.Random | None) -> list[Step]:
        """Steps among the first calls that the disk has. rng None: only what is safe."""
        steps: list[Step] = []
        safe: list[bool] = []
        for kind, what in self.events[:num_calls]:
            if isinstance(what, Step):
                steps.append(what)
                safe.append(False)
            else:
                for i, step in enumerate(steps):
                    safe[i] |= kind == "sync all" or what in step.touches
        if rng is not None:  # of each folder and file a few more, in their order
            for node in sorted({node for step in steps for node in step.touches}):
                own = [i for i, step in enumerate(steps) if node in step.touches]
                for i in own[: rng.randrange(len(own) + 1)]:
                    safe[i] = True
        changed = True
        while changed:  # what is kept needs what came before it in the same place
            changed = False
            for i, step in enumerate(steps):
                if safe[i]:
                    for k in range(i):
                        if not safe[k] and steps[k].touches & step.touches:
                            safe[k] = changed = True
        return [step for i, step in enumerate(steps) if safe[i]]

    def make(self, steps: list[Step], target: Path) -> None:
        """Writes the tree after these steps to a new folder."""
        nodes = self._copy(self.base)
        for step in steps:
            step.apply(nodes)
        numbers: dict[int, int] = {}
        self._put(nodes, self.root, target, numbers)
        translate(target, numbers)

    def _put(self, nodes: dict[int, object], node: int, target: Path, numbers: dict[int, int]) -> None:
        value = nodes[node]
        if isinstance(value, bytearray):
            target.write_bytes(value)
            return
        target.mkdir()
        numbers[self.inodes[node]] = target.stat().st_ino
        for name, child in value.items():  # type: ignore[attr-defined]
            self._put(nodes, child, target / name, numbers)

    def all_steps(self, num_calls: int) -> list[Step]:
        """What a killed process leaves: the machine goes on, nothing is lost."""
        return [what for _, what in self.events[:num_calls] if isinstance(what, Step)]


def translate(root: Path, numbers: dict[int, int]) -> None:
    """Journals, and folders of files that were taken out, tell a folder by its inode number: the new tree
    has new ones."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.name.startswith("kept-"):
            path.rename(path.with_name(f"kept-{numbers.get(int(path.name[5:]), 1)}"))
        elif path.is_file() and path.read_bytes().startswith(b"parquet_forge 1\n"):
            magic, head, rest = path.read_bytes().split(b"\n", 2)
            words = head.split(b" ")
            if len(words) != 5 or len(rest) < 9:
                continue  # a part of a journal
            whole = b"%08x\n" % zlib.crc32(magic + b"\n" + head + b"\n" + rest[:-9]) == rest[-9:]
            words[2] = b"%d" % numbers.get(int(words[2]), 1)
            text = magic + b"\n" + b" ".join(words) + b"\n" + rest[:-9]
            path.write_bytes(text + (b"%08x\n" % zlib.crc32(text) if whole else b"cut"))


def tree_of(path: str) -> dict:
    """A folder or file with inode numbers, as Record takes it."""
    inode = os.stat(path).st_ino
    if os.path.isdir(path):
        return {
            "inode": inode,
            "entries": {name: tree_of(os.path.join(path, name)) for name in os.listdir(path)},
        }
    with open(path, "rb") as file:
        return {"inode": inode, "data": file.read().hex()}
