"""The base of all system tests. A test is a script:

    import harness

    with harness.Test(__doc__) as test:
        done = test.run("/bin/hello", "there")
        test.check(done.status == 0, "hello exits with 0")

A test boots the kernel with self-tests and prints each check. `--harts N` sets the number of
harts of its machines. `--tier everyday` runs the main path, on one hart and on four. `--tier rest`
runs what takes long or repeats the main path, on two harts and on eight. Without `--tier` both run.

The script's exit status is 0 if all checks hold and 1 if one does not, or if the kernel is not built. It
is 77 if the machine lacks what the test needs, or if the tier has nothing to do. A guest that
hangs or does not end in time fails the test, and no guest outlives it. No check measures the host's time:
tests about time run on a machine that counts instructions.
"""

import argparse
import re
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake" / "tools"))

from cotrap.console import Capture, TimedOut, relay  # noqa: E402
from cotrap.demos import Demo  # noqa: E402
from cotrap.errors import ToolError, UsageError  # noqa: E402
from cotrap.paths import Build  # noqa: E402
from cotrap.qemu import Boot, Guest, Machine, archive_with, memory_file  # noqa: E402
from cotrap.sources import FramedInput, Silence  # noqa: E402
from hang_watch import IDLE_LIMIT, HangWatch  # noqa: E402

SKIPPED = 77
# Features that some machines lack, with the reason (Test.lacks).
MMU = "an MMU, because of fork: without one, two programs cannot have the same addresses"
QEMU = "QEMU's own devices and processors"
COUNTED = "counted time, because a host also runs other processes"
RISC_V = "the processors, the firmware and the device tree of a RISC-V computer"
PACKAGES = "a shared root folder with Debian's packages"
X86_64 = "programs of x86_64"
PC = "the devices of a PC"
_LACKING = {
    "hosted": (MMU, QEMU, COUNTED, RISC_V, PACKAGES, PC),
    "pc": (RISC_V,),
    "riscv64": (X86_64, PC),
    "riscv64-nommu": (MMU, PACKAGES, X86_64, PC),
    "riscv64-pmp": (MMU, PACKAGES, X86_64, PC),
}
# Values of `crash=` on the kernel's command line, and the cause that each panic names.
CRASHES = (
    ("read", "(page|access) fault in the kernel"),  # access: a sanitizer reads its shadow first
    ("jump", "page fault in the kernel"),
    ("write-text", "page fault in the kernel"),
    ("stack", "stack overflow in the kernel"),
    ("preempting-stack", "stack overflow in the kernel"),
    ("panic", "crash=panic is on the command line"),
)
# Demos that claim something about time but do not request counted time themselves (Demo.icount).
TIMED_DEMOS = ("sleepsort", "coroutines")
# Claims of demos that fail if the host or a fault delays the machine, as patterns. All other claims must hold.
ABOUT_TIME = {
    "sleepsort": "finishes first|at the same time",
    "coroutines": "at the same time",
    "irq": "in flight at once|takes less time",
    "preempt": "is on time",
    "shared-priority": "does all its work before the other",
    "upcall": "ran only",
}
EVERYDAY_HARTS, REST_HARTS = (1, 4), (2, 8)
# Seconds after which a guest counts as hanging: far longer than any guest takes on a busy host.
TIMEOUT = 240.0
MOST_PC_PARTS = 20  # the most parts in one guest: a PC's command line is limited (qemu.LONGEST_PC_LINE)
PROMPT = "cotrap:[^ ]*[$] "  # the shell's prompt, as a pattern
_TAIL = 4096  # bytes of output shown after a failed check


_AT_HWCAP2, _FSGSBASE = 26, 1 << 1  # asm/hwcap2.h


def host_writes_fs() -> bool:
    """Whether the host lets programs write the base of fs."""
    vector = Path("/proc/self/auxv").read_bytes()
    values = dict(struct.iter_unpack("=QQ", vector))
    return bool(values.get(_AT_HWCAP2, 0) & _FSGSBASE)


@dataclass(frozen=True)
class Done:
    """How a boot ended. status: the program's, or None if it did not end; `why` is then the reason."""

    status: int | None
    output: bytes
    why: str = ""
    errors: bytes = b""  # standard error, if errors_apart was set

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")


class Part(NamedTuple):
    """A part of a test program: its name on the command line, and the sentence that it checks."""

    name: str
    what: str


