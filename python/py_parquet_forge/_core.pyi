# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Sequence
from typing import Any, final, type_check_only

version: str

_Record = tuple[str, str, int, str, str, list[tuple[int, str]]]
_Refused = tuple[tuple[int, ...], str, list[Any], bytes, bytes]

class EngineError(Exception):
    status: str
    os_errno: int
    path: str
    column: str
    row_group: int
    page: int
    file_offset: int
    message: str

@final
@type_check_only
class BuiltArray:
    num_rows: int
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...
    def columns(self) -> list[BuiltArray]: ...

@final
class Predicate:
    paths: list[tuple[str, ...]]
    def __new__(cls, batch: object) -> Predicate: ...

@final
@type_check_only
class Stream:
    def __arrow_c_schema__(self) -> object: ...
    def next(self) -> BuiltArray | None: ...
    def close(self) -> None: ...

@final
class Dataset:
    files: list[str]
    def __new__(
        cls,
        paths: list[Any] | bytes,
        options: dict[str, Any] | None = None,
        root: str | bytes | None = None,
        likely: Predicate | None = None,
    ) -> Dataset: ...
    def __arrow_c_schema__(self) -> object: ...
    def scan(
        self,
        columns: Sequence[str | tuple[str, ...]] | None = None,
        predicate: Predicate | None = None,
        batch_rows: int = 0,
        with_predicate_columns: bool = False,
    ) -> Stream: ...
    def count_rows(
        self,
        columns: Sequence[str | tuple[str, ...]] | None = None,
        predicate: Predicate | None = None,
        batch_rows: int = 0,
        with_predicate_columns: bool = False,
    ) -> int: ...

@final
class Writer:
    rows_seen: int
    rows_put: int
    notice: str
    def __new__(
        cls,
        path: str | bytes,
        schema: object,
        options: dict[str, Any] | None = None,
        mode: int | None = None,
        partition_columns: Sequence[str] | None = None,
    ) -> Writer: ...
    def put(self, batch: object, check: bool = False) -> list[_Record] | None: ...
    def put_stream(self, source: object, check: bool = False) -> list[_Record] | None: ...
    def expect(self, rows: int, /) -> None: ...
    def hold(self) -> None: ...
    def put_held(self) -> None: ...
    def drop_held(self) -> None: ...
    def finish(self) -> None: ...
    def abort(self, interrupted: bool = False, /) -> None: ...

def rows_to_array(
    rows: Sequence[object],
    schema: object,
    drop_extra: bool = False,
    row_base: int = 0,
    start: int = 0,
    stop: int = ...,
    refused: list[_Refused] = ...,
) -> tuple[BuiltArray | None, list[_Record]]: ...
def objects_to_array(
    values: object,
    field: object,
    from_pandas: bool = True,
    row_base: int = 0,
    refused: list[_Refused] = ...,
) -> tuple[BuiltArray | None, list[_Record]]: ...
def decimal_objects(
    objects: object, values: object, validity: object, offset: int, width: int, scale: int, make: object, /
) -> None: ...
def share_batches(batches: list[BuiltArray]) -> object: ...
def batches_stream(schema: object, batches: object) -> object: ...
def read_metadata(path: str | bytes, make: Callable[[str, int, int], object]) -> dict[str, Any]: ...
def read_metadata_of_all(
    paths: list[str], root: str | None, make: Callable[[str, int, int], object]
) -> list[tuple[str, dict[str, Any]]]: ...
def update_metadata(path: str | bytes, changes: dict[str, str | None], durable: bool) -> None: ...
def merge(
    paths: list[Any], root: str | bytes | None, out: str | bytes, options: dict[str, Any], recode: bool
) -> dict[str, int]: ...
def compact(dir: str | bytes, options: dict[str, Any], target: int, recode: bool) -> dict[str, int]: ...
def io_counters() -> tuple[int, int, int]: ...
def features(table: str) -> list[tuple[str, bool, bool]]: ...
def simd_level() -> str: ...
