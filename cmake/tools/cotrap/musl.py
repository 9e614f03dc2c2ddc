"""Fetches Debian's musl for riscv64, which some of the tests' Linux programs are linked with.

It comes from the mirror that the system's own packages come from, by an apt that is told to keep
everything under build/: nothing is installed, and no right is needed.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from .paths import ROOT
from .ui import Waiting, say

_FOLDER = ROOT / "build" / "musl"  # tests/system/programs/CMakeLists.txt looks here
_SUITE = "trixie"  # Debian 12 has no riscv64
_PACKAGE = "musl-dev"
_PATIENCE = 60.0  # seconds for all of it


def ensure() -> None:
    """Without it there is a line that says so, and the tests go on."""
    if _FOLDER.exists():
        return
    try:
        with Waiting("fetching musl for riscv64"), tempfile.TemporaryDirectory(
            prefix=".musl-", dir=ROOT / "build"
        ) as scratch:
            _fetch(Path(scratch))
    except (OSError, subprocess.SubprocessError, LookupError) as error:
        say(f"no musl, so its programs are not tested ({_reason(error)})")


def _fetch(scratch: Path) -> None:
    sources = scratch / "sources.list"
    sources.write_text(_entry() + "\n")
    lists, cache, unpacked = scratch / "state", scratch / "cache", scratch / "unpacked"
    for folder in (lists / "lists" / "partial", cache / "archives" / "partial", unpacked):
        folder.mkdir(parents=True)
    settings = {
        "Dir::State": lists,
        "Dir::State::status": "/dev/null",
        "Dir::Cache": cache,
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Architecture": "riscv64",
        "APT::Architectures": "riscv64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-q"] + [word for pair in settings.items() for word in ("-o", "%s=%s" % pair)]
    _run([*apt, "update", "--error-on=any"], scratch)
    _run([*apt, "download", _PACKAGE], scratch)
    (package,) = scratch.glob("*.deb")
    _run(["dpkg-deb", "-x", package, unpacked], scratch)
    shutil.move(unpacked, _FOLDER)


def _entry() -> str:
    """A line for apt: the system's mirror and key, our suite."""
    listed = _run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(SIGNED_BY)",
            "Created-By: Packages",
        ]
    )
    for line in listed.splitlines():
        mirror, release, key = line.split(maxsplit=2)
        if release in ("bookworm", "trixie"):
            signed = f"[signed-by={key}] " if key.startswith("/") else ""
            return f"deb {signed}{mirror} {_SUITE} main"
    raise LookupError("apt knows no mirror of Debian 12 or 13")


def _run(command: list, folder: Path | None = None) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=_PATIENCE
    ).stdout


def _reason(error: Exception) -> str:
    """The last thing a program that failed has said, or what Python says."""
    said = (getattr(error, "stderr", None) or "").splitlines()
    return said[-1] if said else str(error)
