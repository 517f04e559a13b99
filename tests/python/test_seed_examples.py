# SPDX-License-Identifier: Apache-2.0
"""Every Python example of the README runs, in order, in one namespace, in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def examples(text: str) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return [block for block in blocks if not is_signature(block)]


def is_signature(block: str) -> bool:
    """Signatures are shown without a body."""
    return block.startswith(("def ", "class "))


def run(text: str) -> dict:
    namespace: dict = {}
    for block in examples(text):
        exec(compile(block, "README.md", "exec"), namespace)
    return namespace


def test_every_example_of_the_readme_runs_in_order(in_folder, capsys):
    if not README.exists() or len(examples(README.read_text())) < 5:
        pytest.skip("the README has no examples")
    names = run(README.read_text())
    assert names["total_users"] == 100_000
    assert names["active_users_df"].to_dict("list") == {"user_id": [3], "username": ["Charlie"]}
    assert names["schema"].names == names["user_schema"].names
    assert "Total users processed: 100000" in capsys.readouterr().out
    assert Path("users_dataset/created_date=2023-01-02").is_dir()
