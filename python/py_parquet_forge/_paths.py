# SPDX-License-Identifier: Apache-2.0
"""Paths: what a user hands in becomes a list of paths and the root of their partition folders."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ._types import PathLike

MAGIC = "*?["


def local_path(path: PathLike, name: str) -> str:
    """The path as str; URLs and other objects are refused."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"{name} must be a str, bytes or os.PathLike, not {type(path).__name__}") from None
    if "://" in text and _is_url(text):
        raise ValueError(f"{name} is a URL: {text!r}; only local paths are read and written")
    if not text:
        raise FileNotFoundError(errno.ENOENT, "the path is empty", text)
    return text


def _is_url(text: str) -> bool:
    scheme = text.split("://", 1)[0]
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and plain[0].isalpha()


def absolute(path: Any, name: str = "input_path") -> str | list[str]:
    """The input path or paths in a form that outlives a change of the current folder."""
    if isinstance(path, (list, tuple)):
        if not path:
            raise ValueError("the list of input paths is empty")
        return [_absolute(item, name) for item in path]
    return _absolute(path, name)


def _absolute(path: Any, name: str) -> str:
    """Only joined: a normalised path could lead elsewhere where folders are symbolic links."""
    text = local_path(path, name)
    if os.path.isabs(text):
        return text
    if is_glob(text):
        import glob

        return os.path.join(glob.escape(os.getcwd()), text)
    return os.path.join(os.getcwd(), text)


def is_glob(text: str) -> bool:
    """True for a pattern; an existing path of that name wins."""
    return any(sign in text for sign in MAGIC) and not os.path.lexists(text)


def input_paths(path: Any, ignore_prefixes: list[str] | None) -> tuple[list[str], str | None]:
    """Paths for the engine, and where partition folders begin (None: it knows)."""
    if isinstance(path, (list, tuple)):
        if not path:
            raise ValueError("the list of input paths is empty")
        return [local_path(item, "input_path") for item in path], None
    text = local_path(path, "input_path")
    if is_glob(text):
        return _matches(text, ignore_prefixes)
    return [text], None


# ---- globs ----


def _matches(pattern: str, ignore_prefixes: list[str] | None) -> tuple[list[str], str]:
    import glob

    prefixes = (".", "_") if ignore_prefixes is None else tuple(ignore_prefixes)
    root = _fixed_prefix(pattern)
    if root == ".":  # the engine finds partition folders below the root by its text
        pattern = os.path.join(root, pattern)
    found = {
        file
        for match in glob.iglob(pattern, recursive=True)
        for file in _files(match, prefixes)
        if "**" not in pattern or not _is_hidden_below(root, file, prefixes)
    }
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no file matches the pattern", pattern)
    return sorted(found, key=_order), root


def _fixed_prefix(pattern: str) -> str:
    """The folders before the first one with a wildcard."""
    fixed: list[str] = []
    for part in pattern.split("/"):
        plain = part.replace("[[]", "").replace("[*]", "").replace("[?]", "")
        if any(sign in plain for sign in MAGIC):
            return "/".join(fixed) or ("/" if fixed else ".")
        fixed.append(part.replace("[*]", "*").replace("[?]", "?").replace("[[]", "["))
    return "/".join(fixed[:-1]) or "/"


def pattern_reaches(pattern: str, path: str) -> bool:
    """Whether the pattern, an absolute one, matches the path or a folder above it, be they there or not."""
    root = _fixed_prefix(pattern)
    fixed = 1 if root == "/" else root.count("/") + 1
    below = os.path.relpath(path, os.path.realpath(root)).split("/")
    return _reaches(below, [part for part in pattern.split("/")[fixed:] if part not in ("", ".")])


def _reaches(names: list[str], patterns: list[str]) -> bool:
    from fnmatch import fnmatchcase

    if not patterns:
        return True
    if patterns[0] == "**":
        return _reaches(names, patterns[1:]) or (bool(names) and _reaches(names[1:], patterns))
    return bool(names) and fnmatchcase(names[0], patterns[0]) and _reaches(names[1:], patterns[1:])


def _order(path: str) -> list[tuple[bytes, int, bytes]]:
    """As the engine orders the files of a folder: see src/dataset/path_order.c."""
    return [_order_of_name(name) for name in os.fsencode(path).split(b"/")]


def _order_of_name(name: bytes) -> tuple[bytes, int, bytes]:
    """By bytes, but the files of one writing call, which begin with one UUID, by their numbers."""
    import re

    found = re.match(
        rb"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?:-([1-9][0-9]{0,9})(?=[-.]|$))?", name
    )
    if found is None:
        return name, 0, b""
    return found[1], int(found[2] or 0), name[found.end() :].removesuffix(b".parquet")


def _is_hidden(name: str, prefixes: tuple[str, ...], is_folder: bool) -> bool:
    return name.startswith(prefixes) and not (is_folder and "=" in name)


def _is_hidden_below(root: str, file: str, prefixes: tuple[str, ...]) -> bool:
    *folders, name = os.path.relpath(file, root).split("/")
    return _is_hidden(name, prefixes, False) or any(_is_hidden(folder, prefixes, True) for folder in folders)


def _files(path: str, prefixes: tuple[str, ...]) -> Iterator[str]:
    """A file itself; of a folder the files in it, however deep."""
    if not os.path.isdir(path):
        yield path
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if not _is_hidden(entry.name, prefixes, entry.is_dir()):
                yield from _files(entry.path, prefixes)
