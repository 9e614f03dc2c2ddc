"""`./cotrap test`: brings every build up to date and runs CTest once over all of them."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import build, musl, setup
from .errors import UsageError
from .paths import ROOT, SANITIZED

_SOAKED = "riscv64-release"
_HOST = ("host-asan", "host-debug")
_KERNEL = ("riscv64-release", "riscv64-trampoline", "riscv64-handler")
_HOSTED = "hosted"  # tests with a build of their own, made where they are named
_KERNEL_QUICK = ("riscv64-release",)


def run(arguments) -> int:
    setup.ensure()
    if "soak" in arguments.names:
        if arguments.list or len(arguments.names) > 1:
            raise UsageError("`test soak` goes alone: no other test with it, and no --list")
        return _soak(arguments.minutes or 10)
    if arguments.minutes:
        raise UsageError("--minutes is for `test soak`")
    kernels = _KERNEL_QUICK if arguments.quick else _KERNEL
    for preset in _HOST:
        build.make(preset, build.CONFIGURED)

    chosen = []
    left_out = [preset for preset in _KERNEL if preset not in kernels]
    if left_out:
        chosen += ["-LE", "^(" + "|".join(left_out) + ")$"]
    with tempfile.TemporaryDirectory() as folder:  # CTest writes to it, even for a list
        command = _ctest(Path(folder), *chosen)
        for name in arguments.names:
            _find([*command, "-R", name], name)
        if arguments.names:
            chosen += ["-R", "|".join(arguments.names)]
        if arguments.list:
            return _list(_ctest(Path(folder), *chosen))

    musl.ensure()
    for preset in kernels:
        build.make(preset, "all", build.TEST_PROGRAMS)
    for preset in _HOST:
        build.make(preset)
    if _HOSTED in arguments.names:
        for preset in ("hosted-release", *SANITIZED.values()):
            build.make(preset, "all", build.TEST_PROGRAMS)
    else:
        chosen += ["-E", f"^{_HOSTED}"]
    chosen += ["-j", str(arguments.jobs), "--output-on-failure"]
    folder = ROOT / "build" / "test"
    folder.mkdir(exist_ok=True)
    return 1 if subprocess.run(_ctest(folder, *chosen)).returncode else 0


def _ctest(folder: Path, *arguments: str) -> list[str]:
    """CTest over the host builds' tests, with its own files in that folder."""
    listed = "".join(f'subdirs("{ROOT}/build/{host}")\n' for host in _HOST)
    (folder / "CTestTestfile.cmake").write_text(listed)
    return ["ctest", "--test-dir", str(folder), "--no-tests=error", *arguments]


def _list(command: list[str]) -> int:
    """Without what CTest says of programs that are not built yet."""
    found = subprocess.run([*command, "-N"], capture_output=True, text=True, errors="replace")
    for line in found.stdout.splitlines():
        if re.match(r" *Test +#|Total Tests", line):
            print(line)
    return 1 if found.returncode else 0


def _find(command: list[str], name: str) -> None:
    """A name nobody has is told before anything is built."""
    found = subprocess.run([*command, "-N"], capture_output=True, text=True, errors="replace")
    if found.returncode or "\nTotal Tests: 0" in found.stdout:
        raise UsageError(f"there is no test '{name}' (`./cotrap test --list` names them)")


def _soak(minutes: float) -> int:
    """The one test that takes so long that it must be asked for."""
    build.make(_SOAKED, "all", build.TEST_PROGRAMS)
    script = ROOT / "tests" / "system" / "soak.py"
    folder = ROOT / "build" / _SOAKED
    command = [sys.executable, script, "--build", folder, "--minutes", str(minutes)]
    return 1 if subprocess.run(command).returncode else 0
