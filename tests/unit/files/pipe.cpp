// Pipes: order, capacity, atomic writes, closed ends, and wakes.
#include "files/pipe.h"

#include <algorithm>
#include <span>
#include <vector>

#include "../async/support.h"
#include "support.h"

using kernel::Direction;
using kernel::File;
using kernel::IoBuffer;
using kernel::Pipe;
using kernel::PipeEnds;
using test::Errno;
using test::pattern;

namespace {

PipeEnds make_pipe() {
  return *kernel::make_pipe(0);
}

/// A blocking read, as in the system call.
async::Task<std::string> read_waiting(File& file, std::size_t size) {
  for (;;) {
    auto text = test::read(file, size);
    if (text || text.error() != Errno::would_block) co_return text.value_or("failed");
    if (co_await file.changes(Direction::read)->wait("read") != async::WaitResult::woken) {
      co_return "cancelled";
    }
  }
}

/// A blocking write, as in the system call.
async::Task<std::string> write_waiting(File& file, std::string text) {
  for (;;) {
    const auto written = test::write(file, text);
    if (written || written.error() != Errno::would_block) co_return written ? "written" : "failed";
    if (co_await file.changes(Direction::write)->wait("write") != async::WaitResult::woken) {
      co_return "cancelled";
    }
  }
}

/// A full pipe, and a task that waits until it can write.
struct WaitingWriter {
  test::Machine machine;
  async_test::Fixture world;
  async_test::Log log;
  PipeEnds ends = make_pipe();
  async::JoinHandle<void> task = fill_and_wait();

  WaitingWriter() {
    world.run();
    CHECK(log.empty());
  }

 private:
  async::JoinHandle<void> fill_and_wait() {
    CHECK(test::write(*ends.writer, pattern(Pipe::most_capacity)) == Pipe::most_capacity);
    auto& changes = *ends.writer->changes(Direction::write);
    return async::spawn(async_test::wait_and_log(changes, log, "writer"), {});
  }
};

}  // namespace

TEST_CASE("bytes leave a pipe in the order of their writes") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, "one ") == 4);
  CHECK(test::write(*writer, "two") == 3);
  CHECK(test::read(*reader, 5) == "one t");
  CHECK(test::read(*reader, 100) == "wo");
  CHECK(test::read(*reader, 1).error() == Errno::would_block);
}

TEST_CASE("a pipe holds 64 KiB and accepts part of a large write") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, pattern(70'000)) == Pipe::most_capacity);
  CHECK(test::write(*writer, "x").error() == Errno::would_block);
  CHECK(test::read(*reader, 1000) == pattern(1000));
  CHECK(test::write(*writer, pattern(5000, 65536)) == 1000);
  CHECK(test::read(*reader, 100'000) == pattern(65536, 1000));
}

TEST_CASE("a write of up to PIPE_BUF bytes is accepted as a whole or not at all") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, pattern(Pipe::most_capacity - 4095)) == Pipe::most_capacity - 4095);
  CHECK(test::write(*writer, pattern(4096)).error() == Errno::would_block);
  CHECK(test::write(*writer, pattern(4097)) == 4095);
  CHECK(test::read(*reader, 1).has_value());
}

TEST_CASE("a read returns end of file only after the last writer has closed") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  auto second = writer;
  CHECK(test::write(*writer, "last") == 4);
  writer = nullptr;
  CHECK((reader->readiness() & abi::pollhup) == 0);
  second = nullptr;
  CHECK((reader->readiness() & abi::pollhup) != 0);
  CHECK(test::read(*reader, 10) == "last");
  CHECK(test::read(*reader, 10) == "");
}

TEST_CASE("a write without readers is EPIPE") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, "lost") == 4);
  reader = nullptr;
  CHECK(test::write(*writer, "x").error() == Errno::epipe);
  CHECK((writer->readiness() & abi::pollerr) != 0);
}

