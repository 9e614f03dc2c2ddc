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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .disk import Disk
from .paths import Build
from .proc_stat import stat_fields

_OPTION_MAGIC = b"IHAVEOPT"
_REPLY_MAGIC = 0x3E889045565A9
_GO, _ABORT = 7, 2
_ACKNOWLEDGED, _INFORMATION, _UNSUPPORTED = 1, 3, 2**31 + 1
_READ, _WRITE, _DISCONNECT = 0, 1, 2  # a flush, 3, has nothing to do
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


class MachineTime:
    """Measures how long the host let a process run, in steps of time. A step counts fully if each thread
    that is ready at its end ran for a quarter of it. Otherwise it counts in proportion to the ready thread
    that ran least."""

    def __init__(self, threads: str, step: float):
        """threads: the process's folder /proc/<pid>/task. step: in seconds."""
        self.step = step
        self.steps = 0.0
        self._threads = threads
        self._before: dict[str, int] = {}

    async def count(self) -> None:
        while True:
            self.end_step()
            await asyncio.sleep(self.step)

    def end_step(self) -> None:
        now = self._run_times()
        enough = self.step / 4 * 1e9
        runs = [ran - self._before.get(thread, 0) for thread, (ran, ready) in now.items() if ready]
        self.steps += min([1.0, *(run / enough for run in runs)])
        self._before = {thread: ran for thread, (ran, _) in now.items()}

    def _run_times(self) -> dict[str, tuple[int, bool]]:
        """By thread: for how many nanoseconds it has run, and whether it runs now or is ready. Sources:
        Linux's Documentation/scheduler/sched-stats.rst; proc(5), /proc/pid/stat."""
        times = {}
        with suppress(OSError):  # the machine ends at this moment
            for thread in os.listdir(self._threads):
                with open(f"{self._threads}/{thread}/schedstat") as file:
                    ran = int(file.read().split()[0])
                times[thread] = ran, stat_fields(f"{self._threads}/{thread}/stat")[0] == "R"
        return times


class SlowDisk:
    """delay: in seconds. fails: the offsets of sectors whose reads and writes fail.

    On a busy host a delay is longer: it ends only when the host has let the machine run for at least half
    of it. So the guest has time to submit more requests during each delay. A delay below 10 ms does not
    depend on the host."""

    def __init__(self, data: bytes, delay: float, fails: frozenset[int] = frozenset()):
        self.data = bytearray(data)
        self.delay = delay
        self.fails = fails
        self._answers: set[asyncio.Task] = set()
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
        credentials = writer.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        process, _, _ = struct.unpack("3i", credentials)
        machine = MachineTime(f"/proc/{process}/task", max(self.delay / 4, 0.005))
        counting = asyncio.create_task(machine.count())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._negotiate(reader, writer)
            while await self._take_request(reader, writer, machine):
                pass
        counting.cancel()
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

    async def _take_request(self, reader, writer, machine: MachineTime) -> bool:
        request = await reader.readexactly(28)
        _, _, kind, cookie, offset, length = struct.unpack(">IHHQQI", request)
        if kind == _DISCONNECT:
            return False
        data = await reader.readexactly(length) if kind == _WRITE else b""

        def answer() -> None:
            error, found = self._perform(kind, offset, length, data)
            writer.write(struct.pack(">IIQ", 0x67446698, error, cookie) + found)

        answering = asyncio.create_task(self._answer_when_due(machine, answer))
        self._answers.add(answering)  # the loop itself has only a weak reference to a task
        answering.add_done_callback(self._answers.discard)
        return True

    async def _answer_when_due(self, machine: MachineTime, answer: Callable[[], None]) -> None:
        due = machine.steps + self.delay / machine.step // 2
        await asyncio.sleep(self.delay)
        while machine.steps < due:
            await asyncio.sleep(machine.step)
        answer()

    def _perform(self, kind: int, offset: int, length: int, data: bytes) -> tuple[int, bytes]:
        end = offset + length
        if any(offset <= sector < end for sector in self.fails):
            return errno.EIO, b""
        if kind == _READ:
            return 0, bytes(self.data[offset:end])
        if kind == _WRITE:
            self.data[offset:end] = data
        return 0, b""
