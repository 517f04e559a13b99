# SPDX-License-Identifier: Apache-2.0
"""The engines that run.py compares: each in a process of its own that reads and writes on demand."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import multiprocessing
import time

import pyarrow as pa
import pyarrow.parquet as pq

WRONG = "its values are not the truth"


def level_of(codec: str) -> dict[str, int]:
    return {"compression_level": 1} if codec == "zstd" else {}


# ---- engines: () -> read(path), prepare(table), write(prepared, path, codec) ----


def forge_engine():
    import py_parquet_forge as forge

    def write(table, path, codec):
        forge.write_parquet(table, path, table.schema, compression=codec, durable=False, **level_of(codec))

    return lambda path: forge.read_parquet(path, output_format="arrow"), lambda table: table, write


def pyarrow_engine():
    def write(table, path, codec):
        pq.write_table(table, path, compression=codec, **level_of(codec))

    return pq.read_table, lambda table: table, write


def polars_engine():
    import polars as pl

    def write(frame, path, codec):
        name = "uncompressed" if codec == "none" else codec
        frame.write_parquet(path, compression=name, **level_of(codec))

    return pl.read_parquet, pl.from_arrow, write


def duckdb_engine():
    import duckdb

    db = duckdb.connect()

    def write(table, path, codec):
        options = ["FORMAT parquet", f"COMPRESSION {'uncompressed' if codec == 'none' else codec}"]
        options += [f"{name} {level}" for name, level in level_of(codec).items()]
        db.register("source", table)
        db.execute(f"COPY source TO '{path}' ({', '.join(options)})")
        db.unregister("source")

    return lambda path: db.read_parquet(path).to_arrow_table(), lambda table: table, write


def arrow_rs_engine():
    import arro3.io as arrow_rs

    def write(table, path, codec):
        name = {"none": "uncompressed", "zstd": "zstd(1)"}.get(codec, codec)
        arrow_rs.write_parquet(table, path, compression=name)

    return lambda path: pa.table(arrow_rs.read_parquet(path)), lambda table: table, write


def carquet_engine():
    import carquet

    def write(table, path, codec):
        carquet.write_table(table, path, compression=codec, **level_of(codec))

    return carquet.read_table, lambda table: table, write


def rugo_engine():
    import rugo.parquet as rugo

    def read(path):
        with rugo.read_parquet(path) as blocks:
            return pa.concat_tables([pa.table(block.to_arrow()) for block in blocks])

    return read, lambda table: table, None


ENGINES = {
    "py_parquet_forge": forge_engine,
    "pyarrow": pyarrow_engine,
    "polars": polars_engine,
    "duckdb": duckdb_engine,
    "arro3-io": arrow_rs_engine,
    "carquet": carquet_engine,
    "rugo": rugo_engine,
}
"""Distribution -> engine; write is None where it only reads."""
MODULES = {"arro3-io": "arro3.io"}
"""Distribution -> module, where the names differ."""


def installed() -> dict[str, str]:
    """The versions of the engines that are here."""
    found = {}
    for name in ENGINES:
        try:
            importlib.import_module(MODULES.get(name, name))
            found[name] = importlib.metadata.version(name)
        except ImportError:
            print(f"{name} is not installed: not measured")
    return found


# ---- one engine in a process of its own ----


def same(data, truth: pa.Table) -> bool:
    """Whether an engine's Arrow data is the truth, whatever form of string or list it chose."""
    table = data if isinstance(data, pa.Table) else pa.table(data)
    return table.column_names == truth.column_names and table.cast(truth.schema).equals(truth)


def serve(name: str, pipe) -> None:
    """Answers each task with the seconds it took, or the text of what went wrong."""
    read, prepare, write = ENGINES[name]()
    truth = given = data = None
    while True:
        try:
            task, path, *rest = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        gc.collect()
        start = time.perf_counter()
        try:
            if task == "load":
                truth = pa.ipc.open_file(pa.memory_map(path)).read_all()
                given = prepare(truth)
            elif task == "write" and write is None:
                raise NotImplementedError("it does not write")
            elif task == "write":
                write(given, path, *rest)
            else:
                data = read(path)
            answer = time.perf_counter() - start
            if task == "check" and not same(data, truth):
                answer = WRONG
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error)[:100]}"
        data = None
        pipe.send(answer)


class Engine:
    """The process of one engine."""

    def __init__(self, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(name, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, *task) -> float | str:
        try:
            self.pipe.send(task)
            return self.pipe.recv()
        except (EOFError, OSError):
            return "its process has died"
