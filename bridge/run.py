"""A labelling run: its configuration, its labels, and the directory that keeps both."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..ontology.errors import DataError, UsageError
from ..ontology.expression import ClassExpression
from ..ontology.kb import KB
from ..ontology.names import bracketed, unbracketed
from ..ontology.staging import building, refuse_existing
from ..ontology.syntax import parse
from ..ontology.syntax.manchester import render as manchester
from ..reasoner.learning import InductionOptions
from ..reasoner.solution_record import SolutionWriter, induction_record
from .activations import Activations
from .example_rules import Thresholds
from .fingerprint import Fingerprint
from .labelling import JoinedImages, UnitLabel

FORMAT = 1


@dataclass(frozen=True)
class RunConfig:
    """Everything that the labels of a run depend on.

    Attributes
    ----------
    kb, kb_digest, dataset
        Knowledge base, digest of its knowledge, data set whose individuals the images are.
    activations, activations_digest
        Activation directory and digest of its content.
    model, weight_digest, layer, reduction
        Where the activations come from.
    units
        The units labelled, or None for the whole layer.
    thresholds, options
        How examples were chosen and how was searched.
    """

    kb: str
    kb_digest: str
    dataset: str
    activations: str
    activations_digest: str
    model: str
    weight_digest: str
    layer: str
    reduction: str
    units: tuple[int, ...] | None
    thresholds: Thresholds
    options: InductionOptions


@dataclass(frozen=True)
class Run:
    """A run as read back from its directory.

    Attributes
    ----------
    path
        The directory.
    digest
        SHA-256 over configuration and labels, without paths and times.
    config
        What the labels depend on.
    started, elapsed_seconds
        When, ISO 8601, and how long.
    software
        Versions of what took part.
    images
        Number of images with activations and annotations.
    missing
        Ids of the images that had no annotation.
    units
        The unit records, as ``label --json`` prints them, with ``expression`` (Manchester syntax, full IRIs) in
        each solution.
    fingerprints
        What the solutions of each labelled unit depend on.
    """

    path: Path
    digest: str
    config: RunConfig
    started: str
    elapsed_seconds: float
    software: dict[str, str]
    images: int
    missing: tuple[str, ...]
    units: tuple[dict[str, Any], ...]
    fingerprints: dict[int, Fingerprint] = field(default_factory=dict)

    def best_expression(self, unit: dict[str, Any]) -> ClassExpression | None:
        """Class expression of a unit's first solution, or None when it has no label."""
        return read_expression(unit["solutions"][0]["expression"]) if unit["solutions"] else None


@dataclass(frozen=True)
class KeptLabel:
    """Label of an earlier run that still holds.

    Attributes
    ----------
    record
        Its record, as :func:`unit_record` made it.
    fingerprint
        What it depends on; None for a unit without a label.
    """

    record: dict[str, Any]
    fingerprint: Fingerprint | None

    @property
    def unit(self) -> int:
        """Index in the layer."""
        return int(self.record["unit"])

    @property
    def proved(self) -> bool:
        """Whether the solutions are proved to be the best."""
        return bool(self.record.get("proved_optimal"))


def write_expression(expression: ClassExpression) -> str:
    """Write an expression in Manchester syntax with full IRIs, so that it can be read without a context."""
    return manchester(expression, bracketed)


def read_expression(text: str) -> ClassExpression:
    """Read what :func:`write_expression` wrote."""
    return parse(text, "manchester", unbracketed)


