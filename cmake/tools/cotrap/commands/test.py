"""`./cotrap test`: builds the files that the chosen tests need, and runs the tests with CTest."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .. import build, musl, mutants, setup, test_progress
from ..errors import UsageError
from ..paths import ROOT
from ..signals import with_parent
from ..suggestions import did_you_mean

# The presets of the everyday tests, and the others. Each preset comes after those whose files it needs.
# pc-release is the last one: riscv64-release also builds a target of it, and two builds of one folder
# would wait for each other.
_EVERYDAY = ("host-debug", "host-asan", "riscv64-release")
_OTHERS = (
    "hosted-release",
    "hosted-asan",
    "hosted-tsan",
    "riscv64-nommu-release",
    "riscv64-pmp-release",
    "riscv64-debug",
    "riscv64-trampoline",
    "riscv64-handler",
    "riscv64-trampoline-handler",
    "pc-release",
)
_TIERS = ("everyday", "rest", "long")
_SOAKED = "riscv64-release"


@dataclass(frozen=True)
class Entry:
    """A test in CTest's list. needs: the files that must be built for it; empty if it does not name any.
    processors: the number of processors that it keeps busy. It counts as so many tests."""

    name: str
    preset: str
    needs: tuple[Path, ...]
    cost: float  # the seconds that the test declares; 0: it declares none
    processors: int = 1


def run(arguments) -> int:
    setup.ensure(setup.TEST)
    if arguments.mutants:
        if arguments.list or arguments.minutes or arguments.tiers:
            raise UsageError("--mutants takes names of mutants and -j, and no other option")
        return mutants.run(arguments.names, arguments.jobs)
    if "soak" in arguments.names:
        if arguments.list or arguments.tiers or len(arguments.names) > 1:
            raise UsageError("`test soak` runs alone: leave out --list, tiers and other names")
        return _soak(arguments.minutes or 10)
    if arguments.minutes:
        raise UsageError("--minutes works only with `test soak`")

    tiers = set(arguments.tiers or (_TIERS if arguments.names else ("everyday",)))
    filters = _filters(arguments.names, tiers)
    presets = _EVERYDAY if tiers == {"everyday"} else _EVERYDAY + _OTHERS
    build.make_all({preset: (build.CONFIGURED,) for preset in presets})
    with tempfile.TemporaryDirectory() as folder:  # CTest writes to it, even for a list
        command = _ctest(Path(folder), presets)
        for name in arguments.names:
            if not _entries(command, "-R", name):
                hint = did_you_mean(name, _known(_entries(command)))
                what = "everyday test" if tiers == {"everyday"} else "test"
                raise UsageError(
                    f"there is no {what} '{name}'{hint} (`./cotrap test --all --list` lists all tests)"
                )
        entries = _entries(command, *filters)
    if not entries:
        raise UsageError("no test of that tier has such a name (`./cotrap test --all --list` lists all)")
    if arguments.list:
        for entry in entries:
            print(entry.name)
        return 0

    _build(entries)
    with _run_folder() as folder:
        command = _ctest(folder, tuple(preset for preset in presets if _of(preset, entries)))
        command += [*filters, "-j", str(arguments.jobs), "--output-on-failure"]
        return test_progress.run(command, folder, entries, arguments.jobs)


@contextmanager
def _run_folder() -> Iterator[Path]:
    """A folder for CTest's files, used by no other run. The costs of the tests are kept for later runs, unless
    the tree is read-only."""
    kept = ROOT / "build" / "test"
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
    is_writable = os.access(kept, os.W_OK)
    _remove_left(kept)
    prefix = f"run-{os.getpid()}-"
    with tempfile.TemporaryDirectory(dir=kept if is_writable else None, prefix=prefix) as name:
        costs = Path(name) / test_progress.COSTS
        costs.parent.mkdir(parents=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(kept / costs.name, costs)
        yield Path(name)
        if is_writable:
            with suppress(FileNotFoundError):
                costs.replace(kept / costs.name)


def _remove_left(kept: Path) -> None:
    """Removes the folders of runs that were killed. The name of a folder has the number of its process."""
    for folder in kept.glob("run-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _filters(names: list[str], tiers: set[str]) -> list[str]:
    """CTest's options that select the tests of these names and tiers. Tests of the rest have no label."""
    chosen = ["-R", "|".join(names)] if names else []
    labels = set(_TIERS) - {"rest"}
    option, listed = ("-LE", labels - tiers) if "rest" in tiers else ("-L", tiers)
    return chosen + ([option, f"^({'|'.join(sorted(listed))})$"] if listed else [])


