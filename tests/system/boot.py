"""The kernel starts on machines of many kinds, and names the reason of each panic."""

import os
import re
import signal
import struct
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import harness
from cotrap.console import Capture, relay
from cotrap.qemu import Boot, Guest, Machine, archive_with
from cotrap.sources import Silence

FOUR = Machine(harts=4, memory="32M")


def shapes(test: harness.Test) -> None:
    kinds = [("", Machine())]
    if not test.lacks("the firmware's timer", harness.RISC_V):
        kinds.append((" with the firmware's timer", Machine(extra=("-cpu", "rv64,sstc=off"))))
    if not test.lacks("counted instructions", harness.QEMU):
        kinds.append((" that counts instructions", Machine(icount=True)))
    for harts in test.everyday * (1, 8) + test.rest * (2, 4, 16):
        for what, machine in kinds:
            machine = replace(machine, harts=harts)
            done = test.run("/bin/hello", machine=machine, quiet=False)
            started = set(re.findall(r"h(\d+)\] hart \1 started", done.text))
            all_run = started == {str(hart) for hart in range(1, harts)}
            logged = f"cotrap: {harts} hart" in done.text
            name = f"a machine of {harts} harts{what}: all run"
            test.check(done.status == 0 and logged and all_run, name, done.output)
    for harts in test.everyday * (64,) + test.rest * (36,):
        done = test.run("/bin/cat", "/proc/harts", machine=Machine(harts=harts), quiet=False)
        all_listed = [line.split()[0] for line in done.text.splitlines() if re.match(r"\d+\t", line)]
        name = f"a machine of {harts} harts: all run"
        test.check(all_listed == [str(hart) for hart in range(harts)], name, done.output)
    for memory in test.everyday * ("32M", "4G") + test.rest * ("64M", "1G", "9G"):
        done = test.run("/bin/hello", machine=Machine(memory=memory))
        test.check(done.status == 0, f"{memory} of memory", done.why)
    if test.lacks("processors without some extensions", harness.RISC_V):
        return
    one, several = ("sstc=off", "zicboz=off"), ("sstc=off,zicboz=off,svadu=off",)
    for missing in test.everyday * several + test.rest * one:
        done = test.run("/bin/sleepsort", machine=Machine(icount=True, extra=("-cpu", f"rv64,{missing}")))
        test.check(done.status == 0, f"a processor with {missing}", done.why + done.text)


class Pausing(Capture):
    """Stops the machine twice, for more than a second, when further harts have started."""

    def __init__(self):
        super().__init__()
        self.pid = 0
        self._pauses = 2

    def put(self, data: bytes) -> None:
        super().put(data)
        if self._pauses > 0 and b" started" in data:
            self._pauses -= 1
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(1.1)
            os.kill(self.pid, signal.SIGCONT)


def paused(test: harness.Test) -> None:
    """On a busy host an emulated machine may stop for a while, with all its harts."""
    what = "all harts run, although the host stops the machine for more than a second"
    if test.lacks(what, harness.QEMU):
        return
    capture = Pausing()
    boot = Boot(test.build, archive_with(test.build).pack(), program="/bin/hello", quiet=False, has_no_input=True)
    with Guest(Machine(harts=32), boot) as guest:
        capture.pid = guest.pid
        relay(guest, Silence(), capture, harness.TIMEOUT)
        status = guest.marks.exit_code
    text = capture.data.decode(errors="replace")
    test.check(status == 0 and "did not start" not in text, what, text)


def programs(test: harness.Test) -> None:
    done = test.run("/bin/nothing", quiet=False)
    test.check(
        done.status == 127 and "cannot start /bin/nothing" in done.text,
        "a missing first program ends with status 127",
        done.output,
    )
    done = test.run("/etc/demos", quiet=False)
    test.check(done.status == 126, "a first program that is not executable ends with status 126", done.output)


def last_words(test: harness.Test) -> None:
    """A panic prints cause, address, the coroutine and its await chain."""
    for how, cause in harness.CRASHES:
        # The program runs on another hart at the same time, and has not ended when the kernel panics.
        done = test.run("/bin/sleep", "1000", append=f"crash={how}", machine=FOUR)
        text = done.why
        test.check(
            done.status is None and "the kernel panicked" in text, f"crash={how} is a panic", text
        )
        named = re.search(f"kernel panic: {cause}", text)
        test.check(named is not None, f"  … its message names the cause: {cause}", text)
        report = text.partition("panicked\n")[2].partition("the addresses are:")[0]
        whole = all(re.match(r"\[ *\d+\.\d{6} h\d\] ", line) for line in report.splitlines())
        test.check(bool(report) and whole, "  … each line has time and hart", text)
        test.check("in coroutine: crash" in text, "  … the message names the coroutine", text)
        chain = text.rpartition("awaits:")[2]
        complete = "crash_inside" in chain and "crash_if_asked" in chain
        test.check(complete, "  … and the coroutines that await it", text)


def unmappable(test: harness.Test) -> None:
    if test.lacks("a changed device tree", harness.RISC_V):
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        dump = ["qemu-system-riscv64", *Machine().options(), "-machine", f"dumpdtb={tree}"]
        subprocess.run(dump, check=True, capture_output=True)
        # The changed tree makes the serial port's registers overlap those of the first virtio device.
        port, wider = (struct.pack(">4I", 0, 0x1000_0000, 0, size) for size in (0x100, 0x2000))
        tree.write_bytes(tree.read_bytes().replace(port, wider, 1))
        done = test.run("/bin/hello", machine=Machine(extra=("-dtb", str(tree))), quiet=False)
    panic = re.search("kernel panic: (.*)", done.text + done.why)
    test.check(
        panic is not None
        and panic[1].strip()
        == "the kernel's memory from 0xffffffc010001000 to 0xffffffc010002000 cannot be mapped: "
        "another page is mapped there",
        "a mapping that fails at boot is named with the reason",
        done.text + done.why,
    )


with harness.Test(__doc__) as test:
    shapes(test)
    if test.everyday:
        paused(test)
        programs(test)
        unmappable(test)
        last_words(test)
