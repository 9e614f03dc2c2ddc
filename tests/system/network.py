"""A server of the guest answers the host, and programs of the guest reach a server of the host.

All traffic stays on this host: the test has a name server of its own. In the tier `rest`, Debian's programs run
unchanged: busybox, curl, netcat, lighttpd, nginx, redis and iperf3. `--only NAME` runs one part.
"""

import concurrent.futures
import contextlib
import http.client
import http.server
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import harness
from cotrap import debian, root_folder
from cotrap.network import Forward, Network
from cotrap.qemu import Boot, Machine
from cotrap.share import ROOT, Share
from network_guest import boot_of, free_port, running
from station import ADDRESS, Names, Station

PACKAGES = (
    "busybox-static bash coreutils curl iperf3 lighttpd netcat-openbsd nginx redis-server redis-tools".split()
)
HOST = "10.0.2.2"  # this host, as the guest sees it
CONNECTIONS = 100
TRANSFER = 4 << 20  # bytes
PAGE = bytes(range(256)) * 4096  # the file that servers of the guest serve


def in_root(test: harness.Test, folder: Path, script: str) -> tuple[Boot, Share]:
    """A boot with the folder as the guest's root: bash runs the script."""
    root = Share(str(folder), tag=ROOT)
    boot = Boot(
        test.build,
        None,
        "/usr/bin/bash",
        ["-c", script],
        environment=root_folder.ENVIRONMENT,
        has_no_input=True,
        append=" ".join(root.words),
    )
    return boot, root


def fetch(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask(connection: socket.socket) -> bool:
    """Whether the demo http answers a request on this connection, which stays open."""
    connection.sendall(b"GET /proc/meminfo HTTP/1.1\r\n\r\n")
    data = b""
    while b"SReclaimable" not in data:
        more = connection.recv(65536)
        if not more:
            return False
        data += more
    return True


def on_host(folder: Path, words: list[str]) -> subprocess.CompletedProcess:
    """Runs a program of the folder on this host, in QEMU's user-mode emulation."""
    command = ["qemu-riscv64", "-L", folder, folder / "usr/bin" / words[0], *words[1:]]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.TIMEOUT, text=True
    )


def checksum(data: bytes) -> str:
    """The line that cksum prints for the data."""
    return subprocess.run(["cksum"], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()


# ── The host's servers ──


class Pages(http.server.BaseHTTPRequestHandler):
    """/large has TRANSFER bytes; a POST is answered with its number of bytes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(bytes(range(256)) * (TRANSFER // 256) if self.path == "/large" else b"from the host\n")

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        count = 0
        while left and (data := self.rfile.read(min(left, 65536))):
            count += len(data)
            left -= len(data)
        self._answer(b"%d\n" % count)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextlib.contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    """Runs a server of the host in this scope. Its port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ── Parts ──


def server_of_guest(test: harness.Test) -> None:
    """The demo http answers the host, many connections at a time."""
    for harts in test.harts_of_tier:
        port = free_port()
        machine = test.machine(harts=harts, network=Network((Forward(port, 80),), restricted=True))
        with running(boot_of(test, "/bin/http", "serve"), machine) as (output, ended):
            name = f"({harts} harts)"
            if not test.check(output.wait_for("Listening", ended), f"the server starts {name}", output.data):
                continue
            status, body = fetch(port)
            test.check(status == 200 and b"<title>Cotrap</title>" in body, f"the host reads the page {name}", body)
            status, body = fetch(port, "/proc/uptime")
            test.check(status == 200 and len(body.split()) == 2, f"  … and a figure of the kernel {name}", body)
            test.check(fetch(port, "/none")[0] == 404, f"  … and 404 for a page that does not exist {name}")
            # One after the other: QEMU accepts one waiting connection, and the host delays the others by a second.
            connections, answered = [], 0
            for _ in range(CONNECTIONS):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=60))
                answered += ask(connections[-1])
            for connection in connections:
                connection.close()
            what = f"{CONNECTIONS} connections are open at once, and each is answered {name}"
            test.check(answered == CONNECTIONS, what, str(answered))
            test.check(fetch(port)[0] == 200, f"  … and one after them {name}")


def programs_of_guest(test: harness.Test, folder: Path) -> None:
    """Programs of the guest reach the host's server by TCP and UDP."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, reply = self.request
            reply.sendto(b"echo " + data, self.client_address)

    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    with serving(pages) as port, serving(socketserver.UDPServer(("127.0.0.1", 0), Echo)) as udp_port:
        script = f"""
