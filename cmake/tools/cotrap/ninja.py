"""Runs ninja and shows its progress. On a terminal it is one line that changes, elsewhere a line every
30 seconds."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from . import host_memory
from .ui import Waiting, say

_STATUS = re.compile(r"\[(\d+)/(\d+)\] ")
_NOISE = re.compile(
    r"-- |ninja: (no work to do|Entering directory|build stopped)|"
    r"\[0/\d+\] Re-checking globbed"
)


def run(
    what: str,
    folder: Path,
    *targets: str,
    message: Callable[[str], object],
    report: Callable[[str], object] | None = None,
    jobs: int | None = None,
) -> int:
    """Builds the targets in the folder, by default all. Returns ninja's exit status. what: the text of the
    progress. message: a function that gets each line that is not progress, such as a compiler's messages.
    report: a function that gets the progress instead of the terminal. jobs: how many compilers run at once;
    ninja chooses without it."""
    progress = ""
    with (
        nullcontext() if report else Waiting(lambda: f"{what}{progress}", show_after=0.3, lines=True),
        subprocess.Popen(
            ["ninja", *([] if jobs is None else ["-j", str(jobs)]), "-C", folder, *targets],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=host_memory.large_pieces() | {"NINJA_STATUS": "[%f/%t] "},
            text=True,
            errors="replace",
        ) as ninja,
    ):
        for line in ninja.stdout:
            if _NOISE.match(line):
                continue
            if status := _STATUS.match(line):
                if not progress and not sys.stderr.isatty():
                    say(what)
                progress = f", {status[1]} of {status[2]}"
                if report:
                    report(f"{what}{progress}")
            else:
                message(line)
    return ninja.returncode
