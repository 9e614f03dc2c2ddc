"""Debian's stress-ng neither stops the kernel nor leaves processes or takes memory.

The test downloads Debian's package for riscv64, unchanged, and boots once for each stressor of load/stressors.txt. When the
stressor has ended, all other processes are killed. Then no process may be left, and all memory must be free again.
With `--only NAMES`, `--seconds N` and `--harts N` it runs stressors with commas between their names, for another time than
10 seconds, and on another number of harts than 1 and 4. What a stressor itself reports is printed, but no check:
stress-ng skips a stressor, or calls it failed, if a call answers ENOSYS.
"""

import re
import shutil
import tempfile
from pathlib import Path

import harness
from cotrap import debian, elf

_PACKAGE = "stress-ng"
_LIST = Path(__file__).parent / "load" / "stressors.txt"
_LIBRARIES = "usr/lib/riscv64-linux-gnu"
_INTERPRETER = "ld-linux-riscv64-lp64d.so.1"
_MEMORY = "512M"
_TO_END = 90  # seconds that a stressor may take longer than it is given, on a busy host
_REASON, _REASONS = re.compile(r"stress-ng: (?:fail|warn): .*|.*skipping.*|.*\(ENOSYS\).*"), 8
_OUTCOME = re.compile(r"stress-ng: \w+:\s+\[\d+\] (skipped|passed|failed): [1-9]")


def stressors() -> list[str]:
    """The stressors that run: the lines without a reason."""
    lines = [line.partition("#")[0].strip() for line in _LIST.read_text().splitlines()]
    return [line for line in lines if line and ":" not in line]


def stage(root: Path, program: str, folder: Path) -> None:
    """Copies the program of an unpacked system, its libraries and its interpreter into `folder`, which is like a
    guest's root."""
    waiting, done = [root / program], {_INTERPRETER}
    while waiting:
        file = waiting.pop()
        copy(file, folder / file.relative_to(root))
        linked = elf.linking(file)
        for name in set(linked.libraries if linked else ()) - done:
            done.add(name)
            waiting.append(root / _LIBRARIES / name)
    copy(root / _LIBRARIES / _INTERPRETER, folder / "lib" / _INTERPRETER)
    (folder / "etc").mkdir()
    (folder / "etc" / "mtab").write_text("tmpfs /tmp tmpfs rw 0 0\n")  # Debian links it to /proc/mounts


def copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file.resolve(), to)
    to.chmod(0o755)


def outcome(text: str) -> str:
    """What stress-ng says of the stressor: skipped, passed or failed."""
    found = _OUTCOME.search(text)
    return found[1] if found else "no result"


def load(test: harness.Test, stressor: str, harts: int, seconds: int) -> str:
    most = seconds + _TO_END
    words = (f"--{stressor}", str(harts), "--timeout", str(seconds), "--oom-avoid", "--no-rand-seed")
    done = test.run(
        "/first-under-load",
        *(str(most), "/usr/bin/stress-ng", *words),
        machine=test.machine(harts=harts, memory=_MEMORY),
        build=test.plain_build,
        timeout=4 * most,
    )
    said = outcome(done.text)
    what = f"{stressor} on {harts} harts for {seconds} s ({said}) leaves no process and all memory"
    test.check(done.status == 0, what, done.text + done.why)
    if said != "passed":
        print("".join(f"    | {line}\n" for line in _REASON.findall(done.text)[:_REASONS]), end="", flush=True)
    return said


with harness.Test(
    __doc__, "programs for riscv64", own={"only": "", "seconds": 10.0}
) as test:
    only = test.options.only.split(",") if test.options.only else []
    unpacked = debian.root_folder(_PACKAGE, [_PACKAGE])
    test.add(test.folder / "test-programs" / "first-under-load", "first-under-load")
    with tempfile.TemporaryDirectory() as folder:
        stage(unpacked, "usr/bin/stress-ng", Path(folder))
        for path in Path(folder).iterdir():
            test.add(path, path.name)
        count = dict.fromkeys(("passed", "skipped", "failed", "no result"), 0)
        for stressor in only or stressors():
            for harts in test.same_harts:
                count[load(test, stressor, harts, int(test.options.seconds))] += 1
    print("stress-ng reports: " + ", ".join(f"{number} {said}" for said, number in count.items()))
