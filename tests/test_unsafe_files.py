"""Files that were made to do harm, or are broken: refused with an error that says why, before memory is taken."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import layers
from pyconv.saving import ModelFileError, UnknownClassesError, hdf5

h5py: Any = pytest.importorskip("h5py")

Change = Callable[[Any], Any]


def small_model() -> Any:
    return pyconv.Sequential([pyconv.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])


def keras_file(path: Path, config: Change | None = None, weights: Change | None = None, **options: Any) -> Path:
    """A .keras file whose description, or HDF5 file, has been changed."""
    small_model().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if config is not None:
        described = json.loads(members["config.json"])
        members["config.json"] = json.dumps(config(described) or described).encode()
    if weights is not None:
        file = io.BytesIO(members["model.weights.h5"])
        with h5py.File(file, "r+") as root:
            weights(root)
        members["model.weights.h5"] = file.getvalue()
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def layer(number: int, **changes: Any) -> Change:
    """Changes what the description says of one layer: its entry, or with config= its configuration."""

    def change(described: Any) -> None:
        entry = described["config"]["layers"][number]
        entry["config"].update(changes.pop("config", {}))
        entry.update(changes)

    return change


def functional(layers_of_it: list[Any]) -> Change:
    config = {"name": "m", "layers": layers_of_it, "input_layers": ["i", 0, 0], "output_layers": ["x", 0, 0]}
    made = {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}
    return lambda _: made


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


def step(name: str, operation: str, *arguments: Any, **settings: Any) -> dict[str, Any]:
    return {
        "module": "keras.src.ops.numpy",
        "class_name": operation,
        "config": {"name": name, **settings},
        "name": name,
        "inbound_nodes": [{"args": list(arguments), "kwargs": {}}],
    }


def source(*shape: int) -> dict[str, Any]:
    config = {"batch_shape": [None, *shape], "name": "i", "dtype": "float32"}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "name": "i", "inbound_nodes": []}


def nested(depth: int) -> Change:
    def change(described: Any) -> Any:
        for _ in range(depth):
            described = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [described]}}
        return described

    return change


CONFIGS: dict[str, tuple[Change, str]] = {
    "another library's function": (layer(1, module="os", class_name="system"), "system"),
    "a function for a class": (layer(1, module="keras.models", class_name="load_model"), "load_model"),
    "a function of a package": (layer(1, module="keras.layers", class_name="Input"), "Input"),
    "a private name": (layer(1, module="keras.layers", class_name="__getattr__"), "__getattr__"),
    "a module that isn't one": (layer(1, module="keras.utils", class_name="get_file"), "get_file"),
    "a name that isn't text": (layer(1, class_name=["Conv2D"]), "Conv2D"),
    "a Lambda as activation": (
        layer(1, config={"activation": {"class_name": "__lambda__", "config": {"code": "4wAAAAAA"}}}),
        "activation",
    ),
    "an activation from elsewhere": (
        layer(1, config={"activation": {"module": "os", "class_name": "function", "config": "system"}}),
        "system",
    ),
    "an initializer from elsewhere": (
        layer(1, config={"kernel_initializer": {"module": "os", "class_name": "system", "config": {}}}),
        "system",
    ),
    "quantized weights": (layer(1, config={"dtype": {"class_name": "QuantizedDTypePolicy"}}), "quantized"),
    "an unknown argument": (layer(1, config={"surprise": 1}), "surprise"),
    "a layer without configuration": (lambda d: d["config"]["layers"].append({"class_name": "Dense"}), "configuration"),
    "not a model": (lambda _: {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}, "not a model"),
    "not a description": (lambda _: [1, 2], "does not describe a model"),
    "weights for a terabyte": (layer(3, config={"units": 10**9}), "more weights than the file holds"),
    "an input for a terabyte": (
        functional([source(2**20, 2**20), step("x", "Exp", tensor("i"))]),
        "needs .* numbers for one sample",
    ),
    "a sum for a terabyte": (
        functional([source(2**20, 1), step("t", "Transpose", tensor("i"), axes=[0, 2, 1]),
                    step("s", "Add", tensor("i"), tensor("t")), step("x", "Exp", tensor("s"))]),
        "needs .* numbers for one sample",
    ),
    "pads for a terabyte": (
        functional([source(8, 8), step("x", "Pad", tensor("i"), pad_width=[[0, 0], [0, 2**20], [2**20, 0]])]),
        "needs .* numbers for one sample",
    ),
    "a terabyte from nothing": (functional([source(8), step("x", "Zeros", shape=[2**40])]), "Zeros|zeros"),
    "layers in a circle": (
        functional([source(8), step("x", "Add", tensor("i"), tensor("y")), step("y", "Exp", tensor("x"))]),
        "depend on their results",
    ),
    "two of one name": (functional([source(8), step("x", "Exp", tensor("i"))] * 2), "unique"),
    "too many layers": (lambda d: d["config"]["layers"].extend([d["config"]["layers"][2]] * 10_000), "more than 10000"),
    "too deep": (nested(80), "levels deep"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CONFIGS.values(), ids=CONFIGS)
def test_a_description_that_goes_too_far(change: Change, words: str, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "bad.keras", config=change)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=words):
        pyconv.load_model(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40e6, "what is read of ten thousand layers, and no weights"


def test_all_that_is_unknown_is_named_at_once(tmp_path: Path) -> None:
    def change(described: Any) -> None:
        entries = described["config"]["layers"]
        for name in ("one", "two"):
            entries.append({"module": "keras.layers", "class_name": "Lambda", "config": {"name": name}})
        entries.append(
            {"module": "mine", "class_name": "Own", "config": {"name": "three"}, "registered_name": "my>Own"}
        )

    path = keras_file(tmp_path / "lambda.keras", config=change)
    with pytest.raises(UnknownClassesError, match=r"Own, registered as 'my>Own' \('three'\); Lambda \('two', 'one'\)"):
        pyconv.load_model(path)


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = keras_file(tmp_path / "bad.keras", config=layer(1, module="evil", class_name="Evil"))
    with pytest.raises(UnknownClassesError, match="Evil"):
        pyconv.load_model(path)


def link(kind: str) -> Change:
    def change(root: Any) -> None:
        group = root["layers/conv2d/vars"]
        del group["0"]
        if kind == "soft":
            group["0"] = h5py.SoftLink("/layers/dense/vars/0")
        elif kind == "external":
            group["0"] = h5py.ExternalLink("/etc/passwd", "/0")
        elif kind == "hard":
            group["0"] = root["layers/dense/vars/0"]
        elif kind == "loop":
            group["0"] = root["layers"]
        elif kind == "elsewhere":
            group.create_dataset("0", (3, 3, 3, 4), "f4", external=[("/etc/passwd", 0, 432)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
            layout[:] = h5py.VirtualSource("/etc/passwd", "0", (3, 3, 3, 4))
            group.create_virtual_dataset("0", layout)
        elif kind == "huge":
            group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(1, 1024))
        elif kind == "zeros":
            group.create_dataset("0", (1 << 14, 1 << 10), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")
        elif kind == "text":
            group.create_dataset("0", data=np.array([b"abc"] * 108).reshape(3, 3, 3, 4))
        elif kind == "shape":
            group["0"] = np.zeros((3, 3, 3, 5), np.float32)

    return change


WEIGHTS = {
    "soft": "SoftLink",
    "external": "ExternalLink",
    "hard": "leads to where another name leads",
    "loop": "leads to where another name leads",
    "elsewhere": "kept in another place",
    "virtual": "kept in another place",
    "huge": "the file has",
    "zeros": "the file has",
    "text": "must hold numbers",
    "shape": r"has the shape \(3, 3, 3, 4\), in the file \(3, 3, 3, 5\)",
    "missing": "has 2 weights, in the file are 1|more weights than the file holds",
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_go_too_far(kind: str, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "bad.keras", weights=link(kind))
    model = small_model()
    before = model.get_weights()
    for read in (lambda: pyconv.load_model(path), lambda: model.load_weights(path)):
        with pytest.raises(ModelFileError, match=WEIGHTS[kind]):
            read()
    for array, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_an_archive_that_grows(tmp_path: Path) -> None:
    def grow(described: Any) -> None:
        described["config"]["name"] = "a" * (8 << 20)

    path = keras_file(tmp_path / "bomb.keras", config=grow, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ModelFileError, match=r"config.json .* made to fill memory"):
        pyconv.load_model(path)


def test_members_that_lead_out_of_an_archive_are_not_looked_at(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "model.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../escaped", "x")
        archive.writestr("assets/../../escaped", "x")
    pyconv.load_model(path)
    assert not list(tmp_path.parent.rglob("escaped"))


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\0" * 2000, b"x" * 99]
)
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_what_is_no_model(data: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    for read in (pyconv.load_model, small_model().load_weights):
        with pytest.raises(ModelFileError, match=name):
            read(path)


def texts_of(data: bytes) -> tuple[int, int]:
    """Where a file says how long the text of its model is and where; and where the free part of the texts' heap is."""
    heap = data.index(b"GCOL")
    place = heap + 16
    while number := int.from_bytes(data[place : place + 2], "little"):
        if data[place + 16 :].startswith(b'{"class_name"'):
            place_of_text = data.index(heap.to_bytes(8, "little") + number.to_bytes(4, "little")) - 4
        place += 16 + -(-int.from_bytes(data[place + 8 : place + 16], "little") // 8) * 8
    return place_of_text, place


@pytest.mark.parametrize("kind", ["longer", "elsewhere", "no object", "long object", "free space of no size"])
def test_texts_that_libhdf5_trusts(kind: str, tmp_path: Path) -> None:
    """It reads beyond its own memory, or the free space for ever (2.0.0); found by the fuzzer."""
    small_model().save(path := tmp_path / "m.h5")
    data = bytearray(path.read_bytes())
    text, free = texts_of(bytes(data))
    if kind == "longer":
        data[text : text + 4] = (1 << 20).to_bytes(4, "little")
    elif kind == "elsewhere":
        data[text + 4 : text + 12] = (len(data) - 8).to_bytes(8, "little")
    elif kind == "no object":
        data[text + 12 : text + 16] = (77).to_bytes(4, "little")
    elif kind == "long object":
        data[free : free + 16] = (9).to_bytes(8, "little") + (1 << 60).to_bytes(8, "little")
    else:
        data[free + 8 : free + 16] = bytes(8)
    path.write_bytes(data)
    if kind == "free space of no size":
        assert pyconv.load_model(path).count_params() == small_model().count_params()
        return
    with pytest.raises(ModelFileError, match=r"heap|text|the file ends"):
        pyconv.load_model(path)


def test_texts_of_no_bytes(tmp_path: Path) -> None:
    """There is room for any number of them: 2 ** 40 made a list without end; found by the fuzzer."""
    small_model().save(path := tmp_path / "m.h5")
    with h5py.File(path, "a") as root:
        root.attrs["many"] = np.array([b"x"], "S7")
    data = bytearray(path.read_bytes())
    kind = data.index(b"\x13\x01\0\0\x07\0\0\0", data.index(b"many\0"))  # texts of 7 bytes; then how many there are
    assert data[kind + 16 : kind + 24] == (1).to_bytes(8, "little")
    data[kind + 4 : kind + 8] = bytes(4)
    data[kind + 16 : kind + 24] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="longer than their place"):
        pyconv.load_model(path)


