"""Downloads and unpacks Debian packages for any processor, from the mirror that the system itself uses. apt
keeps all its files in a temporary folder, so this installs nothing and needs no rights."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import ToolError

_SUITE = "trixie"  # Debian 12 has no riscv64
_TIMEOUT = 300.0  # seconds for each command


def unpack(package: str, into: Path, architecture: str = "riscv64") -> None:
    """Unpacks the package's files into the new folder `into`. A package `linux-image-…` stands for the
    current kernel package, and that one is unpacked. Raises ToolError; then `into` does not exist."""
    _unpack([package], into, architecture, _download)


def unpack_system(packages: list[str], into: Path, architecture: str = "riscv64") -> None:
    """Unpacks the packages, and all packages that they depend on, into the new folder `into`. No script of
    a package runs. `bin`, `lib` and `sbin` are links into `usr`, as in Debian. Raises ToolError; then
    `into` does not exist."""
    _unpack(packages, into, architecture, _download_with_dependencies)
    for name in ("bin", "lib", "sbin"):
        if not (into / name).exists():
            (into / name).symlink_to(f"usr/{name}")


def _unpack(packages: list[str], into: Path, architecture: str, download: Callable) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as scratch:
            _fetch(packages, Path(scratch), architecture, download)
            shutil.move(Path(scratch) / "unpacked", into)
    except (OSError, subprocess.SubprocessError, LookupError, ValueError) as error:
        names = " ".join(packages)
        raise ToolError(
            f"cannot download Debian's package {names} for {architecture}: {_reason(error)}"
        ) from error


def _fetch(packages: list[str], scratch: Path, architecture: str, download: Callable) -> None:
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
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    own = [word for pair in settings.items() for word in ("-o", "%s=%s" % pair)]
    _run(["apt-get", "-q", *own, "update", "--error-on=any"], scratch)
    for archive in download(packages, own, scratch):
        _run(["dpkg-deb", "-x", archive, unpacked], scratch)


def _download(packages: list[str], own: list[str], scratch: Path) -> list[Path]:
    (package,) = packages
    if package.startswith("linux-image"):
        depends = _run(["apt-cache", *own, "depends", package], scratch).split()
        package = depends[depends.index("Depends:") + 1]
    _run(["apt-get", "-q", *own, "download", package], scratch)
    (archive,) = scratch.glob("*.deb")
    return [archive]


def _download_with_dependencies(packages: list[str], own: list[str], scratch: Path) -> list[Path]:
    options = ("--download-only", "--no-install-recommends", "--yes")
    _run(["apt-get", "-q", *own, "install", *options, *packages], scratch)
    return sorted((scratch / "cache" / "archives").glob("*.deb"))


def _entry() -> str:
    """A line for apt's list of sources: the system's mirror and key, and the suite that has riscv64."""
    form = "$(REPO_URI) $(RELEASE) $(SIGNED_BY)"
    listed = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    for line in listed.splitlines():
        mirror, release, key = line.split(maxsplit=2)
        if release in ("bookworm", "trixie"):
            signed = f"[signed-by={key}] " if key.startswith("/") else ""
            return f"deb {signed}{mirror} {_SUITE} main"
    raise LookupError("apt's sources list no mirror of Debian 12 or 13")


def _run(command: list, folder: Path | None = None) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=_TIMEOUT
    ).stdout


def _reason(error: Exception) -> str:
    """The last line that the failed program printed, or else Python's message."""
    lines = (getattr(error, "stderr", None) or "").splitlines()
    return lines[-1] if lines else str(error)