TEST_CASE("an empty pipe keeps at most one page") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  const std::size_t before = kernel::memory::frames.free_count();
  test::Random random{1};
  std::size_t written = 0, read = 0;
  for (int round = 0; round < 2000; ++round) {
    if (const auto count = test::write(*writer, pattern(1 + random.below(9000), written))) {
      written += *count;
    }
    while (random.below(3) != 0) {
      const auto text = test::read(*reader, 1 + random.below(12'000));
      if (!text) break;
      REQUIRE(*text == pattern(text->size(), read));
      read += text->size();
    }
    const std::size_t held = before - kernel::memory::frames.free_count();
    REQUIRE(held <= (written - read) / hal::page_size + 2);
  }
  while (read < written) read += test::read(*reader, 65536)->size();
  CHECK(before - kernel::memory::frames.free_count() <= 1);
  CHECK(read > 1'000'000);
}

TEST_CASE("a write wakes a waiting reader, and so does the last writer's close") {
  test::Machine machine;
  async_test::Fixture world;
  auto [reader, writer] = make_pipe();
  auto first = async::spawn(read_waiting(*reader, 10), {.name = "reader"});
  world.run();
  CHECK(test::write(*writer, "hello") == 5);
  world.run();
  CHECK(std::move(first).get() == "hello");

  auto second = async::spawn(read_waiting(*reader, 10), {.name = "reader"});
  world.run();
  writer = nullptr;
  world.run();
  CHECK(std::move(second).get() == "");
}

TEST_CASE("a cancelled reader takes no bytes from the next reader") {
  test::Machine machine;
  async_test::Fixture world;
  auto [reader, writer] = make_pipe();
  auto waiting = async::spawn(read_waiting(*reader, 10), {.name = "reader"});
  world.run();
  waiting.cancel();
  world.run();
  CHECK(std::move(waiting).get() == "cancelled");
  CHECK(test::write(*writer, "later") == 5);
  CHECK(test::read(*reader, 10) == "later");
}

TEST_CASE("a waiting writer is woken when any atomic write fits, not for every byte") {
  WaitingWriter waiting;
  auto& [reader, writer] = waiting.ends;
  CHECK(test::read(*reader, 4095).has_value());
  waiting.world.run();
  CHECK(waiting.log.empty());
  CHECK((writer->readiness() & abi::pollout) == 0);
  CHECK(test::read(*reader, 1).has_value());
  waiting.world.run();
  CHECK(waiting.log == async_test::Log{"writer woken"});
  CHECK((writer->readiness() & abi::pollout) != 0);
}

TEST_CASE("the last reader's close wakes a waiting writer") {
  WaitingWriter waiting;
  waiting.ends.reader = nullptr;
  waiting.world.run();
  CHECK(waiting.log == async_test::Log{"writer woken"});
}

TEST_CASE("a reader that leaves bytes wakes the next reader, and no other reader does") {
  test::Machine machine;
  async_test::Fixture world;
  auto [reader, writer] = make_pipe();
  std::vector<async::JoinHandle<std::string>> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(async::spawn(read_waiting(*reader, 2), {.name = "reader"}));
    world.run();
  }
  CHECK(test::write(*writer, "four") == 4);
  world.run();
  CHECK(readers[0].done());
  CHECK(readers[1].done());
  CHECK_FALSE(readers[2].done());
  for (auto& each : readers) each.cancel();
  world.run();
}