class Dialogue(Capture):
    """Types into a guest's terminal when the guest prints an expected text, never after a time.

    It is the source and the sink of one relay(). steps: a pattern and the keys to type when the output
    matches it, behind the match of the step before. An empty pattern matches when the first program
    starts. "\\n" in the keys is the Enter key. A step may have a condition: the dialogue types its keys
    again at each match of the next pattern until the output in between fulfils the condition.
    """

    def __init__(self, *steps: tuple):
        super().__init__()
        self._steps = [(re.compile(pattern.encode()), *keys) for pattern, *keys in steps]
        self._behind = 0  # the search for the next pattern starts here
        self._typed = b""
        self._holds: Callable[[bytes], bool] = lambda output: True

    def due(self) -> float | None:
        return 0.0 if self._found() else None

    def take(self) -> bytes:
        end = self._found().end()
        output, self._behind = self.data[self._behind : end], end
        if self._holds(output):
            _, keys, *holds = self._steps.pop(0)
            self._typed = keys.replace("\n", "\r").encode()
            self._holds = holds[0] if holds else lambda output: True
        return self._typed

    def _found(self) -> re.Match | None:
        return self._steps[0][0].search(self.data, self._behind) if self._steps else None

    @property
    def awaited(self) -> str:
        """The pattern that the guest has not printed yet, for a message."""
        return f"expected: {self._steps[0][0].pattern.decode()}" if self._steps else ""


def typed_into_demo(demo: Demo) -> Dialogue | None:
    """A source of keys for demos.run_demo(), or None if the demo reads none. It types each line only after
    the demo `echo` has printed three ticks."""
    if not demo.typed:
        return None
    ticks = r"(?s:.*?tick \d+){3}"
    return Dialogue((ticks, "hello\n"), (f"you typed: hello{ticks}", "bye\n"))


