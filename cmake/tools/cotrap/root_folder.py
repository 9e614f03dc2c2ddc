"""A folder of the host that is the guest's root folder (`--root DIR`): finds programs as the guest will."""

import os
from pathlib import Path

from . import elf
from .errors import UsageError
from .paths import Build

_SHELLS = ("/bin/bash", "/bin/sh")
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_MOST_LINKS = 40  # as in the guest
ENVIRONMENT = {"PATH": ":".join(_PATH), "HOME": "/root"}


def resolve(root: str, path: str) -> Path | None:
    """The host's file that the guest has at `path`. Links are those of the guest, so none leads out of `root`.
    None: there is no such file."""
    waiting = path.split("/")[::-1]
    at: list[str] = []
    links = 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        if name == "..":
            at = at[:-1]
            continue
        host = os.path.join(root, *at, name)
        if not os.path.islink(host):
            at.append(name)
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        target = os.readlink(host)
        at = [] if target.startswith("/") else at
        waiting += target.split("/")[::-1]
    found = Path(root, *at)
    return found if found.exists() else None


def find_program(root: str, given: str | None) -> tuple[str, Path]:
    """The path in the guest and the host's file of a program: a path or a name that `given` is, or the shell.
    Raises UsageError."""
    if given is None:
        places = _SHELLS
    elif "/" in given:
        places = (os.path.join("/", given),)
    else:
        places = tuple(f"{folder}/{given}" for folder in _PATH)
    for place in places:
        host = resolve(root, place)
        if host and host.is_file():
            return place, host
    if given is None:
        raise UsageError(
            f"--root {root}: the folder has no /bin/bash and no /bin/sh: name a program of it, or unpack a "
            "system into it (docs/linux.md)"
        )
    where = "" if "/" in given else f" in {', '.join(_PATH)}"
    raise UsageError(f"--root {root}: the folder has no program {given}{where}")


def check_program(root: str, guest: str, host: Path, built: Build) -> None:
    """Raises UsageError if the build's kernel cannot run the program."""
    try:
        is_script = host.open("rb").read(2) == b"#!"
        is_program = is_script or elf.program(host, built.processor)
        linked = elf.linking(host) if is_program and not is_script else None
    except OSError as error:
        raise UsageError(f"--root {root}: {guest}: {error.strerror}") from error
    if not is_program:
        raise UsageError(
            f"--root {root}: {guest} is no program for {built.processor}: unpack a system for {built.processor}"
        )
    interpreter = linked.interpreter if linked else ""
    if interpreter and not resolve(root, interpreter):
        raise UsageError(f"--root {root}: {guest} needs {interpreter}, which the folder does not have")
