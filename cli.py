"""The command line: parses, calls, prints. Everything it does can be done from Python with the same words."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Sequence
from copy import copy
from types import TracebackType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from . import __version__
from .commands import build, experiments, images, induction, kb, labelling, methods, network, publishing, verification
from .commands.terminal import say
from .ontology.errors import NeurontologyError, of_system

_log = logging.getLogger(__name__)


# The classes of typer's own copy of click have no public names, hence Any in these two.
class _Command(TyperCommand):
    """A command that says so if an option is given several times, of which the last one counts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        parser: Any = self.make_parser(ctx)
        _, _, given = parser.parse_args(args=list(args))
        for option in dict.fromkeys(given):
            single = option.param_type_name == "option" and not (option.is_flag or option.multiple or option.count)
            if single and given.count(option) > 1:
                _log.warning("%s is given %d times: the last one counts", option.opts[0], given.count(option))
        return super().parse_args(ctx, args)


class _DefaultCommand(TyperGroup):
    """A group whose first argument may be something else than a command: then `extract` is meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["extract", *args]
        return super().resolve_command(ctx, args)


def _typer(help_text: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        cls=cls,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


app = _typer("Name the hidden neurons of a network with concepts of a knowledge graph.")
kb_app = _typer("Build, fill, inspect and export knowledge bases.")
build_app = _typer("Build a knowledge base from a source.")
activations_app = _typer("Extract a layer's activations on images, or import them.", _DefaultCommand)
images_app = _typer("Get images of concepts.")
app.add_typer(kb_app, name="kb")
kb_app.add_typer(build_app, name="build")
app.add_typer(activations_app, name="activations")
app.add_typer(images_app, name="images")

build_app.command("owl", cls=_Command)(build.build_owl)
build_app.command("wikipedia", cls=_Command)(build.build_wikipedia)
build_app.command("skos", cls=_Command)(build.build_skos)
build_app.command("wordnet", cls=_Command)(build.build_wordnet)
build_app.command("sparql", cls=_Command)(build.build_sparql)
kb_app.command("annotate", cls=_Command)(kb.annotate_kb)
kb_app.command("link", cls=_Command)(kb.link_names)
kb_app.command("info", cls=_Command)(kb.kb_info)
kb_app.command("export", cls=_Command)(kb.export_kb)
kb_app.command("extend", cls=_Command)(kb.extend_kb)
kb_app.command("retract", cls=_Command)(kb.retract_extension)
kb_app.command("check", cls=_Command)(kb.check_kb)
activations_app.command("extract", cls=_Command)(network.extract_activations)
activations_app.command("import", cls=_Command)(network.import_activations)
images_app.command("fetch", cls=_Command)(images.fetch_concept_images)
app.command("layers", cls=_Command)(network.show_layers)
app.command("induce", cls=_Command)(induction.induce_expression)
app.command("label", cls=_Command)(labelling.label_layer)
app.command("verify", cls=_Command)(verification.verify_labels)
app.command("verify-table", cls=_Command)(verification.verify_published)
app.command("facets", cls=_Command)(methods.show_facets)
app.command("describe", cls=_Command)(methods.describe_units)
app.command("baselines", cls=_Command)(experiments.compare_baselines)
app.command("agree", cls=_Command)(methods.compare_methods)
app.command("ablate", cls=_Command)(methods.ablate_concepts)
app.command("sweep", cls=_Command)(experiments.sweep_settings)
app.command("bands", cls=_Command)(experiments.label_by_bands)
app.command("ensembles", cls=_Command)(experiments.compare_ensembles)
app.command("across", cls=_Command)(experiments.label_across)
app.command("compare", cls=_Command)(experiments.compare_several_runs)
app.command("sparql", cls=_Command)(publishing.run_sparql)
app.command("serve", cls=_Command)(publishing.serve_kb)
app.command("push", cls=_Command)(publishing.push_run)
app.command("report", cls=_Command)(publishing.write_report)
app.command("demo", cls=_Command)(publishing.run_demo)


@app.callback(epilog="--debug anywhere shows the traceback of an error.", invoke_without_command=False)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    pass


_EXTRAS = {"torch": "models", "PIL": "torch", "jinja2": "report", "matplotlib": "facets", "sklearn": "facets"}
"""Extra that brings an optional package."""


class _Warnings(logging.Handler):
    """Writes to standard error as it is then: a progress bar puts another in its place, which keeps lines apart."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def _report_defect(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Say in one paragraph what nobody foresaw; Python then exits with 1."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.stderr.write(
            f"error: {kind.__name__}: {error}. This is a defect of neurontology: please report it with the "
            "output of the same command and --debug.\n"
        )


def _part(name: str) -> typer.Typer:
    """The app with the one command or group of this name, or all of it: making all takes a tenth of a short call."""
    part = copy(app)
    part.registered_commands = [command for command in app.registered_commands if command.name == name]
    part.registered_groups = [group for group in app.registered_groups if group.name == name]
    return part if part.registered_commands or part.registered_groups else app


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the call was wrong."""
    if arguments is None:
        # A process of our own. Imports make many objects that stay; looking for cycles among them again and again took
        # a tenth of a command.
        gc.set_threshold(200_000)
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"]
    if given == ["--version"]:
        say(f"neurontology {__version__}")
        sys.exit(0)
    logging.addLevelName(logging.WARNING, "warning")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", handlers=[_Warnings()])
    if not debug:
        sys.excepthook = _report_defect
    if hasattr(signal, "SIGPIPE") and given[:1] not in (["serve"], ["push"]):
        # `neurontology … | head` ends quietly, like any command; the two that hold connections must survive a
        # peer that closes one.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        # Not app(...): that would put the traceback printer of typer in the place of ours.
        typer.main.get_command(_part(given[0]) if given else app)(given, prog_name="neurontology")
    except NeurontologyError as error:
        if debug:
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if debug:
            raise
        sys.stderr.write(f"error: {of_system(error)}\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        if debug or error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        sys.stderr.write(
            f"error: this needs the package {error.name}, which is not installed. "
            f"Run `pip install 'neurontology[{extra}]'`.\n"
        )
        sys.exit(1)
    sys.exit(0)
