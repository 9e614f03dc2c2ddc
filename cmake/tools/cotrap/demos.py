"""`./cotrap demo`: runs demos, which are programs that check their own claim. Status 0: the claim holds."""

import re
import sys
import time
from array import array
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from . import build
from .console import Capture, FileSink, TimedOut, relay
from .disk import Disk
from .errors import UsageError
from .paths import Build
from .preparation import check_files, machine
from .qemu import Boot, Guest, Machine, archive_with
from .slow_disk import slow_disk
from .sources import Silence, Typist
from .suggestions import did_you_mean
from .ui import Waiting, bad, faint, good

TIMEOUT = 40.0  # seconds
_PARALLEL = 2  # machines at a time
_TAIL_LINES = 20
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


@dataclass(frozen=True)
class Stage:
    """The build and the machine that demos run on. With 0 harts, each demo gets the harts that it names."""

    build: Build
    archive: bytes
    machine: Machine = Machine(harts=0)
    append: str = ""
    timeout: float = TIMEOUT


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


def run(arguments) -> int:
    check_files(arguments)
    demos = read_demos(build.chosen(arguments, build.CONFIGURED))
    width = max((len(demo.name) for demo in demos), default=0)
    if arguments.list:
        for demo in demos:
            print(f"{demo.name:<{width}}  {demo.description}")
        return 0
    known = {demo.name: demo for demo in demos}
    for name in arguments.names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(f"there is no demo '{name}'{hint} (`./cotrap demo --list` lists them)")
    built = build.chosen(arguments)
    stage = Stage(
        built,
        archive_with(built, arguments.add).pack(),
        machine(arguments),
        " ".join(arguments.append),
        arguments.timeout or TIMEOUT,
    )
    chosen = [known[name] for name in arguments.names]
    if chosen and not arguments.quiet:
        return _watch(chosen, stage, width)
    return _judge(chosen or demos, stage, width, arguments.quiet)


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
    boot = Boot(
        replace(stage.build, self_tests=stage.build.self_tests or demo.self_tests),
        stage.archive,
        program=f"/bin/{demo.name}",
        terminal=_SCREEN if demo.typed else None,
        has_no_input=not demo.typed,
        append=stage.append,
    )
    source = typed or Typist(demo.typed) if demo.typed else Silence()
    begun = time.monotonic()
    machine = replace(stage.machine, harts=stage.machine.harts or demo.harts)
    if demo.icount and not stage.build.is_hosted:  # the hosted machine cannot count instructions
        machine = replace(machine, icount=True)
    with ExitStack() as stack:
        if demo.needs_disk and machine.disk is None:
            machine = replace(machine, disk=stack.enter_context(numbered_disk(stage.build)))
        guest = stack.enter_context(Guest(machine, boot))
        try:
            relay(guest, source, sink, stage.timeout)
            failure = _failure(guest)
        except TimedOut:
            failure = f"still {guest.marks.state.value} after {stage.timeout:g} s"
    output = sink.data if isinstance(sink, Capture) else b""
    return Verdict(demo, failure, time.monotonic() - begun, output)


@contextmanager
def numbered_disk(built: Build, seconds: float = _DISK_SECONDS) -> Iterator[Disk]:
    """The slow disk that the demos expect: 64-bit numbers, each its index times a constant. seconds: from a
    request to its completion."""
    factor, count = 0x9E3779B97F4A7C15, _DISK_BYTES // 8
    numbers = array("Q", (place * factor & (1 << 64) - 1 for place in range(count))).tobytes()
    with slow_disk(numbers, seconds, built) as disk:
        yield disk


def _failure(guest: Guest) -> str | None:
    status = guest.marks.exit_code
    return f"exit status {status}" if status else guest.trouble() or None


def _watch(demos: list[Demo], stage: Stage, width: int) -> int:
    failed = False
    for demo in demos:
        print(faint(f"--- {demo.name}: {demo.description}"), flush=True)
        with Waiting(f"{demo.name} is running") as waiting:
            sink = FileSink(sys.stdout.fileno(), on_put=waiting.over)
            verdict = run_demo(demo, stage, sink)
        print(_line(verdict, width), flush=True)
        if verdict.failure:
            failed = True
            _explain(verdict)
    return int(failed)


def _judge(demos: list[Demo], stage: Stage, width: int, quiet: bool) -> int:
    begun = time.monotonic()
    failures = skipped = 0
    with ThreadPoolExecutor(1 if stage.machine.disk else _PARALLEL) as pool:
        running: list[Future] = [pool.submit(run_demo, demo, stage, Capture()) for demo in demos]
        try:
            for demo, future in zip(demos, running):
                with Waiting(f"{demo.name} is running"):
                    verdict = future.result()
                print(_line(verdict, width), flush=True)
                skipped += bool(verdict.skipped)
                if verdict.failure:
                    failures += 1
                    _explain(verdict)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            Guest.kill_all()
            raise
    if not quiet:
        seconds = time.monotonic() - begun
        passed = len(demos) - failures - skipped
        rest = f", {skipped} skipped" if skipped else ""
        summary = f"{passed} of {len(demos)} demos pass{rest}, in {seconds:.1f} s"
        print(bad(summary) if failures else good(summary))
    return int(failures > 0)


def _line(verdict: Verdict, width: int) -> str:
    """width: that of the column of names."""
    demo = verdict.demo
    mark = bad("FAILED") if verdict.failure else good("ok    ")
    about = demo.description
    if verdict.skipped:
        mark, about = faint("-     "), f"skipped: {verdict.skipped}"
    return f"{mark} {demo.name:<{width}} {verdict.seconds:5.1f} s  {faint(about)}"


def _explain(verdict: Verdict) -> None:
    lines = verdict.output.decode(errors="replace").splitlines()[-_TAIL_LINES:]
    lines += [bad(line) for line in verdict.failure.splitlines()]
    for line in lines:
        print(f"       | {line}")
