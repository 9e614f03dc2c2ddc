"""Writes the boot archive: a cpio archive in the "newc" format, which the kernel reads (docs/running.md).

The same files give the same bytes: entries are sorted, times are zero, and root owns every file.
"""

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError

_MAGIC = b"070701"
_END = "TRAILER!!!"
_HEADER = 110  # bytes before the name
_KERNELS = ("dev", "proc", "tmp")  # the kernel makes these folders and hides those of an archive
_PAGE = 4096
_SHOWN = 200  # characters of a file name in a message


@dataclass(frozen=True)
class Entry:
    mode: int
    data: bytes = b""

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


class Archive:
    """Entries by their path in the guest, without a leading slash. A later file replaces an earlier one of
    the same path; folders merge."""

    def __init__(self):
        self._entries: dict[str, Entry] = {}

    def add(self, host: Path, guest: str) -> None:
        """Adds a host file or a whole folder under the path `guest` ("" is the guest's root)."""
        with _reading(host):
            self._add(host, guest, ())

    def _add(self, host: Path, guest: str, around: tuple[str, ...]) -> None:
        """Adds `host`. `around`: the real paths of the folders from the one given to add()
        to the parent of `host`."""
        if host.is_symlink() and guest and around and _stays_inside(host, around[0]):
            self._put(guest, Entry(stat.S_IFLNK | 0o777, os.fsencode(os.readlink(host))))
        elif host.is_dir():
            # realpath() looks up every folder of a path, which takes long for a deep one.
            is_below = around and not host.is_symlink()
            here = os.path.join(around[-1], host.name) if is_below else os.path.realpath(host)
            if here in around:
                raise UsageError(f"{host} is a link to a folder that contains it: remove the link")
            if guest:
                self._put(guest, Entry(stat.S_IFDIR | 0o755))
            for child in host.iterdir():
                name = f"{guest}/{child.name}" if guest else child.name
                self._add(child, name, (*around, here))
        elif host.is_file():
            executable = 0o111 if os.access(host, os.X_OK) else 0
            self._put(guest, Entry(stat.S_IFREG | 0o644 | executable, host.read_bytes()))
        elif host.is_symlink() and around:  # its target does not exist
            self._put(guest, Entry(stat.S_IFLNK | 0o777, os.fsencode(os.readlink(host))))
        else:
            raise UsageError(f"{host} is neither a file nor a folder")

    def add_program(self, host: Path, guest: str) -> None:
        """Adds a file as executable, whatever its mode is on the host."""
        with _reading(host):
            self._put(guest, Entry(stat.S_IFREG | 0o755, host.read_bytes()))

    def add_bytes(self, data: bytes, guest: str) -> None:
        """Adds a file with these contents, which is not executable."""
        self._put(guest, Entry(stat.S_IFREG | 0o644, data))

    def add_link(self, target: str, guest: str) -> None:
        """Adds a symbolic link to `target`, a path in the guest."""
        self._put(guest, Entry(stat.S_IFLNK | 0o777, os.fsencode(target)))

    def has(self, guest: str) -> bool:
        """Whether the archive has a file, a link or a folder of this path."""
        return guest in self._entries

    def _put(self, guest: str, entry: Entry) -> None:
        if guest.partition("/")[0] in _KERNELS:
            raise UsageError(f"/{guest} cannot be added: the kernel makes this folder itself. Rename it")
        if guest == _END:
            raise UsageError(f"{_END} marks the end of a boot archive: rename the file")
        parent = os.path.dirname(guest)
        if parent and not (parent in self._entries and self._entries[parent].is_folder):
            self._put(parent, Entry(stat.S_IFDIR | 0o755))
        before = self._entries.get(guest, entry)
        if before.is_folder != entry.is_folder:
            kind = "folder" if before.is_folder else "file"
            raise UsageError(
                f"/{guest} is a {kind} in the boot archive already: give it another name"
            )
        self._entries[guest] = entry

    def entries(self) -> list[tuple[str, Entry]]:
        return sorted(self._entries.items())

    def pack(self) -> bytes:
        archive = bytearray()
        for inode, (name, entry) in enumerate(self.entries(), start=1):
            archive += _record(len(archive), inode, name, entry)
        archive += _record(len(archive), 0, _END, Entry(0))
        return bytes(archive)


def _record(offset: int, inode: int, name: str, entry: Entry) -> bytes:
    encoded = os.fsencode(name) + b"\0"
    if len(entry.data) >= _PAGE:
        # Zeros after the name move the contents to a page boundary, so that the kernel can map them in place.
        encoded += bytes(-(offset + _HEADER + len(encoded)) % _PAGE)
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(encoded), 0)
    header = _MAGIC + b"".join(b"%08x" % field for field in fields)
    return _padded(header + encoded) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _stays_inside(link: Path, top: str) -> bool:
    """Whether a symbolic link is relative and stays below `top`, so that it works in the guest, too."""
    target = os.path.realpath(link)
    return not os.path.isabs(os.readlink(link)) and os.path.commonpath([target, top]) == top


@contextmanager
def _reading(host: Path):
    """Turns an error while reading files into a UsageError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        name = os.fsdecode(error.filename or host)
        raise UsageError(f"{name[:_SHOWN]}: {error.strerror}") from error
    except RecursionError as error:
        raise UsageError(f"{host}: its folders are nested too deeply") from error
