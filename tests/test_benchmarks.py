"""The comparison with peers: that it runs, and that its numbers mean what they say. Nothing here depends on speed."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import compare
import limits
import network_picture
import network_table
import page
import problems
import ratios
import regressions
import report
from classes import TARGETS, class_of
from jobs import Job, read
from peers import MODULES, TABLES, base
from pyconv import _core
from rows import Limits, Row
from scripts import Finished, Script

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "torch": ["torch"],
    "onnxruntime": ["onnxruntime", "onnx"],
    "openvino": ["openvino", "onnx"],
    "tensorflow": ["tensorflow"],
    "litert": ["ai_edge_litert", "tensorflow"],
    "ncnn": ["ncnn"],
    "mnn": ["MNN", "onnx"],
    **{table: [] for table in TABLES if table in _core.available_isas()},
}
LINES = """
mb2_ic3ih8iw8_oc4oh6ow6_kh3kw3_n"plain"
mb1_ic3ih7iw7_oc4oh4ow4_kh4kw4_sh2sw2_ph1pw1_n"one_pad_more"
mb2_ic3ih8iw9_oc4oh4ow5_kh3kw3_sh2sw2_ph1pw1_n"one_pad_less"
mb1_ic5ih9iw9_oc6oh9ow9_kh3kw3_ph2pw2_dh1dw1_n"dilated"
g4mb2_ic4ih9iw9_oc8oh9ow9_kh5kw5_ph2pw2_n"depthwise"
g2mb1_ic4iw9_oc6ow9_kw3_pw1_n"line"
mb1_ic2id4ih5iw6_oc3od4oh5ow6_kd3kh3kw3_pd1ph1pw1_n"volume"
mb2_ic5ih8iw9_oh4ow5_kh3kw3_sh2sw2_ph1pw1_n"pool"
mb1_ic3ih8iw8_oc4oh6ow6_kh3kw3_n"not_chosen"
"""
NAMES = ["plain", "one_pad_more", "one_pad_less", "dilated", "depthwise", "line", "volume", "pool max", "pool average"]
REFUSED = {"ncnn": {"volume", "pool max", "pool average"}, "mnn": {"line", "volume", "pool max", "pool average"}}
_INSTALLED = [peer for peer, packages in PACKAGES.items() if peer in MODULES and all(map(find_spec, packages))]


def comparing(folder: Path, *options: str) -> list[str]:
    """A quick run on LINES."""
    (folder / "small.txt").write_text(LINES)
    command = [str(ROOT / "benchmarks/compare.py"), str(folder / "small.txt"), "--match", "^(?!not)"]
    return [*command, *quick(folder), *options]


def quick(folder: Path) -> list[str]:
    return ["--rounds", "1", "--min-time", "0.001", "--json", str(folder / "numbers.json")]


def numbers_of(script: Finished) -> Any:
    """The JSON that a run has written."""
    assert script.returncode == 0, script.stderr
    return json.loads((script.folder / "numbers.json").read_text())


def all_networks(folder: Path) -> list[str]:
    """In all peers that are installed."""
    command = [str(ROOT / "benchmarks/networks.py"), "--networks", "tiny", "mnist", "--batches", "3"]
    return [*command, *quick(folder), "--models", str(folder), "--peers", *_INSTALLED]


def training(folder: Path) -> list[str]:
    return [str(ROOT / "benchmarks/training.py"), *quick(folder), "--match", r"mnist:conv3|mnist\*64"]


def without_ncnn(folder: Path) -> list[str]:
    (folder / "ncnn.py").write_text("raise ImportError('not today')")
    return comparing(folder, "--peers", "ncnn")


def against_better(folder: Path) -> list[str]:
    """Beside a kept run in which one of two problems was a million times as fast as it can be."""
    (folder / "two.txt").write_text("\n".join(LINES.splitlines()[:3]))
    fast, slow = {"pyconv": 1e-6, "onnxruntime": 1.0}, {"pyconv": 1.0, "onnxruntime": 1e-6}
    (folder / "kept").write_text(json.dumps(kept_run(plain=fast, one_pad_more=slow)))
    command = [str(ROOT / "benchmarks/compare.py"), str(folder / "two.txt"), *quick(folder)]
    return [*command, "--peers", "onnxruntime", "--against", str(folder / "kept")]


SCRIPTS = {
    "test_training_compares_gradients_and_steps": Script(training, ("torch",)),
    "test_networks_are_the_same_in_all_peers": Script(all_networks, ("onnx",)),
    **{
        f"test_compare_checks_equality_and_writes_its_numbers[{peer}]": Script(
            lambda folder, peer=peer: comparing(folder, "--peers", peer), tuple(packages)
        )
        for peer, packages in PACKAGES.items()
    },
    "test_without_its_library_a_peer_is_left_out": Script(without_ncnn, (), {"PYTHONPATH": "{folder}"}),
    "test_compare_fails_where_a_ratio_dropped": Script(against_better, ("onnxruntime", "onnx")),
}


def test_every_peer_is_tested() -> None:
    assert {"pyconv", *PACKAGES} - set(TABLES) == set(MODULES)


@pytest.mark.parametrize("peer", PACKAGES)
def test_compare_checks_equality_and_writes_its_numbers(peer: str, script: Finished) -> None:
    numbers = numbers_of(script)
    assert "geometric mean" in script.stdout
    assert peer in numbers["versions"]
    rows = numbers["rows"]
    assert [row["problem"] for row in rows] == NAMES
    assert {row["problem"] for row in rows if row["refused"]} == REFUSED.get(peer, set())
    for row in rows:
        assert row["relative_error"]["pyconv"] < 1e-6  # at most 54 products a sum
        if not row["refused"]:
            assert row["best_peer"] == peer
            assert row["ratio"] == pytest.approx(row["seconds"][peer] / row["seconds"]["pyconv"])
            assert row["relative_error"][peer] < 1e-6
    assert rows[0]["work"] == 2 * 2 * 6 * 6 * 4 * 3 * 3 * 3
    assert rows[-1]["work"] == 4 * 2 * 5 * (8 * 9 + 4 * 5)


def test_networks_are_the_same_in_all_peers(script: Finished) -> None:
    """A network of everything that the compared ones are made of; compiling it would take longer than the others do."""
    [run] = numbers_of(script)
    assert [(row["network"], row["batch"]) for row in run["rows"]] == [("tiny", 3), ("mnist", 1)]
    refused = {"ncnn"} if find_spec("pnnx") is None else set()
    for row in run["rows"]:
        assert set(row["refused"]) == refused & set(_INSTALLED)
        assert set(row["seconds"]) == {"pyconv", *_INSTALLED} - refused
        for name, error in row["relative_error"].items():
            assert error < (2e-3 if name == "mnn" else 1e-5)  # ten layers, 1e-6 each at most; mnn's Winograd is rough
    assert "| tiny |" in script.stdout


def test_the_table_of_networks_puts_runs_together() -> None:
    """Two runs, on a machine that was twice as fast in the second; mnn is rough in one network."""

    def run(seconds: dict[str, float], error: float = 1e-7) -> dict[str, Any]:
        errors = dict.fromkeys(seconds, 1e-7) | {"mnn": error}
        row = {"network": "unet", "batch": 16, "threads": 2, "seconds": seconds, "relative_error": errors}
        return {"accurate": 1e-4, "rows": [row]}

    [cell] = network_table.cells([run({"pyconv": 4.0, "torch": 8.0}), run({"pyconv": 2.0, "mnn": 1.0}, 1e-3)])
    assert (cell.best(), cell.ratio()) == ("torch", 2.0)
    assert cell.speed("pyconv") == pytest.approx(16 / 3)
    assert cell.speed("mnn") == pytest.approx(32 / 3)
    lines = list(network_table.tables([cell]))
    assert "| unet | 5.3 | 2.7 | (10.7) | 2.00 | torch |" in lines
    assert "| geometric mean | 2 | 2.00 | 1.25 | met |" in lines
    slower = [run({"pyconv": 4.0, "torch": 3.0, "ncnn": 6.0})]
    section = "\n".join(
        page.networks([{**slower[0], "cpu": "A", "cpus": 2, "date": "2026-11-22", "priority": "ordinary"}])
    )
    assert "| least (unet, batch 16) | 2 | 0.75 | 1.00 | **unmet** |" in section
    pytest.importorskip("matplotlib")
    drawn = network_picture.draw([{**slower[0], "cpu": "A", "cpus": 2, "date": "2026-11-22", "versions": {}}])
    heights = {bars.get_label(): bars[0].get_height() for bars in drawn.axes[0].containers}
    assert heights == pytest.approx({"pyconv": 0.75, "torch": 1.0, "ncnn": 0.5})


def test_training_compares_gradients_and_steps(script: Finished) -> None:
    rows = {row["problem"]: row for row in numbers_of(script)["rows"]}
    assert list(rows) == ["mnist:conv3*128 data", "mnist:conv3*128 weights", "mnist*64"]
    for row in rows.values():
        assert row["class"] in TARGETS
        assert row["relative_error"]["torch"] < 1e-5  # of thousands of products, or of a loss after one step
        assert row["seconds"]["torch"] > 0 < row["seconds"]["pyconv"]


def test_without_its_library_a_peer_is_left_out(script: Finished) -> None:
    numbers = numbers_of(script)
    assert "ncnn is left out: not today" in script.stdout
    assert list(numbers["versions"]) == ["pyconv"]
    assert numbers["cpu"]
    assert numbers["pyconv"]["build"]["compiler"]
    assert all(row["ratio"] is None for row in numbers["rows"])
    assert all(row["limits"]["flops"] > 1e8 < row["limits"]["bytes"] for row in numbers["rows"])


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("mb1_ic64ih56iw56_oc64oh56ow56_kh3kw3_ph1pw1", "3x3 stride 1"),
        ("mb32_ic32ih13iw13_oc64oh11ow11_kh3kw3", "3x3 stride 1"),
        ("mb1_ic64ih56iw56_oc64oh56ow56_kh3kw3_ph2pw2_dh1dw1", "3x3 dilated"),
        ("mb1_ic16ih28iw28_oc32oh28ow28_kh5kw5_ph2pw2", "5x5 stride 1"),
        ("mb1_ic64ih56iw56_oc256oh56ow56_kh1kw1", "1x1"),
        ("mb1_ic256ih56iw56_oc512oh28ow28_kh1kw1_sh2sw2", "1x1"),
        ("mb1_ic128ih56iw56_oc128oh28ow28_kh3kw3_sh2sw2_ph1pw1", "strided, few channels"),
        ("mb1_ic3ih224iw224_oc64oh224ow224_kh3kw3_ph1pw1", "strided, few channels"),
        ("g32mb1_ic32ih112iw112_oc32oh112ow112_kh3kw3_ph1pw1", "depthwise"),
        ("g32mb1_ic128ih56iw56_oc128oh56ow56_kh3kw3_ph1pw1", "grouped"),
        ("mb1_ic32ih13iw13_oc64oh11ow11_kh3kw3", "small image"),
        ("mb1_ic80ih17iw17_oc80oh17ow17_kh1kw7_ph0pw3", "other"),
        ("mb1_ic24iw16000_oc24ow16000_kw3_pw512_dw511", "other"),
    ],
)
def test_the_class_of_a_convolution(line: str, name: str) -> None:
    assert class_of(Job(problems.parse(line), "conv")) == name
    assert name in TARGETS


def test_every_benchmark_problem_has_a_class_with_a_line_in_the_summary() -> None:
    for path in sorted((ROOT / "benchmarks/problems").glob("*.txt")):
        assert all(class_of(job) in TARGETS for job in read(path, ""))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ic1iw8oc1ow6kw3", ("VALID", [])),
        ("ic1iw8oc1ow8kw3pw1", ("SAME", [])),
        ("ic1iw8oc1ow4kw3sw2pw0", ("SAME", [])),
        ("ic1iw8oc1ow4kw3sw2pw1", ("SAME", [1])),  # (1, 0) is SAME's (0, 1) seen from the other end
        ("ic1ih7iw8oc1oh4ow4kh3kw3sh2sw2ph1pw1", ("SAME", [2])),
    ],
)
def test_the_padding_of_tensorflow(line: str, expected: tuple[str, list[int]]) -> None:
    assert base.same_or_valid(problems.parse(line)) == expected


@pytest.mark.parametrize("line", ["ic1iw8oc1ow8kw3pw2", "ic1iw8oc1ow10kw3pw2", "ic1iw8oc1ow6kw4pw1"])
def test_padding_that_tensorflow_lacks(line: str) -> None:
    with pytest.raises(base.UnsupportedError, match="SAME"):
        base.same_or_valid(problems.parse(line))


def row(accurate: float, **seconds: float) -> Row:
    """A 3x3 convolution that takes pyconv a second; mnn is rough."""
    job = Job(problems.parse('mb1_ic64ih56iw56_oc64oh56ow56_kh3kw3_ph1pw1_n"one"'), "conv")
    errors = {name: 1e-4 if name == "mnn" else 1e-7 for name in ("pyconv", *seconds)}
    return Row(job, 1, Limits(1e11, 1e10), accurate, errors, {"pyconv": 1.0, **seconds})


class Timing:
    """A peer's connection; each turn takes a second less than the one before."""

    def __init__(self) -> None:
        self.seconds = 10.0

    def send(self, order: tuple[str, Any]) -> None:
        assert order == ("time", 0.5)

    def recv(self) -> float:
        self.seconds -= 1
        return self.seconds


