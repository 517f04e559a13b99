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


def _features(args: argparse.Namespace) -> None:
    print(f"parquet_forge {forge.__version__}, kernels: {_core.simd_level()}")
    for table in TABLES:
        print(f"\n{table:30s} reads  writes")
        for name, reads, writes in _core.features(table):
            print(f"  {name:28s} {'yes' if reads else '-':6s} {'yes' if writes else '-'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parquet-forge", description="Looks into Parquet files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    schema = commands.add_parser("schema", help="the Arrow schema of a file or dataset")
    schema.add_argument("path")
    schema.set_defaults(run=_schema)
    head = commands.add_parser("head", help="the first rows")
    head.add_argument("path")
    head.add_argument("-n", "--rows", type=int, default=10)
    head.set_defaults(run=_head)
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
