"""Programs of all kinds run together on eight harts for a long time, without a hang or a leak.

The test takes ten minutes, or `--minutes N`. You start it by hand; it is not registered with CTest.
"""

import os
import re
import tempfile
from pathlib import Path

import harness
from cotrap.disk import Disk
from cotrap.qemu import Machine

DISK_BYTES = 8 << 20
HARTS = 8

with harness.Test(__doc__, harness.MMU, own={"minutes": 10.0}) as test:
    seconds = int(test.options.minutes * 60)
    test.add(test.folder / "test-programs" / "soak", "soak")
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk"
        disk.write_bytes(os.urandom(DISK_BYTES))
        machine = Machine(harts=test.given_harts or HARTS, disk=Disk(str(disk)))
        done = test.run("/soak", str(seconds), machine=machine, timeout=2 * seconds + 120)
    print("\n".join(line for line in done.text.splitlines() if "free" in line))
    test.check(done.status == 0, "the program ends with status 0", done.text + done.why)
    lines = [int(n) for n in re.findall(r"(?m)^line (\d+) of the console's, .* behind it$", done.text)]
    whole = all(after in (0, before + 1) for before, after in zip(lines, lines[1:]))
    test.check(len(lines) > seconds and whole, f"{len(lines)} lines were printed whole and in order")
