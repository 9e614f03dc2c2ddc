"""A client of QEMU's interface for gdb, for tests that stop a PC."""

import os
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import harness

RBX, RSP, RIP = 1, 7, 16  # the indices of registers in the answer to the command `g`; each has 8 bytes


class Debugger:
    """A client of QEMU's interface for gdb (GDB manual, "Remote Protocol"). It stops the machine."""

    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(harness.TIMEOUT)
        deadline = time.monotonic() + harness.TIMEOUT
        while (error := self._socket.connect_ex(str(path))) and time.monotonic() < deadline:
            time.sleep(0.05)  # QEMU does not listen yet
        if error:
            raise OSError(error, os.strerror(error), str(path))
        self._received = b""
        self.ask("?")

    def ask(self, command: str) -> str:
        """Sends a command. Returns the answer, without the text that the monitor prints first."""
        self._send(command)
        return self._answer()

    def interrupt(self, message: int) -> None:
        """Interrupts hart 0, as a PCI device does: by a write of the message to the address of local APICs."""
        self._must("Qqemu.PhyMemMode:1")
        self._must(f"Mfee00000,4:{message.to_bytes(4, 'little').hex()}")
        self._must("Qqemu.PhyMemMode:0")

    def stop_at(self, address: int) -> None:
        self._must(f"Z1,{address:x},1")

    def no_longer_stop_at(self, address: int) -> None:
        self._must(f"z1,{address:x},1")

    def run(self) -> int | None:
        """Lets the machine run until it stops. Returns the address; None: the machine has ended."""
        try:
            answer = self.ask("c")
        except ConnectionError:
            return None
        return None if answer.startswith("W") else self.register(RIP)

    def register(self, which: int) -> int:
        text = self.ask("g")
        return int.from_bytes(bytes.fromhex(text[16 * which : 16 * which + 16]), "little")

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def read(self, address: int, size: int) -> bytes:
        """At an address as instructions use it: a physical one while the processor does not translate."""
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}"))

    def write(self, address: int, data: bytes) -> None:
        self._must(f"M{address:x},{len(data):x}:{data.hex()}")

    def leave(self, stops: Iterable[int]) -> None:
        """Lets the machine run without the debugger, if it has not ended. stops: the addresses of stop_at()
        that are left."""
        with suppress(ConnectionError):
            for address in stops:
                self.no_longer_stop_at(address)
            self.ask("D")
        self._socket.close()

    def _must(self, command: str) -> None:
        if (answer := self.ask(command)) != "OK":
            raise RuntimeError(f"{command}: {answer}")

    def _send(self, command: str) -> None:
        text = command.encode()
        self._socket.sendall(b"$" + text + b"#%02x" % (sum(text) % 256))

    def _answer(self) -> str:
        while True:
            while not (found := re.search(rb"\$([^#]*)#..", self._received)):
                data = self._socket.recv(4096)
                if not data:
                    raise ConnectionError
                self._received += data
            self._received = self._received[found.end() :]
            self._socket.sendall(b"+")
            text = found[1].decode()
            if not re.fullmatch("O([0-9a-f]{2})+", text):
                return text
