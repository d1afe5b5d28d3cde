"""`images`: images of concepts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, Timeout
from .terminal import print_json, print_table, progress_bar, say, warn

if TYPE_CHECKING:
    pass


def fetch_concept_images(
    out: Annotated[Path, typer.Option("--out", help="Folder to make, or to complete after an interruption.")],
    concepts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONCEPT", help="Categories of Commons; NAME=CATEGORY where a folder shall be called otherwise."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Fetch for the classes in the best labels of this run, too.")
    ] = None,
    kb: Annotated[
        Path | None,
        typer.Option("--kb", help="Check that each name is a class here; with --run the run's by default."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Images of each concept.")] = 50,
    depth: Annotated[int, typer.Option(min=0, help="Levels of sub-categories to look at.")] = 1,
    width: Annotated[
        int, typer.Option(min=0, help="Pixels of the renditions, or the next larger ones; 0 for the files themselves.")
    ] = 500,
    candidates: Annotated[int, typer.Option(min=1, help="Files of each concept to choose among at random.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 0,
    min_side: Annotated[int, typer.Option(min=1, help="Pixels that the smaller side must have.")] = 200,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Largest download.")] = 20,
    contact: Annotated[
        str | None,
        typer.Option(
            envvar="NEURONTOLOGY_CONTACT", help="Address of mail or of the web that is sent along, as Wikimedia asks."
        ),
    ] = None,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two requests.")] = 1.0,
    timeout: Timeout = 60,
    api: Annotated[str | None, typer.Option(help="api.php of another wiki; that of Commons by default.")] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out concepts that have no category, and list them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch images from Wikimedia Commons, a sub-folder for each concept, as `verify --images` reads them."""
    from dataclasses import asdict

    from ..analysis.wanted_concepts import wanted_concepts
    from ..bridge.attribution import TABLE
    from ..bridge.commons import API
    from ..bridge.image_fetch import FetchSettings, fetch_images
    from ..bridge.mediawiki import Wiki
    from ..bridge.run import open_run
    from ..bridge.web import Web
    from ..ontology.kb import KB

    labelled = None if run is None else open_run(run)
    known = kb or (None if labelled is None else Path(labelled.config.kb))
    asked = wanted_concepts(concepts or [], run=labelled, kb=None if known is None else KB.open(known))
    if contact is None:
        warn("without --contact Wikimedia may refuse, since it asks who fetches")
    with progress_bar("images") as progress:
        found = fetch_images(
            asked,
            out,
            Wiki(api or API, Web(contact, pause=pause, timeout=timeout)),
            limit=limit,
            settings=FetchSettings(
                width=width or None,
                depth=depth,
                candidates=candidates,
                seed=seed,
                min_side=min_side,
                max_bytes=round(max_megabytes * 2**20),
            ),
            skip_missing=skip_missing,
            progress=progress,
        )
    for one in found:
        if one.category is None:
            warn(f"{one.concept} has no category; near it: {', '.join(one.near) or 'none'}")
        elif one.images < limit:
            warn(f"{one.concept} has {one.images} images, not {limit}: {one.category} has no more that can be used")
    if as_json:
        return print_json(
            {"out": str(out), "attribution": str(out / TABLE), "concepts": [asdict(one) for one in found]}
        )
    print_table(
        ("concept", "category", "images", "new", "left out"),
        [
            (
                one.concept,
                one.category or "none",
                one.images,
                one.fetched,
                ", ".join(f"{count} {reason}" for reason, count in one.left_out.items()),
            )
            for one in found
        ],
    )
    say(f"authors and licences are in {out / TABLE}")