@dataclass
class Test:
    about: str
    needs: str = ""  # of the whole test: MMU, QEMU, COUNTED, or a text of its own
    all_everyday: bool = False  # true if the tier `rest` has no checks
    own: dict[str, float | str] = field(default_factory=dict)  # the test's own options, with defaults
    failures: int = 0
    checks: int = 0
    _files: list[tuple[Path, str]] = field(default_factory=list)
    _packed: bytes = b""
    _packed_files: tuple[tuple[Path, str], ...] | None = None  # the files in _packed

    def __post_init__(self):
        parser = argparse.ArgumentParser(description=self.about)
        parser.add_argument("--build", type=Path, default=ROOT / "build" / "riscv64-release")
        parser.add_argument(
            "--harts", type=int, default=0, metavar="N", help="harts, where the test names no number"
        )
        parser.add_argument("--tier", choices=("everyday", "rest"), help="the tier to run; both if absent")
        for name, default in self.own.items():
            parser.add_argument(f"--{name}", type=type(default), default=default)
        self.options = options = parser.parse_args()
        self.folder = options.build
        self.given_harts = options.harts  # 0 without the option
        self.harts = options.harts or 1
        self.everyday = options.tier != "rest"  # does this run include that tier?
        self.rest = options.tier != "everyday"
        self.build = Build(self.folder, self_tests=True)
        self.plain_build = Build(self.folder)  # the build that `./cotrap run` boots
        if not (self.folder / "kernel" / "cotrap-tests.elf").exists():
            sys.exit(f"{self.folder} has no kernel with self-tests: {self._how_to_build}")
        if self.all_everyday and not self.everyday:
            self._skip_tier()
        if self.needs and self.lacks(self.about.strip().splitlines()[0], self.needs):
            sys.exit(SKIPPED)

    def __enter__(self):
        print(self.about.strip().splitlines()[0], flush=True)
        return self

    def __exit__(self, kind, error, _):
        if kind in (ToolError, UsageError):
            sys.exit(f"{error}\n{self._how_to_build}")
        if kind:
            return
        if not self.checks and not self.everyday:
            self._skip_tier()
        print(f"{self.checks - self.failures} of {self.checks} checks hold")
        if self.failures or not self.checks:
            sys.exit(1)

    def check(self, holds: bool, what: str, detail: str | bytes = "") -> bool:
        """Prints `what` with ok or FAILED, and the end of `detail` if the check fails."""
        self.checks += 1
        print(f"{'ok' if holds else 'FAILED'}: {what}", flush=True)
        if not holds:
            self.failures += 1
            if isinstance(detail, bytes):
                detail = detail.decode(errors="replace")
            print("".join(f"    | {line}\n" for line in detail[-_TAIL:].splitlines()), end="")
        return holds

    def lacks(self, what: str, needs: str) -> bool:
        """Whether the machine lacks `needs`. If so, prints that `what` is skipped."""
        is_lacking = needs in _LACKING[self.build.machine]
        if is_lacking:
            print(f"skipped: {what}: needs {needs}", flush=True)
        return is_lacking

    def machine(self, **given) -> Machine:
        """The default machine of a boot, with the given changes."""
        return Machine(**{"harts": self.harts} | given)

    @property
    def emulator(self) -> list[str]:
        """The command of the host that runs the guest's Linux programs: QEMU's user-mode emulation, or none if the
        host has the guest's processor."""
        return ["qemu-riscv64"] if self.build.processor == "riscv64" else []

    @property
    def network_device(self) -> str:
        """QEMU's name of the network device for the machine's bus."""
        return "virtio-net-pci" if self.build.machine == "pc" else "virtio-net-device"

    @property
    def _how_to_build(self) -> str:
        return f"`ninja -C {self.folder} all cotrap_test_programs` builds the files of the tests"

    def _skip_tier(self) -> NoReturn:
        print("skipped: the test has no checks in this tier")
        sys.exit(SKIPPED)

    def add(self, host: Path, guest: str) -> None:
        """Adds a file or folder of the host to all later boots, under the name `guest`."""
        self._files.append((host, guest))

    @contextmanager
    def added(self, host: Path, guest: str) -> Iterator[None]:
        """Adds a file or folder to the boots in this scope. Each boot copies its archive, so it should be
        small."""
        self.add(host, guest)
        yield
        self._files.remove((host, guest))

    def _archive(self) -> bytes:
        """The boot archive with the added files. No test changes the files of its build, so an archive of
        these alone is packed once."""
        files = tuple(self._files)
        if files != self._packed_files:
            archive = archive_with(self.build)
            for host, guest in files:
                archive.add(host, guest)
            self._packed = archive.pack()
            of_the_build = all(host.is_relative_to(self.folder) for host, _ in files)
            self._packed_files = files if of_the_build else None
        return self._packed

    @property
    def harts_of_tier(self) -> tuple[int, ...]:
        """The numbers of harts that this run tests."""
        if self.given_harts:
            return (self.given_harts,)
        return self.everyday * EVERYDAY_HARTS + self.rest * REST_HARTS

    @property
    def same_harts(self) -> tuple[int, ...]:
        """The numbers of harts of a test whose two tiers differ in length, not in machines."""
        return (self.given_harts,) if self.given_harts else EVERYDAY_HARTS

    def run_parts(
        self,
        program: str,
        parts: Iterable[tuple[str, str]],
        equipped: Callable[[Machine], Machine] = lambda machine: machine,
    ) -> None:
        """Runs the parts of a test program on each number of harts of the tier. parts: see Part.
        equipped: adds devices to a machine that has only harts.

        The parts share a guest, in which a shell runs one after the other."""
        self.add(self.folder / "test-programs" / program, program)
        for harts in self.harts_of_tier:
            self.run_together(program, parts, equipped(self.machine(harts=harts)))

    def run_together(
        self,
        program: str,
        parts: Iterable[tuple[str, str]],
        machine: Machine,
        append: str = "",
        about: str = "",
    ) -> None:
        """Runs parts in one guest, in which a shell prints the start and the status of each.
        about: a prefix of the checks' names."""
        parts = list(parts)
        if self.build.machine == "pc" and len(parts) > MOST_PC_PARTS:
            self.run_together(program, parts[:MOST_PC_PARTS], machine, append, about)
            self.run_together(program, parts[MOST_PC_PARTS:], machine, append, about)
            return
        script = "".join(
            f"echo '== {name} begins'; /{program} {name}; echo '== {name} ends:' $?\n"
            for name, _ in parts
        )
        done = self.run(
            "/bin/sh", "-c", script, machine=machine, timeout=2 * TIMEOUT, append=append
        )
        last = "the boot"  # the last part that has started
        for name, what in parts:
            what = f"{about}{what} ({machine.harts} harts{', counted' * machine.icount})"
            _, begun, rest = done.text.partition(f"== {name} begins")
            output, ended, status = rest.partition(f"== {name} ends: ")
            if ended and "\n" in status:
                self.check(status.split("\n")[0].strip() == "0", what, output.strip("\r\n"))
            elif begun:
                last = name
                self.check(False, f"{what}: did not end", f"{output}\n{done.why}")
            else:
                self.check(False, f"{what}: not reached, because the guest ended in {last}", done.why)

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: bytes | None = None,
        typed: Dialogue | None = None,
        machine: Machine | None = None,
        timeout: float = TIMEOUT,
        append: str = "",
        quiet: bool = True,
        errors_apart: bool = False,
        build: Build | None = None,
        no_archive: bool = False,
    ) -> Done:
        """Boots with a program of the guest as the first process. stdin: without it, standard input is
        at its end from the boot on, so counted runs repeat exactly. typed: makes the console a terminal
        and types into it. errors_apart: standard error is not part of the output. build: another build
        than the kernel with self-tests. no_archive: boots without a boot archive."""
        boot = Boot(
            build or self.build,
            None if no_archive else self._archive(),
            program=program,
            arguments=list(arguments),
            quiet=quiet,
            terminal=(80, 24) if typed is not None else None,
            has_no_input=typed is None and stdin is None,
            append=append,
            errors_apart=errors_apart,
        )
        if typed is not None:
            source = typed
        elif stdin is None:
            source = Silence()
        else:
            source = FramedInput(memory_file("stdin", stdin))
        capture, errors = typed or Capture(), Capture()
        with (
            Guest(machine or self.machine(), boot) as guest,
            HangWatch(guest.pid, guest.end) as watch,
        ):
            try:
                relay(guest, source, capture, timeout, errors)
                status, why = guest.marks.exit_code, guest.trouble()
            except TimedOut:
                status, why = None, f"still {guest.marks.state.value} after {timeout:g} s"
                why += f"\n{typed.awaited}" if typed else ""
            if watch.hung:
                why = f"the machine hangs: it did nothing for {IDLE_LIMIT} seconds\n{why}"
        return Done(status, capture.data, why, errors.data)