def test_a_file_cut_short(tmp_path: Path) -> None:
    for name in ("m.keras", "m.h5"):
        small_model().save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        for part in (0.1, 0.5, 0.9, 0.99):
            (tmp_path / name).write_bytes(whole[: int(part * len(whole))])
            with pytest.raises(ModelFileError):
                pyconv.load_model(tmp_path / name)


def test_errors_that_are_the_callers(tmp_path: Path) -> None:
    model = small_model()
    with pytest.raises(FileNotFoundError):
        pyconv.load_model(tmp_path / "absent.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        pyconv.load_model(tmp_path / "absent.keras", safe_mode=False)
    for save, words in ((model.save, "must end in .keras"), (model.save_weights, "must end in .weights.h5")):
        with pytest.raises(ValueError, match=words):
            save(tmp_path / "model.txt")
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite"):
        model.save(tmp_path / "m.keras", overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras"]


def test_reading_takes_no_h5py_and_writing_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keras_file(tmp_path / "m.keras")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    model = pyconv.load_model(path)
    model.load_weights(path)
    with pytest.raises(ImportError, match=r"pip install pyconv-nn\[keras\]"):
        model.save(tmp_path / "other.keras")


@pytest.mark.parametrize("newest", [False, True])
def test_hdf5_is_read_as_h5py_reads_it(newest: bool, tmp_path: Path) -> None:
    """Types, byte orders, shapes, many names in a group, attributes, in the old and the new form of HDF5."""
    arrays = {
        f"{kind}{number}": np.arange(number).astype(kind).reshape(-1, 1) if number else np.array(3, kind)
        for kind in ("<f2", "<f4", ">f4", "<f8", "<i4", ">i8", "|u1")
        for number in (0, 1, 6)
    }
    count = 200
    if newest:  # more than eight names in a group need a form that Keras doesn't write
        arrays, count = dict(list(arrays.items())[::4]), 7
    with h5py.File(tmp_path / "m.h5", "w", libver="latest" if newest else "earliest") as file:
        for number in range(count):
            file[f"many/of {number}"] = number
        for name, array in arrays.items():
            group = file.create_group(name.replace("|", "").replace("<", "little ").replace(">", "big "))
            group["array"] = array
            group.attrs["name"] = name
            group.attrs["names"] = [name, "zwei", "drei"]
            group.attrs["fixed"] = np.array([b"a", b"bcd"])
            group.attrs["number"] = 1.5
    with hdf5.reading("read", "m.h5", tmp_path / "m.h5") as root:
        many = root.groups["many"]
        assert [int(many.array(f"of {number}")) for number in range(count)] == list(range(count))
        for group in root.groups.values():
            if "array" in group.datasets:
                right = arrays[str(group.text("name"))]
                np.testing.assert_array_equal(group.array("array"), right)
                assert group.array("array").dtype == right.dtype.newbyteorder("=")
                assert group.texts("names") == [group.text("name"), "zwei", "drei"]
                assert group.texts("fixed") == ["a", "bcd"]
                assert group.attributes["number"] == 1.5


def test_layers_that_do_not_fit_can_be_left_as_they_are(tmp_path: Path) -> None:
    small_model().save_weights(tmp_path / "m.weights.h5")
    other = pyconv.Sequential([pyconv.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    dense = other.layers[-1].get_weights()
    with pytest.raises(ModelFileError, match="1 of 4 layers do not fit the file: the kernel of layer"):
        other.load_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match="They are left as they are"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(other.layers[-1].get_weights()[0], dense[0])
