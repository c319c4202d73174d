"""The command `pyconv`: what it prints of small models, the files it writes, and errors without tracebacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import cli, layers

pytest.importorskip("h5py")


def network() -> Any:
    inner = [layers.DepthwiseConv2D(3, name="depthwise"), layers.Conv2DTranspose(2, 2, strides=2, name="up")]
    x = pyconv.Input((8, 8, 3), name="images")
    y = layers.SeparableConv2D(4, 3, padding="same", name="separable")(x)
    y = pyconv.Sequential([pyconv.Input((8, 8, 4)), *inner], name="inner")(y) * 2.0
    y = layers.GlobalAveragePooling2D(name="mean")(y)
    return pyconv.Model(x, layers.Dense(3, activation="softmax", name="scores")(y), name="network")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    network().save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def rows(text: str) -> dict[str, list[str]]:
    """The cells behind the first, by the first."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_info(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Operations by hand: 2 for each multiply-add."""
    assert cli.main(["info", str(file)]) == 0
    found = rows(text := capsys.readouterr().out)
    flops = {
        "separable": 2 * 8 * 8 * (9 * 3 + 3 * 4),
        "inner/depthwise": 2 * 6 * 6 * 9 * 4,
        "inner/up": 2 * 6 * 6 * 4 * 2 * 2 * 2,
        "scores": 2 * 2 * 3,
    }
    for name, count in flops.items():
        assert found[name][-1] == f"{count / 1e6:.2f}", name
    assert found["inner/up"][:3] == ["Conv2DTranspose", "12x12x2", "34"]
    assert found["mean"] == ["GlobalAveragePooling2D", "2", "0", "0.00"]
    assert f"{network().count_params()} parameters; {sum(flops.values()) / 1e9:.3f} GFLOP" in text


def test_info_where_sizes_are_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = pyconv.Sequential([pyconv.Input((None, None, 3)), layers.Conv2D(2, 3, name="conv")])
    model.save(path := tmp_path / "any.h5")
    assert cli.main(["info", str(path)]) == 1
    assert "say which with --shape" in capsys.readouterr().err
    assert cli.main(["info", str(path), "--shape", "10,12,3"]) == 0
    assert rows(capsys.readouterr().out)["conv"][1] == "8x10x2"


def test_run_prints_the_best_classes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(1).random((8, 8, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "labels.txt").write_text("cat\ndog\nowl\n")
    arguments = ["run", str(file), "--input", str(tmp_path / "x.npy")]
    assert cli.main([*arguments, "--labels", str(tmp_path / "labels.txt"), "--top", "2"]) == 0
    printed = capsys.readouterr().out.split()
    (scores,) = pyconv.load_model(file).predict(x[np.newaxis], verbose=0)
    best = np.argsort(-scores)[:2]
    assert printed[-4::2] == [["cat", "dog", "owl"][number] for number in best]
    assert printed[-3::2] == [f"{scores[number]:.4f}" for number in best]
    assert cli.main([*arguments, "--output", str(tmp_path / "y.npy")]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), [scores])
    (tmp_path / "labels.txt").write_text("cat\n")
    assert cli.main([*arguments, "--labels", str(tmp_path / "labels.txt")]) == 1
    assert "3 classes" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["model.keras", "model.onnx"])
def test_run_takes_images(form: str, file: Path, tmp_path: Path) -> None:
    """Resized, in the range that was asked for, with channels where the model has them."""
    image = pytest.importorskip("PIL.Image")
    if form == "model.onnx":
        pytest.importorskip("onnx")
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :, 1] = 255
    image.fromarray(pixels).save(tmp_path / "green.png")
    path = file
    if form == "model.onnx":
        path = tmp_path / form
        assert cli.main(["convert", str(file), str(path)]) == 0
    output = tmp_path / "y.npy"
    arguments = ["run", str(path), "--input", str(tmp_path / "green.png"), "--output", str(output)]
    assert cli.main([*arguments, "--range=-1,1"]) == 0
    x = np.full((1, 8, 8, 3), -1.0, np.float32)
    x[..., 1] = 1
    np.testing.assert_allclose(np.load(output), pyconv.load_model(file)(x), rtol=1e-5)


def test_bench_prints_a_row_for_each_step(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = pyconv.get_num_threads()
    try:
        assert cli.main(["bench", str(file), "--seconds", "0.001", "--batch", "2", "--threads", "1"]) == 0
    finally:
        pyconv.set_num_threads(before)
    found = rows(text := capsys.readouterr().out)
    assert {"separable", "inner/depthwise", "inner/up", "mean", "scores"} <= found.keys()
    assert len(found["separable"]) == 4
    assert len(found["mean"]) == 2
    assert "ms for 2 sample(s)" in text
    assert "1 thread(s)" in text


def test_convert(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(2).random((2, 8, 8, 3)).astype(np.float32)
    right = pyconv.load_model(file)(x)
    target = tmp_path / "model.h5"
    assert cli.main(["convert", str(file), str(target)]) == 0
    np.testing.assert_array_equal(pyconv.load_model(target)(x), right)
    assert cli.main(["convert", str(file), str(target)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert cli.main(["convert", str(file), str(target), "--force"]) == 0
    assert cli.main(["convert", "model.onnx", str(target)]) == 1
    assert "only run" in capsys.readouterr().err


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.keras").write_bytes(b"PK")
    for name, words in (("broken.keras", "is not a .keras file"), ("absent.keras", "No such file")):
        assert cli.main(["info", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("pyconv: ")
        assert words in error
        assert error.count("\n") == 1


def test_bench_of_an_onnx_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step of the program is a row, what was fused into a convolution isn't."""
    pytest.importorskip("onnx")
    small = [pyconv.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
    pyconv.onnx.export(pyconv.Sequential(small), tmp_path / "model.onnx")
    assert cli.main(["bench", str(tmp_path / "model.onnx"), "--seconds", "0.001"]) == 0
    printed = capsys.readouterr().out
    assert "Conv" in printed
    assert "Flatten" in printed
    assert "Relu" not in printed


@pytest.mark.parametrize("command", ["", "info", "run", "bench", "convert"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([*([command] if command else []), "--help"])
    assert f"    pyconv {command or 'info'} " in capsys.readouterr().out
