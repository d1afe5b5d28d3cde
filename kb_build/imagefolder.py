"""Image folders: one folder for each class, as torchvision's ``ImageFolder`` reads them."""

from __future__ import annotations

from pathlib import Path

from ..ontology.errors import DataError, UsageError
from .annotation import AnnotatedImage, BadFile, image_id, is_image, refuse_broken


def read_imagefolder(root: str | Path, *, skip_bad: bool = False) -> tuple[list[AnnotatedImage], list[BadFile]]:
    """Read the classes of images from their folders: ``root/CLASS/…/image.jpg``.

    The class is the folder directly below the root; underscores in its name stand for spaces. There are no
    objects. The images themselves are not opened.

    Parameters
    ----------
    root
        The folder. Names that begin with a dot are left out.
    skip_bad
        Leave empty files, empty classes and images outside a class folder out and list them.

    Returns
    -------
    images
        By id, the file's stem; `scene` is the class.
    bad
        What was left out; empty unless `skip_bad`.

    Raises
    ------
    UsageError
        The folder does not exist or holds no image in a class folder.
    DataError
        A file is empty, a class has no image, an image is in no class folder, or images of two classes have
        the same file stem.
    """
    root = Path(root)
    if not root.is_dir():
        raise UsageError("the folder does not exist", where=root, expected="a folder with one folder a class")
    found: dict[str, tuple[Path, AnnotatedImage]] = {}
    bad: list[BadFile] = []
    for entry in sorted(root.iterdir()):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            if is_image(entry.name):
                bad.append(BadFile(str(entry), "is in no class folder"))
            continue
        files = [f for f in sorted(entry.rglob("*")) if is_image(f.name) and not f.name.startswith(".")]
        if not files:
            bad.append(BadFile(str(entry), "holds no image"))
        for file in files:
            if not file.stat().st_size:
                bad.append(BadFile(str(file), "is empty"))
                continue
            image = AnnotatedImage(image_id(file.name), entry.name.replace("_", " "), ())
            known = found.get(image.id)
            if known is not None and known[1].scene != image.scene:
                raise DataError(
                    f"has the same file stem as {known[0]}",
                    where=file,
                    expected="one image per file stem, which is its id",
                    hint="rename one of them",
                )
            found[image.id] = (file, image)
    refuse_broken(bad, root, what="image or class folder", skip_bad=skip_bad)
    if not found:
        raise UsageError("holds no image in a class folder", where=root, expected="files such as CLASS/image.jpg")
    return [found[key][1] for key in sorted(found)], bad
