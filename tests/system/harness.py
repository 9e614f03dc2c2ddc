"""What every system test stands on. A test is a script:

    import harness

    with harness.Test(__doc__) as test:
        done = test.run("/bin/hello", "there")
        test.check(done.status == 0, "hello exits with 0")

A test boots the kernel that has self-tests. Each check is printed. `--harts N` runs it on a machine
of so many. The script's exit status is 0 if all held, 1 if one did not, 77 if the kernel to boot has
not been built, or is the hosted machine's and lacks what the test is about. A machine that does not
end in time fails the test, and none outlives it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake" / "tools"))

from cotrap.console import Capture, TimedOut, relay  # noqa: E402
from cotrap.errors import ToolError, UsageError  # noqa: E402
from cotrap.paths import Build  # noqa: E402
from cotrap.qemu import Boot, Guest, Machine, archive_with, memory_file  # noqa: E402
from cotrap.sources import FramedInput, NoInput, Typist  # noqa: E402

SKIPPED = 77
# What the hosted machine lacks, and why (Test.lacks).
MMU = "an MMU, as fork does: in one process no two programs have the same addresses"
QEMU = "QEMU's own devices and processors"
COUNTED = "counted time: a host has others to run"
# What `crash=` on the kernel's command line does, and the cause that the panic names.
CRASHES = (
    ("read", "(page|access) fault in the kernel"),  # of a sanitizer's shadow
    ("jump", "page fault in the kernel"),
    ("write-text", "page fault in the kernel"),
    ("stack", "stack overflow in the kernel"),
    ("preempting-stack", "stack overflow in the kernel"),
    ("panic", "asked for on the command line"),
)
_TIMEOUT = 60.0  # seconds for one boot, unless a test says otherwise
_TAIL = 4096  # bytes of output shown when something is wrong


@dataclass(frozen=True)
class Done:
    """How a boot ended. status: None if the program never came to its end; `why` then tells."""

    status: int | None
    output: bytes
    seconds: float
    why: str = ""
    errors: bytes = b""  # of standard error, where it was asked for apart

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")


@dataclass
class Test:
    about: str
    needs: str = ""  # all of it: MMU, QEMU, COUNTED, or something of its own
    own: dict[str, float] = field(default_factory=dict)  # options of the test's own: their defaults
    failures: int = 0
    checks: int = 0
    _files: list[tuple[Path, str]] = field(default_factory=list)

    def __post_init__(self):
        parser = argparse.ArgumentParser(description=self.about)
        parser.add_argument("--build", type=Path, default=ROOT / "build" / "riscv64-release")
        parser.add_argument(
            "--harts", type=int, default=0, metavar="N", help="of machines whose harts nobody names"
        )
        for name, default in self.own.items():
            parser.add_argument(f"--{name}", type=float, default=default, metavar="N")
        self.options = options = parser.parse_args()
        self.folder = options.build
        self.given_harts = options.harts  # 0: nobody has said
        self.harts = options.harts or 1
        self.build = Build(self.folder, self_tests=True)
        self.plain_build = Build(self.folder)  # what `./cotrap run` boots
        if not (self.folder / "kernel" / "cotrap-tests.elf").exists():
            print(f"skipped: {self.folder} has no kernel for tests")
            sys.exit(SKIPPED)
        if self.needs and self.lacks(self.about.strip().splitlines()[0], self.needs):
            sys.exit(SKIPPED)

    def __enter__(self):
        print(self.about.strip().splitlines()[0], flush=True)
        return self

    def __exit__(self, kind, error, _):
        if kind in (ToolError, UsageError):
            hint = f"`ninja -C {self.folder} all cotrap_test_programs` makes what a test needs"
            sys.exit(f"{error}\n{hint}")
        if kind:
            return
        print(f"{self.checks - self.failures} of {self.checks} checks hold")
        if self.failures or not self.checks:
            sys.exit(1)

    def check(self, holds: bool, what: str, detail: str | bytes = "") -> bool:
        """Prints what was checked, and the end of `detail` if it does not hold."""
        self.checks += 1
        print(f"{'ok' if holds else 'FAILED'}: {what}", flush=True)
        if not holds:
            self.failures += 1
            if isinstance(detail, bytes):
                detail = detail.decode(errors="replace")
            print("".join(f"    | {line}\n" for line in detail[-_TAIL:].splitlines()), end="")
        return holds

    def lacks(self, what: str, needs: str) -> bool:
        """Is the machine the hosted one, which has nothing of the kind? Then it says so."""
        if self.build.is_hosted:
            print(f"skipped: {what}: needs {needs}", flush=True)
        return self.build.is_hosted

    def machine(self, **given) -> Machine:
        """The machine that a boot has if it does not say otherwise."""
        return Machine(**{"harts": self.harts} | given)

    def add(self, host: Path, guest: str) -> None:
        """From now on, boots have this file or folder of the host under this name."""
        self._files.append((host, guest))

    def run_parts(
        self,
        program: str,
        parts: tuple[tuple[str, str], ...],
        equipped: Callable[[Machine], Machine] = lambda machine: machine,
    ) -> None:
        """Of a test program: each by itself, on several numbers of harts if nobody has said how
        many, on what `equipped` makes of the machine."""
        self.add(self.folder / "test-programs" / program, program)
        for harts in (self.given_harts,) if self.given_harts else (1, 2, 4):
            for name, what in parts:
                machine = equipped(self.machine(harts=harts))
                done = self.run(f"/{program}", name, machine=machine)
                self.check(done.status == 0, f"{what} ({harts} harts)", done.text + done.why)

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: bytes | None = None,
        typed: str | None = None,
        machine: Machine | None = None,
        timeout: float = _TIMEOUT,
        append: str = "",
        quiet: bool = True,
        errors_apart: bool = False,
        build: Build | None = None,
    ) -> Done:
        """Boots with a program of the guest as the first one. typed: the console is a terminal,
        and this is typed into it (see sources.Typist). errors_apart: standard error is not part of
        the output. build: instead of the kernel with self-tests."""
        archive = archive_with(self.build)
        for host, guest in self._files:
            archive.add(host, guest)
        boot = Boot(
            build or self.build,
            archive.pack(),
            program=program,
            arguments=list(arguments),
            quiet=quiet,
            terminal=(80, 24) if typed is not None else None,
            append=append,
            errors_apart=errors_apart,
        )
        if typed is not None:
            source = Typist(typed)
        elif stdin is None:
            source = NoInput()
        else:
            source = FramedInput(memory_file("stdin", stdin))
        capture, errors = Capture(), Capture()
        begun = time.monotonic()
        with Guest(machine or self.machine(), boot) as guest:
            try:
                relay(guest, source, capture, timeout, errors)
                status, why = guest.marks.exit_code, guest.trouble()
            except TimedOut:
                status, why = None, f"still {guest.marks.state.value} after {timeout:g} s"
        return Done(status, capture.data, time.monotonic() - begun, why, errors.data)
