# SPDX-License-Identifier: Apache-2.0
"""python -m py_parquet_forge"""

from ._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
