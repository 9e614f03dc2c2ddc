"""Demos: programs that check their own claim. Status 0: the claim holds."""

import re
import shutil
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import packages, root_folder
from .console import Capture, TimedOut, relay
from .defaults import DEMO_TIMEOUT
from .disk import Disk
from .paths import ROOT, Build
from .qemu import Boot, Guest, Machine
from .share import ROOT as ROOT_TAG
from .share import Share
from .sources import Silence, Typist

_SCREEN = (80, 24)
_DISK_BYTES = 1 << 20
_DISK_SECONDS = 0.02  # from a request to its completion


@dataclass(frozen=True)
class Demo:
    name: str
    typed: str | None  # the keys that the command types while the demo runs
    description: str
    needs_disk: bool = False
    icount: bool = False
    self_tests: bool = False  # it needs the kernel that has the self-tests
    harts: int = 1  # unless the user gives --harts
    packages: tuple[str, ...] = ()  # of Debian: the demo runs in a root folder that has them
    script: tuple[str, ...] = ()  # with packages: the interpreter in that folder, and the file in user/demos


# The machines on which these demos run, and the demos: programs of Debian. The command downloads the packages when you
# name the demo.
WITH_PACKAGES = ("riscv64", "pc")
PACKAGED = (
    Demo(
        "python",
        None,
        "Debian's python works on files in a folder of the host, with threads and other programs",
        packages=("python3.13", "bash", "coreutils"),
        script=("/usr/bin/python3.13", "python.py"),
    ),
    Demo(
        "tools",
        None,
        "pipelines of Debian's sort, tee, gawk, grep and sed work on files in a folder of the host",
        packages=("bash", "coreutils", "gawk", "grep", "sed"),
        script=("/usr/bin/bash", "tools.sh"),
    ),
)


@dataclass(frozen=True)
class Stage:
    """The build and the machine that demos run on. With 0 harts, each demo gets the harts that it names."""

    build: Build
    archive: bytes
    machine: Machine = Machine(harts=0)
    append: str = ""
    timeout: float = DEMO_TIMEOUT


@dataclass(frozen=True)
class Verdict:
    demo: Demo
    failure: str | None  # the reason for the failure, in a few words; None: the demo passed
    seconds: float
    output: bytes

    @property
    def skipped(self) -> str:
        """The reason that the demo printed if it skipped itself on this machine; otherwise empty."""
        found = re.search(rb"^skipped: (.*?)\r?$", self.output, re.MULTILINE)
        return found[1].decode(errors="replace") if found and not self.failure else ""


def read_demos(built: Build) -> list[Demo]:
    """The demos in the build's manifest, etc/demos (cmake/program.cmake describes its lines)."""
    demos = []
    for line in (built.initrd_root / "etc" / "demos").read_text().splitlines():
        name, typed, description, *needs = line.split("\t")
        harts = next((int(need[6:]) for need in needs if need.startswith("HARTS=")), 1)
        typed = None if typed == "-" else typed
        flags = (flag in needs for flag in ("DISK", "ICOUNT", "SELF_TESTS"))
        demos.append(Demo(name, typed, description, *flags, harts))
    return demos


def run_demo(demo: Demo, stage: Stage, sink, typed=None) -> Verdict:
    """Boots with the demo as the first program. The sink gets its output. typed: a source for its keyboard
    input; by default a Typist, which types at a person's speed."""
    if demo.packages:
        return _run_packaged(demo, stage, sink)
    boot = Boot(
        replace(stage.build, self_tests=stage.build.self_tests or demo.self_tests),
        stage.archive,
        program=f"/bin/{demo.name}",
        terminal=_SCREEN if demo.typed else None,
        has_no_input=not demo.typed,
        append=stage.append,
    )
    source = typed or Typist(demo.typed) if demo.typed else Silence()
    machine = replace(stage.machine, harts=stage.machine.harts or demo.harts)
    if demo.icount and not stage.build.is_hosted:  # the hosted machine cannot count instructions
        machine = replace(machine, icount=True)
    with ExitStack() as stack:
        if demo.needs_disk and machine.disk is None:
            machine = replace(machine, disk=stack.enter_context(numbered_disk(stage.build)))
        return _judge(demo, stage, machine, boot, source, sink)


def _judge(demo: Demo, stage: Stage, machine: Machine, boot: Boot, source, sink) -> Verdict:
    begun = time.monotonic()
    with Guest(machine, boot) as guest:
        try:
            relay(guest, source, sink, stage.timeout)
            failure = _failure(guest)
        except TimedOut:
            failure = f"still {guest.marks.state.value} after {stage.timeout:g} s"
    output = sink.data if isinstance(sink, Capture) else b""
    return Verdict(demo, failure, time.monotonic() - begun, output)


def _run_packaged(demo: Demo, stage: Stage, sink) -> Verdict:
    """Runs the demo's script. It finds its file `numbers` in /mnt/share, a folder of the host, and the host looks
    at the file `sorted` that it has written there."""
    debian = packages.module(".debian", __package__)
    made = debian.root_folder(f"demo-{demo.name}", list(demo.packages), stage.build.machine)
    root = Share(str(made), tag=ROOT_TAG)
    with tempfile.TemporaryDirectory(prefix="cotrap-demo-") as name:
        folder, numbers = Path(name), [place * 7919 % 10_007 for place in range(10_000)]
        interpreter, script = demo.script
        shutil.copy(ROOT / "user" / "demos" / script, folder / script)
        (folder / "numbers").write_text("".join(f"{number}\n" for number in numbers))
        boot = Boot(
            replace(stage.build, self_tests=False),
            None,
            program=interpreter,
            arguments=[f"/mnt/share/{script}"],
            environment=root_folder.ENVIRONMENT,
            has_no_input=True,
            append=" ".join([stage.append, *root.words]),
        )
        machine = replace(stage.machine, harts=stage.machine.harts or demo.harts, root=root, share=Share(name))
        verdict = _judge(demo, stage, machine, boot, Silence(), sink)
        written = folder / "sorted"
        is_right = written.exists() and written.read_text().split() == [str(n) for n in sorted(numbers)]
    if not verdict.failure and not is_right:
        verdict = replace(verdict, failure="the host does not see the sorted numbers")
    return verdict


@contextmanager
def numbered_disk(built: Build, seconds: float = _DISK_SECONDS) -> Iterator[Disk]:
    """The slow disk that the demos expect: 64-bit numbers, each its index times a constant. seconds: from a
    request to its completion."""
    factor, count = 0x9E3779B97F4A7C15, _DISK_BYTES // 8
    numbers = array("Q", (place * factor & (1 << 64) - 1 for place in range(count))).tobytes()
    slow_disk = packages.module(".slow_disk", __package__).slow_disk
    with slow_disk(numbers, seconds, built) as disk:
        yield disk


def _failure(guest: Guest) -> str | None:
    status = guest.marks.exit_code
    return f"exit status {status}" if status else guest.trouble() or None
