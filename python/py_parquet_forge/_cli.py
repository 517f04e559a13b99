# SPDX-License-Identifier: Apache-2.0
"""The command line tool `parquet-forge`."""

from __future__ import annotations

import argparse
import sys

import py_parquet_forge as forge

from . import _core

TABLES = ("codec", "encoding", "logical type")


def _schema(args: argparse.Namespace) -> None:
    print(forge.inspect_schema(args.path))


def _head(args: argparse.Namespace) -> None:
    for batch in forge.read_parquet_iter(args.path, chunk_size=args.rows):
        print(batch.to_pandas().to_string())
        return
    print("no rows")


def _plain(value: object) -> str:
    """What JSON has no form for: bytes as hexadecimal digits, all else as text."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _metadata(args: argparse.Namespace) -> None:
    import json

    print(json.dumps(forge.read_metadata(args.path), indent=2, default=_plain))


def _counts(counts: dict[str, int]) -> str:
    return (
        f"{counts['files_before']:,} files of {counts['bytes_before']:,} bytes became "
        f"{counts['files_after']:,} of {counts['bytes_after']:,}: {counts['num_rows']:,} rows in "
        f"{counts['num_row_groups']:,} row groups, {counts['num_row_groups_copied']:,} of them copied"
    )


def _merge(args: argparse.Namespace) -> None:
    files = args.files[0] if len(args.files) == 1 else args.files
    print(_counts(forge.merge(files, args.out, progress=True)))


def _compact(args: argparse.Namespace) -> None:
    print(_counts(forge.compact(args.dir, args.target_file_bytes, progress=True)))


def _features(args: argparse.Namespace) -> None:
    print(f"parquet_forge {forge.__version__}, kernels: {_core.simd_level()}")
    for table in TABLES:
        print(f"\n{table:30s} reads  writes")
        for name, reads, writes in _core.features(table):
            print(f"  {name:28s} {'yes' if reads else '-':6s} {'yes' if writes else '-'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parquet-forge", description="Looks into Parquet files and keeps them healthy."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    schema = commands.add_parser("schema", help="the Arrow schema of a file or dataset")
    schema.add_argument("path")
    schema.set_defaults(run=_schema)
    head = commands.add_parser("head", help="the first rows")
    head.add_argument("path")
    head.add_argument("-n", "--rows", type=int, default=10)
    head.set_defaults(run=_head)
    metadata = commands.add_parser("metadata", help="footers of a file or dataset, as JSON")
    metadata.add_argument("path")
    metadata.set_defaults(run=_metadata)
    merge = commands.add_parser("merge", help="files of one schema into one file")
    merge.add_argument("files", nargs="+", help="files, or one folder or glob")
    merge.add_argument("out")
    merge.set_defaults(run=_merge)
    compact = commands.add_parser("compact", help="small files of a dataset into larger ones")
    compact.add_argument("dir")
    compact.add_argument("--target-file-bytes", type=int, default=128 << 20, metavar="BYTES")
    compact.set_defaults(run=_compact)
    features = commands.add_parser("features", help="what this build reads and writes")
    features.set_defaults(run=_features)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command; 1 when it failed."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (OSError, ValueError, NotImplementedError) as error:
        print(f"parquet-forge: {error}", file=sys.stderr)
        return 1
    return 0
