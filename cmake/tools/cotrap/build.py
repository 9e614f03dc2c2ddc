"""Configures and builds a preset, saying what takes long and nothing when nothing is to be done."""

import fcntl
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from . import hosted, policy_header, setup
from .errors import ToolError, UsageError
from .paths import MACHINES, ROOT, SANITIZED, Build, preset_folder
from .ui import Waiting, say

# A target: as much of a build as there is without compiling anything.
CONFIGURED = "build.ninja"

# Targets: the programs in the boot archive, whatever else system tests boot, and both kernels.
PROGRAMS = "cotrap_programs"
TEST_PROGRAMS = "cotrap_test_programs"
KERNELS = "cotrap_kernels"

KERNEL_PRESETS = (
    "riscv64-release",
    "riscv64-debug",
    "riscv64-trampoline",
    "riscv64-handler",
    "hosted-release",
    "hosted-asan",
    "hosted-tsan",
)

_STATUS = re.compile(r"\[(\d+)/(\d+)\] ")
_NOISE = re.compile(
    r"-- |ninja: (no work to do|Entering directory|build stopped)|"
    r"\[0/\d+\] Re-checking globbed"
)


def ready(name: str, *targets: str) -> Build:
    """The build a command runs: a preset, which is brought up to date, or a folder as it is."""
    if name in KERNEL_PRESETS:
        return Build(make(name, *targets))
    if not os.path.isdir(name):
        raise UsageError(f"--build {name}: neither a folder nor one of {', '.join(KERNEL_PRESETS)}")
    return Build(Path(name).resolve())


def chosen(arguments, *targets: str) -> Build:
    """The build that --machine, --build and --self-tests select."""
    hosted.check(arguments)
    preset = MACHINES[arguments.machine]
    if arguments.sanitize:
        if arguments.machine != "hosted" or arguments.build:
            raise UsageError("--sanitize is for `--machine hosted`, and is a build of its own")
        preset = SANITIZED[arguments.sanitize]
    if arguments.policy_header:
        if arguments.build:
            raise UsageError("--policy-header is a build of its own: no --build")
        built = _with_policy(arguments.policy_header, preset)
    else:
        built = ready(arguments.build or preset, *targets)
    if targets != (CONFIGURED,) and built.is_hosted != (arguments.machine == "hosted"):
        if arguments.machine == "hosted":
            raise UsageError(f"--build {arguments.build}: not a build for the hosted machine")
        arguments.machine = "hosted"
        hosted.check(arguments)
    return replace(built, self_tests=arguments.self_tests)


def _with_policy(header: policy_header.PolicyHeader, preset: str) -> Build:
    """That preset's kernels with one more policy, and the programs that the preset has."""
    programs = ready(preset, PROGRAMS).folder
    options = f"-DCOTRAP_PROGRAMS_OF={programs}"
    return Build(policy_header.build(header, preset, KERNELS, options))


def make(preset: str, *targets: str) -> Path:
    """Brings the targets of a preset up to date (all of them by default). In a tree that cannot be
    written to the build is used as it is: its sources cannot have changed either."""
    setup.ensure_for(preset)
    folder = preset_folder(preset)
    if not os.access(ROOT, os.W_OK) and not os.access(folder, os.W_OK):
        if _is_stale(folder):
            raise ToolError(f"{preset} is not built, and nothing can be written to {folder}")
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder, preset):
        if _is_stale(folder):
            _configure(preset)
        _compile(preset, folder, targets)
    return folder


def _is_stale(folder: Path) -> bool:
    made = folder / "build.ninja"
    cache = folder / "CMakeCache.txt"
    known = cache.read_text() if cache.exists() else ""
    if known and f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n" not in known:
        raise ToolError(f"{folder} is a build of another source tree: remove it")
    if not made.exists():
        return True
    time = made.stat().st_mtime
    if re.search(r"^COTRAP_\w+:FILEPATH=\S+-NOTFOUND$", known, re.MULTILINE) and setup.has_more_since(time):
        return True  # a program that only tests need was not installed then
    return time < (ROOT / "CMakePresets.json").stat().st_mtime


def _configure(preset: str) -> None:
    with Waiting(f"configuring {preset}", lines=True):
        done = subprocess.run(
            ["cmake", "--preset", preset],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
        )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise ToolError(f"{preset} cannot be configured")


def _compile(preset: str, folder: Path, targets: tuple[str, ...]) -> None:
    """Runs ninja; its status becomes one moving line, or a line every 30 seconds where there is no
    terminal. Compiler messages pass."""
    progress = ""
    with (
        Waiting(lambda: f"building {preset}{progress}", patience=0.3, lines=True),
        subprocess.Popen(
            ["ninja", "-C", folder, *targets],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"NINJA_STATUS": "[%f/%t] "},
            text=True,
            errors="replace",
        ) as ninja,
    ):
        for line in ninja.stdout:
            if _NOISE.match(line):
                continue
            if status := _STATUS.match(line):
                if not progress and not sys.stderr.isatty():
                    say(f"building {preset}")
                progress = f", {status[1]} of {status[2]}"
            else:
                sys.stderr.write(line)
    if ninja.returncode != 0:
        raise ToolError(f"{preset} does not build")


@contextmanager
def _alone_in(folder: Path, preset: str):
    """Two commands at once build one after the other: with the lock of cmake/build-elsewhere.cmake."""
    with open(folder / ".cotrap-lock", "w") as lock, Waiting(
        f"another command builds {preset}", lines=True
    ) as waiting:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        waiting.over()
        yield
