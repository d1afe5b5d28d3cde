"""Links between the pages lead somewhere, and the pages speak of commands that exist."""

import re
from pathlib import Path

import click
import pytest
import typer
from neurontology.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_local_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:docs|benchmarks|examples|tests)/[\w./-]+\.\w+)`", text):
        assert (ROOT / target).exists(), target


def commands() -> dict[str, set[str]]:
    """The options of each command, by its words."""
    found: dict[str, set[str]] = {}

    def walk(command: click.Command, words: tuple[str, ...]) -> None:
        for name, part in getattr(command, "commands", {}).items():
            walk(part, (*words, name))
        if not hasattr(command, "commands"):
            options = {
                option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            found[" ".join(words)] = {"--help", *(option for option in options if option.startswith("--"))}

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = commands()


def command_in(words: list[str]) -> str | None:
    """The longest command that words begin with; `activations MODEL` is short for one."""
    starts = (" ".join(words[:length]) for length in (3, 2, 1))
    short = "activations extract" if words[:1] == ["activations"] else None
    return next((start for start in starts if start in COMMANDS), short)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_and_options_that_are_shown_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ").replace("\\|", " ")
    lines = re.findall(r"^(?:\$ )?(neurontology .*)$", text, re.MULTILINE)
    for shown in [*re.findall(r"`([^`\n]+)`", text), *lines]:
        words = shown.split("|")[0].split("#")[0].split()
        called = words[:1] == ["neurontology"] and len(words) > 1 and words[1].islower()
        command = command_in(words[called:])
        assert command is not None or not called, shown
        if command is not None:
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words))) <= COMMANDS[command], shown


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = (command.removesuffix(" extract") for command in COMMANDS)
    assert [command for command in named if re.search(rf"`(?:neurontology |make )?{command}[ `]", text) is None] == []


def test_every_command_takes_json_as_the_readme_says() -> None:
    assert [command for command, options in COMMANDS.items() if "--json" not in options] == []
