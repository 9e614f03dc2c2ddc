// An echo server of asio's coroutines, and its clients, in one thread: over TCP of IPv4 and IPv6,
// over UDP, and over AF_UNIX. Timers and a signal end it.
#include <array>
#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

using asio::awaitable;
using asio::use_awaitable;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr int clients = 200, rounds = 10;

template <class Socket>
awaitable<void> echo(Socket socket) {
  std::array<char, 64> buffer;
  for (;;) {
    const auto [error, count] =
        co_await socket.async_read_some(asio::buffer(buffer), asio::as_tuple(use_awaitable));
    if (error) co_return;
    co_await asio::async_write(socket, asio::buffer(buffer, count), use_awaitable);
  }
}

template <class Acceptor>
awaitable<void> serve(Acceptor& acceptor) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(use_awaitable);
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

template <class Protocol>
awaitable<void> ask(typename Protocol::endpoint server, int number, int& right) {
  typename Protocol::socket socket{co_await asio::this_coro::executor};
  co_await socket.async_connect(server, use_awaitable);
  for (int round = 0; round < rounds; ++round) {
    const std::string question = std::to_string(number) + "/" + std::to_string(round);
    std::string answer(question.size(), ' ');
    co_await asio::async_write(socket, asio::buffer(question), use_awaitable);
    co_await asio::async_read(socket, asio::buffer(answer), use_awaitable);
    if (answer == question) ++right;
  }
}

template <class Protocol>
void streams(const char* name, const typename Protocol::endpoint& endpoint) {
  asio::io_context context;
  typename Protocol::acceptor acceptor{context, endpoint};
  asio::co_spawn(context, serve(acceptor), asio::detached);
  int right = 0, left = clients;
  for (int i = 0; i < clients; ++i) {
    asio::co_spawn(context, ask<Protocol>(acceptor.local_endpoint(), i, right),
                   [&](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                     if (--left == 0) context.stop();
                   });
  }
  context.run();
  std::cout << name << ": " << right << " answers\n";
}

awaitable<void> datagrams() {
  using asio::ip::udp;
  const auto executor = co_await asio::this_coro::executor;
  const udp::endpoint any{asio::ip::address_v4::loopback(), 0};
  udp::socket server{executor, any}, client{executor, any};
  int right = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string question = "datagram " + std::to_string(round);
    std::array<char, 64> there, back;
    udp::endpoint from;
    co_await client.async_send_to(asio::buffer(question), server.local_endpoint(), use_awaitable);
    const auto count = co_await server.async_receive_from(asio::buffer(there), from, use_awaitable);
    co_await server.async_send_to(asio::buffer(there, count), from, use_awaitable);
    const auto heard = co_await client.async_receive(asio::buffer(back), use_awaitable);
    if (std::string(back.data(), heard) == question && from == client.local_endpoint()) ++right;
  }
  std::cout << "udp: " << right << " answers\n";
}

awaitable<void> wait_for_a_signal() {
  const auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals{executor, SIGUSR1};
  asio::steady_timer timer{executor, std::chrono::milliseconds{20}}, limit{executor};
  limit.expires_after(std::chrono::seconds{60});
  timer.async_wait([](auto) { std::raise(SIGUSR1); });
  const auto first =
      co_await (signals.async_wait(use_awaitable) || limit.async_wait(use_awaitable));
  std::cout << (first.index() == 0 ? "a signal" : "a timeout") << " ends the wait\n";
}

}  // namespace

int main() {
  using asio::ip::tcp;
  streams<tcp>("tcp", {asio::ip::address_v4::loopback(), 0});
  streams<tcp>("tcp over IPv6", {asio::ip::address_v6::loopback(), 0});
  streams<asio::local::stream_protocol>("unix", {"/tmp/asio-socket"});
  asio::io_context context;
  asio::co_spawn(context, datagrams(), asio::detached);
  asio::co_spawn(context, wait_for_a_signal(), asio::detached);
  context.run();
}
