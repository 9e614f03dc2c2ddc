"""A scheduling policy that is not in the tree: one header, named on the command line, of which builds
of their own are made (docs/write-a-scheduler.md).

There is one folder for all headers, so that little is compiled anew for the next one. A command that
builds there has it alone until it ends: what it runs is what it has built, as often as it does.
"""

import fcntl
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from . import policies, setup
from .errors import ToolError
from .paths import ROOT, preset_folder
from .ui import Waiting

_held: dict[Path, TextIO] = {}  # locks of folders: this command's until it ends


@dataclass(frozen=True)
class PolicyHeader:
    """`type` is its class, in async::policy; `name` what that calls itself."""

    path: Path
    type: str
    name: str


def parse(text: str) -> PolicyHeader:
    """FILE:CLASS. Raises ValueError."""
    file, _, type = text.rpartition(":")
    if not re.fullmatch(r"\w+", type) or not Path(file).is_file():
        raise ValueError(f"'{text}' is not FILE:CLASS, with a file that is there")
    source = Path(file).read_text(errors="replace")
    found = re.search(rf'\bclass {type}\b.*?\bchar\* name = "([\w.-]+)";', source, re.DOTALL)
    if not found:
        raise ValueError(f"'{text}': no class {type} with a `static constexpr const char* name`")
    if found[1] in policies.known():
        raise ValueError(f"'{text}': there is a policy '{found[1]}' already, and names are one's own")
    return PolicyHeader(Path(file).resolve(), type, found[1])


def build(header: PolicyHeader, preset: str, target: str, *options: str) -> Path:
    """The folder of that preset's build with the header in it. No other command changes it before
    this one has ended."""
    setup.ensure_for(preset)
    folder = preset_folder(f"policy-{preset}")
    _hold(folder)
    configure = ["cmake", "--preset", preset, "-B", folder, *options]
    configure += [f"-DCOTRAP_POLICY_HEADER={header.path}", f"-DCOTRAP_POLICY_CLASS={header.type}"]
    with Waiting(f"building {target} with {header.path.name}", lines=True):
        for command in (configure, ["ninja", "--quiet", "-C", folder, target]):
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, errors="replace"
            )
            if done.returncode != 0:
                raise ToolError(f"{header.path} does not build:\n{done.stdout}{done.stderr}")
    return folder


def _hold(folder: Path) -> None:
    if folder in _held:
        return  # a second lock would wait for the first
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / ".cotrap-lock", "w")
    with Waiting(f"another command with --policy-header uses {folder}", lines=True):
        fcntl.flock(lock, fcntl.LOCK_EX)
    _held[folder] = lock
