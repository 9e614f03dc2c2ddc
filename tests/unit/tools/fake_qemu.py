#!/usr/bin/python3 -IS
"""A stand-in for QEMU and the kernel, to test the command without either. It takes QEMU's options,
unpacks the boot archive, runs `init=` as a program of the host, and speaks the kernel's side of the
boot protocol (docs/running.md).

The program gets the number of harts in FAKE_HARTS and the name of the kernel's file in FAKE_IMAGE.
Words in `--append` select an error: `fake=silent` never starts the program, `fake=panic` panics,
`fake=die` ends without a mark, `fake=locked` and `fake=broken-disk` fail to open the disk, and
`fake=linger` stays after the exit mark.

Tests start it hundreds of times, so it imports no module that takes long to load.
"""

import errno
import os
import select
import sys
import time

BANNER = b"\nOpenSBI v0.0\n  ____\n Platform Name : fake\n\n"


def unpack(archive: bytes, root: str) -> None:
    position = 0
    while True:
        assert archive[position : position + 6] == b"070701", f"no header at {position}"
        assert position % 4 == 0
        fields = [int(archive[position + 6 + 8 * i : position + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[position + 110 : position + 110 + name_size].rstrip(b"\0").decode()
        position += (110 + name_size + 3) // 4 * 4
        data = archive[position : position + size]
        position += (size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return
        path = os.path.join(root, name)
        kind = mode & 0o170000
        if kind == 0o040000:
            os.mkdir(path)
        elif kind == 0o120000:
            os.symlink(data, path)
        else:
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, mode & 0o7777)


class Folder:
    """`with Folder() as root`: a temporary folder."""

    def __enter__(self) -> str:
        self._path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"fake-{os.urandom(8).hex()}")
        os.mkdir(self._path)
        return self._path

    def __exit__(self, *_) -> None:
        for folder, folders, files in os.walk(self._path, topdown=False):
            for name in files:
                os.unlink(os.path.join(folder, name))
            for path in (os.path.join(folder, name) for name in folders):
                (os.unlink if os.path.islink(path) else os.rmdir)(path)
        os.rmdir(self._path)


def words(line: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for word in line.split():
        key, _, value = word.partition("=")
        found.setdefault(key, []).append(decoded(value))
    return found


def decoded(value: str) -> bytes:
    if "%" not in value:
        return value.encode()
    from urllib.parse import unquote_to_bytes  # imported late, because few boots need it

    return unquote_to_bytes(value)


def typed(data: bytes) -> tuple[bytes, bool]:
    """Acts as a terminal: it echoes keys, Enter ends a line, and Ctrl-D ends the input. Returns the input,
    and whether it has ended."""
    keys, end, _ = data.replace(b"\r", b"\n").partition(b"\x04")
    os.write(1, keys)
    return keys, bool(end)


class Framed:
    """Decodes framed standard input: DLE DLE is one DLE, DLE E is end of file."""

    def __init__(self):
        self._escaped = False

    def __call__(self, data: bytes) -> tuple[bytes, bool]:
        out = bytearray()
        while data:
            if self._escaped:
                self._escaped = False
                if data[:1] == b"E":
                    return bytes(out), True
                out += data[:1]
                data = data[1:]
            else:
                plain, escape, data = data.partition(b"\x10")
                out += plain
                self._escaped = bool(escape)
        return bytes(out), False


def start(arguments: list, environment: dict[bytes, bytes], files: dict[int, int]) -> int:
    """Starts a program, and returns its process number. files: for each
    descriptor of the program, the descriptor of this process that it copies."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
            os.set_inheritable(int(name), False)
    duplicates = [(os.POSIX_SPAWN_DUP2, ours, its) for its, ours in files.items()]
    ignored = (13, 25)  # SIGPIPE and SIGXFSZ, which Python ignores
    return os.posix_spawn(
        arguments[0], arguments, environment, file_actions=duplicates, setsigdef=ignored
    )


def escaped(data: bytes) -> bytes:
    return data.replace(b"\x10", b"\x10\x10")


def as_errors(data: bytes) -> bytes:
    return b"\x102" + escaped(data) + b"\x101"


def relay(into: int, outputs: dict, decode, emit) -> None:
    """Passes standard input to the program and emits its outputs, until all of these are closed. outputs: for
    each descriptor, the function that frames its data. decode: null if the program's input is empty."""
    pending, feeds, has_ended = b"", decode is not None, decode is None
    os.set_blocking(into, False)
    while outputs:
        if has_ended and not pending and into >= 0:
            os.close(into)
            into = -1
        readers = [*outputs, *([0] if feeds and len(pending) < 65536 else [])]
        ready, writable, _ = select.select(readers, [into] if pending else [], [])
        for file in ready:
            data = os.read(file, 65536)
            if file == 0:
                found, has_ended = decode(data)
                feeds = bool(data) and not has_ended
                pending += found
            elif data:
                emit(outputs[file](data))
            else:
                del outputs[file]
        if writable:
            try:
                pending = pending[os.write(into, pending) :]
            except BrokenPipeError:
                pending, feeds = b"", False


def run_another_kernel(option: dict[str, str]) -> int:
    """Runs /init with the words behind `--`; the lines of its output end with CR LF."""
    with Folder() as root:
        with open(option["-initrd"], "rb") as file:
            unpack(file.read(), root)
        kind = b"instructions" if "-icount" in option else b"time"
        arguments = [root + "/init", *option["-append"].partition(" -- ")[2].split()]
        environment = {b"PATH": b"/bin:/usr/bin", b"FAKE_KIND": kind, b"FAKE_KERNEL": b"another"}
        ours, its = os.pipe()
        program = start(arguments, environment, {1: its})
        os.close(its)
        os.write(1, BANNER)
        while data := os.read(ours, 65536):
            os.write(1, data.replace(b"\n", b"\r\n"))
        os.waitpid(program, 0)
    return 0


def main() -> int:
    option = dict(zip(sys.argv, sys.argv[1:]))  # each option with the word after it
    line = words(option["-append"])
    if "mark" not in line:
        return run_another_kernel(option)
    nonce = line["mark"][0].decode()
    fake = line.get("fake", [b""])[0]
    is_framed = "stderr" in line

    def emit(data: bytes) -> None:
        while data:
            data = data[os.write(1, data) :]

    def mark(text: str) -> None:
        emit(f"\x1e{nonce} {text}\n".encode())

    def kernel_says(text: str) -> None:
        if "quiet" not in line:
            emit(f"[    0.001000 h0] {text}\n".encode())

    emit(BANNER)
    kernel_says("booting")
    if fake == b"silent":
        time.sleep(3600)  # longer than any test waits
    if fake == b"die":
        print("fake: no such machine", file=sys.stderr)
        return 1
    if fake == b"locked":
        print('fake: -blockdev …: Failed to get "write" lock', file=sys.stderr)
        return 1
    if fake == b"broken-disk":
        print("fake: -blockdev …: Could not read the disk", file=sys.stderr)
        return 1
    if fake == b"panic":
        mark("panic")
        emit(b"panic: all is lost\n")
        return 1

    if "-initrd" not in option:  # the fake kernel has no programs, and prints what it was to run
        mark("start")
        emit(b" ".join([option["-smp"].encode(), line["init"][0], *line.get("arg", [])]) + b"\n")
        is_missing = line["init"][0] == b"99"
        mark(f"exit 127 {errno.ENOENT}" if is_missing else "exit 0 0")
        return 0

    with Folder() as root:
        with open(option["-initrd"], "rb") as file:
            unpack(file.read(), root)
        mark("start")
        init = root + line["init"][0].decode()
        with open(init, "rb") as file:
            if file.read(4) in (b"\x7fELF", b"text"):  # this machine refuses both
                mark(f"exit 126 {errno.ENOEXEC}")
                return 0
        environment = dict(
            value.split(b"=", 1)
            for value in [
                b"PATH=/bin:/usr/bin",
                b"FAKE_HARTS=" + option["-smp"].encode(),
                b"FAKE_IMAGE=" + os.path.basename(option["-kernel"]).encode(),
                b"FAKE_KIND=" + (b"instructions" if "-icount" in option else b"time"),
                *line.get("env", []),
            ]
        )
        os.chdir(root)
        (its_in, our_in), (our_out, its_out), (our_errors, its_errors) = (os.pipe() for _ in range(3))
        program = start(
            ["/usr/bin/setpriv", "--pdeathsig", "KILL", init, *line.get("arg", [])],
            environment,
            {0: its_in, 1: its_out, 2: its_errors if is_framed else its_out},
        )
        for file in (its_in, its_out, its_errors):
            os.close(file)
        outputs = {our_out: escaped, our_errors: as_errors} if is_framed else {our_out: bytes}
        is_empty = line.get("stdin") == [b"empty"]
        relay(our_in, outputs, None if is_empty else Framed() if "stdin" in line else typed, emit)
        status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
        mark(f"exit {status if status >= 0 else 128 - status} 0")
        kernel_says("power off")
        if fake == b"linger":
            time.sleep(3600)  # longer than any test waits
    return 0


if __name__ == "__main__":
    sys.exit(main())