def save_run(
    out: str | Path,
    kb: KB,
    activations: Activations,
    joined: JoinedImages,
    labels: Sequence[UnitLabel | KeptLabel],
    *,
    units: Sequence[int] | None,
    thresholds: Thresholds,
    options: InductionOptions,
    started: datetime,
    elapsed_seconds: float,
    record: Callable[[Run], object] | None = None,
) -> Run:
    """Write a run into a new directory: ``run.json``, ``labels.json``, ``labels.csv``, ``fingerprints.json``.

    `record` is called when the files are written and before the directory takes its place, to write the run into
    the knowledge base. If it fails, there is no directory either; and what is interrupted after it can be run again,
    since a recorded run is recorded only once.

    Raises
    ------
    UsageError
        The directory exists and is not empty.
    """
    out = Path(out)
    refuse_existing(out)
    config = RunConfig(
        kb=str(kb.path.resolve() if kb.path else ""),
        kb_digest=kb.digest,
        dataset=joined.dataset,
        activations=str(Path(activations.path).resolve()),
        activations_digest=activations_digest(activations),
        model=activations.meta.model,
        weight_digest=activations.meta.weights_sha256 or "",
        layer=activations.meta.layer,
        reduction=activations.meta.reduce,
        units=None if units is None else tuple(units),
        thresholds=thresholds,
        options=options,
    )
    writer = label_writer(kb)
    records = tuple(label.record if isinstance(label, KeptLabel) else unit_record(label, writer) for label in labels)
    run = Run(
        path=out,
        digest=_digest(asdict(config), records),
        config=config,
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        elapsed_seconds=elapsed_seconds,
        software=software(),
        images=len(joined.images),
        missing=joined.missing,
        units=records,
        fingerprints={label.unit: label.fingerprint for label in labels if label.fingerprint is not None},
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with building(out) as folder:
        (folder / "run.json").write_text(_dump(_header(run)), encoding="utf-8")
        (folder / "labels.json").write_text(_dump({"units": records}), encoding="utf-8")
        (folder / "fingerprints.json").write_text(
            _dump({unit: astuple(fingerprint) for unit, fingerprint in run.fingerprints.items()}), encoding="utf-8"
        )
        _write_csv(folder / "labels.csv", run)
        if record is not None:
            record(run)
    return run


def open_run(path: str | Path) -> Run:
    """Read a run's directory.

    Raises
    ------
    UsageError
        The path is not a run.
    DataError
        A file of the run is broken, or does not fit its digest.
    """
    path = Path(path)
    if not (path / "run.json").is_file():
        what = "is not a labelling run" if path.exists() else "does not exist"
        raise UsageError(
            what,
            where=path,
            expected="a directory with run.json and labels.json, made by `neurontology label`",
        )
    try:
        header = json.loads((path / "run.json").read_text(encoding="utf-8"))
        units = tuple(json.loads((path / "labels.json").read_text(encoding="utf-8"))["units"])
        # Runs of earlier versions lack the file; all their units are induced again by an update.
        kept = path / "fingerprints.json"
        fingerprints = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        stored = header["config"]
        config = RunConfig(
            **{
                **stored,
                "units": None if stored["units"] is None else tuple(stored["units"]),
                "thresholds": Thresholds(**stored["thresholds"]),
                "options": InductionOptions(
                    **{**stored["options"], "operators": tuple(stored["options"]["operators"])}
                ),
            }
        )
        run = Run(
            path=path,
            digest=header["digest"],
            config=config,
            started=header["started"],
            elapsed_seconds=header["elapsed_seconds"],
            software=header["software"],
            images=header["images"],
            missing=tuple(header["missing"]),
            units=units,
            fingerprints={int(unit): Fingerprint(*parts) for unit, parts in fingerprints.items()},
        )
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        if isinstance(error, FileNotFoundError):
            what = f"{Path(error.filename).name} is missing"
        else:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"is a broken run ({what})", where=path, hint="label again") from error
    # The configuration as it was stored: one of an earlier version lacks the options that came later.
    if _digest(stored, units) != run.digest:
        raise DataError(
            "the labels were changed after the run",
            where=path / "labels.json",
            expected=f"content with the digest {run.digest[:16]}",
            hint="label again",
        )
    return run


def label_writer(kb: KB) -> SolutionWriter:
    """Writer of a run's labels, which are about images."""
    return SolutionWriter(kb.names, subject="image")


def unit_record(label: UnitLabel, writer: SolutionWriter) -> dict[str, Any]:
    """Record of a unit with the keys of ``label --json``, and each solution's expression with full IRIs."""
    record: dict[str, Any] = {
        "unit": label.unit,
        "positives": label.positives,
        "negatives": label.negatives,
        "maximum": label.maximum,
        "status": label.status,
    }
    if label.induction is None:
        return {**record, "solutions": []}
    induced = induction_record(label.induction, writer)
    for solution, found in zip(induced["solutions"], label.induction.solutions, strict=True):
        solution["expression"] = write_expression(found.expression)
    for solution, said in zip(induced["solutions"], label.entailment, strict=False):
        solution["entailment"] = said.to_json()
    # How long a search took is no property of a label: records of equal labels shall be equal.
    del induced["elapsed_seconds"]
    return {**record, **induced}


def activations_digest(activations: Activations) -> str:
    """SHA-256 over what labels can depend on: the values, the images, the split, the layer and its model."""
    meta = activations.meta
    content = (
        meta.activations_sha256,
        meta.manifest_sha256,
        meta.model,
        meta.weights_sha256,
        meta.layer,
        meta.reduce,
        meta.seed,
        meta.holdout,
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def software() -> dict[str, str]:
    """Versions of Python and of the packages that take part in a run."""
    packages = ("numpy", "numba", "scipy", "pyoxigraph", "torch")
    versions = {"python": platform.python_version(), "neurontology": __version__}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _header(run: Run) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": run.digest,
        "config": asdict(run.config),
        "started": run.started,
        "elapsed_seconds": run.elapsed_seconds,
        "software": run.software,
        "images": run.images,
        "missing": run.missing,
    }


def _digest(config: dict[str, Any], units: Sequence[dict[str, Any]]) -> str:
    content = dict(config)
    # The same inputs elsewhere on disk are the same inputs.
    del content["kb"], content["activations"]
    text = json.dumps([content, list(units)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _dump(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write_csv(path: Path, run: Run) -> None:
    """Write layer, unit, description, similarity, the columns of CLIP-Dissect that evaluators read, and ours."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("layer", "unit", "description", "similarity", "status", "permutation_p"))
        for unit in run.units:
            best = unit["solutions"][0] if unit["solutions"] else None
            writer.writerow(
                (
                    run.config.layer,
                    unit["unit"],
                    best["english"] if best else "",
                    best[run.config.options.score] if best and run.config.options.score in best else "",
                    unit["status"],
                    unit.get("permutation_p"),
                )
            )
