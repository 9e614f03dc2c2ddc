"""`--forward` and `--network` are checked before a machine starts, and become options of QEMU."""

import socket
import unittest
from argparse import Namespace

from support import cotrap  # makes the package cotrap known

from cotrap.errors import UsageError
from cotrap.network import Forward, Network, check, of, parse_forward


def arguments(*forwards: Forward, network: bool = False, machine: str = "riscv64") -> Namespace:
    return Namespace(forward=list(forwards), network=network, machine=machine)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Forwards(unittest.TestCase):
    def test_a_forward_has_ports_and_perhaps_an_address_and_a_protocol(self):
        self.assertEqual(parse_forward("8080:80"), Forward(8080, 80))
        self.assertEqual(parse_forward("53:5353/udp"), Forward(53, 5353, protocol="udp"))
        self.assertEqual(parse_forward("127.0.0.2:8080:80/tcp"), Forward(8080, 80, "127.0.0.2"))

    def test_other_texts_are_refused_with_the_reason(self):
        for text, reason in (
            ("", "is not HOST:GUEST"),
            ("80", "is not HOST:GUEST"),
            ("8080:80,id=x", "is not HOST:GUEST"),
            ("8080:0", "0 is not a port"),
            ("65536:80", "65536 is not a port"),
            ("8080:80/sctp", "is /tcp or /udp"),
            ("1.2.3:8080:80", "is not an IPv4 address"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                parse_forward(text)

    def test_the_machine_has_a_network_only_on_request(self):
        self.assertIsNone(of(arguments()))
        self.assertEqual(of(arguments(network=True)), Network())
        self.assertEqual(of(arguments(Forward(8080, 80))), Network((Forward(8080, 80),)))

    def test_qemu_gets_the_forwards(self):
        network = Network((Forward(8080, 80), Forward(53, 53, protocol="udp")), restricted=True)
        user = "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:127.0.0.1:53-:53"
        options = network.options("virtio-net-device")
        self.assertEqual(options, ["-netdev", user, "-device", "virtio-net-device,netdev=net"])
        self.assertEqual(network.options("virtio-net-pci")[-1], "virtio-net-pci,netdev=net,romfile=")


class Checks(unittest.TestCase):
    def refused(self, reason: str, *forwards: Forward, **given) -> None:
        with self.assertRaisesRegex(UsageError, reason):
            check(arguments(*forwards, **given))

    def test_a_port_that_another_program_uses_is_refused(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.refused(f"another program of this host uses port {port}", Forward(port, 80))

    def test_an_address_of_another_machine_is_refused(self):
        self.refused("does not have the address", Forward(free_port(), 80, "192.0.2.1"))

    def test_a_port_is_forwarded_once(self):
        port = free_port()
        self.refused("stands there twice", Forward(port, 80), Forward(port, 81))
        check(arguments(Forward(port, 80), Forward(port, 80, protocol="udp")))

    def test_the_hosted_machine_has_no_network(self):
        self.refused("--forward needs QEMU", Forward(free_port(), 80), machine="hosted")
        self.refused("--network needs QEMU", network=True, machine="hosted")

    def test_the_command_says_what_is_wrong(self):
        done = cotrap("run", "--forward", "8080", "hello")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"argument --forward: '8080' is not HOST:GUEST", done.stderr)


if __name__ == "__main__":
    unittest.main()
