"""Checks the open_clip scorer with a small model of random weights, in a process of its own: `python … FOLDER`.

open_clip takes from torchvision what brings photographs to size, which is Python and Pillow. The build of torchvision
on PyPI is compiled for the GPU build of torch; beside the processor's build its compiled operators (non-maximum
suppression and the like, for detectors) do not load, and the import ends where their schemas are looked up. Here
these schemas are declared, without anything behind them, so that the rest can be imported and open_clip runs. A process
of its own keeps the declarations and torchvision away from other tests.
"""

import importlib
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from neurontology.analysis.scorers.catalog import Training, load_scorer
from neurontology.analysis.scorers.scorer import Picture
from neurontology.ontology.errors import DataError, UsageError
from PIL import Image

OPERATORS = (
    *("nms", "qnms", "roi_align", "qroi_align", "_roi_align_backward", "ps_roi_align", "_ps_roi_align_backward"),
    *("roi_pool", "_roi_pool_backward", "ps_roi_pool", "_ps_roi_pool_backward"),
    *("deform_conv2d", "_deform_conv2d_backward"),
)


class Evil:
    """What unpickling would do if weights were loaded carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def no_training() -> Training:
    raise AssertionError("not asked for")


def declare_operators() -> torch.library.Library | None:
    """Declare torchvision's operators where its compiled ones do not load."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as problem:
        assert "operator torchvision::nms does not exist" in str(problem)
    else:
        return None
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for name in OPERATORS:
        library.define(f"{name}(Tensor a) -> Tensor")
    return library


def check(folder: Path) -> None:
    """A model saved and read back: cosines are those of the model itself, and bad weights are named."""
    import open_clip

    vision = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    (folder / "tiny-test.json").write_text(json.dumps({"embed_dim": 6, "vision_cfg": vision, "text_cfg": text}))
    open_clip.add_model_config(folder / "tiny-test.json")
    torch.manual_seed(0)
    network, _, transform = open_clip.create_model_and_transforms("tiny-test")
    network.eval()
    weights = folder / "weights.pt"
    torch.save(network.state_dict(), weights)
    scorer = load_scorer(f"open_clip:tiny-test@{weights}", no_training)
    assert scorer.name == "open_clip tiny-test"
    rng = np.random.default_rng(0)
    shown = [Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)) for _ in range(3)]
    words = ["red", "door", "a very long thing with many words"]
    found = scorer.pictures([Picture("x", lambda one=one: one) for one in shown]) @ scorer.texts(words).T
    with torch.inference_mode():
        seen = network.encode_image(torch.stack([transform(one) for one in shown]), normalize=True)
        read = network.encode_text(
            open_clip.get_tokenizer("tiny-test")([f"a photo of a {word}" for word in words]), normalize=True
        )
    np.testing.assert_allclose(found, (seen @ read.T).numpy(), atol=1e-5)
    assert scorer.pictures([]).shape[0] == 0
    with pytest.raises(UsageError, match=r"open_clip has no model 'tiny-tset'.*tiny-test"):
        load_scorer(f"open_clip:tiny-tset@{weights}", no_training)
    # Weights of another architecture, no weights at all, and a pickle that would run code.
    (folder / "broken.pt").write_bytes(b"no weights")
    torch.save({"visual.proj": torch.zeros(2, 2)}, folder / "other.pt")
    (folder / "evil.pt").write_bytes(pickle.dumps(Evil(folder / "owned"), protocol=2))
    for name in ("broken", "other", "evil"):
        with pytest.raises(DataError, match=rf"weights cannot be read.*{name}.pt|{name}.pt.*weights cannot be read"):
            load_scorer(f"open_clip:tiny-test@{folder / f'{name}.pt'}", no_training)
    assert not (folder / "owned").exists()


if __name__ == "__main__":
    declared = declare_operators()
    check(Path(sys.argv[1]))
    print("operators declared" if declared is not None else "torchvision fits")
