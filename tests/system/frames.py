"""Malformed and hostile Ethernet frames do not harm the kernel: the guest answers a ping after each batch of them.

The test is the only other station of the guest's network. A seed decides the frames. The station also speaks TCP: the
guest's server answers requests whose segments come in a random order, and a request after a flood of half-open
connections.
"""

import contextlib
import random
import re
import struct
import time
from collections.abc import Callable, Iterator

import harness
import network_guest
from station import (
    ANSWER_TIMEOUT,
    GUEST,
    GUEST6,
    GUEST_MAC,
    OWN,
    OWN6,
    OWN_MAC,
    Station,
    ethernet,
    ip4,
    ip6,
    ping,
    with_sum,
)

LISTENING, CLOSED = 80, 81  # ports of the guest
BATCH = 64
CASES = {True: 5_000, False: 100_000}  # everyday, rest
REORDERED = {True: 100, False: 2_000}  # connections
LONG = 60_000  # bytes of a datagram in fragments
HALF_OPEN = {True: 1_000, False: 20_000}
ALLOWED = 2048  # KiB that the kernel may keep: caches, fragments and half-open connections, all of them bounded


def frames(seed: int) -> Iterator[bytes]:
    """Endless frames: well-formed ones of each protocol, with fields that a station would not send."""
    dice = random.Random(seed)
    bytes_of = dice.randbytes
    number = dice.getrandbits

    def tcp() -> bytes:
        options = bytes_of(4 * dice.randrange(11))
        offset = dice.choice((5 + len(options) // 4,) * 4 + (number(4),))
        port = dice.choice((LISTENING, LISTENING, CLOSED, 0))
        flags = dice.choice((2, 2, 16, 24, 17, 4, number(8)))
        ports = (dice.choice((1000, number(16))), port)
        head = struct.pack(">HHIIBB", *ports, number(32), number(32), offset << 4, flags)
        head += struct.pack(">HHH", number(16), 0, number(16))
        return with_sum(6, head + options + bytes_of(dice.randrange(60)), 16)

    def udp() -> bytes:
        body = bytes_of(dice.randrange(300))
        length = dice.choice((8 + len(body),) * 3 + (number(16),))
        return with_sum(17, struct.pack(">HHHH", number(16), number(16), length, 0) + body, 6)

    def lite() -> bytes:
        body = bytes_of(dice.randrange(300))
        covered = dice.choice((0, 8, 8 + len(body), number(16)))
        return with_sum(136, struct.pack(">HHHH", number(16), number(16), covered, 0) + body, 6)

    def dhcp() -> bytes:
        body = bytes([2, 1, 6, 0]) + bytes_of(24) + GUEST_MAC + bytes(202) + bytes.fromhex("63825363")
        return with_sum(17, struct.pack(">HHHH", 67, 68, 8 + len(body) + 60, 0) + body + bytes_of(60), 6)

    def icmp() -> bytes:
        return bytes([dice.choice((0, 3, 5, 8, 11, 13, number(8))), number(3), 0, 0]) + bytes_of(dice.randrange(80))

    def icmp6() -> bytes:
        kind = dice.choice((1, 2, 3, 128, 130, 131, 133, 134, 135, 136, 137, number(8)))
        body = bytes([kind, number(2), 0, 0]) + bytes_of(dice.choice((4, 12, 20))) + bytes_of(8 * dice.randrange(8))
        return with_sum(58, body, 2, OWN6, GUEST6)

    def arp() -> bytes:
        lengths = (dice.choice((6, 6, number(8))), dice.choice((4, 4, number(8))))
        head = struct.pack(">HHBBH", 1, 0x0800, *lengths, 1 + number(2))
        return ethernet(0x0806, head + OWN_MAC + dice.choice((OWN, GUEST, bytes_of(4))) + bytes(6) + GUEST)

    def packet4() -> bytes:
        known = ((6, tcp), (6, tcp), (17, udp), (136, lite), (17, dhcp), (1, icmp), (2, icmp), (number(8), icmp))
        protocol, body = dice.choice(known)
        source = dice.choice((OWN,) * 5 + (GUEST, bytes([127, 0, 0, 1]), bytes(4), bytes([255] * 4), bytes_of(4)))
        fragment = dice.choice((0,) * 5 + (0x2000, 0x2000 | number(13), number(13), 0x1FFF))
        to = dice.choice((GUEST,) * 6 + (bytes([255] * 4), bytes([224, 0, 0, 1]), bytes([127, 0, 0, 1])))
        options = bytes_of(4 * dice.choice((0, 0, 0, 1, 10)))
        return ethernet(0x0800, ip4(protocol, body(), source, to, fragment, options))

    def packet6() -> bytes:
        body, following = icmp6(), 58
        for _ in range(dice.choice((0, 0, 0, 1, 2, 5))):
            kind = dice.choice((0, 43, 44, 60))
            extra = dice.randrange(3)
            body = bytes([following, number(8) if dice.random() < 0.1 else extra]) + bytes_of(6 + 8 * extra) + body
            following = kind
        source = dice.choice((OWN6,) * 4 + (GUEST6, bytes(16), bytes(15) + b"\1", bytes_of(16)))
        return ethernet(0x86DD, ip6(following, body, source))

    def noise() -> bytes:
        return ethernet(number(16), bytes_of(dice.randrange(1500)))

    while True:
        frame = dice.choice((packet4, packet4, packet6, arp, noise))()
        for _ in range(dice.choice((0, 0, 1, 3))):  # change bytes
            at = dice.randrange(len(frame))
            frame = frame[:at] + bytes([number(8)]) + frame[at + 1 :]
        if dice.random() < 0.2:
            frame = frame[: dice.randrange(1, len(frame))]  # an empty one would end the connection to QEMU
        yield frame[:1514]


FIN, SYN, RST, ACK = 1, 2, 4, 16


class Client:
    """A TCP connection of the station to the guest's server. `dice` decides the order and the ends of its segments."""

    def __init__(self, station: Station, port: int, dice: random.Random):
        self._station, self._port, self._dice = station, port, dice
        self._first = dice.getrandbits(32)  # the number of the SYN
        self._acknowledged = 0  # bytes behind the SYN
        self._base: int | None = None  # the number of the guest's SYN
        self._parts: dict[int, bytes] = {}  # by offset
        self._ended_at: int | None = None  # the offset of the guest's FIN
        self.received = b""

    def send(self, flags: int, offset: int = 0, data: bytes = b"", spoil: bool = False) -> None:
        """offset: of the data behind the SYN. spoil: the checksum is wrong."""
        number = self._first + (0 if flags & SYN else 1 + offset)
        seen = 0 if self._base is None else self._base + 1 + len(self.received) + self.is_ended
        numbers = (number & 0xFFFFFFFF, seen & 0xFFFFFFFF)
        head = struct.pack(">HHIIBBHHH", self._port, LISTENING, *numbers, 5 << 4, flags, 65535, 0, 0)
        segment = with_sum(6, head + data, 16)
        if spoil:
            segment = segment[:17] + bytes([segment[17] ^ 0x55]) + segment[18:]
        self._station.send(ethernet(0x0800, ip4(6, segment)))

    @property
    def is_ended(self) -> bool:
        return self._ended_at == len(self.received)

    def ask(self, text: bytes, is_enough: Callable[[bytes], bool]) -> bool:
        """Sends the text, and a FIN behind it, until the answer is enough and the guest has ended the connection."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while time.monotonic() < deadline:
            if self._base is None:
                self.send(SYN)
            else:
                self._send_in_disorder(text)
            for frame in self._station.frames(1.0):
                is_first = self._base is None
                if self._take(frame) and (is_first or (is_enough(self.received) and self.is_ended)):
                    break
            if is_enough(self.received) and self.is_ended:
                return True
        return False

    def _send_in_disorder(self, text: bytes) -> None:
        dice = self._dice
        segments, at = [], min(self._acknowledged, len(text))
        while at < len(text):
            end = min(len(text), at + dice.randrange(1, 200))
            begin = max(0, at - dice.choice((0, 0, 30)))  # some overlap the one before
            segments.append((begin, text[begin:end]))
            at = end
        segments += dice.choices(segments, k=dice.randrange(4)) if segments else []
        segments.append((len(text), None))
        dice.shuffle(segments)
        for begin, data in segments:
            if dice.random() < 0.1:  # bytes that the guest must not take
                far = dice.choice((1 << 24, 1 << 30, -(1 << 20)))
                self.send(ACK, begin + far, b"far away")
                self.send(ACK, begin, b"spoilt", spoil=True)
                self.send(RST, begin + far)
            self.send(ACK | FIN if data is None else ACK, begin, data or b"")

    def _take(self, frame: bytes) -> bool:
        """Whether the frame is a segment of this connection."""
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return False
        length = struct.unpack(">H", frame[16:18])[0]
        segment = frame[34 : 14 + length]
        _, port, number, seen, offset, flags = struct.unpack(">HHIIBB", segment[:14])
        if port != self._port or flags & RST:
            return False
        if flags & SYN:
            self._base = number
            return True
        if self._base is None:
            return False
        data = segment[(offset >> 4) * 4 :]
        at = (number - self._base - 1) & 0xFFFFFFFF
        self._parts[at] = max(data, self._parts.get(at, b""), key=len)
        if flags & FIN:
            self._ended_at = at + len(data)
        self._acknowledged = max(self._acknowledged, (seen - self._first - 1) & 0xFFFFFFFF)
        for begin, part in sorted(self._parts.items()):
            if begin <= len(self.received) < begin + len(part):
                self.received += part[len(self.received) - begin :]
        if data or flags & FIN:
            self.send(ACK, self._acknowledged)
        return True


def ask_in_disorder(station: Station, port: int, seed: int) -> bool:
    """Whether the guest's server answers each of some requests of one connection, in their order."""
    dice = random.Random(seed)
    expected = dice.choices((b"200", b"404"), k=dice.randrange(1, 20))
    paths = {b"200": b"/proc/uptime", b"404": b"/none"}
    text = b"".join(b"GET %s HTTP/1.1\r\nX: %d\r\n\r\n" % (paths[status], seed) for status in expected)
    client = Client(station, port, dice)

    def statuses(answer: bytes) -> list[bytes]:
        return re.findall(rb"HTTP/1.1 (\d+)", answer)

    return client.ask(text, lambda answer: statuses(answer) == expected)


def answers_long_datagram(station: Station, protocol: int, length: int) -> bool:
    """Whether the guest puts a datagram of many fragments together, and answers that its port is closed.
    length: in the header of UDP or UDP-Lite."""
    datagram = with_sum(protocol, struct.pack(">HHHH", 1000, CLOSED, length, 0) + bytes(LONG), 6)
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while time.monotonic() < deadline:
        for at in range(0, len(datagram), 1480):
            part = datagram[at : at + 1480]
            has_more = 0x2000 if at + 1480 < len(datagram) else 0
            station.send(ethernet(0x0800, ip4(protocol, part, fragment=has_more | at // 8)))
        for frame in station.frames(5.0):
            if frame[12:14] == b"\x08\0" and frame[23] == 1 and frame[34:36] == b"\3\3":
                return True
    return False


# A datagram of 108 bytes with each of these lengths in its header: those that Linux takes.
LENGTHS = {17: {0: False, 7: False, 8: True, 50: True, 108: True, 109: False}}
LENGTHS[136] = LENGTHS[17] | {0: True}


def wrong_lengths(station: Station, protocol: int) -> list[int]:
    """The lengths in LENGTHS that the guest takes and Linux does not, or the other way round. The guest answers a
    datagram that it takes, because the port is closed."""
    found = []
    for length, is_valid in LENGTHS[protocol].items():
        datagram = struct.pack(">HHHH", 1000, CLOSED, length, 0) + bytes(100)
        if protocol == 136:  # UDP needs no checksum
            datagram = with_sum(protocol, datagram, 6)
        station.send(ethernet(0x0800, ip4(protocol, datagram)))
        station.send(ping(0))
        is_answered = False
        for frame in station.frames(ANSWER_TIMEOUT):
            if frame[12:14] == b"\x08\0" and frame[23] == 1:
                is_answered |= frame[34:36] == b"\3\3"
                if frame[34] == 0:  # the answer to the ping, which came later
                    break
        if is_answered != is_valid:
            found.append(length)
    return found


def free_memory(shown: bytes) -> list[int]:
    """The free memory in each complete line of the guest, in KiB."""
    return [int(text) for text in re.findall(rb"MemFree: *(\d+) kB\s", shown)]


def has_memory_back(test: harness.Test, output: network_guest.Output) -> None:
    deadline = time.monotonic() + ANSWER_TIMEOUT
    before = len(free_memory(output.data))
    lost = ALLOWED  # until a line comes after the frames
    while lost >= ALLOWED and time.monotonic() < deadline:
        time.sleep(0.1)
        free = free_memory(output.data)
        lost = free[0] - free[-1] if len(free) > before + 1 else ALLOWED
    test.check(lost < ALLOWED, f"  … and has its memory back, but for {lost} KiB", output.data)


@contextlib.contextmanager
def neighbour(test: harness.Test, harts: int) -> Iterator[tuple[Station, network_guest.Output]]:
    """Runs a guest with a server, and prints its free memory. The station is its only neighbour."""
    station = Station()
    script = "/bin/http serve & while true; do grep MemFree /proc/meminfo; sleep 1; done"
    boot = network_guest.boot_of(test, "/bin/sh", "-c", script, append="net=10.9.0.1/24")
    machine = test.machine(harts=harts, extra=station.options(test.network_device))
    with network_guest.running(boot, machine) as (output, ended):
        output.wait_for("MemFree", ended)
        yield station, output


def attack(test: harness.Test, harts: int, cases: int) -> None:
    with neighbour(test, harts) as (station, output):
        alive = station.answers()
        for name, protocol, length in (("UDP", 17, LONG + 8), ("UDP-Lite", 136, LONG + 8), ("UDP-Lite", 136, 0)):
            what = f"the guest takes {LONG} bytes of {name} in fragments, with length {length} ({harts} harts)"
            test.check(alive and answers_long_datagram(station, protocol, length), what, output.data)
        for name, protocol in (("UDP", 17), ("UDP-Lite", 136)):
            wrong = wrong_lengths(station, protocol)
            test.check(not wrong, f"the guest takes the same lengths of {name} as Linux ({harts} harts)", str(wrong))
        sent = 0
        source = frames(seed=harts)
        while alive and sent < cases:
            for _ in range(BATCH):
                station.send(next(source))
            sent += BATCH
            alive = station.answers()
        test.check(alive, f"the guest answers after {sent} hostile frames ({harts} harts)", output.data)
        has_memory_back(test, output)


def disorder(test: harness.Test, harts: int, cases: int, half_open: int) -> None:
    with neighbour(test, harts) as (station, output):
        station.answers()
        done = 0
        while done < cases and ask_in_disorder(station, 10_000 + done, seed=done):
            done += 1
        what = f"the server answers {cases} connections whose segments come in a random order ({harts} harts)"
        test.check(done == cases, what, f"seed {done} fails\n".encode() + output.data)
        for number in range(half_open):
            Client(station, 20_000 + number, random.Random(number)).send(SYN)
            if number % BATCH == BATCH - 1:
                station.answers()
        answers = ask_in_disorder(station, 50_000, seed=cases)
        test.check(answers, f"  … and one behind {half_open} half-open connections", output.data)
        has_memory_back(test, output)


with harness.Test(__doc__, harness.QEMU) as test:
    for harts in test.harts_of_tier:
        parts = len(test.harts_of_tier)
        attack(test, harts, CASES[test.everyday] // parts)
        disorder(test, harts, REORDERED[test.everyday] // parts, HALF_OPEN[test.everyday] // parts)
