"""A program of asio's coroutines works unchanged.

The test downloads Debian's headers of asio, and builds an echo server with its clients by the stock cross compiler: TCP over
IPv4 and IPv6, UDP, AF_UNIX, timers and a signal. It must print what it prints on Linux.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap import debian
from cotrap.paths import ROOT

_SOURCE = Path(__file__).parent / "programs" / "asio" / "echo.cpp"
_HEADERS = ROOT / "build" / "asio"
_BUILD_TIMEOUT = 1200.0  # seconds, on a busy host
_EXPECTED = [
    "tcp: 2000 answers",
    "tcp over IPv6: 2000 answers",
    "unix: 2000 answers",
    "udp: 10 answers",
    "a signal ends the wait",
]


def build(program: Path) -> None:
    if not _HEADERS.exists():
        debian.unpack("libasio-dev", _HEADERS)
    compiler = [os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER", ""), "riscv64-linux-gnu-g++"]
    options = ["-std=c++20", "-O1", "-static", "-pthread", "-I", _HEADERS / "usr" / "include"]
    command = [*filter(None, compiler), *options, _SOURCE, "-o", program]
    subprocess.run(command, check=True, timeout=_BUILD_TIMEOUT)


with harness.Test(__doc__, "programs for riscv64") as test, tempfile.TemporaryDirectory() as folder:
    program = Path(folder) / "asio-echo"
    build(program)
    with test.added(program, "asio-echo"):
        for harts in test.same_harts:
            done = test.run("/asio-echo", machine=test.machine(harts=harts))
            # The datagrams and the signal take turns.
            lines = done.text.replace("\r", "").splitlines()
            test.check(sorted(lines) == sorted(_EXPECTED), f"asio's echo server works ({harts} harts)", done.text + done.why)
