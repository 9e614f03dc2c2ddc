"""Configures and builds a preset. Prints progress if this takes long, and nothing if all is up to date."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from . import lwip, machines, ninja, policy_header, setup
from .errors import ToolError, UsageError
from .paths import MACHINES, ROOT, SANITIZED, WITH_FAULTS, Build, preset_folder
from .ui import Waiting

# A target: configures the build and compiles nothing.
CONFIGURED = "build.ninja"

# Targets: the programs of the boot archive, the programs of the system tests, and both kernels.
PROGRAMS = "cotrap_programs"
TEST_PROGRAMS = "cotrap_test_programs"
KERNELS = "cotrap_kernels"

KERNEL_PRESETS = (
    "riscv64-release",
    "riscv64-debug",
    "riscv64-nommu-release",
    "riscv64-pmp-release",
    "riscv64-trampoline",
    "riscv64-handler",
    "riscv64-trampoline-handler",
    "hosted-release",
    "pc-release",
    "hosted-asan",
    "hosted-tsan",
)


def ready(name: str, *targets: str) -> Build:
    """The build that a command runs. name: a preset, which is brought up to date, or a build folder, which
    is used unchanged. Raises UsageError if it is neither."""
    if name in KERNEL_PRESETS:
        return Build(make(name, *targets))
    if not os.path.isdir(name):
        raise UsageError(f"--build {name}: give a build folder or one of {', '.join(KERNEL_PRESETS)}")
    return Build(Path(name).resolve())


def chosen(arguments, *targets: str) -> Build:
    """The build that --machine, --build and --self-tests select."""
    machines.check_early(arguments)
    preset = MACHINES[arguments.machine]
    faults = getattr(arguments, "faults", None)
    if faults:
        if arguments.machine not in WITH_FAULTS:
            raise UsageError(f"--faults works only with `--machine {'` or `'.join(WITH_FAULTS)}`")
        preset = WITH_FAULTS[arguments.machine]
        arguments.append.append(f"faults={faults}")
    if arguments.sanitize:
        if arguments.machine != "hosted" or arguments.build:
            raise UsageError("--sanitize selects a build: give it with `--machine hosted`, without --build")
        preset = SANITIZED[arguments.sanitize]
    if arguments.policy_header:
        if arguments.build:
            raise UsageError("--policy-header makes a build of its own: give it without --build")
        built = _with_policy(arguments.policy_header, preset)
    else:
        built = ready(arguments.build or preset, *targets)
    if built.machine != arguments.machine:
        if arguments.machine != machines.DEFAULT:  # the user has chosen it
            raise UsageError(f"--build {arguments.build}: not a build for `--machine {arguments.machine}`")
        arguments.machine = built.machine
    machines.check(arguments)
    if faults and not built.injects_faults:
        raise UsageError(
            f"--faults: the kernel in {built.folder} is built without COTRAP_FAULTS: leave out --build, or "
            "configure it with -DCOTRAP_FAULTS=ON"
        )
    return replace(built, self_tests=arguments.self_tests)


def _with_policy(header: policy_header.PolicyHeader, preset: str) -> Build:
    """A build of the preset's kernels with the header's policy added. It shares the preset's programs."""
    programs = ready(preset, PROGRAMS).folder
    options = f"-DCOTRAP_PROGRAMS_OF={programs}"
    return Build(policy_header.build(header, preset, KERNELS, options))


# How many presets make_all() builds at once. One build leaves processors idle while CMake configures it,
# while its headers are precompiled and while it links. A third build would only need more memory.
_AT_ONCE = 2


def make_all(wanted: dict[str, tuple[str, ...]]) -> None:
    """Brings these targets of these presets up to date. Presets without targets are built whole."""
    for preset in wanted:
        setup.ensure_for(preset)  # not in make(): two installations at once would wait for each other
    running: dict[str, str] = {}  # the progress of each build that runs now
    # Each build uses a part of the processors: with more compilers at once, all builds together took a
    # tenth longer on two processors. The last build uses all processors, because it may run alone at the end.
    part = max(1, len(os.sched_getaffinity(0)) // _AT_ONCE)
    last = next(reversed(wanted), None)

    def make_one(preset: str) -> None:
        jobs = None if preset == last else part
        try:
            make(preset, *wanted[preset], jobs=jobs, report=lambda now: running.__setitem__(preset, now))
        finally:
            running.pop(preset, None)

    # Other threads change `running` while the text is made, but list() of a dictionary is one step of Python.
    progress = Waiting(lambda: "; ".join(list(running.values())), show_after=0.3, lines=True)
    with progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        builds = [pool.submit(make_one, preset) for preset in wanted]
        try:
            wait(builds, return_when=FIRST_EXCEPTION)
        finally:  # after a failure or an interrupt, only the builds that have begun go on
            pool.shutdown(wait=False, cancel_futures=True)
    for build in builds:
        if not build.cancelled():
            build.result()


def make(
    preset: str, *targets: str, report: Callable[[str], object] | None = None, jobs: int | None = None
) -> Path:
    """Brings the targets of a preset up to date, by default all, and returns the build folder. If the
    source tree is read-only, the existing build is used: its sources cannot have changed either. report: a
    function that gets the progress instead of the terminal. jobs: how many compilers run at once. None:
    ninja chooses."""
    setup.ensure_for(preset)
    folder = preset_folder(preset)
    if not os.access(ROOT, os.W_OK) and not os.access(folder, os.W_OK):
        if _is_stale(folder):
            raise ToolError(f"{preset} is not built, and {folder} is not writable: build it as its owner")
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder, preset):
        if _is_stale(folder):
            _configure(preset, report)
        _compile(preset, folder, targets, report, jobs)
    return folder


def _is_stale(folder: Path) -> bool:
    """Whether the folder must be configured (again)."""
    made = folder / "build.ninja"
    cache = folder / "CMakeCache.txt"
    known = cache.read_text() if cache.exists() else ""
    if known and f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n" not in known:
        raise ToolError(f"{folder} is a build of another source tree: remove this folder, then try again")
    if not made.exists():
        return True
    time = made.stat().st_mtime
    if re.search(r"^COTRAP_\w+:FILEPATH=\S+-NOTFOUND$", known, re.MULTILINE) and setup.has_more_since(time):
        return True  # CMake did not find a tool of the tests that may be installed now
    if lwip.is_newer_than(time):
        return True
    return time < (ROOT / "CMakePresets.json").stat().st_mtime


def _configure(preset: str, report: Callable[[str], object] | None = None) -> None:
    what = f"configuring {preset}"
    if report:
        report(what)
    with nullcontext() if report else Waiting(what, lines=True):
        done = subprocess.run(
            ["cmake", "--preset", preset],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
        )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise ToolError(f"{preset} cannot be configured: see CMake's messages above")


def _compile(
    preset: str,
    folder: Path,
    targets: tuple[str, ...],
    report: Callable[[str], object] | None = None,
    jobs: int | None = None,
) -> None:
    """Runs ninja, and passes compiler messages on."""
    what = f"building {preset}"
    if ninja.run(what, folder, *targets, message=sys.stderr.write, report=report, jobs=jobs) != 0:
        raise ToolError(f"{preset} does not build: see the messages above")


@contextmanager
def _locked(folder: Path, preset: str):
    """Holds the folder's lock, so that commands build one after the other. build-elsewhere.cmake takes the
    same lock."""
    with open(folder / ".cotrap-lock", "w") as lock, Waiting(
        f"another command builds {preset}", lines=True
    ) as waiting:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        waiting.over()
        yield
