// A web server of coroutines: one thread, and one coroutine for each connection. Its page shows the
// kernel's figures from /proc, and reads them again every second.
//
//   http                 the server, and clients in the same thread that check its answers
//   http serve [PORT]    only the server, for the browser of the host:
//                        ./cotrap run --forward 8080:80 http serve, then http://127.0.0.1:8080
#include <abi/socket.h>
#include <user/async.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/files.h>
#include <user/print.h>
#include <user/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

COTRAP_DEMO(.description =
                "a web server of coroutines answers 100 connections at once, each twice");

using namespace user;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t usual_port = 80;
constexpr int clients = 100;
constexpr std::size_t longest_request = 8192;
constexpr auto request_timeout = 30s;  // for the next request of a connection

constexpr std::array<std::string_view, 6> figures = {"uptime", "loadavg",    "meminfo",
                                                     "harts",  "interrupts", "threads"};

constexpr std::string_view page = R"(<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Cotrap</title>
<style>
 body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem; color-scheme: light dark }
 main { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem }
 section { border: 1px solid #8886; border-radius: 6px; padding: .5rem 1rem; min-width: 0 }
 h2 { font: 600 14px monospace; margin: .3rem 0 }
 pre { font-size: 12px; overflow: auto; max-height: 20rem; margin: .3rem 0 }
</style>
<h1>Cotrap</h1>
<p>A coroutine of this machine has sent this page. The figures are those of its kernel, each second.</p>
<main></main>
<script>
 const names = ["uptime", "loadavg", "meminfo", "harts", "interrupts", "threads"];
 for (const name of names)
   document.querySelector("main").insertAdjacentHTML("beforeend",
     `<section><h2>/proc/${name}</h2><pre id="${name}"></pre></section>`);
 async function read() {
   for (const name of names) {
     const answer = await fetch(`/proc/${name}`);
     document.getElementById(name).textContent = await answer.text();
   }
   setTimeout(read, 1000);
 }
 read();
</script>
)";

// ── Sockets ──

abi::InetAddress address_of(std::uint32_t host, std::uint16_t port) {
  return {.family = abi::af_inet, .port = std::byteswap(port), .address = std::byteswap(host)};
}

Result<Fd> make_stream() {
  constexpr int type = abi::sock_stream | abi::sock_cloexec | abi::sock_nonblock;
  return call<Fd>(Call::socket, abi::af_inet, type, 0);
}

Result<Fd> listen_at(std::uint16_t port) {
  const auto fd = make_stream();
  if (!fd) return fd;
  const int yes = 1;
  (void)call(Call::setsockopt, *fd, abi::sol_socket, abi::so_reuseaddr, &yes, sizeof yes);
  const abi::InetAddress here = address_of(0, port);
  auto done = call(Call::bind, *fd, &here, sizeof here);
  if (done) done = call(Call::listen, *fd, 128);
  if (done) return fd;
  static_cast<void>(close(*fd));
  return std::unexpected(done.error());
}

async::Task<bool> wait_for(Fd fd, short events) {
  std::array<abi::PollFd, 1> wait{{{.fd = fd, .events = events, .returned = 0}}};
  co_return (co_await sys::poll(wait)).has_value();
}

async::Task<bool> send_all(Fd fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = send(fd, text, abi::msg_nosignal | abi::msg_dontwait);
    if (sent) {
      text.remove_prefix(*sent);
    } else if (sent.error() != Errno::eagain || !co_await wait_for(fd, abi::pollout)) {
      co_return false;
    }
  }
  co_return true;
}

// Receives more bytes, and appends them to `text`. False: the peer has closed the connection, or it
// has failed.
async::Task<bool> receive_more(Fd fd, std::string& text) {
  for (;;) {
    std::array<char, 2048> room;
    const auto received = receive(fd, room, abi::msg_dontwait);
    if (received) {
      text += *received;
      co_return !received->empty();
    }
    if (received.error() != Errno::eagain || !co_await wait_for(fd, abi::pollin)) co_return false;
  }
}

class OpenFd {
 public:
  explicit OpenFd(Fd fd) : fd_{fd} {}
  OpenFd(const OpenFd&) = delete;
  ~OpenFd() { static_cast<void>(close(fd_)); }
  Fd get() const { return fd_; }

 private:
  Fd fd_;
};

// ── The server ──

std::string number(std::size_t value) {
  std::array<char, 24> digits;
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr};
}

std::string answer_with(std::string_view status, std::string_view type, std::string_view body) {
  std::string answer = "HTTP/1.1 ";
  answer.append(status).append("\r\nContent-Type: ").append(type);
  answer.append("; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: ");
  answer.append(number(body.size())).append("\r\n\r\n").append(body);
  return answer;
}

