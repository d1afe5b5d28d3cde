"""The small network: trains to the same bytes each time, learns something, refuses what it cannot use."""

import dataclasses
from pathlib import Path

import pytest
import torch
from neurontology.bridge.models import load_model
from neurontology.examples.cnn import CLASS_NAMES, LAYER, load, train, transform, write_factory
from neurontology.examples.scenes import OBJECTS, SIZE, Scene, write_scenes
from neurontology.ontology.errors import DataError, UsageError
from PIL import Image


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=180, seed=11)
    return folder


@pytest.fixture(scope="module")
def weights(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trained") / "weights.pt"
    train(scenes, file, seed=5, epochs=8)
    return file


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, ...]:
    return write_scenes(tmp_path_factory.mktemp("fresh"), count=80, seed=12)


def batch(scenes: tuple[Scene, ...]) -> torch.Tensor:
    return torch.stack([transform(Image.open(scene.image)) for scene in scenes])


def test_training_is_deterministic_and_leaves_torch_as_it_was(scenes: Path, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    reports, files = [], []
    threads = torch.get_num_threads()
    try:
        for run, wanted in (("a", 1), ("b", 2)):
            (tmp_path / run).mkdir()
            files.append(tmp_path / run / "weights.pt")
            torch.set_num_threads(wanted)
            torch.manual_seed(99 + wanted)
            state = torch.random.get_rng_state()
            progress = (lambda i, n: done.append((i, n))) if run == "a" else None
            reports.append(train(scenes, files[-1], seed=1, epochs=2, progress=progress))
            assert torch.get_num_threads() == wanted
            assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert dataclasses.replace(reports[0], seconds=0) == dataclasses.replace(reports[1], seconds=0)
    assert (reports[0].trained, reports[0].validated) == (150, 30)
    assert done == [(1, 2), (2, 2)]
    train(scenes, tmp_path / "weights.pt", seed=2, epochs=2)
    assert (tmp_path / "weights.pt").read_bytes() != files[0].read_bytes()


def test_the_network_knows_more_of_fresh_scenes_than_guessing(weights: Path, fresh: tuple[Scene, ...]) -> None:
    with torch.no_grad():
        logits = load(weights)(batch(fresh))
    assert logits.shape == (80, len(CLASS_NAMES)) == (80, 29)
    kinds = CLASS_NAMES[len(OBJECTS) :]
    right = [
        kinds[int(row[len(OBJECTS) :].argmax())] == scene.kind.replace("_", " ")
        for row, scene in zip(logits, fresh, strict=True)
    ]
    assert sum(right) / len(right) > 0.4  # one in eight by chance
    for name in ("sea", "river"):
        score = logits[:, CLASS_NAMES.index(name)]
        shows = torch.tensor([any(item.name == name for item in scene.objects) for scene in fresh])
        pairs = (score[shows][:, None] > score[~shows][None, :]).float()
        assert float(pairs.mean()) > 0.8, name


def test_the_last_block_gives_64_rectified_maps(weights: Path, fresh: tuple[Scene, ...]) -> None:
    maps: list[torch.Tensor] = []
    network = load(weights)
    assert not network.training
    handle = network.get_submodule(LAYER).register_forward_hook(lambda _m, _i, out: maps.append(out))
    with torch.no_grad():
        logits = network(batch(fresh[:8]))
    handle.remove()
    assert maps[0].shape[:2] == (8, 64)
    assert float(maps[0].min()) == 0.0
    with torch.no_grad():
        assert torch.equal(network.head(maps[0].amax(dim=(2, 3))), logits)


def test_the_transform_gives_the_pixels_from_minus_one_to_one() -> None:
    picture = Image.new("RGB", (SIZE, SIZE), (0, 255, 51))
    values = transform(picture)
    assert (values.dtype, tuple(values.shape)) == (torch.float32, (3, SIZE, SIZE))
    assert [round(float(v), 4) for v in values[:, 40, 40]] == [-1.0, 1.0, -0.6]


def test_the_factory_file_loads_like_any_model(weights: Path, fresh: tuple[Scene, ...]) -> None:
    spec = write_factory(weights.with_name("network.py"), weights)
    model = load_model(spec)
    assert LAYER in model.layer_names()
    assert model.input_size == (SIZE, SIZE)
    scene = model.transform(Image.open(fresh[0].image))[None]
    with torch.no_grad():
        assert torch.equal(model.module(scene), load(weights)(scene))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such weight file"):
        load(tmp_path / "absent.pt")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(DataError, match="another network"):
        load(tmp_path / "other.pt")


def test_folders_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    few = tmp_path / "few"
    write_scenes(few, count=20, seed=0)
    with pytest.raises(UsageError, match="only 20 scenes"):
        train(few, tmp_path / "w.pt")
    with pytest.raises(UsageError, match="epochs"):
        train(few, tmp_path / "w.pt", epochs=0)
    broken = tmp_path / "broken"
    scenes = write_scenes(broken, count=56, seed=0)
    scenes[0].image.unlink()
    with pytest.raises(DataError, match=r"SYN_00001\.jpg.*lacks its picture"):
        train(broken, tmp_path / "w.pt")
    foreign = tmp_path / "foreign"
    write_scenes(foreign, count=56, seed=0)
    (foreign / "park").rename(foreign / "kitchen")
    with pytest.raises(DataError, match="kitchen"):
        train(foreign, tmp_path / "w.pt")
    assert not (tmp_path / "w.pt").exists()