@pytest.mark.parametrize(
    ("speeds", "seconds", "retaken"),
    [
        ([0.5, 0.9], 9.0, 0),
        ([*[0.5] * 6, *[0.5] * 6, 0.8, 0.9], 8.0, 1),  # halved after the first turn and for one more look; whole then
        ([0.5] * 1000, 6.0, 3),
    ],
)
def test_turns_on_a_disturbed_machine_are_taken_again(
    monkeypatch: pytest.MonkeyPatch, speeds: list[float], seconds: float, retaken: int
) -> None:
    seen, now = iter(speeds), itertools.count(0.0, 0.125)
    monkeypatch.setattr(limits, "_core", SimpleNamespace(fma_peak=lambda threads, seconds: next(seen) * 1e11))
    monkeypatch.setattr(compare, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    measured = row(1e-5)
    assert compare.turn({"torch": Timing()}, "torch", measured, 0.5, compare.RETAKES) == seconds
    assert measured.retaken == retaken


def test_only_accurate_peers_count() -> None:
    measured = row(1e-5, torch=4.0, mnn=1.5)
    assert (measured.best_peer(), measured.ratio()) == ("torch", 4.0)
    assert measured.best_peer(["mnn"]) is None
    assert math.isnan(measured.ratio(["mnn"]))
    assert row(math.inf, torch=4.0, mnn=1.5).best_peer() == "mnn"
    assert any("mnn: not counted" in note for note in report.notes([measured]))


def test_only_peers_near_the_best_go_on() -> None:
    mixed = row(1e-5, torch=1.0, onnxruntime=1.3, openvino=1.4, mnn=0.5)
    # mnn isn't accurate, but no slower: somebody may look at it alone.
    assert compare.contenders(mixed) == ["pyconv", "torch", "onnxruntime", "mnn"]
    assert compare.contenders(row(1e-5, mnn=0.5)) == ["pyconv", "mnn"]


@pytest.mark.parametrize(
    ("rounds", "turns"), [(2, {"pyconv": 2, "near": 2, "far": 2}), (5, {"pyconv": 5, "near": 5, "far": 3})]
)
def test_all_peers_take_the_first_rounds(monkeypatch: pytest.MonkeyPatch, rounds: int, turns: dict[str, int]) -> None:
    taken: dict[str, int] = {}

    def turn(connections: object, name: str, *rest: object) -> float:
        taken[name] = taken.get(name, 0) + 1
        return {"pyconv": 1.0, "near": 1.2, "far": 2.0}[name]

    monkeypatch.setattr(compare, "turn", turn)
    measured = row(1e-5, near=1.2, far=2.0)
    measured.seconds.clear()
    compare.take_turns({}, measured, rounds, 0.1)
    assert taken == turns
    assert measured.best_peer() == "near"


def test_the_summary_shows_mean_and_least_beside_the_target() -> None:
    lines = report.summary([row(1e-5, torch=4.0), row(1e-5, torch=1.0), row(1e-5)]).splitlines()
    assert lines[1].split() == ["3x3", "stride", "1", "all", "1", "2", "2.00", "1.00", "1.20"]


def test_the_page_tells_met_from_unmet() -> None:
    """Twice and half as fast as the target: 1.2, or 2.7 over those that never leave the direct algorithm."""
    common = {"file": "net", "problem": "net:layer", "class": "3x3 stride 1", "work": 1e9, "unit": "GFLOP/s"}
    errors = {"pyconv": 1e-7, "torch": 1e-7, "mnn": 1e-3}
    rows = [
        {**common, "threads": 1, "relative_error": errors, "seconds": {"pyconv": 1.0, "torch": 2.4, "mnn": 0.1}},
        {**common, "threads": 2, "relative_error": errors, "seconds": {"pyconv": 1.0, "torch": 0.6, "mnn": 0.1}},
    ]
    lines = list(page.by_class(rows))[2:]
    assert lines[0] == "| 3x3 stride 1 | all | 1 | 1 | 2.40 | 2.40 (net:layer) | 1.20 | met |"
    assert lines[1] == "| 3x3 stride 1 | all | 2 | 1 | 0.60 | 0.60 (net:layer) | 1.20 | **unmet** |"
    assert [line.split(" | ")[-1] for line in lines[2:]] == ["**unmet** |", "**unmet** |"]
    assert list(page.layers(rows))[2] == "| net:layer | 1.0 | torch 0.4 | 2.40 | 1.0 | torch 1.7 | 0.60 |"
    step = {
        "problem": "mnist*64",
        "class": "step, mnist",
        "work": 64,
        "unit": "images/s",
        "accurate": 2e-2,
        "threads": 1,
    }
    step |= {"relative_error": {"pyconv": 1e-7, "keras": 1e-3}, "seconds": {"pyconv": 0.25, "keras": 1.0}}
    run = {"cpu": "A", "cpus": 2, "date": "2026-11-22", "priority": "ordinary", "rows": [*rows, step]}
    section = list(page.training(run))
    assert "| step, mnist | all | 1 | 1 | 4.00 | 4.00 (mnist*64) | 2.00 | met |" in section
    assert "| mnist*64 | 256.0 | keras 64.0 | 4.00 |" in section


def kept_run(**seconds: dict[str, float]) -> dict[str, Any]:
    """A made-up run of problems that are called as the arguments, with seconds of each peer."""
    rows = [
        {
            "problem": name,
            "class": "1x1",
            "threads": 1,
            "seconds": peers,
            "relative_error": {peer: 1e-3 if peer == "mnn" else 1e-7 for peer in peers},
        }
        for name, peers in seconds.items()
    ]
    return {"cpu": "a CPU", "date": "2026-01-31T12:00", "versions": {"torch": "2"}, "rows": rows}


def test_ratios_that_dropped_by_more_than_15_percent(capsys: pytest.CaptureFixture[str]) -> None:
    before = kept_run(
        much={"pyconv": 1.0, "torch": 2.0},
        little={"pyconv": 1.0, "torch": 2.0},
        more={"pyconv": 1.0, "torch": 2.0, "ncnn": 1.0},
        other_peers={"pyconv": 1.0, "ncnn": 8.0},
        rough_peer={"pyconv": 1.0, "mnn": 8.0},
        gone={"pyconv": 1.0, "torch": 2.0},
    )
    now = kept_run(
        much={"pyconv": 1.2, "torch": 2.0},  # by 17 %
        little={"pyconv": 1.16, "torch": 2.0},  # by 14 %
        more={"pyconv": 1.0, "torch": 1.0},  # the peer that it is measured by now was no better then
        other_peers={"pyconv": 1.0, "torch": 1.0},
        rough_peer={"pyconv": 2.0, "mnn": 8.0},
        new={"pyconv": 1.0, "torch": 0.1},
    )
    found = regressions.drops(now["rows"], before["rows"])
    assert [drop.problem for drop in found] == ["more", "much"]
    assert (found[1].kept, found[1].now) == (2.0, pytest.approx(2 / 1.2))
    assert regressions.verdict(now, before) == "2 ratio(s) dropped."
    printed = capsys.readouterr().out
    assert "3 ratio(s) compared with those of 2026-01-31, 2 dropped" in printed
    assert "more, 1 thread(s): 2.00 -> 1.00 (-50%)" in printed
    assert "CPU" not in printed
    assert regressions.verdict({**before, "cpu": "another", "versions": {"torch": "3"}}, before) is None
    assert "another" in (printed := capsys.readouterr().out)
    assert "Other versions than in the kept run: torch." in printed


def test_runs_with_nothing_in_common_fail(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(json.dumps(kept_run(**{name: {"pyconv": 1.0, "torch": 2.0}})))
    command = [sys.executable, str(ROOT / "benchmarks/regressions.py"), str(tmp_path / "one"), "--against"]
    for kept, code, words in (("one", 0, ""), ("two", 1, "nothing to compare")):
        done = subprocess.run([*command, str(tmp_path / kept)], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr
        assert words in done.stderr


def test_compare_fails_where_a_ratio_dropped(script: Finished) -> None:
    assert script.returncode == 1, script.stderr
    assert "2 ratio(s) compared" in script.stdout
    assert "  plain, 1 thread(s): 1000000.00 -> " in script.stdout
    assert "  one_pad_more, 1" not in script.stdout


def test_the_picture_of_the_ratios_has_a_point_for_each_problem() -> None:
    pytest.importorskip("matplotlib")
    rows = kept_run(one={"pyconv": 1.0, "torch": 4.0}, two={"pyconv": 1.0, "torch": 1.0}, alone={"pyconv": 1.0})["rows"]
    lines = ratios.draw(rows).axes[0].get_lines()
    assert list(lines[0].get_xdata()) == [4.0, 1.0]
    assert lines[1].get_xdata() == pytest.approx([2.0])  # their geometric mean


@pytest.mark.parametrize("script", ["compare", "training"])
def test_the_command_explains_itself(script: str) -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / f"{script}.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--rounds" in printed
