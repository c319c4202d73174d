"""Images from folders: which are found, in what order they come, how they are read, and that few are in memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import layers
from pyconv.utils import ImageDataset, array_to_img, image_dataset, img_to_array, load_img, save_img
from pyconv.utils.datasets import prefetched

pillow = pytest.importorskip("PIL.Image")

# Each class is a grey, each file a little lighter, so that a pixel tells which file it comes from.
CLASSES = {"ants": [10, 11, 12, 13], "bees": [90, 91, 92], "cats": [170, 171, 172]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, greys in CLASSES.items():
        (tmp_path / name).mkdir()
        for grey in greys:
            save_img(tmp_path / name / f"{grey:03}.png", np.full((6, 8, 3), grey), scale=False)
    (tmp_path / "ants" / "deeper").mkdir()
    save_img(tmp_path / "ants" / "deeper" / "014.BMP", np.full((3, 3, 3), 14), file_format="bmp", scale=False)
    (tmp_path / "ants" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def dataset(folder: Path, **arguments: Any) -> Any:
    return image_dataset(folder, **{"image_size": 4, "batch_size": 4, "verbose": False, **arguments})


def greys(batches: Any) -> list[int]:
    return [int(image[0, 0, 0]) for images, *_ in batches for image in images]


def test_files_and_their_labels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = dataset(folder, shuffle=False, verbose=True)
    assert capsys.readouterr().out == "Found 11 files belonging to 3 classes.\n"
    assert isinstance(found, ImageDataset)
    assert found.class_names == ["ants", "bees", "cats"]
    assert [Path(path).name for path in found.file_paths[:5]] == ["010.png", "011.png", "012.png", "013.png", "014.BMP"]
    assert len(found) == 3
    batches = list(found)
    assert [images.shape for images, _ in batches] == [(4, 4, 4, 3), (4, 4, 4, 3), (3, 4, 4, 3)]
    assert all(images.dtype == np.float32 for images, _ in batches)
    assert greys(batches) == [10, 11, 12, 13, 14, 90, 91, 92, 170, 171, 172]
    assert np.concatenate([labels for _, labels in batches]).tolist() == [0] * 5 + [1] * 3 + [2] * 3
    assert greys(found) == greys(batches)  # again


def test_forms_of_labels(folder: Path) -> None:
    _, rows = next(iter(dataset(folder, label_mode="categorical", shuffle=False, batch_size=11)))
    np.testing.assert_array_equal(rows, np.eye(3, dtype=np.float32)[[0] * 5 + [1] * 3 + [2] * 3])
    _, ones = next(
        iter(dataset(folder, label_mode="binary", class_names=["cats", "bees"], shuffle=False, batch_size=6))
    )
    np.testing.assert_array_equal(ones, np.array([[0]] * 3 + [[1]] * 3, np.float32))
    for none in ({"label_mode": None}, {"labels": None}):
        images = next(iter(dataset(folder, shuffle=False, **none)))
        assert images.shape == (4, 4, 4, 3)
    _, given = next(iter(dataset(folder, labels=list(range(11)), shuffle=False, batch_size=11)))
    assert given.tolist() == list(range(11))


def test_the_order_is_the_seeds(folder: Path) -> None:
    first, again, other = (dataset(folder, seed=seed) for seed in (1, 1, 2))
    epochs = [greys(first) for _ in range(3)]
    assert [greys(again) for _ in range(3)] == epochs
    assert epochs[0] != epochs[1] != epochs[2]
    assert greys(other) != epochs[0]
    assert all(sorted(epoch) == sorted(epochs[0]) and len(set(epoch)) == 11 for epoch in epochs)
    pyconv.seed(4)
    drawn = greys(dataset(folder))
    pyconv.seed(4)
    assert greys(dataset(folder)) == drawn


def test_labels_stay_with_their_images(folder: Path) -> None:
    for images, labels in dataset(folder, seed=3):
        assert [int(grey) // 80 for grey in images[:, 0, 0, 0]] == labels.tolist()


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_and_validation_have_nothing_in_common(
    folder: Path, shuffle: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    split = {"validation_split": 0.3, "shuffle": shuffle, "seed": 5}
    training, validation = (dataset(folder, subset=subset, **split) for subset in ("training", "validation"))
    assert (len(training.file_paths), len(validation.file_paths)) == (8, 3)
    assert not set(training.file_paths) & set(validation.file_paths)
    both = dataset(folder, subset="both", **split, verbose=True)
    assert capsys.readouterr().out.endswith("Using 8 and 3 files for both.\n")
    assert [each.file_paths for each in both] == [training.file_paths, validation.file_paths]
    assert greys(both[1]) == greys(both[1])  # the order of validation stays


def test_images_are_resized_as_by_the_layer(folder: Path, rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (9, 14, 3)).astype(np.uint8)
    save_img(folder / "ants" / "000.png", image, scale=False)
    for arguments in ({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, {"interpolation": "bicubic"}):
        images, _ = next(iter(dataset(folder, image_size=(5, 6), shuffle=False, **arguments)))
        np.testing.assert_array_equal(images[0], layers.Resizing(5, 6, **arguments)(image[np.newaxis])[0])
    first, _ = next(iter(dataset(folder, image_size=(5, 6), shuffle=False, data_format="channels_first")))
    last, _ = next(iter(dataset(folder, image_size=(5, 6), shuffle=False)))
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), last)


@pytest.mark.parametrize(
    ("color_mode", "pixel"), [("grayscale", [10]), ("rgb", [10, 10, 10]), ("rgba", [10, 10, 10, 255])]
)
def test_colour_modes(folder: Path, color_mode: str, pixel: list[int]) -> None:
    images, _ = next(iter(dataset(folder, color_mode=color_mode, shuffle=False)))
    np.testing.assert_array_equal(images[0], np.broadcast_to(np.array(pixel), (4, 4, len(pixel))))


def test_sixteen_bits_become_eight(folder: Path) -> None:
    pillow.fromarray(np.full((4, 4), 20 * 256 + 7, np.uint16)).save(folder / "ants" / "000.png")
    images, _ = next(iter(dataset(folder, shuffle=False)))
    assert (images[0] == 20).all()


def test_a_broken_file_is_named(folder: Path) -> None:
    good = (folder / "bees" / "091.png").read_bytes()
    for broken in (good[: len(good) // 2], b"no image at all", b""):
        (folder / "bees" / "091.png").write_bytes(broken)
        with pytest.raises(ValueError, match=r"image_dataset: the file can't be read as an image: .*bees.091\.png"):
            list(dataset(folder, shuffle=False))
    (folder / "bees" / "091.png").unlink()
    found = dataset(folder, shuffle=False)
    (folder / "bees" / "092.png").unlink()
    with pytest.raises(ValueError, match=r"bees.092\.png"):
        list(found)


def test_batches_are_read_ahead_but_not_far() -> None:
    """While one result is used the next three are being made or ready, no more."""
    made: list[int] = []
    results = prefetched(lambda item: made.append(item) or item, range(100), ahead=2)
    assert next(results) == 0
    deadline = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2]
    assert list(results) == list(range(1, 100))


def test_reading_goes_on_while_the_user_computes() -> None:
    """The thread makes the next result before it is asked for: an event that the user never waits for is set."""
    begun = threading.Event()
    results = prefetched(lambda item: begun.set() if item == 1 else None, range(3))
    next(results)
    assert begun.wait(10)


def test_a_loop_that_is_left_early_leaves_no_thread(folder: Path) -> None:
    before = threading.active_count()
    for _ in dataset(folder, batch_size=1):
        break
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_fit_evaluate_and_predict_take_it(folder: Path, threads: int) -> None:
    results = []
    for _ in range(2):
        pyconv.seed(6)
        training, validation = dataset(folder, subset="both", validation_split=0.3, seed=7)
        model = pyconv.Sequential(
            [
                layers.Input((4, 4, 3)),
                layers.Rescaling(1 / 255),
                layers.RandomFlip(seed=1),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(pyconv.optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(training, epochs=10, validation_data=validation, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]
        assert len(history.history["val_loss"]) == 10
        results.append((history.history["loss"], model.evaluate(validation, verbose=0), model.get_weights()))
        assert model.predict(dataset(folder, labels=None, shuffle=False), verbose=0).shape == (11, 3)
    for first, second in zip(*(result[2] for result in results), strict=True):
        np.testing.assert_array_equal(first, second)
    assert results[0][:2] == results[1][:2]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "folder": ({"directory": "nowhere"}, "image_dataset: directory must be a folder. Received: directory='nowhere'"),
    "label_mode": ({"label_mode": "float"}, "label_mode must be one of int, binary, categorical, None"),
    "colour": ({"color_mode": "bgr"}, "color_mode must be one of grayscale, rgb, rgba. Received: color_mode='bgr'"),
    "binary": ({"label_mode": "binary"}, "needs two classes"),
    "seed": ({"validation_split": 0.2, "subset": "training"}, "give a seed"),
    "subset": ({"validation_split": 0.2, "seed": 1}, "give both validation_split and subset"),
    "word": (
        {"validation_split": 0.2, "seed": 1, "subset": "test"},
        "subset must be one of training, validation, both",
    ),
    "split": ({"validation_split": 0.01, "seed": 1, "subset": "both"}, "each part must hold a file"),
    "labels": ({"labels": [1, 2]}, "labels must hold a number for each of the 11 files"),
    "names": ({"class_names": ["dogs"]}, "class_names must be some of the sub-folders"),
    "names2": ({"class_names": ["ants"], "labels": None}, 'class_names belong to labels="inferred" alone'),
    "interpolation": ({"interpolation": "area"}, "interpolation must be one of"),
    "size": ({"image_size": (4, 0)}, "image_size"),
    "batch": ({"batch_size": 0}, "`batch_size` should be a positive integer"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataset(**{"folder": arguments.pop("directory", folder)}, **arguments)


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there must be images"):
        dataset(tmp_path)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_load_img_and_img_to_array_are_kerass(
    tmp_path: Path, keep: bool, interpolation: str, keras: ModuleType, rng: np.random.Generator
) -> None:
    path = tmp_path / "image.png"
    save_img(path, rng.random((9, 14, 3)))
    for color_mode in ("rgb", "grayscale", "rgba"):
        arguments = {"color_mode": color_mode, "target_size": (5, 4), "interpolation": interpolation}
        ours = img_to_array(load_img(path, **arguments, keep_aspect_ratio=keep))  # type: ignore[arg-type]
        theirs = keras.utils.load_img(path, **arguments, keep_aspect_ratio=keep)
        np.testing.assert_array_equal(ours, keras.utils.img_to_array(theirs))
    first = img_to_array(load_img(path), data_format="channels_first")
    np.testing.assert_array_equal(first, keras.utils.img_to_array(keras.utils.load_img(path), "channels_first"))


def test_array_to_img_is_kerass(keras: ModuleType, rng: np.random.Generator) -> None:
    for channels in (1, 3, 4):
        image = rng.normal(size=(4, 5, channels)).astype(np.float32)
        ours = np.asarray(pyconv.utils.array_to_img(image)).astype(int)
        theirs = np.asarray(keras.utils.array_to_img(image)).astype(int)
        assert abs(ours - theirs).max() <= 1  # cut off below the next number, after a product or after two
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels. Received: x.shape=\(4, 5, 2\)"):
        pyconv.utils.array_to_img(np.zeros((4, 5, 2)))
    with pytest.raises(ValueError, match=r"must lie in 0..255 without scale"):
        pyconv.utils.array_to_img(np.full((4, 5, 3), 256), scale=False)


@pytest.mark.parametrize("order", [1, 2])
def test_normalize_is_kerass(order: int, keras: ModuleType, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4, 2))
    for axis in (1, 2):  # Keras takes 0 for -1
        theirs = keras.utils.normalize(x, axis, order)
        np.testing.assert_allclose(pyconv.utils.normalize(x, axis, order), theirs, rtol=1e-12)


def test_an_array_with_channels_first_as_an_image() -> None:
    x = np.arange(12).reshape(3, 2, 2)
    image = array_to_img(x, data_format="channels_first", scale=False)
    np.testing.assert_array_equal(np.asarray(image), x.transpose(1, 2, 0))
