"""/dev/vda is the host's file: writes of any threads at any offset reach it. A failure is an error,
never a panic, and leaks no memory."""

import random
import re
import tempfile
from pathlib import Path

import harness
from cotrap.demos import numbered_disk
from cotrap.disk import Disk
from cotrap.qemu import Machine
from cotrap.slow_disk import SlowDisk, slow_disk
from harness import PROMPT

SECTORS = 777  # not a multiple of a page or of a transfer
PROGRAM = "/test/disk"


def fnv(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return f"{value:016x}"


def contents(seed: int, sectors: int = SECTORS) -> bytes:
    return random.Random(seed).randbytes(sectors * 512)


def on_a_file(test: harness.Test, folder: Path) -> None:
    image = folder / "disk"
    image.write_bytes(contents(1))
    disk = Disk(str(image))
    done = test.run("/bin/cat", "/dev/vda", machine=Machine(disk=disk))
    test.check(done.output == contents(1), "the guest reads the contents of the file", done.why)

    shapes = ((1, 1, 1), (2, 1, 8), (3, 4, 4))  # seed, harts, threads
    for seed, harts, threads in shapes:
        machine = Machine(harts=harts, disk=disk)
        done = test.run(PROGRAM, "random", str(seed), str(threads), "60", machine=machine)
        test.check(
            done.status == 0 and done.text.strip() == fnv(image.read_bytes()),
            f"{threads} threads on {harts} harts write at random: the file has their bytes",
            done.text + done.why,
        )
    what = "the same with a legacy device (before virtio 1.0)"
    if not test.lacks(what, harness.QEMU):
        before = image.read_bytes()
        legacy = Machine(disk=disk, extra=("-global", "virtio-mmio.force-legacy=true"))
        done = test.run(PROGRAM, "random", "4", "4", "40", machine=legacy)
        same = done.text.strip() == fnv(image.read_bytes()) != fnv(before)
        test.check(done.status == 0 and same, what, done.text + done.why)
    for seed, harts in ((1, 1), (2, 4)):
        done = test.run(PROGRAM, "joined", str(seed), machine=Machine(harts=harts, disk=disk))
        what = "each part of a ring's merged transfer has its own completion"
        test.check(done.status == 0, f"{what} ({harts} harts)", done.text + done.why)
    done = test.run(PROGRAM, "joined-and-left", machine=Machine(disk=disk))
    test.check(done.status == 0, "  … and none is left when the ring ends", done.text + done.why)
    done = test.run(PROGRAM, "wrong", machine=Machine(disk=disk))
    test.check(done.status == 0, "bad addresses, offsets and requests are errors", done.text)
    for harts in (1, 4):
        done = test.run(PROGRAM, "mapped", machine=Machine(harts=harts, disk=disk))
        what = f"a mapping shows the disk's bytes to programs and to calls ({harts} harts)"
        test.check(done.status == 0, what, done.text + done.why)
    done = test.run(PROGRAM, "leave-nothing", "5", machine=Machine(disk=disk))
    test.check(done.status == 0, "reads and writes leave no memory behind", done.text)

    before = image.read_bytes()
    read_only = Machine(disk=Disk(str(image), read_only=True))
    done = test.run(PROGRAM, "read-only", machine=read_only)
    test.check(
        done.status == 0 and image.read_bytes() == before,
        "a read-only disk is never written",
        done.text + done.why,
    )


def on_a_slow_disk(test: harness.Test) -> None:
    with slow_disk(contents(2), 0.5, test.build) as disk:
        for harts in (1, 4):
            done = test.run(PROGRAM, "killed", machine=Machine(harts=harts, disk=disk))
            test.check(
                done.status == 0,
                f"pages of killed threads stay pinned until the disk has answered ({harts} harts)",
                done.text + done.why,
            )
        done = test.run(PROGRAM, "left-to-others", machine=Machine(disk=disk))
        what = "a call that waits for a page-in leaves bytes and events to the next one"
        test.check(done.status == 0, what, done.text + done.why)
        for harts in (1, 4):
            done = test.run(PROGRAM, "ended-in-page-in", machine=Machine(harts=harts, disk=disk))
            what = f"a ring's request ends in its page-in, and loses no byte ({harts} harts)"
            test.check(done.status == 0, what, done.text + done.why)
            done = test.run(PROGRAM, "interrupted", machine=Machine(harts=harts, disk=disk))
            what = f"a call does not lose its result to a signal during its page-in ({harts} harts)"
            test.check(done.status == 0, what, done.text + done.why)
    if not test.lacks("a fork during a read", harness.MMU):
        with slow_disk(contents(2), 0.05, test.build) as disk:
            done = test.run(PROGRAM, "fork", machine=Machine(disk=disk))
            test.check(done.status == 0, "a fork during a read loses nothing", done.text + done.why)
        with slow_disk(contents(2), 2, test.build) as disk:
            done = test.run(PROGRAM, "execve", machine=Machine(disk=disk, memory="64M"))
            what = "an execve that waits for a read succeeds even if memory runs out meanwhile"
            test.check(done.status == 0, what, done.text + done.why)
    with numbered_disk(test.build) as slow:
        done = test.run("/bin/irq", machine=Machine(harts=4, disk=slow))
        test.check(
            done.status == 0, "four harts have 64 requests in flight at once", done.text + done.why
        )
    if test.lacks("a disk with bad sectors", harness.QEMU):
        return
    bad = 300 * 512
    with SlowDisk(contents(3), delay=0.001, fails=frozenset({bad})) as slow:
        done = test.run(PROGRAM, "errors", str(bad), machine=Machine(disk=slow.disk))
        test.check(done.status == 0, "bad sectors are EIO", done.text + done.why)
        done = test.run(PROGRAM, "joined-bad", str(bad), machine=Machine(disk=slow.disk))
        what = "  … only for the parts of a merged transfer that they concern"
        test.check(done.status == 0, what, done.text + done.why)
        test.check(bytes(slow.data) == contents(3), "  … and the disk is unchanged")
        done = test.run(PROGRAM, "mapped-bad", str(bad), machine=Machine(disk=slow.disk))
        what = "an access to a mapped bad sector is SIGBUS, and EFAULT in a call"
        test.check(done.status == 0, what, done.text + done.why)


def without(test: harness.Test) -> None:
    done = test.run(PROGRAM, "none")
    test.check(done.status == 0, "a machine without a disk has no /dev/vda", done.text)
    if test.lacks("the entropy device", harness.QEMU):
        return
    seeded = "random: seeded by the machine's entropy device"
    # The host decides when the device answers. The kernel uses the answer when it next needs random bytes,
    # at the start of a program. So the dialogue starts `true` until the log has the line.
    typed = harness.Dialogue(
        (PROMPT, "true\n", lambda _: seeded.encode() in typed.data), (PROMPT, "exit\n")
    )
    done = test.run("/bin/sh", typed=typed, quiet=False)
    test.check(seeded in done.text, "the entropy device seeds the random generator", done.output)
    machine = Machine(entropy=False)
    done = test.run("/bin/hello", machine=machine, quiet=False)
    test.check(
        done.status == 0 and seeded not in done.text,
        "a machine without an entropy device boots",
        done.output,
    )
    counted = [
        test.run("/bin/sh", "-c", "head -9 /dev/urandom | wc", machine=Machine(icount=True)).text
        for _ in range(2)
    ]
    lines = re.match(r"\s*9\s+\d+\s+\d{3,}\s", counted[0])
    test.check(bool(lines), "a machine that counts instructions has random bytes, too", counted[0])
    test.check(counted[0] == counted[1], "… the same bytes in each run", str(counted))


with harness.Test(__doc__, all_everyday=True) as test, tempfile.TemporaryDirectory() as folder:
    test.add(test.folder / "test-programs" / "disk", "test/disk")
    on_a_file(test, Path(folder))
    on_a_slow_disk(test)
    without(test)