busybox wget -q -O - http://{HOST}:{port}/
busybox wget -q -O - http://{HOST}:{port}/large | cksum
head -c {TRANSFER} /dev/zero > /tmp/large; curl -s --data-binary @/tmp/large http://{HOST}:{port}/
curl -s -o /dev/null -w '%{{http_code}} %{{remote_ip}} %{{local_ip}}\\n' http://{HOST}:{port}/
echo hello | nc.openbsd -u -w 2 {HOST} {udp_port}; echo
curl -s -m 5 http://{HOST}:1/; echo refused $?
"""
        boot, root = in_root(test, folder, script)
        expected = checksum(bytes(range(256)) * (TRANSFER // 256))
        for harts in test.harts_of_tier:
            machine = test.machine(harts=harts, network=Network(), root=root)
            with running(boot, machine) as (output, ended):
                ended.wait(harness.TIMEOUT)
            text = output.data.decode(errors="replace")
            for part, what in (
                ("from the host\n", "busybox's wget reads a page of the host"),
                (expected, f"  … and {TRANSFER >> 20} MiB, unchanged"),
                (f"{TRANSFER}\n", f"curl sends {TRANSFER >> 20} MiB to the host"),
                (f"200 {HOST} 10.0.2.15\n", "  … from the address of DHCP"),
                ("echo hello\n", "a datagram reaches the host, and its answer the guest"),
                ("refused 7\n", "a port of the host without a server refuses"),
            ):
                test.check(part in text.replace("\r", ""), f"{what} ({harts} harts)", text)


def datagrams(test: harness.Test, folder: Path) -> None:
    """The host sends a datagram to the guest, which answers."""
    port = free_port(socket.SOCK_DGRAM)
    boot, root = in_root(test, folder, "coproc nc.openbsd -u -l 9; echo ready; cat <&${COPROC[0]} >&${COPROC[1]}")
    # A restricted network forwards no answers of UDP.
    network = Network((Forward(port, 9, protocol="udp"),))
    with running(boot, test.machine(network=network, root=root)) as (output, ended):
        output.wait_for("ready", ended)
        answer = b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1)
            for _ in range(30):  # the server may not have bound its port yet
                sender.sendto(b"ping", ("127.0.0.1", port))
                with contextlib.suppress(TimeoutError):
                    answer = sender.recv(100)
                    break
    test.check(answer == b"ping", "a datagram of the host reaches the guest, and its answer the host", output.data)


def addresses(test: harness.Test) -> None:
    """What the guest knows of its network."""
    network = Network()  # a restricted one names no server
    done = test.run("/bin/cat", "/etc/resolv.conf", machine=test.machine(network=network))
    named = done.text == "nameserver 10.0.2.3\n"
    test.check(named, "DHCP names the name server in /etc/resolv.conf", done.text + done.why)
    given = "net=10.0.2.99/24,gw=10.0.2.2,dns=10.0.2.4"
    done = test.run("/bin/cat", "/etc/resolv.conf", machine=test.machine(network=network), append=given, quiet=False)
    test.check("eth0: 10.0.2.99" in done.text, "the option net= gives an address", done.text + done.why)
    test.check("nameserver 10.0.2.4" in done.text, "  … and a name server", done.text)
    done = test.run("/bin/true", machine=test.machine(network=network), append="net=10.0.2.99", quiet=False)
    by_dhcp = "this is no address" in done.text and "eth0: 10.0.2.15" in done.text
    test.check(by_dhcp, "  … or DHCP does if it is wrong", done.text)
    done = test.run("/bin/ls", "/etc/resolv.conf")
    test.check(done.status != 0, "a machine without a network has no /etc/resolv.conf", done.text)


# Scripts that look up names, and what they print. late.test is a name whose first questions get no answer.
BY_DHCP = """
/bin/http serve &
cat /etc/resolv.conf
/busybox nslookup web.test
/busybox wget -q -O - http://web.test/proc/uptime && echo page of web.test
/busybox wget -q -O - http://none.test/ || echo unknown: $?
"""
BY_DHCP_PRINTS = {
    f"nameserver {ADDRESS}\n": "DHCP names a name server of the test in /etc/resolv.conf",
    "Name:\tweb.test\nAddress: 10.9.0.1\n": "  … which busybox's nslookup asks for an address",
    "page of web.test\n": "  … and busybox's wget",
    "unknown: 1\n": "  … and a name that the server does not know is an error",
}
BY_FOLDER = """
busybox httpd -p 80 -h /srv; busybox httpd -p '[::1]:81' -h /srv; sleep 1
curl -s -m 60 http://web.test/name && echo 4
curl -s -m 60 http://six.test:81/name && echo 6
curl -s -m 60 http://late.test/name && echo late
curl -s -m 60 http://none.test/; echo unknown: $?
"""
BY_FOLDER_PRINTS = {
    "by name 4\n": "curl looks up an IPv4 address by the name server in the root folder",
    "by name 6\n": "  … and an IPv6 address",
    "by name late\n": "  … and asks again if the server does not answer",
    "unknown: 6\n": "  … and fails for a name that the server does not know",
}


def names(test: harness.Test, folder: Path) -> None:
    """Programs look up names, at a name server of this test: the resolver of this host gets no question."""
    known = {"web.test": ("10.9.0.1",), "six.test": ("::1",), "late.test": ("10.9.0.1",)}
    (folder / "etc" / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    (folder / "srv").mkdir(exist_ok=True)
    (folder / "srv" / "name").write_text("by name ")

    def look_up(boot: Boot, machine: Machine, prints: dict[str, str]) -> None:
        station, server = Station(), Names(known, late={"late.test": 2})
        machine = replace(machine, extra=station.options(test.network_device))
        with station.serving(server), running(boot, machine) as (output, ended):
            ended.wait(harness.TIMEOUT)
        text = output.data.decode(errors="replace").replace("\r", "")
        for part, what in prints.items():
            test.check(part in text, f"{what} ({machine.harts} harts)", f"{text}\nasked: {server.asked}")

    for harts in test.harts_of_tier:
        with test.added(folder / "usr" / "bin" / "busybox", "busybox"):
            look_up(boot_of(test, "/bin/sh", "-c", BY_DHCP), test.machine(harts=harts), BY_DHCP_PRINTS)
        boot, root = in_root(test, folder, BY_FOLDER)
        look_up(boot, test.machine(harts=harts, root=root), BY_FOLDER_PRINTS)


def servers(test: harness.Test, folder: Path) -> None:
    """Debian's lighttpd, redis-server and iperf3 serve the host."""
    (folder / "srv").mkdir(exist_ok=True)
    (folder / "srv" / "page").write_bytes(PAGE)
    (folder / "etc" / "test.conf").write_text(
        'server.document-root = "/srv"\nserver.port = 80\nserver.event-handler = "linux-sysepoll"\n'
        'server.errorlog = "/tmp/errors"\n'
    )
    script = """
lighttpd -f /etc/test.conf -D &
redis-server --bind 0.0.0.0 --protected-mode no --save '' --dir /tmp --daemonize no > /tmp/redis &
iperf3 -s -p 5201 > /tmp/iperf & iperf3 -s -p 5202 > /tmp/iperf2 & sleep 1
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do redis-cli ping 2>/dev/null | grep -q PONG && break; sleep 1; done
redis-benchmark -q -n 2000 -c 20 -t ping,set,get
echo servers run
wait
"""
    boot, root = in_root(test, folder, script)
    for harts in test.harts_of_tier:
        web, redis = free_port(), free_port()
        # Between two clients iperf3 does not listen for a moment, so each way has a server.
        iperf = {False: free_port(), True: free_port()}
        forwards = (Forward(web, 80), Forward(redis, 6379), Forward(iperf[False], 5201), Forward(iperf[True], 5202))
        network = Network(forwards, restricted=True)
        machine = test.machine(harts=harts, network=network, root=root, memory="512M")
        with running(boot, machine) as (output, ended):
            up = output.wait_for("servers run", ended)
            has_measured = up and b"GET: " in output.data
            what = f"redis-benchmark measures redis-server over loopback ({harts} harts)"
            test.check(has_measured, what, output.data)
            if not up:
                continue
            status, body = fetch(web, "/page")
            is_whole = status == 200 and body == PAGE
            test.check(is_whole, f"lighttpd serves a file to the host ({harts} harts)", str(status))
            with socket.create_connection(("127.0.0.1", redis), timeout=60) as client:
                client.sendall(b"SET key value\r\nGET key\r\n")
                answer = b""
                while b"value\r\n" not in answer and (more := client.recv(1000)):
                    answer += more
            test.check(answer == b"+OK\r\n$5\r\nvalue\r\n", f"redis-server answers the host ({harts} harts)", answer)
            words = ["redis-benchmark", "-p", str(redis), "-q", "-n", "2000", "-c", "8", "-t", "ping,set,get"]
            done = on_host(folder, words)
            has_ended = done.returncode == 0 and "GET: " in done.stdout
            test.check(has_ended, f"redis-benchmark on the host measures redis-server ({harts} harts)", done.stdout)
            for reverse, port in iperf.items():
                words = ["iperf3", "-c", "127.0.0.1", "-p", str(port), "-n", "8M", *(["-R"] if reverse else [])]
                done = on_host(folder, words)
                way = "to the host" if reverse else "to the guest"
                test.check(done.returncode == 0, f"iperf3 transfers 8 MiB {way} ({harts} harts)", done.stdout)
                print("\n".join(line for line in done.stdout.splitlines() if "receiver" in line), flush=True)


