"""Python's own regression tests have the same results on Cotrap and on Linux, in the same root folder.

The test downloads Debian's python3.13 with its tests, and Debian's kernel. Both kernels boot in QEMU into the folder,
which the host shares. Each test of a module is compared: it must pass if it passes on Linux. The only network is the
loopback device. With `--only MODULES` it tests modules with commas between their names, which may be others than MODULES:

    python.py --only epoll,select,selectors,socket,asyncio   # each way to wait for many files
    python.py --only asyncio.test_events                     # one module of a package
"""

import re
import shutil
import xml.etree.ElementTree as xml
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import debian_linux
import harness
from cotrap import debian
from cotrap.console import Capture
from cotrap.demos import PACKAGED, Stage, run_demo
from cotrap.share import ROOT, Share

PACKAGES = ["python3.13", "libpython3.13-testsuite", "bash", "dash", "coreutils"]
MODULES = (
    "fcntl", "mmap", "threading", "os", "signal", "io", "subprocess", "epoll", "poll", "select", "selectors",
    "socket", "socketserver", "posix", "pty", "tty", "termios", "ioctl", "fileio", "file_eintr", "fork1", "wait3",
    "wait4", "resource", "asyncio",
)
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
RESULTS = "results"  # a folder of the root folder
_TIMEOUT = 3600.0  # seconds for a module, on a busy host
# Tests that end differently, by patterns of their names, and why.
KNOWN = {
    "test_os.TermsizeTests.test_does_not_crash": "standard output is no terminal here",
    "test_posix.NamespacesTests.test_unshare_setns": "there are no namespaces",
    "test_posix.PosixGroupsTester.test_setgroups": "there are no supplementary groups",
    "test_subprocess.POSIXProcessTestCase.test_user": "every program is the superuser's, so setuid to another user "
    "fails with EINVAL",
}


def modules_of(root: Path, names: Iterable[str]) -> list[str]:
    """The modules with these names. A package stands for its modules, except those for Windows."""
    found = []
    for name in names:
        package = root / "usr" / "lib" / "python3.13" / "test" / f"test_{name}"
        parts = sorted(file.stem for file in package.glob("test_*.py"))
        found += [f"{name}.{part}" for part in parts if "windows" not in part] or [name]
    return found


def command(kernel: str, module: str, names: Iterable[str] = ()) -> list[str]:
    """The words of a command that tests a module in /tmp, and writes the results into a file. names: only these
    tests."""
    chosen = "".join(f" -m '*.{name.partition('.')[2]}'" for name in names)
    file = f"/{RESULTS}/{kernel}-{module}.xml"
    script = f"cd /tmp && exec python3.13 -m test -v -u network --junit-xml {file}{chosen} test_{module}"
    return ["/bin/bash", "-c", script]


def results(root: Path, kernel: str, module: str) -> dict[str, tuple[str, str]]:
    """For each test: how it ended, and the text of its errors. Without a file of results there are none."""
    file = root / RESULTS / f"{kernel}-{module}.xml"
    if not file.exists():
        return {}
    found: dict[str, tuple[str, str]] = {}
    for case in xml.parse(file).iter("testcase"):
        name = re.sub(r" .*| \(.*", "", case.get("name", "").removeprefix("test."))
        kinds = {child.tag for child in case} & {"error", "failure", "skipped"}
        end = "skipped" if kinds == {"skipped"} else "failed" if kinds else "passed"
        text = "".join(case.itertext())
        if found.get(name, ("passed", ""))[0] != "failed":
            found[name] = end, text
    return found


def demos(test: harness.Test) -> None:
    """The demos of the command that run such programs pass, too."""
    for demo in PACKAGED:
        sink = Capture()
        verdict = run_demo(demo, Stage(test.plain_build, b"", timeout=_TIMEOUT), sink)
        text = sink.data.decode(errors="replace")
        test.check(not verdict.failure, demo.description, f"{verdict.failure}\n{text}")


def on_cotrap(test: harness.Test, root: Path, module: str, names: Iterable[str] = ()) -> dict:
    """The results of a module, or of some of its tests."""
    shared = Share(str(root), tag=ROOT)
    done = test.run(
        *command("cotrap", module, names),
        machine=test.machine(root=shared, memory="1G"),
        append=" ".join(shared.words),
        timeout=_TIMEOUT,
        no_archive=True,
    )
    if done.status is None:
        print(f"test_{module}: {done.why}")
    return results(root, "cotrap", module)


def compare(test: harness.Test, root: Path, module: str) -> None:
    here, there = on_cotrap(test, root, module), results(root, "linux", module)

    def differing() -> list[str]:
        return [
            name
            for name, (end, _) in sorted(there.items())
            if here.get(name, ("missing", ""))[0] not in (end, "passed")
            and not any(fnmatch(name, known) for known in KNOWN)
        ]

    # Some tests compare times with a clock, which a busy host disturbs. They may fail once.
    if repeated := differing():
        here |= on_cotrap(test, root, module, repeated)
    wrong = []
    for name in differing():
        end, text = here.get(name, ("missing", ""))
        lines = (text or there[name][1]).strip().splitlines()
        wrong.append(f"{name}: {end}, on Linux {there[name][0]}: {lines[-1] if lines else ''}")
    same = sum(here.get(name, ("missing", ""))[0] == end for name, (end, _) in there.items())
    about = f"{same} of {len(there)} tests end as on Linux"
    test.check(bool(there) and not wrong, f"test_{module}: {about}", "\n".join(wrong))


with harness.Test(__doc__, harness.PACKAGES, own={"only": ""}) as test:
    if not test.options.only:
        demos(test)
    root = debian.root_folder("python-root", PACKAGES, test.build.machine)
    modules = modules_of(root, test.options.only.split(",") if test.options.only else MODULES)
    (root / "etc" / "hosts").write_text(HOSTS)
    shutil.rmtree(root / RESULTS, ignore_errors=True)
    (root / RESULTS).mkdir()
    machine = test.machine(root=Share(str(root), tag=ROOT), memory="1G")
    commands = [(module, *command("linux", module)) for module in modules]
    output = debian_linux.boot_into_root(test, commands, machine, _TIMEOUT * len(modules))
    for module in modules:
        compare(test, root, module)
    if not list((root / RESULTS).glob("linux-*.xml")):
        print(output.decode(errors="replace")[-4000:])
