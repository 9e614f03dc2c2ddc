"""A disk with a delay: it completes every request after a fixed time, and any number in parallel. A file
of the host would complete a request before the guest has submitted the next one.

The disk is a server of the network block device protocol (NBD) on a private socket. Its contents are in
memory:

    with SlowDisk(contents, delay=0.02) as slow:
        Machine(disk=slow.disk)
        ...
    slow.data                    # its contents afterwards

Source: the protocol's description, github.com/NetworkBlockDevice/nbd, doc/proto.md.
"""

import asyncio
import errno
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .disk import Disk
from .paths import Build

_OPTION_MAGIC = b"IHAVEOPT"
_REPLY_MAGIC = 0x3E889045565A9
_GO, _ABORT = 7, 2
_ACKNOWLEDGED, _INFORMATION, _UNSUPPORTED = 1, 3, 2**31 + 1
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_HAS_FLAGS, _CAN_FLUSH = 1, 4


@contextmanager
def slow_disk(data: bytes, delay: float, built: Build) -> Iterator[Disk]:
    """A slow disk for the machine of the build. delay: in seconds. The hosted machine delays the requests
    itself, so its disk is a plain file."""
    if built.is_hosted:
        with tempfile.NamedTemporaryFile(prefix="cotrap-") as file:
            file.write(data)
            file.flush()
            yield Disk(file.name, delay=delay)
    else:
        with SlowDisk(data, delay) as slow:
            yield slow.disk


def _processor_waits(process: int) -> dict[int, int]:
    """By thread of a process: the nanoseconds in which it was ready but did not run, because the host was
    busy. Source: Linux's Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat."""
    waited = {}
    with suppress(OSError):  # the machine ends at this moment
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/schedstat") as file:
                waited[int(thread)] = int(file.read().split()[1])
    return waited


class SlowDisk:
    """delay: in seconds. fails: the offsets of sectors whose reads and writes fail.

    On a busy host a delay is longer: it ends only when the host has let the machine run for at least a
    quarter of `delay`. So the guest has time to submit more requests during each delay."""

    def __init__(self, data: bytes, delay: float, fails: frozenset[int] = frozenset()):
        self.data = bytearray(data)
        self.delay = delay
        self.fails = fails
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="cotrap-")
        self._path = os.path.join(self._folder.name, "disk")
        self._thread.start()
        serving = asyncio.start_unix_server(self._serve, self._path)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    @property
    def disk(self) -> Disk:
        return Disk(source={"driver": "nbd", "server": {"type": "unix", "path": self._path}})

    @staticmethod
    async def _end() -> None:
        """Cancels all connections."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._negotiate(reader, writer)
            while await self._take_request(reader, writer):
                pass
        writer.close()

    async def _negotiate(self, reader, writer) -> None:
        """NBD's fixed newstyle negotiation, without any extension. There is one disk, whatever its name."""
        fixed_newstyle, no_zeroes = 1, 2
        writer.write(b"NBDMAGIC" + _OPTION_MAGIC + struct.pack(">H", fixed_newstyle | no_zeroes))
        await reader.readexactly(4)
        while True:
            magic, option, length = struct.unpack(">8sII", await reader.readexactly(16))
            if magic != _OPTION_MAGIC or length > 4096:
                raise ConnectionError
            await reader.readexactly(length)

            def reply(kind: int, data: bytes = b"", option=option) -> None:
                writer.write(struct.pack(">QIII", _REPLY_MAGIC, option, kind, len(data)) + data)

            if option == _GO:
                flags = _HAS_FLAGS | _CAN_FLUSH
                reply(_INFORMATION, struct.pack(">HQH", 0, len(self.data), flags))
                reply(_ACKNOWLEDGED)
                return
            reply(_ACKNOWLEDGED if option == _ABORT else _UNSUPPORTED)

    async def _take_request(self, reader, writer) -> bool:
        request = await reader.readexactly(28)
        _, _, kind, cookie, offset, length = struct.unpack(">IHHQQI", request)
        if kind == _DISCONNECT:
            return False
        data = await reader.readexactly(length) if kind == _WRITE else b""

        def answer() -> None:
            error, found = self._perform(kind, offset, length, data)
            writer.write(struct.pack(">IIQ", 0x67446698, error, cookie) + found)

        self._answer_after(self.delay, writer, answer)
        return True

    def _answer_after(self, delay: float, writer: asyncio.StreamWriter, answer) -> None:
        credentials = writer.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        machine, _, _ = struct.unpack("3i", credentials)
        before, begun = _processor_waits(machine), self._loop.time()

        def when_due() -> None:
            now = _processor_waits(machine)
            held_up = max((ns - before.get(one, ns) for one, ns in now.items()), default=0) / 1e9
            missing = delay / 4 - (self._loop.time() - begun - held_up)
            if missing > 0:
                self._loop.call_later(missing, when_due)
            else:
                answer()

        self._loop.call_later(delay, when_due)

    def _perform(self, kind: int, offset: int, length: int, data: bytes) -> tuple[int, bytes]:
        end = offset + length
        if any(offset <= sector < end for sector in self.fails):
            return errno.EIO, b""
        if kind == _READ:
            return 0, bytes(self.data[offset:end])
        if kind == _WRITE:
            self.data[offset:end] = data
        return 0, b""
