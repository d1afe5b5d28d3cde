"""The page on extensions is followed, file by file and command by command, and prints what it says it prints."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
JAVA = shutil.which("java") is not None


def same(shown: str, printed: str) -> bool:
    """Words are equal; … stands for what differs between machines, and rules are as long as their tables."""
    start, elided, end = shown.partition("…")
    if elided:
        return printed.startswith(start) and printed.endswith(end)
    return shown == printed or (set(shown) == {"─"} == set(printed))


def test_the_page_prints_what_it_shows(folder: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    environment = {**os.environ, "COLUMNS": "160", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    seen = 0
    for block in re.finditer(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        language, content = block.groups()
        if language != "console":
            # The file is the last one that the text before the block names.
            name = re.findall(r"`(\w+\.(?:ttl|csv|py))`", text[: block.start()])[-1]
            (folder / name).write_text(content, encoding="utf-8")
            continue
        for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if "kb check" in command and not JAVA:
                continue
            result = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
                check=False,
            )
            # `head` closes the pipe early; findings and classes without instances end a command with 1.
            assert result.returncode in (0, 1, 141), f"{command}\n{result.stderr}"
            assert "Traceback" not in result.stderr, result.stderr
            shown, printed = output.split(), result.stdout.split()
            assert len(shown) == len(printed), f"{command}\n{result.stdout}{result.stderr}"
            for a, b in zip(shown, printed, strict=True):
                assert same(a, b), f"{command}\nshows {a!r}, printed {b!r}\n{result.stdout}"
            seen += 1
    assert seen >= (18 if JAVA else 15)