def _known(entries: list[Entry]) -> set[str]:
    """The names of the tests, and the names' parts: `files` selects `unit.files.asan`."""
    return {word for entry in entries for word in (entry.name, *entry.name.split("."))}


def _of(preset: str, entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.preset == preset]


def _ctest(folder: Path, presets: tuple[str, ...]) -> list[str]:
    """The command that runs CTest for the tests of these builds. CTest's own files are in `folder`."""
    listed = "".join(f'subdirs("{ROOT}/build/{preset}")\n' for preset in presets)
    (folder / "CTestTestfile.cmake").write_text(listed)
    return ["ctest", "--test-dir", str(folder), "--no-tests=error"]


def _entries(command: list[str], *filters: str) -> list[Entry]:
    """The tests that CTest would run. Empty if a filter is no valid regular expression."""
    found = subprocess.run(
        [*command, *filters, "--show-only=json-v1"], capture_output=True, text=True, errors="replace"
    )
    if found.returncode or not found.stdout.startswith("{"):
        return []
    entries = []
    for test in json.loads(found.stdout)["tests"]:
        properties = {given["name"]: given["value"] for given in test.get("properties", ())}
        place = Path(properties["WORKING_DIRECTORY"]).relative_to(ROOT / "build")
        needs = tuple(Path(file) for file in properties.get("REQUIRED_FILES", ()))
        numbers = properties.get("COST", 0), properties.get("PROCESSORS", 1)
        entries.append(Entry(test["name"], place.parts[0], needs, *numbers))
    return entries


def _build(entries: list[Entry]) -> None:
    """Builds the files that the tests need. If a test of a build does not name its files, builds all."""
    musl.ensure()
    wanted = {}
    for preset in _EVERYDAY + _OTHERS:
        tests = _of(preset, entries)
        folder = ROOT / "build" / preset
        needs = {str(file.relative_to(folder)) for test in tests for file in test.needs}
        if not tests:
            continue
        if all(test.needs for test in tests):
            wanted[preset] = tuple(sorted(needs))
        elif preset in build.KERNEL_PRESETS:
            wanted[preset] = ("all", build.TEST_PROGRAMS)
        else:
            wanted[preset] = ()
    # Some presets take another preset's programs. That preset is built, too: otherwise all of them would
    # build these programs at once.
    for preset in list(wanted):
        if source := _program_source(preset):
            wanted.setdefault(source, (build.PROGRAMS, build.TEST_PROGRAMS))
    build.make_all({preset: wanted[preset] for preset in _EVERYDAY + _OTHERS if preset in wanted})


def _program_source(preset: str) -> str | None:
    """The preset whose programs this one takes (COTRAP_PROGRAMS_OF). None: it builds its own."""
    cache = ROOT / "build" / preset / "CMakeCache.txt"
    text = cache.read_text() if cache.exists() else ""
    found = re.search(r"^COTRAP_PROGRAMS_OF:PATH=(.+)$", text, re.MULTILINE)
    return Path(found[1]).name if found else None


def _soak(minutes: float) -> int:
    """Runs the soak test, which no tier includes because it takes so long."""
    build.make(_SOAKED, "all", build.TEST_PROGRAMS)
    script = ROOT / "tests" / "system" / "soak.py"
    folder = ROOT / "build" / _SOAKED
    command = [sys.executable, script, "--build", folder, "--minutes", str(minutes)]
    return 1 if subprocess.run(with_parent(command)).returncode else 0
