"""Downloads and unpacks Debian packages for any processor, from the mirror that the system itself uses. apt
keeps all its files in a temporary folder, so this installs nothing and needs no rights."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import ToolError
from .paths import ROOT
from .ui import Waiting

ARCHITECTURES = {"riscv64": "riscv64", "pc": "amd64"}  # Debian's names, by --machine
_SUITE = "trixie"  # Debian 12 has no riscv64
_TIMEOUT = 300.0  # seconds for each command


# The folders of Debian that are links into /usr. No package has these links: the installer makes them.
_MERGED = ("bin", "lib", "sbin")
_MOUNT_POINTS = ("dev", "mnt", "proc", "root", "run", "sys", "tmp")


def unpack(package: str, into: Path, architecture: str = "riscv64") -> None:
    """Unpacks the package's files into the new folder `into`. A package `linux-image-…` stands for the
    current kernel package, and that one is unpacked. Raises ToolError; then `into` does not exist."""

    def fetch(scratch: Path) -> None:
        apt = _apt(scratch, architecture)
        name = package
        if name.startswith("linux-image"):
            depends = _run(["apt-cache", *apt, "depends", name], scratch).split()
            name = depends[depends.index("Depends:") + 1]
        _run(["apt-get", "-q", *apt, "download", name], scratch)
        (archive,) = scratch.glob("*.deb")
        _run(["dpkg-deb", "-x", archive, scratch / "unpacked"], scratch)

    _make(into, fetch, f"package {package} for {architecture}")


def unpack_source(package: str, into: Path) -> None:
    """Unpacks the files of a source package, as their authors publish them, into the new folder `into`. Leaves out
    Debian's patches, the archive's only folder at the top, and links. Raises ToolError; then `into` does not exist."""

    def fetch(scratch: Path) -> None:
        apt = _apt(scratch, "riscv64", "deb-src")
        _run(["apt-get", "-q", *apt, "--download-only", "source", package], scratch)
        # Debian's own files are in another archive, NAME.debian.tar.xz. A signature is NAME.asc.
        (archive,) = (
            path for path in scratch.glob("*.tar.*") if path.suffix != ".asc" and ".debian.tar" not in path.name
        )
        with tarfile.open(archive) as files:
            for member in files:
                _, *parts = Path(member.name).parts
                if member.isfile() and parts:
                    if ".." in parts:
                        raise ValueError(f"{archive.name} has a file {member.name}")
                    path = scratch.joinpath("unpacked", *parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(files.extractfile(member).read())
                    path.chmod(0o755 if member.mode & 0o100 else 0o644)

    _make(into, fetch, f"source package {package}")


def make_root(packages: list[str], into: Path, architecture: str = "riscv64") -> None:
    """Makes the new folder `into` a root folder that has the packages and all packages on which they depend.
    No script of a package runs. Raises ToolError; then `into` does not exist."""

    def fetch(scratch: Path) -> None:
        root = scratch / "unpacked"
        for name in _MERGED:
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
        for name in _MOUNT_POINTS:
            (root / name).mkdir()
        apt = _apt(scratch, architecture)
        wanted = ["-y", "--no-install-recommends", "--download-only", "install", *packages]
        _run(["apt-get", "-q", *apt, *wanted], scratch)
        for archive in sorted((scratch / "cache" / "archives").glob("*.deb")):
            # tar keeps the links /bin, /lib and /sbin, which `dpkg-deb -x` would replace by folders.
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as files:
                tar = ["tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner"]
                subprocess.run(tar, stdin=files.stdout, check=True, timeout=_TIMEOUT)

    _make(into, fetch, f"packages {', '.join(packages)} for {architecture}")


def root_folder(name: str, packages: list[str], machine: str = "riscv64") -> Path:
    """The folder build/NAME, made by make_root() if it does not exist yet or has other packages. machine: one of
    ARCHITECTURES. For others than riscv64 the folder's name ends in -MACHINE."""
    architecture = ARCHITECTURES[machine]
    folder = ROOT / "build" / (name if machine == "riscv64" else f"{name}-{machine}")
    wanted = " ".join(sorted(set(packages)))
    record = folder.with_name(f"{folder.name}.packages")
    if not folder.exists() or not record.exists() or record.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        with Waiting(f"fetching Debian's packages {', '.join(packages)} for {architecture}"):
            make_root(packages, folder, architecture)
        record.write_text(wanted)
    return folder


def _make(into: Path, fetch: Callable[[Path], None], what: str) -> None:
    """Calls `fetch` with a temporary folder, whose folder `unpacked` becomes `into`. what: for a message."""
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as scratch:
            (Path(scratch) / "unpacked").mkdir()
            fetch(Path(scratch))
            shutil.move(Path(scratch) / "unpacked", into)
    except (OSError, subprocess.SubprocessError, LookupError, ValueError, tarfile.TarError) as error:
        raise ToolError(f"cannot download Debian's {what}: {_reason(error)}") from error


def _apt(scratch: Path, architecture: str, kind: str = "deb") -> list[str]:
    """Fetches apt's lists of packages of a kind: `deb`, or `deb-src` for source packages. Returns the options of apt
    for later commands."""
    sources = scratch / "sources.list"
    sources.write_text(f"{kind} {_entry()}\n")
    lists, cache = scratch / "state", scratch / "cache"
    for folder in (lists / "lists" / "partial", cache / "archives" / "partial"):
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
    return own


def _entry() -> str:
    """A line of apt's list of sources, without its first word, the kind: the system's mirror and key, and the suite
    that has riscv64."""
    form = "$(REPO_URI) $(RELEASE) $(SIGNED_BY)"
    listed = _run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    for line in listed.splitlines():
        mirror, release, key = line.split(maxsplit=2)
        if release in ("bookworm", "trixie"):
            signed = f"[signed-by={key}] " if key.startswith("/") else ""
            return f"{signed}{mirror} {_SUITE} main"
    raise LookupError("apt's sources list no mirror of Debian 12 or 13")


def _run(command: list, folder: Path | None = None) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=_TIMEOUT
    ).stdout


def _reason(error: Exception) -> str:
    """The last line that the failed program printed, or else Python's message."""
    lines = (getattr(error, "stderr", None) or "").splitlines()
    return lines[-1] if lines else str(error)
