"""Python's own regression tests have the same results on Cotrap and on Linux, in the same root folder.

The test downloads Debian's python3.13 with its tests, and Debian's kernel. Both kernels boot in QEMU into the folder,
which the host shares. Each test of a module is compared: both kernels skip it, or it ends in the same way. Not compared are
tests that need sockets.
"""

import re
import shutil
import xml.etree.ElementTree as xml
from pathlib import Path

import debian_root
import harness
from cotrap import debian
from cotrap.console import Capture
from cotrap.demos import PACKAGED, Stage, run_demo
from cotrap.share import ROOT, Share

PACKAGES = ["python3.13", "libpython3.13-testsuite", "bash", "dash", "coreutils"]
MODULES = ("fcntl", "mmap", "threading", "os", "signal", "io", "subprocess")
RESULTS = "results"  # a folder of the root folder
_TIMEOUT = 3600.0  # seconds for a module, on a busy host
# Tests that end differently, and why.
KNOWN = {
    "test_fcntl.TestFcntl.test_fcntl_64_bit": "F_NOTIFY fails with EINVAL",
    "test_subprocess.POSIXProcessTestCase.test_user": "every program is the superuser's, so setuid to another user "
    "fails with EINVAL",
}


def command(kernel: str, module: str) -> list[str]:
    """The words of a command that tests a module in /tmp, and writes the results into a file."""
    script = f"cd /tmp && exec python3.13 -m test -v --junit-xml /{RESULTS}/{kernel}-{module}.xml test_{module}"
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


def needs_sockets(text: str) -> bool:
    return "socket" in text


def demo(test: harness.Test) -> None:
    """The demo of the command passes, too."""
    sink = Capture()
    verdict = run_demo(PACKAGED[0], Stage(test.plain_build, b"", timeout=_TIMEOUT), sink)
    test.check(not verdict.failure, PACKAGED[0].description, f"{verdict.failure}\n{sink.data.decode(errors='replace')}")


def compare(test: harness.Test, root: Path, module: str) -> None:
    here, there = results(root, "cotrap", module), results(root, "linux", module)
    same, sockets, known = 0, [], []
    differences = []
    for name, (end, text) in sorted(there.items()):
        own_end, own_text = here.get(name, ("missing", ""))
        if own_end == end:
            same += 1
        elif needs_sockets(own_text) or needs_sockets(text):
            sockets.append(name)
        elif name in KNOWN:
            known.append(name)
        else:
            lines = (own_text or text).strip().splitlines()
            differences.append(f"{name}: {own_end}, on Linux {end}: {lines[-1] if lines else ''}")
    about = f"{same} tests end as on Linux"
    about += f", {len(sockets)} need sockets" * bool(sockets)
    about += f", {len(known)} known to differ" * bool(known)
    test.check(bool(there) and not differences, f"test_{module}: {about}", "\n".join(differences))


with harness.Test(__doc__, harness.RISC_V) as test:
    demo(test)
    root = debian.root_folder("python-root", PACKAGES)
    shutil.rmtree(root / RESULTS, ignore_errors=True)
    (root / RESULTS).mkdir()
    shared = Share(str(root), tag=ROOT)
    machine = test.machine(harts=test.harts, root=shared, memory="1G")
    commands = [(module, *command("linux", module)) for module in MODULES]
    output = debian_root.on_linux(test, commands, machine, _TIMEOUT * len(MODULES))
    for module in MODULES:
        done = test.run(
            *command("cotrap", module),
            machine=machine,
            append=" ".join(shared.words),
            timeout=_TIMEOUT,
            no_archive=True,
        )
        if done.status is None:
            print(done.why)
        compare(test, root, module)
    if not list((root / RESULTS).glob("linux-*.xml")):
        print(output.decode(errors="replace")[-4000:])
