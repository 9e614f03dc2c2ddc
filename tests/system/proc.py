"""/proc has the files and the columns that docs/reference/proc.md lists."""

import re

import harness
from cotrap.qemu import Machine

PAGE = (harness.ROOT / "docs" / "reference" / "proc.md").read_text()
FILES = sorted(re.findall(r"^\| \[`/proc/(\S+)`\]", PAGE, re.MULTILINE))
TABLES = ("disks", "harts", "processes", "stacks")  # files whose first line names the columns
SCRIPT = "; echo ==; ".join(
    ("ls /proc", "ls /proc/self", "cat /proc/meminfo", *(f"head -n 1 /proc/{name}" for name in TABLES))
)


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def columns(name: str) -> list[str]:
    """The names in the first cells of a section's table."""
    cells = re.findall(r"^\| (`.*?) \|", section(name), re.MULTILINE)
    return re.findall(r"`([^`]+)`", " ".join(cells))


with harness.Test(__doc__, all_everyday=True) as test:
    for harts in (1, 4):
        done = test.run("/bin/sh", "-c", SCRIPT, machine=Machine(harts))
        files, own, memory, *heads = [part.split("\n") for part in done.text.split("==\n")]
        there = [name for name in files if name not in ("", "self/")]
        there += [f"self/{name}" for name in own if name]
        test.check(sorted(there) == FILES, f"the page lists every file of /proc ({harts} harts)", done.text)
        test.check(all(map(section, FILES)), "  … and has a section for each file", str(FILES))
        names = [line.partition(":")[0] for line in memory if line]
        listed = re.findall(r"`(Mem\w+)`", section("meminfo"))
        test.check(names == listed, "the page names the lines of meminfo", done.text)
        for name, head in zip(TABLES, heads, strict=True):
            same = head[0].split("\t") == columns(name)
            test.check(same, f"the page names the columns of {name}", done.text)
