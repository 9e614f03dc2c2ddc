"""The guest's network: QEMU's user network, in which the guest can connect out (`--network`), and ports of the
host that lead to the guest (`--forward`)."""

import errno
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError

_NAME_SERVER = "10.0.2.3"  # of QEMU's user network
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_FORWARD = re.compile(r"(?:(?P<address>[0-9.]+):)?(?P<host>[0-9]+):(?P<guest>[0-9]+)(?:/(?P<protocol>[a-z]+))?")
_FORM = "HOST:GUEST, such as 8080:80, with an IPv4 address of the host before it and /udp behind it if you like"


@dataclass(frozen=True)
class Forward:
    """A port of the host, at one of its addresses, that leads to a port of the guest."""

    host: int
    guest: int
    address: str = "127.0.0.1"
    protocol: str = "tcp"

    def __str__(self) -> str:
        return f"{self.address}:{self.host}:{self.guest}/{self.protocol}"

    def check(self) -> None:
        """Raises UsageError if a program of this user cannot listen on the host's port."""
        with socket.socket(socket.AF_INET, _KINDS[self.protocol]) as probe:
            if self.protocol == "tcp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.host))
                if self.protocol == "tcp":
                    probe.listen(1)
            except OSError as error:
                raise UsageError(f"--forward {self}: {self._reason(error)}") from error

    def _reason(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"another program of this host uses port {self.host}: choose another one"
        if error.errno == errno.EACCES:
            return f"you may not use port {self.host} of this host: choose one from 1024 up"
        if error.errno == errno.EADDRNOTAVAIL:
            return f"this host does not have the address {self.address}: leave it out for 127.0.0.1"
        return f"this host cannot listen there: {error.strerror.lower()}"


@dataclass(frozen=True)
class Network:
    """restricted: the guest reaches neither the host nor other machines; forwards work nevertheless."""

    forwards: tuple[Forward, ...] = ()
    restricted: bool = False

    def check(self) -> None:
        for forward in self.forwards:
            forward.check()

    def options(self, device: str) -> list[str]:
        """QEMU's options. device: the name of its device, which selects the bus."""
        words = ["user", "id=net", *(["restrict=on"] if self.restricted else [])]
        words += [f"hostfwd={each.protocol}:{each.address}:{each.host}-:{each.guest}" for each in self.forwards]
        # A device on PCI has a ROM for boots from the network, which some hosts lack.
        rom = ",romfile=" if device.endswith("-pci") else ""
        return ["-netdev", ",".join(words), "-device", f"{device},netdev=net{rom}"]


def parse_forward(text: str) -> Forward:
    """[ADDRESS:]HOST:GUEST[/tcp|/udp]. Raises ValueError."""
    found = _FORWARD.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not {_FORM}")
    host, guest = int(found["host"]), int(found["guest"])
    for port in (host, guest):
        if not 1 <= port <= 65535:
            raise ValueError(f"'{text}': {port} is not a port: those are 1 to 65535")
    protocol = found["protocol"] or "tcp"
    if protocol not in _KINDS:
        raise ValueError(f"'{text}': a forward is /tcp or /udp, not /{protocol}")
    address = found["address"] or Forward.address
    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError as error:
        raise ValueError(f"'{text}': {address} is not an IPv4 address") from error
    return Forward(host, guest, address, protocol)


def of(arguments) -> Network | None:
    """The network that the command line asks for."""
    return Network(tuple(arguments.forward)) if arguments.forward or arguments.network else None


def hint_for_root(arguments, root: Path) -> str:
    """A hint about the network, for a guest with this root folder. Empty: there is none."""
    servers = root / "etc" / "resolv.conf"
    if not of(arguments) or os.path.lexists(servers):
        return ""
    return f"programs find no name server: `echo nameserver {_NAME_SERVER} > {servers}` names one"


def check(arguments) -> None:
    """Raises UsageError if the machine cannot have the network that the command line asks for."""
    network = of(arguments)
    if not network:
        return
    option = "--forward" if arguments.forward else "--network"
    if arguments.machine == "hosted":
        raise UsageError(
            f"{option} needs QEMU, which has the network device: leave out `--machine hosted`, where sockets "
            "reach only programs of the same machine"
        )
    if doubled := _doubled(network.forwards):
        raise UsageError(f"--forward: port {doubled.host} of the host stands there twice: give it only once")
    network.check()


def _doubled(forwards: tuple[Forward, ...]) -> Forward | None:
    """A forward whose port of the host is also that of an earlier one."""
    ends = [(each.protocol, each.address, each.host) for each in forwards]
    return next((each for place, each in enumerate(forwards) if ends[place] in ends[:place]), None)
