#!/usr/bin/python3
"""A stand-in for QEMU and the kernel, to test the command without either. It takes QEMU's options,
unpacks the boot archive, runs `init=` as a program of the host, and speaks the kernel's side of the
boot protocol (docs/running.md).

The program gets the number of harts in FAKE_HARTS and the name of the kernel's file in FAKE_IMAGE.
Words in `--append` select an error: `fake=silent` never starts the program, `fake=panic` panics,
`fake=die` ends without a mark, `fake=locked` and `fake=broken-disk` fail to open the disk, and
`fake=linger` stays after the exit mark.
"""

import errno
import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import unquote_to_bytes

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


def words(line: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for word in line.split():
        key, _, value = word.partition("=")
        found.setdefault(key, []).append(unquote_to_bytes(value))
    return found


def frame(emit, program) -> None:
    """Copies both outputs of the program, framed, as they arrive."""
    lock = threading.Lock()

    def copy(file, begin: bytes, end: bytes) -> None:
        while data := file.read(65536):
            with lock:
                emit(begin + data.replace(b"\x10", b"\x10\x10") + end)

    errors = threading.Thread(target=copy, args=[program.stderr, b"\x102", b"\x101"])
    errors.start()
    copy(program.stdout, b"", b"")
    errors.join()


def type_into(program) -> None:
    """Acts as a terminal: it echoes keys, Enter ends a line, and Ctrl-D ends the input."""
    while data := os.read(0, 4096):
        keys, end, _ = data.replace(b"\r", b"\n").partition(b"\x04")
        os.write(1, keys)
        program.stdin.write(keys)
        if end:
            program.stdin.close()
            return


def feed(program) -> None:
    """Decodes framed standard input: DLE DLE is one DLE, DLE E is end of file."""
    escaped = False
    while data := os.read(0, 4096):
        out = bytearray()
        for byte in data:
            if escaped:
                escaped = False
                if byte == ord("E"):
                    program.stdin.write(out)
                    program.stdin.close()
                    return
                out.append(byte)
            elif byte == 0x10:
                escaped = True
            else:
                out.append(byte)
        try:
            program.stdin.write(out)
        except BrokenPipeError:
            return


def run_another_kernel(options) -> int:
    """Runs /init with the words behind `--`; the lines of its output end with CR LF."""
    with tempfile.TemporaryDirectory() as root:
        with open(options.initrd, "rb") as file:
            unpack(file.read(), root)
        kind = "instructions" if options.icount else "time"
        done = subprocess.run(
            [root + "/init", *options.append.partition(" -- ")[2].split()],
            stdout=subprocess.PIPE,
            env={"PATH": "/bin:/usr/bin", "FAKE_KIND": kind, "FAKE_KERNEL": "another"},
        )
        os.write(1, BANNER + done.stdout.replace(b"\n", b"\r\n"))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-append")
    parser.add_argument("-initrd")
    parser.add_argument("-kernel")
    parser.add_argument("-smp")
    parser.add_argument("-icount")
    options, _ = parser.parse_known_args()
    line = words(options.append)
    if "mark" not in line:
        return run_another_kernel(options)
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

    with tempfile.TemporaryDirectory() as root:
        with open(options.initrd, "rb") as file:
            unpack(file.read(), root)
        mark("start")
        with open(root + line["init"][0].decode(), "rb") as file:
            if file.read(4) in (b"\x7fELF", b"text"):  # this machine refuses both
                mark(f"exit 126 {errno.ENOEXEC}")
                return 0
        program = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                root + line["init"][0].decode(),
                *line.get("arg", []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if is_framed else subprocess.STDOUT,
            cwd=root,
            env=dict(
                value.split(b"=", 1)
                for value in [
                    b"PATH=/bin:/usr/bin",
                    b"FAKE_HARTS=" + options.smp.encode(),
                    b"FAKE_IMAGE=" + os.path.basename(options.kernel).encode(),
                    b"FAKE_KIND=" + (b"instructions" if options.icount else b"time"),
                    *line.get("env", []),
                ]
            ),
            bufsize=0,
        )
        feeder = feed if "stdin" in line else type_into
        if line.get("stdin") == [b"empty"]:
            program.stdin.close()
        else:
            threading.Thread(target=feeder, args=[program], daemon=True).start()
        if is_framed:
            frame(emit, program)
        else:
            while data := program.stdout.read(65536):
                emit(data)
        status = program.wait()
        mark(f"exit {status if status >= 0 else 128 - status} 0")
        kernel_says("power off")
        if fake == b"linger":
            time.sleep(3600)  # longer than any test waits
    return 0


if __name__ == "__main__":
    sys.exit(main())
