"""What HTML pages have in common: templates that escape, one style, a policy that forbids the network."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ..bridge.packages import import_package
from . import report_wording as wording

if TYPE_CHECKING:
    from jinja2 import Environment

#: Runs before the page is read, so that what is not needed at first is never laid out.
_EARLY_SCRIPT: Final = 'document.documentElement.classList.add("script")'


def page_environment() -> Environment:
    """Set up the templates, which escape whatever they are given.

    Raises
    ------
    MissingDependencyError
        Jinja2 is not installed.
    """
    jinja2 = import_package("jinja2", "a report", "'neurontology[report]'")
    environment: Environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("count", "counted", "decimal", "short", "percent", "probability", "score_name", "setting"):
        environment.filters[word] = getattr(wording, word)
    return environment


def page_parts(script_name: str) -> dict[str, Any]:
    """Style and scripts that `page.html` wants, with the digests by which its security policy knows them."""
    from markupsafe import Markup

    style, script = _template("report.css"), _template("page.js") + _template(script_name)
    parts = {"style": style, "script": script, "early_script": _EARLY_SCRIPT}
    return {
        **{name: Markup(text) for name, text in parts.items()},
        **{f"{name}_digest": _csp_digest(text) for name, text in parts.items()},
    }


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _csp_digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
