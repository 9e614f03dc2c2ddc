"""Static Linux programs of the stock cross compiler do here what they do elsewhere.

Elsewhere is QEMU's user-mode emulation: same binary, same arguments, same standard input. Two of
them at once would disturb each other's clocks, so it is one after the other.
"""

import shutil
import subprocess

import harness

ARGUMENTS = {"arguments": ["one", "", "t w o", "-x", "ünï%20"]}
INPUT = {"stdio": b"a line\nanother 12 3.5\n\nwithout an end"}
EXPECTED_COUNT = 10

with harness.Test(__doc__) as test:
    folder = test.folder / "linux-programs"
    programs = sorted(path for path in folder.glob("*") if path.is_file())
    test.check(len(programs) >= EXPECTED_COUNT, f"{len(programs)} programs were built")
    emulator = shutil.which("qemu-riscv64")
    test.check(emulator is not None, "QEMU's user-mode emulation is there to compare with")
    test.add(folder, "linux")
    for program in programs:
        arguments = ARGUMENTS.get(program.name, [])
        given = INPUT.get(program.name, b"")
        # The same argument 0 on both sides.
        there = subprocess.run(
            [emulator, "-0", f"/linux/{program.name}", program, *arguments],
            input=given,
            stdout=subprocess.PIPE,
            timeout=60,
        )
        here = test.run(f"/linux/{program.name}", *arguments, stdin=given)
        test.check(
            (here.status, here.output) == (there.returncode, there.stdout),
            f"{program.name}: {len(there.stdout)} bytes of output and status {there.returncode}",
            b"here: status %d\n%s\nthere:\n%s\n%s"
            % (
                -1 if here.status is None else here.status,
                here.output,
                there.stdout,
                here.why.encode(),
            ),
        )

    done = test.run("/bin/sh", stdin=b"cd /linux\n./lives started\ncd /\nlinux/lives started\n")
    test.check(
        done.status == 5 and done.text.count("the process's") == 2,
        "programs start by relative paths",
        done.text + done.why,
    )
