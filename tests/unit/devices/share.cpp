// Folders of the host: look-ups fetch what they lack, and wrong, missing and late answers are EIO.
#include "files/share.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <memory>
#include <string>
#include <vector>

#include "../async/support.h"
#include "../files/support.h"
#include "../memory/machine.h"
#include "fake_server.h"
#include "files/fetched.h"
#include "files/page_cache.h"
#include "files/path_lookup.h"
#include "files/share_client.h"

namespace test {
namespace {

using async::Task;
using kernel::Directory;
using kernel::Fetched;
using kernel::File;
using kernel::P9Device;
using kernel::ShareClient;
using kernel::p9::Type;

constexpr std::uint32_t folder_mode = 040755, link_mode = 0120777;

/// A server with its driver and a session, and the folder that it shares:
///
///   file   sub/inner   link → sub/inner
class ShareWorld {
 public:
  ShareWorld() {
    server.add(1, "file", {.contents = "hello"});
    const auto sub = server.add(1, "sub", {.mode = folder_mode});
    server.add(sub, "inner", {.contents = pattern(10'000)});
    server.add(1, "link", {.mode = link_mode, .contents = "sub/inner"});
    device = P9Device::start(server);
    REQUIRE(device);
    client = std::make_unique<ShareClient>(*device, false);
    driver_.emplace(async::spawn(device->serve(), {.name = "driver", .priority = 0}));
    session_.emplace(async::spawn(client->serve(), {.name = "session", .priority = 1}));
    folder = kernel::shared_folder(*client);
  }
  ~ShareWorld() {
    folder = nullptr;
    server.answer_all(world);
    world.advance(std::chrono::hours{1});  // for those that get no answer
    session_->cancel();
    driver_->cancel();
    world.run();
    CHECK(session_->done());
    CHECK(driver_->done());
    device.reset();
    client.reset();
  }

  /// Runs a task to its end. The time passes until it has ended, if the server does not answer.
  template <class T>
  T finish(Task<T> task) {
    auto handle = async::spawn(std::move(task), {.name = "test"});
    server.answer_all(world);
    for (int i = 0; i < 100 && !handle.done(); ++i) {
      world.advance(P9Device::request_timeout);
      server.answer_all(world);
    }
    REQUIRE(handle.done());
    return std::move(handle).get();
  }

  /// What openat does.
  Task<Result<Ref<File>>> open(std::string path, int flags) {
    Fetched fetched;
    for (attempts = 1;; ++attempts) {
      auto file = attempt(fetched, path, flags);
      if (file || file.error() != Errno::would_block) co_return file;
      REQUIRE(fetched.lacks_something());
      co_await fetched.fetch();
    }
  }
  /// Reads the whole file.
  Task<Result<std::string>> read(std::string path) {
    auto file = co_await open(std::move(path), abi::o_rdonly);
    if (!file) co_return kernel::fail(file.error());
    std::string text(20'000, '?');
    const auto count =
        co_await (*file)->transfer(kernel::Direction::read, {}, IoBuffer{bytes_of(text)});
    if (!count) co_return kernel::fail(count.error());
    co_return text.substr(0, *count);
  }
  Task<Result<std::size_t>> write(std::string path, std::string text) {
    auto file = co_await open(std::move(path), abi::o_wronly | abi::o_creat);
    if (!file) co_return kernel::fail(file.error());
    co_return co_await (*file)->transfer(kernel::Direction::write, {}, IoBuffer{bytes_of(text)});
  }
  Task<Result<std::size_t>> list(std::string path) {
    auto file = co_await open(std::move(path), abi::o_rdonly);
    if (!file) co_return kernel::fail(file.error());
    std::string text(4096, '?');
    co_return co_await (*file)->transfer_entries(IoBuffer{bytes_of(text)});
  }

  /// A page of a new mapping of the file.
  kernel::memory::Frame map_page(std::string path, std::size_t index) {
    auto file = finish(open(std::move(path), abi::o_rdonly));
    REQUIRE(file);
    auto source = (*file)->pages();
    REQUIRE(source);
    auto page = finish((*source)->read(index));
    REQUIRE(page);
    return std::move(*page);
  }

  unsigned attempts = 0;  // of the last open()
  Machine machine;
  async_test::Fixture world;
  FakeServer server;
  std::unique_ptr<P9Device> device;
  std::unique_ptr<ShareClient> client;
  Ref<Directory> folder;

 private:
  Result<Ref<File>> attempt(Fetched& fetched, const std::string& path, int flags) {
    const auto found = kernel::find({.start = *folder, .reader = {}, .fetched = &fetched}, path,
                                    kernel::LastLink::follow);
    if (!found) return kernel::fail(found.error());
    if (found->node != nullptr) return fetched.open(*found->node, flags & ~abi::o_creat);
    if ((flags & abi::o_creat) == 0) return kernel::fail(Errno::enoent);
    return fetched.create(*found->directory, found->name, flags, 0644);
  }

  std::optional<async::JoinHandle<void>> driver_;
  std::optional<async::JoinHandle<void>> session_;
};

}  // namespace

TEST_CASE("a file of a share is read by its path, through links and folders") {
  ShareWorld share;
  CHECK(share.device->tag() == "share");
  CHECK(share.finish(share.read("file")) == "hello");
  CHECK(share.finish(share.read("sub/inner")) == pattern(10'000));
  CHECK(share.finish(share.read("./sub/../link")) == pattern(10'000));
  CHECK(share.finish(share.read("none")).error() == Errno::enoent);
  CHECK(share.finish(share.read("none/inner")).error() == Errno::enoent);
  CHECK(share.finish(share.read("file/inner")).error() == Errno::enotdir);
}

TEST_CASE("a look-up asks the server anew in each call") {
  ShareWorld share;
  CHECK(share.finish(share.read("file")) == "hello");
  share.server.nodes[share.server.nodes[1].names["file"]].contents = "changed";
  CHECK(share.finish(share.read("file")) == "changed");
  share.server.nodes[1].names.erase("file");
  CHECK(share.finish(share.read("file")).error() == Errno::enoent);
}

TEST_CASE("the attempts of a look-up do not grow with the names of its path") {
  ShareWorld share;
  std::string path;
  std::uint64_t folder = 1;
  for (int i = 0; i < 100; ++i) {
    folder = share.server.add(folder, "d", {.mode = folder_mode});
    path += "d/";
  }
  share.server.add(folder, "file", {.contents = "deep"});
  const unsigned before = share.server.answers;
  CHECK(share.finish(share.open(path + "file", abi::o_rdonly)));
  CHECK(share.attempts == 3);                           // the names, the open file, the result
  CHECK(share.server.answers - before < 3 * 102 + 10);  // walk, attributes, clunk
  CHECK_FALSE(share.finish(share.open(path + "none/file", abi::o_rdonly)));
  CHECK(share.attempts == 2);
}

TEST_CASE("mappings of a file share its pages until it changes") {
  ShareWorld share;
  auto& node = share.server.nodes[share.server.nodes[1].names["file"]];
  node.contents = pattern(5 * hal::page_size + 10);
  share.world.advance(std::chrono::seconds{10});  // else the file could change in one tick
  const unsigned before = share.server.answers;
  const auto first = share.map_page("file", 1);
  CHECK(share.map_page("file", 1).address() == first.address());
  CHECK(share.map_page("file", 2).address() != first.address());
  CHECK(kernel::PageCache::total_pages() == 4);  // one was requested, three were read ahead
  const unsigned one_open = 6;                   // walk, attributes, walk, open, clunk, clunk
  CHECK(share.server.answers - before <= 3 * one_open + 1);
  node.modified = 1;
  CHECK(share.map_page("file", 1).address() != first.address());
}

TEST_CASE("the page cache gives back what no program maps when memory runs out") {
  ShareWorld share;
  auto& node = share.server.nodes[share.server.nodes[1].names["file"]];
  node.contents = pattern(8 * hal::page_size);
  auto file = share.finish(share.open("file", abi::o_rdonly));
  REQUIRE(file);
  auto source = (*file)->pages();
  REQUIRE(source);
  auto page = share.finish((*source)->read(0));
  REQUIRE(page);
  CHECK(kernel::PageCache::total_pages() == 8);
  std::vector<kernel::memory::Frame> frames;
  for (;;) {
    auto frame = kernel::memory::Frame::allocate(kernel::memory::Use::user);
    if (!frame) break;
    frames.push_back(std::move(frame));
  }
  CHECK(kernel::PageCache::total_pages() == 1);
  frames.clear();
  CHECK(share.finish((*source)->read(7)));
}

TEST_CASE("a new file of a share has what was written") {
  ShareWorld share;
  CHECK(share.finish(share.write("sub/new", pattern(9000))) == 9000);
  CHECK(share.finish(share.read("sub/new")) == pattern(9000));
  CHECK(share.finish(share.list("sub")) == 32 + 24);
}

TEST_CASE("the server gets back every fid but that of the folder") {
  ShareWorld share;
  for (int i = 0; i < 20; ++i) (void)share.finish(share.read("link"));
  (void)share.finish(share.write("new", "text"));
  (void)share.finish(share.list("sub"));
  CHECK(share.server.fids.size() == 1);
}

TEST_CASE("a request without an answer is EIO after a minute, and keeps its fids") {
  bool answers = false;
  ShareWorld share;
  CHECK(share.finish(share.read("file")) == "hello");
  share.server.damage = [&](Type type, FakeServer::Bytes&, std::size_t&) {
    return answers || type != Type::read;
  };
  CHECK(share.finish(share.read("file")).error() == Errno::eio);
  CHECK(share.server.fids.size() == 2);  // the open file's: its request is in flight
  answers = true;
  CHECK(share.finish(share.read("file")) == "hello");
}

TEST_CASE("a caller that is cancelled leaves its request") {
  ShareWorld share;
  (void)share.finish(share.read("file"));
  auto reader = async::spawn(share.read("sub/inner"), {.name = "reader"});
  share.world.run();
  reader.cancel();
  share.world.run();
  REQUIRE(reader.done());
  CHECK(std::move(reader).get().error() == Errno::eintr);
  share.server.answer_all(share.world);
  CHECK(share.server.fids.size() == 1);
  CHECK(share.finish(share.read("sub/inner")) == pattern(10'000));
}

TEST_CASE("many requests of a share are in flight at the same time") {
  ShareWorld share;
  (void)share.finish(share.read("file"));
  std::vector<async::JoinHandle<Result<std::string>>> readers;
  constexpr std::size_t count = P9Device::most_in_flight + 20;
  for (std::size_t i = 0; i < count; ++i)
    readers.push_back(async::spawn(share.read("sub/inner"), {.name = "reader"}));
  share.server.answer_all(share.world);
  for (auto& reader : readers) {
    REQUIRE(reader.done());
    CHECK(std::move(reader).get() == pattern(10'000));
  }
}

TEST_CASE("a server that breaks its queue is lost, and all requests are EIO") {
  ShareWorld share;
  (void)share.finish(share.read("file"));
  auto reader = async::spawn(share.read("sub/inner"), {.name = "reader"});
  share.world.run();
  SECTION("an id without a request") {
    share.server.side().use(1000, 1);
  }
  SECTION("more bytes than the answer has room for") {
    share.server.side().use(0, 1 << 20);
  }
  SECTION("the device asks for a reset") {
    share.server.ask_for_reset();
  }
  SECTION("the device does not confirm the reset") {
    share.server.comes_back = false;
    share.server.side().use(1000, 1);
  }
  share.server.interrupt(kernel::virtio::cause::used_buffer);
  share.world.run();
  REQUIRE(reader.done());
  CHECK(std::move(reader).get().error() == Errno::eio);
  CHECK(share.device->is_dead());
  CHECK(share.finish(share.read("file")).error() == Errno::eio);
  share.server.comes_back = true;
}

TEST_CASE("a server that does not speak the protocol is EIO") {
  ShareWorld share;
  share.server.damage = [](Type type, FakeServer::Bytes& answer, std::size_t&) {
    if (type == Type::version) answer.back() ^= std::byte{1};
    return true;
  };
  CHECK(share.finish(share.read("file")).error() == Errno::eio);
}

TEST_CASE("damaged answers of a server are errors, and leak nothing") {
  const auto seed = GENERATE(range(1, 101));
  Random random{static_cast<std::uint64_t>(seed)};
  ShareWorld share;
  (void)share.finish(share.read("file"));
  share.server.damage = [&](Type, FakeServer::Bytes& answer, std::size_t& written) {
    switch (random.below(8)) {
      case 0:
      case 1:
        for (auto flips = 1 + random.below(3); flips > 0; --flips)
          answer[random.below(answer.size())] ^= static_cast<std::byte>(1 << random.below(8));
        return true;
      case 2:
        answer[random.below(std::min<std::size_t>(12, answer.size()))] = std::byte{0xff};
        return true;
      case 3: written = random.below(answer.size() + 20); return true;
      case 4: return random.below(20) != 0;
      default: return true;
    }
  };
  for (int i = 0; i < 60; ++i) {
    switch (random.below(5)) {
      case 0: (void)share.finish(share.read("link")); break;
      case 1: (void)share.finish(share.read("sub/inner")); break;
      case 2: (void)share.finish(share.write("sub/new", pattern(random.below(9000) + 1))); break;
      case 3: (void)share.finish(share.list(random.below(2) == 0 ? "sub" : ".")); break;
      default: {
        auto reader = async::spawn(share.read("sub/inner"), {.name = "reader"});
        share.world.run();
        reader.cancel();
        share.server.answer_all(share.world);
        CHECK(reader.done());
        break;
      }
    }
  }
}

}  // namespace test
