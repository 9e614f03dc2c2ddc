"""System calls answer as Linux does: results and errors, for right and wrong arguments.

The program `answers` (programs/answers) makes calls and compares each answer with the one of Linux 6.12,
which stands beside the call. The test also runs it on Linux, if Debian's kernel for riscv64 is in
build/linux: so it checks that the expected answers are Linux's. `./cotrap bench syscall.null --against linux`
downloads that kernel.
"""

import os
import re
import subprocess
from pathlib import Path

import harness
from cotrap.bench.others.linux import CONSOLE, newest_image
from cotrap.initrd import Archive
from cotrap.qemu import Machine, memory_file, qemu_on
from harness import Part

PARTS = [
    Part("descriptors", "calls refuse descriptors that are closed, or that only stand for a path"),
    Part("fifos", "FIFOs wait for their other end, and calls move bytes between two files"),
    Part("futexes", "futexes check their arguments in Linux's order"),
    Part("identities", "calls refuse wrong process numbers, limits, accounts and flags of random bytes"),
    Part("locks", "locks of files have owners, wait, and detect deadlocks"),
    Part("mappings", "mappings of writable files share their bytes, and mremap moves memory"),
    Part("memory", "calls refuse mappings of 0 bytes, of all memory or at wrong addresses"),
    Part("names", "names have Linux's limits, and removed folders its errors"),
    Part("paths", "calls refuse paths of the wrong kind, length or address"),
    Part("polls", "ppoll checks its list, time and mask in Linux's order"),
    Part("processes", "clone, execve and wait4 refuse what Linux refuses"),
    Part("scheduling", "calls refuse wrong policies, priorities and affinities"),
    Part("signals", "calls refuse wrong signals, receivers, actions and masks"),
    Part("space", "files have holes and allocated space, and vectors move at offsets"),
    Part("status", "permissions, owners, times and links are those of tmpfs"),
    Part("times", "calls refuse clocks that do not exist, and wrong times"),
    Part("transfers", "transfers of 0 bytes, too many bytes, or at wrong offsets have Linux's errors"),
]


def run_on_linux(image: Path, program: Path) -> str:
    """Boots Linux with the program as its first process, and returns the console's output."""
    archive = Archive()
    archive.add_program(program, "init")
    initrd = memory_file("initrd", archive.pack())
    try:
        return subprocess.run(
            qemu_on(Machine(entropy=False, memory="512M"), str(image), initrd, CONSOLE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=harness.TIMEOUT,
        ).stdout.decode(errors="replace")
    finally:
        os.close(initrd)


def table_on_linux(test: harness.Test) -> None:
    image = newest_image()
    if image is None:
        print("skipped: the answers on Linux: build/linux has no kernel")
        return
    output = run_on_linux(image, test.folder / "test-programs" / "answers")
    for name, _ in PARTS:
        ended = re.search(rf"^== {name} ends: 0\r?$", output, re.MULTILINE) is not None
        test.check(ended, f"the expected answers of {name} are those of {image.name}", output)


with harness.Test(__doc__) as test:
    test.run_parts("answers", PARTS)
    if test.everyday and test.build.machine == "riscv64":  # as the kernel in build/linux
        table_on_linux(test)
