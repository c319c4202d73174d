"""The comparison with peers: that it runs, and that its numbers mean what they say. Nothing here depends on speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("peer", "needs"), [("torch", ["torch"]), ("onnxruntime", ["onnxruntime", "onnx"])])
def test_compare_checks_equality_and_writes_its_numbers(peer: str, needs: list[str], tmp_path: Path) -> None:
    for package in needs:
        pytest.importorskip(package)
    file = tmp_path / "small.txt"
    file.write_text(
        'mb2_ic3ih8iw8_oc4oh6ow6_kh3kw3_n"plain"\n'
        'mb1_ic3ih7iw7_oc4oh4ow4_kh4kw4_sh2sw2_ph1pw1_n"one_pad_more"\n'
        'g2mb1_ic4iw9_oc6ow9_kw3_pw1_n"line"\n'
        'mb1_ic3ih8iw8_oc4oh6ow6_kh3kw3_n"not_chosen"\n'
    )
    numbers = tmp_path / "numbers.json"
    command = [sys.executable, str(ROOT / "benchmarks/compare.py"), str(file), "--peers", peer, "--json", str(numbers)]
    command += ["--rounds", "1", "--min-time", "0.001", "--match", "plain|one|line"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "geometric mean" in done.stdout
    rows = json.loads(numbers.read_text())["rows"]
    assert [row["problem"] for row in rows] == ["plain", "one_pad_more", "line"]
    assert rows[0]["flops"] == 2 * 2 * 6 * 6 * 4 * 3 * 3 * 3
    for row in rows:
        assert row["best_peer"] == peer
        assert row["ratio"] == pytest.approx(row["seconds"][peer] / row["seconds"]["pyconv"])
        assert row["relative_error"][peer] < 1e-6  # at most 27 products a sum
