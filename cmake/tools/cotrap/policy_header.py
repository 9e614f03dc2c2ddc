"""A scheduling policy of the user: a header that `--policy-header` names. The command makes a build of
its own with it (docs/write-a-scheduler.md).

All headers share one build folder per preset, so that another header compiles little. A command holds
the folder's lock until it ends, so that no other command replaces the build while it runs.
"""

import fcntl
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from . import ninja, policies, setup
from .errors import ToolError
from .paths import ROOT, preset_folder
from .ui import Waiting

_held: dict[Path, TextIO] = {}  # by folder: the open lock file; this command holds it until it ends


@dataclass(frozen=True)
class PolicyHeader:
    """type: the policy's class, in async::policy. name: its constant `name`."""

    path: Path
    type: str
    name: str


def parse(text: str) -> PolicyHeader:
    """text: FILE:CLASS. Raises ValueError with a message for the user."""
    file, _, type = text.rpartition(":")
    if not re.fullmatch(r"\w+", type) or not Path(file).is_file():
        raise ValueError(f"'{text}' is not FILE:CLASS with an existing file")
    source = Path(file).read_text(errors="replace")
    found = re.search(rf'\bclass {type}\b.*?\bchar\* name = "([\w.-]+)";', source, re.DOTALL)
    if not found:
        raise ValueError(f"'{text}': the file has no class {type} with a `static constexpr const char* name`")
    if found[1] in policies.known():
        raise ValueError(f"'{text}': there is a policy '{found[1]}' already: choose another name")
    return PolicyHeader(Path(file).resolve(), type, found[1])


def build(header: PolicyHeader, preset: str, target: str, *options: str) -> Path:
    """Builds the target of the preset with the header's policy. Returns the build folder, which no other
    command changes until this one ends."""
    setup.ensure_for(preset)
    folder = preset_folder(f"policy-{preset}")
    _hold(folder)
    configure = ["cmake", "--preset", preset, "-B", folder, *options]
    configure += [f"-DCOTRAP_POLICY_HEADER={header.path}", f"-DCOTRAP_POLICY_CLASS={header.type}"]
    configure.append(f"-DCOTRAP_POLICY_NAME={header.name}")
    name = f"{target} with {header.path.name}"
    with Waiting(f"configuring {name}", lines=True):
        done = subprocess.run(configure, cwd=ROOT, capture_output=True, text=True, errors="replace")
    messages, status = [done.stdout, done.stderr], done.returncode
    if status == 0:
        messages = []
        status = ninja.run(f"building {name}", folder, target, message=messages.append)
    if status != 0:
        raise ToolError(f"{header.path} does not build:\n{''.join(messages)}")
    return folder


def _hold(folder: Path) -> None:
    if folder in _held:
        return  # this command holds it already; a second lock would wait for ever
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / ".cotrap-lock", "w")
    with Waiting(f"another command with --policy-header uses {folder}", lines=True):
        fcntl.flock(lock, fcntl.LOCK_EX)
    _held[folder] = lock
