"""Programs of Debian do on Cotrap what they do on Debian's kernel in the same machine.

Each file in the folder `stock` lists packages of Debian and checks: shell commands with names. The test downloads
the packages, and boots both kernels with their files, unchanged. A shell in the guest runs each check in an empty
folder. The output and the exit status of a check must be the same on both kernels.

`--only FILE` runs the checks of one file, and `--only FILE:CHECK` a single one. Then the test prints the output
of the check, too.
"""

import difflib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import debian_linux
import debian_system
import harness
import same_output
from cotrap import debian
from cotrap.console import Capture, TimedOut, relay
from cotrap.qemu import Boot, Guest, Machine
from cotrap.sources import Silence
from hang_watch import HangWatch

_LISTS = Path(__file__).parent / "stock"
_TIMEOUT = 900.0  # seconds for all checks of a file
_CHECK_TIMEOUT = 60  # seconds in the guest for one check
_MEMORY = "1G"
_BUSYBOX = "/usr/bin/busybox"  # its shell runs the checks, one by one
# What the first process of a distribution mounts. Cotrap has these file systems from the boot on.
_MOUNTS = """
mount -t tmpfs tmpfs /tmp
chmod 1777 /tmp
mkdir -p /dev/pts /sys
mount -t devpts devpts /dev/pts
mount -t sysfs sys /sys
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
"""
_RUN = """
export PATH={path} HOME=/tmp TERM=dumb LC_ALL=C TZ=UTC SHELL=/bin/sh USER=root LOGNAME=root
for check in {names}; do
  echo "== $check begins"
  mkdir /tmp/work && cd /tmp/work
  {busybox} timeout -s KILL {timeout} {shell} /checks/$check > /tmp/output 2>&1 < /dev/null
  status=$?
  cd /
  {busybox} cat /tmp/output
  {busybox} rm -rf /tmp/work /tmp/output
  echo "== $check ends: $status"
done
"""


@dataclass
class Checks:
    """The checks of a file. shell: the words of the command that runs a check. path: of its programs. differs: the
    checks that are known to differ, with the reason."""

    name: str
    packages: list[str] = field(default_factory=list)
    shell: str = "/usr/bin/bash"
    path: str = "/usr/bin:/usr/sbin"
    commands: dict[str, str] = field(default_factory=dict)
    differs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Checks":
        """Reads a file. A line is `NAME: COMMAND`; lines with an indent continue the command. The names
        `packages`, `shell` and `path` stand for the members of this class, and `differs NAME` for a reason."""
        checks = cls(file.stem)
        for line in file.read_text().splitlines():
            if line.startswith("  "):
                checks.commands[name] += line[2:] + "\n"
            elif line and not line.startswith("#"):
                name, _, text = line.partition(": ")
                if name == "packages":
                    checks.packages = text.split()
                elif name in ("shell", "path"):
                    setattr(checks, name, text)
                elif name.startswith("differs "):
                    checks.differs[name.removeprefix("differs ")] = text
                elif name in checks.commands:
                    raise ValueError(f"{file.name} has two checks {name}")
                else:
                    checks.commands[name] = text + "\n"
        return checks

    def script(self, mounts: str = "") -> str:
        """A script for busybox that runs all checks."""
        names = " ".join(self.commands)
        return mounts + _RUN.format(
            path=self.path, names=names, shell=self.shell, busybox=_BUSYBOX, timeout=_CHECK_TIMEOUT
        )


def archive_of(test: harness.Test, checks: Checks) -> bytes:
    """A boot archive with the packages and the checks, for both kernels."""
    packages = ["busybox-static", *checks.packages]
    folder = debian.root_folder(f"stock/{checks.name}", packages, test.build.machine)
    archive = debian_system.archive_of(folder)
    listed = subprocess.run(
        [*test.emulator, folder / "usr/bin/busybox", "--list"], capture_output=True, check=True, text=True
    )
    for applet in listed.stdout.split():
        archive.add_link(_BUSYBOX, f"applets/{applet}")
    for name, text in checks.commands.items():
        archive.add_bytes(text.encode(), f"checks/{name}")
    archive.add_bytes(checks.script().encode(), "run-checks")
    archive.add_bytes(checks.script(_MOUNTS).encode(), "run-checks-on-linux")
    debian_linux.add_to(archive, test, [("checks", _BUSYBOX, "sh", "/run-checks-on-linux")])
    return archive.pack()


def on_cotrap(test: harness.Test, archive: bytes, machine: Machine) -> tuple[bytes, str]:
    """The output, and why the guest has ended early."""
    capture = Capture()
    boot = Boot(test.build, archive, _BUSYBOX, ["sh", "/run-checks"], has_no_input=True)
    with Guest(machine, boot) as guest, HangWatch(guest.pid, guest.end):
        try:
            relay(guest, Silence(), capture, _TIMEOUT)
            return capture.data, guest.trouble()
        except TimedOut:
            return capture.data, f"the guest had not ended after {_TIMEOUT:g} s"


def compare(test: harness.Test, checks: Checks, here: bytes, there: bytes, why: str, shows: bool) -> None:
    equal, wrong = 0, 0
    for name, command in checks.commands.items():
        ours, theirs = same_output.part_of(here, name), same_output.part_of(there, name)
        lines = [text.decode(errors="replace").splitlines() for _, text in (theirs, ours)]
        difference = difflib.unified_diff(*lines, "Linux", "Cotrap", lineterm="", n=1)
        same = ours == theirs and ours[0] is not None
        equal += same
        if name in checks.differs and not shows:
            test.check(not same, f"{checks.name}: {name} still differs: {checks.differs[name]}")
            continue
        wrong += not same
        detail = "\n".join((f"$ {command}status {ours[0]}, Linux: {theirs[0]}", *difference, why))
        if not same or shows:
            test.check(same, f"{checks.name}: {name}", detail)
        if shows:
            print(theirs[1].decode(errors="replace"))
    test.check(wrong == 0, f"{checks.name}: {equal} of {len(checks.commands)} equal")


with harness.Test(__doc__, harness.PACKAGES, own={"only": ""}) as test:
    machine = test.machine(harts=2, memory=_MEMORY)
    only, _, single = test.options.only.partition(":")
    for file in sorted(_LISTS.glob("*.txt")):
        if only not in ("", file.stem):
            continue
        checks = Checks.read(file)
        if single:
            checks.commands = {single: checks.commands[single]}
        archive = archive_of(test, checks)
        there = debian_linux.boot(test, archive, machine, _TIMEOUT)
        here, why = on_cotrap(test, archive, machine)
        compare(test, checks, here, there, why, bool(single))
