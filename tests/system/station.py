"""A station that is the guest's only neighbour: QEMU passes frames to it as datagrams on 127.0.0.1.

It answers ARP for its address. With `serving` it is also a DHCP server and a name server. No frame leaves this host.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import network_guest

GUEST_MAC, OWN_MAC = bytes.fromhex("525400123456"), bytes.fromhex("525400aaaaaa")
GUEST, OWN = bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2])
ADDRESS = "10.9.0.2"  # this station, OWN as a text
GUEST6 = bytes.fromhex("fe80000000000000505400fffe123456")
OWN6 = bytes.fromhex("fe800000000000000000000000000002")
ANSWER_TIMEOUT = 120.0  # seconds for an answer to a ping
_DHCP_SERVER, _DHCP_CLIENT, _NAME_SERVER = 67, 68, 53  # ports


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(kind: int, body: bytes, to: bytes = GUEST_MAC) -> bytes:
    return to + OWN_MAC + struct.pack(">H", kind) + body


def ip4(
    protocol: int,
    body: bytes,
    source: bytes = OWN,
    to: bytes = GUEST,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    length = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | length // 4, 0, length + len(body), 7, fragment, 64, protocol, 0)
    head += source + to + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def ip6(following: int, body: bytes, source: bytes = OWN6, to: bytes = GUEST6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(body), following, 255) + source + to + body


def with_sum(protocol: int, segment: bytes, at: int, source: bytes = OWN, to: bytes = GUEST) -> bytes:
    """The segment with a correct checksum at `at`."""
    is_v6 = len(source) > 4
    numbers = struct.pack(">II", len(segment), protocol) if is_v6 else struct.pack(">HH", protocol, len(segment))
    pseudo = source + to + numbers
    return segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2 :]


def ping(number: int) -> bytes:
    echo = struct.pack(">BBHHH", 8, 0, 0, 1, number)
    return ethernet(0x0800, ip4(1, echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]))


def udp(ports: tuple[int, int], body: bytes, to: bytes = GUEST) -> bytes:
    """A frame with a datagram of this station. ports: its own one, and the receiver's."""
    datagram = struct.pack(">HHHH", *ports, 8 + len(body), 0) + body
    return ethernet(0x0800, ip4(17, with_sum(17, datagram, 6, OWN, to), OWN, to))


class Station:
    """The other end of the guest's network. One thread may use it at a time."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._to = ("127.0.0.1", network_guest.free_port(socket.SOCK_DGRAM))
        self._number = 0

    def options(self, device: str) -> tuple[str, ...]:
        own = self._socket.getsockname()[1]
        ends = f"local.type=inet,local.host=127.0.0.1,local.port={self._to[1]}"
        ends += f",remote.type=inet,remote.host=127.0.0.1,remote.port={own}"
        return ("-netdev", f"dgram,id=net,{ends}", "-device", f"{device},netdev=net,mac=52:54:00:12:34:56")

    def send(self, frame: bytes) -> None:
        self._socket.sendto(frame, self._to)

    def frames(self, seconds: float) -> Iterator[bytes]:
        """The guest's frames in this time. Answers its requests for this station's address meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame = self._socket.recv(2000)
            except TimeoutError:
                return
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == OWN:
                reply = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + OWN_MAC + OWN + GUEST_MAC + GUEST
                self.send(ethernet(0x0806, reply))
            else:
                yield frame

    def answers(self) -> bool:
        """Whether the guest answers a ping."""
        self._number = (self._number + 1) % 65536
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while time.monotonic() < deadline:
            self.send(ping(self._number))
            for frame in self.frames(0.5):
                if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 0:
                    if struct.unpack(">H", frame[40:42])[0] == self._number:
                        return True
        return False

    @contextlib.contextmanager
    def serving(self, names: "Names") -> Iterator[None]:
        """Serves DHCP and names in this scope. The station belongs to the server meanwhile."""
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                for frame in self.frames(0.2):
                    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
                        continue
                    source, port, length = struct.unpack(">HHH", frame[34:40])
                    body = frame[42 : 34 + length]
                    if port == _DHCP_SERVER and (reply := offer(body)):
                        self.send(udp((port, _DHCP_CLIENT), reply))
                    if port == _NAME_SERVER and frame[30:34] == OWN and (reply := names.answer(body)):
                        self.send(udp((port, source), reply))

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield
        finally:
            is_over.set()
            server.join()


def offer(question: bytes) -> bytes:
    """DHCP's answer to a client (RFC 2131): the guest's address, and this station as router and name server.
    Empty: the client did not ask."""
    magic = bytes.fromhex("63825363")
    if len(question) < 240 or question[0] != 1 or question[236:240] != magic:
        return b""
    kind, at = 0, 240
    while at + 2 < len(question) and question[at] != 255:
        if question[at] == 53:
            kind = question[at + 2]
        at += 1 if question[at] == 0 else 2 + question[at + 1]
    answers = {1: 2, 3: 5}  # DISCOVER: OFFER; REQUEST: ACK
    if kind not in answers:
        return b""
    head = bytes([2, 1, 6, 0]) + question[4:8] + bytes(8) + GUEST + OWN + bytes(4) + question[28:44] + bytes(192)
    options = bytes([53, 1, answers[kind], 54, 4]) + OWN + bytes([51, 4]) + struct.pack(">I", 86_400)
    options += bytes([1, 4, 255, 255, 255, 0, 3, 4]) + OWN + bytes([6, 4]) + OWN + b"\xff"
    return head + magic + options


class Names:
    """A name server (RFC 1035) for some names. It answers nothing to the first questions for each name in `late`."""

    _A, _AAAA, _INTERNET = 1, 28, 1
    _NO_SUCH_NAME = 3

    def __init__(self, known: dict[str, tuple[str, ...]], late: dict[str, int] | None = None):
        """known: the IPv4 and IPv6 addresses of each name. late: how many questions remain without an answer."""
        self._known = known
        self._late = dict(late or {})
        self.asked: list[str] = []  # each question's name, in their order

    def answer(self, question: bytes) -> bytes:
        """Empty: the server does not answer."""
        if len(question) < 17 or question[2] & 0x80:
            return b""
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode(errors="replace"))
            at += 1 + question[at]
            if at + 5 > len(question):
                return b""
        asked = question[12 : at + 5]
        kind, of_class = struct.unpack(">HH", question[at + 1 : at + 5])
        name = ".".join(labels).lower()
        self.asked.append(name)
        if self._late.get(name, 0):
            self._late[name] -= 1
            return b""
        records = b""
        count = 0
        for address in self._known.get(name, ()):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if of_class == self._INTERNET and kind == (self._AAAA if ":" in address else self._A):
                data = socket.inet_pton(family, address)
                records += struct.pack(">HHHIH", 0xC00C, kind, of_class, 60, len(data)) + data
                count += 1
        status = 0 if name in self._known else self._NO_SUCH_NAME
        flags = 0x8580 | status  # an answer with authority; recursion is available
        return question[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + asked + records