// The answer to a request's first line.
std::string answer_to(std::string_view line) {
  constexpr std::string_view text = "text/plain", get = "GET ", proc = "/proc/";
  if (!line.starts_with(get)) return answer_with("405 Method Not Allowed", text, "only GET\n");
  const std::string_view path = line.substr(get.size(), line.find(' ', get.size()) - get.size());
  if (path == "/") return answer_with("200 OK", "text/html", page);
  if (path.starts_with(proc) && std::ranges::contains(figures, path.substr(proc.size()))) {
    const auto read = read_file(std::string{path}.c_str());
    if (read) return answer_with("200 OK", text, *read);
  }
  return answer_with("404 Not Found", text, "there is no such page\n");
}

// Answers the requests of a connection, one after the other, until the client closes it.
async::Task<> answer_requests(Fd fd) {
  const OpenFd connection{fd};
  constexpr std::string_view end = "\r\n\r\n";
  for (std::string received;;) {
    while (received.find(end) == received.npos) {
      if (received.size() > longest_request) {
        co_await send_all(connection.get(), answer_with("431 Request Header Fields Too Large",
                                                        "text/plain", "too long\n"));
        co_return;
      }
      const auto more = co_await async::with_deadline(async::now() + request_timeout,
                                                      receive_more(connection.get(), received));
      if (!more || !*more) co_return;
    }
    if (!co_await send_all(connection.get(), answer_to(received.substr(0, received.find("\r\n")))))
      co_return;
    received.erase(0, received.find(end) + end.size());
  }
}

async::Task<> serve(Fd listener) {
  async::Scope connections;
  for (;;) {
    const auto fd = accept(listener, abi::sock_cloexec | abi::sock_nonblock);
    if (fd) {
      connections.spawn(answer_requests(*fd));
    } else if (fd.error() == Errno::eagain) {
      if (!co_await wait_for(listener, abi::pollin)) break;
    } else if (fd.error() != Errno::econnaborted) {
      // Too many open files, or no memory: some connections must end first.
      if (co_await async::sleep_for(10ms, "room for a connection") != async::WaitResult::timed_out)
        break;
    }
  }
  connections.cancel();
  co_await connections.join();
}

// ── The clients ──

struct Clients {
  std::uint16_t port;
  int connected = 0;
  int answers = 0;
  async::Event all_connected{false};
};

async::Task<> request(Fd fd, std::string_view path, std::string_view expected, Clients& all) {
  std::string text = "GET ";
  text.append(path).append(" HTTP/1.1\r\nHost: cotrap\r\n\r\n");
  check(co_await send_all(fd, text), "a client sends its request");
  std::string answer;
  while (answer.find(expected) == answer.npos)
    check(co_await receive_more(fd, answer), "the answer to {} contains '{}'", path, expected);
  check(answer.starts_with("HTTP/1.1 200 OK\r\n"), "the server has {}", path);
  ++all.answers;
}

async::Task<> be_client(Clients& all) {
  const OpenFd socket{must(make_stream(), "a socket")};
  const Fd fd = socket.get();
  constexpr std::uint32_t loopback = 0x7f000001;
  const abi::InetAddress server = address_of(loopback, all.port);
  const auto begun = call(Call::connect, fd, &server, sizeof server);
  if (!begun) check(begun.error() == Errno::einprogress, "a client connects");
  check(co_await wait_for(fd, abi::pollout), "the connection opens");
  if (++all.connected == clients) all.all_connected.set();
  co_await all.all_connected.wait("the other clients");
  co_await request(fd, "/proc/meminfo", "MemTotal:", all);
  co_await request(fd, "/", "</script>\n", all);
}

async::Task<> check_server(Fd listener, std::uint16_t port) {
  async::Scope server;
  server.spawn(serve(listener));
  Clients all{.port = port};
  async::Scope scope;
  for (int i = 0; i < clients; ++i) scope.spawn(be_client(all));
  co_await scope.join();
  server.cancel();
  co_await server.join();
  println("{} connections at once, {} answers, one thread", all.connected, all.answers);
  check(all.answers == 2 * clients, "every client gets two answers");
}

}  // namespace

int main(int argc, char** argv) {
  const bool only_serves = argc > 1 && std::string_view{argv[1]} == "serve";
  std::uint16_t port = usual_port;
  if (argc > 2) {
    const std::string_view text{argv[2]};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    check(error == std::errc{} && end == text.data() + text.size() && port != 0,
          "'{}' is a port: 1 to 65535", text);
  }
  const auto listener = listen_at(port);
  if (!listener && listener.error() == Errno::eafnosupport) {
    println("skipped: this kernel was built without AF_INET");
    return 0;
  }
  const Fd socket = must(listener, "listening");
  if (!only_serves) {
    run(check_server(socket, port));
    return 0;
  }
  println("Listening on port {}. End with Ctrl-C.", port);
  run(serve(socket));
  return 0;
}
