"""The tests of liburing, unchanged, pass on Cotrap as they do on Linux.

The test downloads Debian's source package of liburing, and builds its library and its test programs with the cross
compiler. liburing.txt lists the programs. It gives a reason for each program that it leaves out. A shell in one
guest runs the others, one after the other. A program passes if its exit status is 0. At least 90 % must pass.

`--only NAMES` runs programs with commas between their names, and prints the output of those that fail. With `--linux 1`
Debian's kernel runs the programs, and all programs of the list must pass. `--failures FILE` writes the output of those
that fail into FILE.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import debian_linux
import harness
import same_output
from cotrap import debian
from cotrap.console import Capture, TimedOut, relay
from cotrap.initrd import Archive
from cotrap.paths import ROOT
from cotrap.qemu import Boot, Guest, Machine
from cotrap.sources import Silence
from cotrap.ui import Waiting
from hang_watch import HangWatch

_LIST = Path(__file__).with_suffix(".txt")
_PROGRAMS = ROOT / "build" / "liburing"
_CROSS = "riscv64-linux-gnu-"
_BUSYBOX = "/usr/bin/busybox"  # its shell runs the programs
_PROGRAM_TIMEOUT = 150  # seconds in the guest; some take 40 alone on a busy host
_BUILD_TIMEOUT = 1800.0  # seconds, on a busy host
_LEAST_PASSED = 0.9
_SCRIPT = """
export PATH=/usr/bin HOME=/tmp TERM=dumb LC_ALL=C
for name in {names}; do
  echo "== $name begins"
  mkdir /tmp/work && cd /tmp/work
  {busybox} setsid {busybox} timeout -s KILL {timeout} /liburing/$name.t > /tmp/output 2>&1 < /dev/null &
  group=$!
  wait $group
  status=$?
  kill -KILL -$group 2> /dev/null
  cd /
  {busybox} tail -c 2000 /tmp/output
  {busybox} rm -rf /tmp/work /tmp/output
  echo
  echo "== $name ends: $status"
done
"""


def programs() -> Path:
    """The folder of the built programs, NAME.t each. Builds them at the first call."""
    if not _PROGRAMS.exists():
        with Waiting("building liburing's tests"), tempfile.TemporaryDirectory(dir=_PROGRAMS.parent) as scratch:
            source = Path(scratch) / "source"
            debian.unpack_source("liburing", source)
            launcher = os.environ.get("CMAKE_C_COMPILER_LAUNCHER", "")
            tools = [f"CC={launcher} {_CROSS}gcc", f"CXX={launcher} {_CROSS}g++"]
            make = ["make", "-j", str(os.cpu_count()), *tools, "CFLAGS=-O1 -w", "LDFLAGS=-static -s"]
            configure = ["./configure", f"--cc={_CROSS}gcc", f"--cxx={_CROSS}g++"]
            for command, folder in ((configure, "."), ([*make, "liburing.a"], "src"), (make, "test")):
                subprocess.run(
                    command, cwd=source / folder, check=True, capture_output=True, timeout=_BUILD_TIMEOUT
                )
            built = Path(scratch) / "built"
            built.mkdir()
            for program in (source / "test").glob("*.t"):
                shutil.move(program, built)
            built.rename(_PROGRAMS)
    return _PROGRAMS


def listed() -> dict[str, str]:
    """The programs of the list, and why each is left out: an empty text means that it runs."""
    lines = [line for line in _LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {name: why for name, _, why in (line.partition(": ") for line in lines)}


def archive_of(names: list[str]) -> Archive:
    archive = Archive()
    root = debian.root_folder("busybox-root", ["busybox-static"])
    archive.add_program(root / "usr" / "bin" / "busybox", _BUSYBOX.removeprefix("/"))
    for name in names:
        archive.add_program(programs() / f"{name}.t", f"liburing/{name}.t")
    script = _SCRIPT.format(busybox=_BUSYBOX, timeout=_PROGRAM_TIMEOUT, names=" ".join(names))
    archive.add_bytes(script.encode(), "run-tests")
    return archive


def on_linux(test: harness.Test, names: list[str], machine: Machine, timeout: float) -> tuple[bytes, str]:
    archive = archive_of(names)
    debian_linux.add_to(archive, test, [("all", _BUSYBOX, "sh", "/run-tests")])
    return debian_linux.boot(test, archive.pack(), machine, timeout), ""


def on_cotrap(test: harness.Test, names: list[str], machine: Machine, timeout: float) -> tuple[bytes, str]:
    """What the programs print, and why the guest has ended early."""
    capture = Capture()
    boot = Boot(
        test.build, archive_of(names).pack(), _BUSYBOX, ["sh", "/run-tests"], quiet=True, has_no_input=True
    )
    # The shell ends a program that waits for ever, before the watch ends the guest.
    with Guest(machine, boot) as guest, HangWatch(guest.pid, guest.end, idle_limit=2 * _PROGRAM_TIMEOUT):
        try:
            relay(guest, Silence(), capture, timeout)
            return capture.data, guest.trouble()
        except TimedOut:
            return capture.data, f"the guest had not ended after {timeout:g} s"


with harness.Test(
    __doc__,
    "programs for riscv64",
    own={"only": "", "linux": 0.0, "failures": ""},
) as test:
    table = listed()
    missing = {path.stem for path in programs().glob("*.t")} ^ set(table)
    test.check(not missing, "the list has each of liburing's test programs", ", ".join(sorted(missing)))
    names = test.options.only.split(",") if test.options.only else [name for name in table if not table[name]]
    run = on_linux if test.options.linux else on_cotrap
    machine = test.machine(harts=test.given_harts or 2, memory="1G")
    output, why = run(test, names, machine, timeout=_PROGRAM_TIMEOUT * len(names) + harness.TIMEOUT)
    failures = {}
    for name in names:
        status, text = same_output.part_of(output, name)
        if status != 0:
            failures[name] = f"== {name}: status {status}\n{text.decode(errors='replace').strip()}\n"
    if test.options.failures:
        Path(test.options.failures).write_text("".join(failures.values()))
    if test.options.only:
        sys.stdout.write("".join(failures.values()))
    passed = len(names) - len(failures)
    needed = len(names) if test.options.linux or test.options.only else _LEAST_PASSED * len(names)
    what = f"{passed} of {len(names)} programs pass"
    test.check(passed >= needed, what, f"{why}\nfailed: {', '.join(failures)}")
