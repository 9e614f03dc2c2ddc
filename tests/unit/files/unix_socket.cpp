// AF_UNIX sockets: the files that messages carry, and sockets that only such messages own.
#include "files/unix_socket.h"

#include <array>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "../async/support.h"
#include "support.h"

using kernel::File;
using kernel::Incoming;
using kernel::IoBuffer;
using kernel::Outgoing;
using kernel::PassedFiles;
using kernel::Ref;
using kernel::UnixEndpoint;
using kernel::UnixSocket;
using test::Errno;

namespace {

using Socket = Ref<UnixSocket>;

struct Pair {
  Socket a, b;
};

Pair make_pair(int type = abi::sock_stream) {
  Pair pair{*UnixSocket::make(type, 0), *UnixSocket::make(type, 0)};
  UnixEndpoint::connect_pair(pair.a->endpoint(), pair.b->endpoint(),
                             {.pid = 1, .uid = 0, .gid = 0});
  return pair;
}

kernel::Result<std::size_t> send(UnixSocket& from, std::string text,
                                 const std::vector<File*>& files = {}) {
  Outgoing message;
  message.credentials = abi::Credentials{.pid = 1, .uid = 0, .gid = 0};
  if (!files.empty()) {
    message.files = std::move(*PassedFiles::make(files.size()));
    for (File* file : files) message.files->add(Ref<File>::share(*file));
  }
  IoBuffer bytes{std::as_writable_bytes(std::span{text})};
  return from.send(bytes, message);
}

struct Received {
  std::string text;
  kernel::PassedFilesPtr files;
};
Received receive(UnixSocket& to, std::size_t most = 100) {
  Received received{std::string(most, '\0'), nullptr};
  Incoming message;
  IoBuffer bytes{std::as_writable_bytes(std::span{received.text})};
  received.text.resize(to.receive(bytes, message).value_or(0));
  received.files = std::move(message.files);
  return received;
}

std::size_t free_frames() {
  return kernel::memory::frames.free_count();
}

}  // namespace

TEST_CASE("a stream ends a receive behind the bytes that carry files") {
  const test::Machine machine;
  async_test::Fixture world;
  const Pair pair = make_pair();
  const Pair passed = make_pair();
  CHECK(send(*pair.a, "before ") == 7);
  CHECK(send(*pair.a, "with", {passed.a.get()}) == 4);
  CHECK(send(*pair.a, "behind") == 6);
  CHECK(PassedFiles::on_their_way() == 1);
  const Received first = receive(*pair.b);
  CHECK(first.text == "before with");
  REQUIRE(first.files);
  CHECK(first.files->size() == 1);
  CHECK(&(*first.files)[0] == passed.a.get());
  CHECK(PassedFiles::on_their_way() == 0);
  CHECK(receive(*pair.b).text == "behind");
}

TEST_CASE("a message of any length arrives whole") {
  const test::Machine machine;
  async_test::Fixture world;
  const Pair pair = make_pair(abi::sock_dgram);
  for (const std::size_t length : {0u, 1u, 2048u, 2049u, 4096u, 8193u, 100'000u}) {
    const std::string text = test::pattern(length);
    CHECK(send(*pair.a, text) == length);
    CHECK(receive(*pair.b, 200'000).text == text);
  }
}

TEST_CASE("a socket in its own queue ends with its other owners") {
  const test::Machine machine;
  async_test::Fixture world;
  {
    const Pair warm = make_pair();  // fills the heap's caches
    CHECK(send(*warm.a, "x", {warm.b.get()}) == 1);
  }
  for (const int type : {abi::sock_stream, abi::sock_dgram, abi::sock_seqpacket}) {
    Pair pair = make_pair(type);
    CHECK(send(*pair.a, "x", {pair.b.get(), pair.a.get()}) == 1);
    pair.b = nullptr;
    pair.a = nullptr;
    CHECK(PassedFiles::on_their_way() == 2);
    {
      const Pair another = make_pair(type);
    }  // its end begins the search
    CHECK(PassedFiles::on_their_way() == 0);
  }
}

TEST_CASE("a search ends the lost sockets and no others, in random graphs") {
  const test::Machine machine;
  async_test::Fixture world;
  std::mt19937 random{1};
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 2000; ++round) {
    constexpr std::array types{abi::sock_stream, abi::sock_dgram, abi::sock_seqpacket};
    const std::size_t count = 1 + below(6);
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < count; ++i) pairs.push_back(make_pair(types[below(3)]));
    // edges[i]: the pairs whose ends wait in the queue of end b of pair i
    std::vector<std::vector<std::size_t>> edges(count);
    for (std::size_t message = below(10); message > 0; --message) {
      const std::size_t to = below(count), carried = below(count);
      REQUIRE(send(*pairs[to].a, "x", {pairs[carried].b.get()}) == 1);
      edges[to].push_back(carried);
    }
    // Only the ends b of some pairs keep an owner outside.
    std::vector<Socket> kept(count);
    std::vector<bool> reachable(count);
    std::vector<std::size_t> work;
    for (std::size_t i = 0; i < count; ++i) {
      if (below(3) != 0) continue;
      kept[i] = pairs[i].b;
      reachable[i] = true;
      work.push_back(i);
    }
    while (!work.empty()) {
      const std::size_t at = work.back();
      work.pop_back();
      for (const std::size_t next : edges[at]) {
        if (reachable[next]) continue;
        reachable[next] = true;
        work.push_back(next);
      }
    }
    std::size_t expected = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (reachable[i]) expected += edges[i].size();
    pairs.clear();
    {
      const Pair last = make_pair();
    }
    REQUIRE(PassedFiles::on_their_way() == expected);
    kept.clear();
    {
      const Pair last = make_pair();
    }
    REQUIRE(PassedFiles::on_their_way() == 0);
  }
}

TEST_CASE("a long chain of sockets that carry each other ends without recursion") {
  const test::Machine machine;
  async_test::Fixture world;
  const auto chain = [] {
    Socket last;
    for (int i = 0; i < 900; ++i) {
      Pair pair = make_pair(abi::sock_dgram);
      if (last) {
        REQUIRE(send(*pair.a, "x", {last.get()}) == 1);
      }
      last = pair.b;
    }
  };
  chain();
  const std::size_t before = free_frames();
  chain();
  CHECK(PassedFiles::on_their_way() == 0);
  CHECK(free_frames() == before);
}

TEST_CASE("a connected datagram socket hears when its peer has room") {
  const test::Machine machine;
  async_test::Fixture world;
  const Socket to = *UnixSocket::make(abi::sock_dgram, 0);
  const Socket from = *UnixSocket::make(abi::sock_dgram, 0);
  REQUIRE(from->endpoint().connect_datagrams(&to->endpoint()));
  std::size_t sent = 0;
  while (send(*from, "x") == 1) ++sent;
  CHECK(sent == UnixEndpoint::most_datagrams + 1);
  CHECK((from->readiness() & abi::pollout) == 0);
  async_test::Log log;
  const auto waits = [&]() -> async::Task<> {
    (void)co_await from->changes(kernel::Direction::write)->wait("send");
    log.push_back("woken");
  };
  auto task = async::spawn(waits());
  world.run();
  CHECK(log.empty());
  CHECK(receive(*to).text == "x");
  world.run();
  CHECK(log.size() == 1);
  CHECK((from->readiness() & abi::pollout) != 0);
}
