"""The instruction counts and times that Cotrap promises, on one hart, counted exactly."""

import subprocess
import tempfile

import harness
from cotrap.disk import Disk

TEXT_LIMIT = 400 * 1024  # bytes of kernel code

with harness.Test(__doc__) as test:
    done = test.run("/bin/measure", machine=harness.Machine(icount=True), timeout=100)
    test.check(
        done.status in (0, 1), "the measuring program comes to its end", done.text + done.why
    )
    # With a disk, idle time is real, which is no time to measure others in.
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(1 << 20)
        machine = harness.Machine(icount=True, disk=Disk(image.name))
        names = ("block-read-4k", "sleep-1ms-late-beside-traffic")
        with_disk = test.run("/bin/measure", *names, machine=machine)
    test.check(with_disk.status in (0, 1), "  … and on a machine with a disk", with_disk.text)
    rows = [line.split("\t") for line in (done.text + with_disk.text).splitlines()]
    rows = [row for row in rows if len(row) == 5]
    test.check(len(rows) >= 10, f"{len(rows)} figures were measured", done.output)
    for name, value, unit, limit, verdict in rows:
        test.check(verdict == "ok", f"{name}: {value} {unit} (at most {limit})")

    sections = subprocess.run(
        ["llvm-size-22", "--format=sysv", test.build.kernel], capture_output=True, text=True
    ).stdout
    text = sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(".text"))
    test.check(
        0 < text <= TEXT_LIMIT, f"kernel text: {text} bytes (at most {TEXT_LIMIT})", sections
    )
