# SPDX-License-Identifier: Apache-2.0
"""Every Python example of the documentation and of the README runs, in order, in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
README = HERE.parents[1] / "README.md"


def test_every_documented_example_runs_in_order(in_folder, capsys):
    text = (HERE / "documented_examples.txt").read_text()
    names: dict = {}
    exec(compile(text, "documented_examples.txt", "exec"), names)
    assert names["total_users"] == 100_000
    assert names["active_users_df"].to_dict("list") == {"user_id": [3], "username": ["Charlie"]}
    assert names["schema"].names == names["user_schema"].names
    assert "Total users processed: 100000" in capsys.readouterr().out
    assert Path("users_dataset/created_date=2023-01-02").is_dir()


def test_every_example_of_the_readme_runs_in_order(in_folder):
    if not README.exists():
        pytest.skip("there is no README")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert blocks and names