NGINX = """
user root;
worker_processes 2;
pid /tmp/nginx.pid;
error_log /tmp/nginx.errors;
events { worker_connections 256; }
http {
  access_log /tmp/nginx.access;
  sendfile on;
  gzip on;
  gzip_types application/octet-stream;
  default_type application/octet-stream;
  server { listen 80; listen [::]:80; root /srv; }
}
"""


def web_servers(test: harness.Test, folder: Path) -> None:
    """nginx with two worker processes, and busybox's httpd and nc, serve Debian's curl on the host."""
    (folder / "srv").mkdir(exist_ok=True)
    (folder / "srv" / "page").write_bytes(PAGE)
    (folder / "etc" / "nginx.conf").write_text(NGINX)
    for name, line in (("passwd", "root:x:0:0:root:/root:/bin/bash\n"), ("group", "root:x:0:\n")):
        (folder / "etc" / name).write_text(line)
    (folder / "var" / "log" / "nginx").mkdir(parents=True, exist_ok=True)
    script = """
nginx -c /etc/nginx.conf || cat /tmp/nginx.errors
busybox httpd -p 8080 -h /srv
while busybox nc -l -p 9 < /srv/page; do :; done &
sleep 1
for url in 127.0.0.1 '[::1]' 127.0.0.1:8080; do curl -s "http://$url/page" | cksum; done
echo servers run
wait
"""
    boot, root = in_root(test, folder, script)
    for harts in test.harts_of_tier:
        web, httpd, nc = free_port(), free_port(), free_port()
        network = Network((Forward(web, 80), Forward(httpd, 8080), Forward(nc, 9)), restricted=True)
        with running(boot, test.machine(harts=harts, network=network, root=root)) as (output, ended):
            up = output.wait_for("servers run", ended)
            local = output.data.decode(errors="replace").replace("\r", "").count(checksum(PAGE))
            if not test.check(up and local == 3, f"curl reads three pages in the guest ({harts} harts)", output.data):
                continue

            def curl(port: int, *words: str) -> subprocess.CompletedProcess:
                got = folder / "tmp" / "got"
                got.unlink(missing_ok=True)
                done = on_host(folder, ["curl", "-s", "-o", str(got), *words, f"http://127.0.0.1:{port}/page"])
                done.body = got.read_bytes() if got.exists() else b""
                return done

            for name, port, words, body in (
                ("nginx serves a file", web, (), PAGE),
                ("nginx serves a part of it", web, ("-r", "1000-70000"), PAGE[1000:70001]),
                ("nginx compresses it", web, ("--compressed",), PAGE),
                ("busybox httpd serves a file", httpd, (), PAGE),
            ):
                done = curl(port, *words)
                whole = done.returncode == 0 and done.body == body
                test.check(whole, f"{name} for curl on the host ({harts} harts)", done.stdout)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: fetch(web, "/page") == (200, PAGE), range(64)))
            test.check(all(answers), f"nginx serves 64 clients, 8 at a time ({harts} harts)", str(answers))
            with socket.create_connection(("127.0.0.1", nc), timeout=60) as client:
                received = b""
                while len(received) < len(PAGE) and (more := client.recv(65536)):
                    received += more
            test.check(received == PAGE, f"busybox nc sends a file to the host ({harts} harts)", str(len(received)))


def silent_network(test: harness.Test) -> None:
    """A network in which no machine answers."""
    extra = ("-netdev", "hubport,id=net,hubid=0", "-device", f"{test.network_device},netdev=net")
    done = test.run("/bin/true", machine=test.machine(extra=extra), quiet=False)
    went_on = done.status == 0 and "eth0: no address yet" in done.text
    test.check(went_on, "a network without DHCP does not stop the boot", done.text)


EVERYDAY: dict[str, Callable] = {"addresses": addresses, "server": server_of_guest, "silent": silent_network}
# With the folder that has Debian's packages.
REST: dict[str, Callable] = {
    "programs": programs_of_guest,
    "datagrams": datagrams,
    "names": names,
    "servers": servers,
    "web": web_servers,
}

with harness.Test(__doc__, harness.QEMU, own={"only": ""}) as test:
    only = test.options.only
    for name, part in EVERYDAY.items():
        if only == name or (not only and test.everyday):
            part(test)
    chosen = [part for name, part in REST.items() if only == name or (not only and test.rest)]
    folder = debian.root_folder("network", PACKAGES) if chosen else Path()
    for part in chosen:
        part(test, folder)
