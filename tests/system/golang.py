"""Programs of the Go runtime, which waits for files and sockets by epoll, work unchanged.

Debian's Go compiler builds static programs for riscv64 on this host. One has 1,000 goroutines, channels, timers, files, pipes,
signals, recovered panics and another program. The other is a web server, to which its clients have 1,000 connections at once.
They must print the expected texts. Debian's fzf, also a Go program, filters
100,000 lines in a root folder. The test downloads the packages (75 MB).
"""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap import debian
from cotrap.paths import ROOT as TREE
from cotrap.share import ROOT, Share

_VERSION = "1.24"  # of Debian 13
_SOURCES = Path(__file__).parent / "programs" / "go"
_TIMEOUT = 600.0  # seconds, on a busy host
_GOROUTINES = """\
ring: 1000
sleepers: 499500
pipes: 1000
files: 5050
recovered: runtime error: invalid memory address or nil pointer dereference
panics: on purpose
other program: the child has read: a text through a pipe
its status: exit status 3
signal: user defined signal 1
timers: a timeout
preempted: it runs
done
"""
_WEB = """\
first: 1000 answers, 0 connections used again
second: 1000 answers, 1000 connections used again
"""
_EXPECTED = {"goroutines": _GOROUTINES, "web": _WEB}
# Command lines for bash, and what they print.
_FILTERS = {
    "seq 100000 | fzf -f 7777 | head -n 3": "7777\n77770\n77771\n",
    "seq 100000 | fzf -f 99999": "99999\n",
    "seq 2000 | fzf -f '^12' | sort -n | tail -n 1": "1299\n",
    "yes abcdefgh | head -c 1800000 | fzf -f adg | wc -c": "1800000\n",
}


def compiler() -> Path:
    """The folder of the Go compiler for this host."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    into = TREE / "build" / "go"
    if not into.exists():
        with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
            for package in ("src", "go"):
                debian.unpack(f"golang-{_VERSION}-{package}", Path(scratch) / package, architecture)
                shutil.copytree(Path(scratch) / package, Path(scratch) / "all", symlinks=True, dirs_exist_ok=True)
            (Path(scratch) / "all").rename(into)
    return into / "usr" / "lib" / f"go-{_VERSION}"


def build(go: Path, into: Path) -> None:
    own = {"GOROOT": go, "GOCACHE": into / "cache", "GOPATH": into / "path", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    target = {"GOOS": "linux", "GOARCH": "riscv64", "CGO_ENABLED": "0"}
    for name in _EXPECTED:
        subprocess.run(
            [go / "bin" / "go", "build", "-o", into / name, _SOURCES / f"{name}.go"],
            env={**os.environ, **own, **target},
            check=True,
            timeout=_TIMEOUT,
        )


with harness.Test(__doc__, harness.RISC_V) as test:
    with tempfile.TemporaryDirectory() as folder:
        build(compiler(), Path(folder))
        for name, expected in _EXPECTED.items():
            with test.added(Path(folder) / name, name):
                for harts in test.same_harts:
                    done = test.run(f"/{name}", machine=test.machine(harts=harts), timeout=_TIMEOUT)
                    text = done.text.replace("\r", "")
                    test.check(text == expected, f"{name}.go works ({harts} harts)", text + done.why)
    shared = Share(str(debian.root_folder("go-root", ["fzf", "bash", "coreutils"])), tag=ROOT)
    for harts in test.same_harts:
        for line, expected in _FILTERS.items():
            done = test.run(
                *("/bin/bash", "-c", line),
                machine=test.machine(harts=harts, root=shared, memory="1G"),
                append=" ".join(shared.words),
                timeout=_TIMEOUT,
                no_archive=True,
            )
            text = done.text.replace("\r", "")
            test.check(text == expected, f"{line} ({harts} harts)", text + done.why)
