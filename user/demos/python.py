"""Python in a folder of the host: reads the host's file, and the host gets the answer.

`./cotrap demo python` runs this on Cotrap, with Debian's python.
"""

import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

FOLDER = Path("/mnt/share")  # the host made it
THREADS = 4


def check(holds: bool, claim: str) -> None:
    print(("ok: " if holds else "FAILED: ") + claim, flush=True)
    if not holds:
        sys.exit(1)


def main() -> None:
    system = os.uname()
    print(f"python {sys.version.split()[0]} on {system.sysname} {system.release}, {system.machine}")
    numbers = [int(line) for line in (FOLDER / "numbers").read_text().split()]
    check(len(numbers) == 10_000, "the host's file has 10,000 numbers")

    parts: list[list[int]] = [[] for _ in range(THREADS)]

    def sort(which: int) -> None:
        parts[which] = sorted(numbers[which::THREADS])

    workers = [threading.Thread(target=sort, args=(which,)) for which in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    whole = sorted(sum(parts, []))
    check(whole == sorted(numbers), f"{THREADS} threads sort them")

    (FOLDER / "part").write_text("".join(f"{number}\n" for number in whole))
    (FOLDER / "part").rename(FOLDER / "sorted")
    counted = subprocess.run(["/usr/bin/wc", "-l", FOLDER / "sorted"], capture_output=True, text=True, check=True)
    check(counted.stdout.split()[0] == "10000", "another program counts as many lines")
    with (
        open(FOLDER / "sorted", "rb") as file,
        mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as mapped,
    ):
        check(bytes(mapped).split() == [b"%d" % number for number in whole], "a mapping has the bytes of the file")


main()