TEST_CASE("a writer that leaves room wakes the next writer, and no other writer does") {
  test::Machine machine;
  async_test::Fixture world;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, pattern(Pipe::most_capacity)) == Pipe::most_capacity);
  std::vector<async::JoinHandle<std::string>> writers;
  for (const std::size_t size : {100, 3'000, 3'000, 3'000}) {
    writers.push_back(async::spawn(write_waiting(*writer, pattern(size)), {.name = "writer"}));
    world.run();
  }
  const auto count_done = [&] {
    return std::ranges::count_if(writers, [](const auto& each) { return each.done(); });
  };
  // The first writer leaves no room for an atomic write, so the others wait on.
  CHECK(test::read(*reader, 4'096).has_value());
  world.run();
  CHECK(count_done() == 1);
  // The second writer leaves that room, the third one does not.
  CHECK(test::read(*reader, 4'096).has_value());
  world.run();
  CHECK(count_done() == 3);
  CHECK(writers[2].done());
  CHECK(test::read(*reader, Pipe::most_capacity).has_value());
  world.run();
  CHECK(count_done() == 4);
}

TEST_CASE("a woken writer that does not write wakes the next writer") {
  test::Machine machine;
  async_test::Fixture world;
  auto [reader, writer] = make_pipe();
  CHECK(test::write(*writer, pattern(Pipe::most_capacity)) == Pipe::most_capacity);
  auto bad = async::spawn(
      [](File& file) -> async::Task<> {
        CHECK(co_await file.changes(Direction::write)->wait("write") == async::WaitResult::woken);
        auto none = kernel::IoBuffer{std::span<std::byte>{}};
        CHECK(file.try_write(none).has_value());
      }(*writer),
      {.name = "bad"});
  world.run();
  auto good = async::spawn(write_waiting(*writer, "text"), {.name = "good"});
  world.run();
  CHECK(test::read(*reader, 4'096).has_value());
  world.run();
  CHECK(bad.done());
  CHECK(good.done());
}

TEST_CASE("without memory a pipe is not made, or its write is ENOMEM and loses nothing") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  auto& frames = kernel::memory::frames;
  const auto all = static_cast<std::ptrdiff_t>(frames.free_count() * hal::page_size);
  frames.grow_reserve(all);
  CHECK(kernel::make_pipe(0).error() == Errno::enomem);
  CHECK(test::write(*writer, "x").error() == Errno::enomem);
  frames.grow_reserve(-all);
  CHECK(test::write(*writer, "x") == 1);
}

TEST_CASE("F_SETPIPE_SZ changes how many bytes a pipe holds") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  Pipe& pipe = *writer->pipe();
  CHECK(pipe.set_capacity(0) == 4096);
  CHECK(pipe.set_capacity(4097) == 8192);
  CHECK(writer->pipe_capacity() == 8192);
  CHECK(test::write(*writer, pattern(Pipe::most_capacity)) == 8192);
  CHECK(writer->readiness() == 0);
  CHECK(pipe.set_capacity(4096).error() == Errno::ebusy);
  CHECK(pipe.set_capacity(Pipe::most_capacity + 1).error() == Errno::eperm);
  CHECK(pipe.set_capacity((std::uint64_t{1} << 31) + 1).error() == Errno::einval);
  CHECK(pipe.set_capacity(Pipe::most_capacity) == Pipe::most_capacity);
  CHECK(test::write(*writer, pattern(Pipe::most_capacity)) == Pipe::most_capacity - 8192);
}

TEST_CASE("a pipe with a larger limit holds the bytes in order, also where its ring grows") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  Pipe& pipe = *writer->pipe();
  constexpr std::size_t limit = 300'000, ahead = 1'000;
  std::string expected = pattern(Pipe::most_capacity);
  CHECK(test::write(*writer, expected) == Pipe::most_capacity);
  pipe.set_limit(limit);
  // The newest bytes are in the page of the oldest ones.
  CHECK(test::read(*reader, ahead) == expected.substr(0, ahead));
  expected.erase(0, ahead);
  CHECK(test::write(*writer, pattern(ahead - 10, 7)) == ahead - 10);
  expected += pattern(ahead - 10, 7);
  CHECK((writer->readiness() & abi::pollout) != 0);
  const std::string more = pattern(limit, 3);
  const std::size_t room = limit - expected.size();
  CHECK(test::write(*writer, more) == room);
  expected += more.substr(0, room);
  CHECK(writer->readiness() == 0);
  CHECK(test::write(*writer, "x").error() == Errno::would_block);
  CHECK(test::read(*reader, limit) == expected);
  CHECK(test::write(*writer, "text") == 4);
  CHECK(test::read(*reader, 10) == "text");
}

TEST_CASE("a limit below the bytes in a pipe loses none") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  Pipe& pipe = *writer->pipe();
  CHECK(test::write(*writer, pattern(50'000)) == 50'000);
  pipe.set_limit(8'192);
  CHECK(pipe.room() == 0);
  CHECK(test::write(*writer, "x").error() == Errno::would_block);
  CHECK(test::read(*reader, 60'000) == pattern(50'000));
}

TEST_CASE("a pipe of the network holds no page while it is empty") {
  test::Machine machine;
  const auto pipe = kernel::make_ref<Pipe>(Pipe::Use::network);
  auto& frames = kernel::memory::frames;
  const auto before = frames.free_count();
  for (const std::size_t size : {1u, 4'096u, 5'000u, 20'000u}) {
    const std::string text = pattern(size);
    CHECK(test::write_to([&](IoBuffer& from) { return pipe->write(from); }, text) == size);
    CHECK(frames.free_count() < before);
    CHECK(test::read_from([&](IoBuffer& to) { return pipe->read(to); }, 1) == text.substr(0, 1));
    if (size > 1)
      CHECK(test::read_from([&](IoBuffer& to) { return pipe->read(to); }, size) == text.substr(1));
    CHECK(frames.free_count() == before);
  }
}

TEST_CASE("bytes that are discarded leave the pipe as a read does") {
  test::Machine machine;
  auto [reader, writer] = make_pipe();
  Pipe& pipe = *writer->pipe();
  CHECK(pipe.discard(5) == 0);
  CHECK(test::write(*writer, pattern(10'000)) == 10'000);
  CHECK(pipe.discard(5'000) == 5'000);
  CHECK(test::read(*reader, 1'000) == pattern(10'000).substr(5'000, 1'000));
  CHECK(pipe.discard(10'000) == 4'000);
  CHECK(pipe.filled() == 0);
}
