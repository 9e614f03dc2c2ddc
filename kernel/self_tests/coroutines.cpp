#include <memory>
#include <optional>

#include "memory/frames.h"
#include "self_tests/self_tests.h"

namespace kernel::self_tests {
namespace {

constexpr std::uint64_t most_coroutines = 100'000, most_operations = 100'000;
constexpr std::size_t frame_room = 256;  // bytes for a coroutine here, and its job

/// All coroutines of a self-test run on one hart: on another one each wake would send an IPI.
async::SpawnOptions here(const char* name) {
  return {
      .name = name, .priority = above_threads, .harts = async::hart_mask(async::platform::hart())};
}

using Pipe = async::Channel<std::uint64_t, 1>;

async::Task<> send_back(Pipe& from, Pipe& to) {
  while (const auto value = co_await from.receive()) {
    if (co_await to.send(*value) != async::WaitResult::woken) break;
  }
}

async::Task<> send_and_wait(std::uint64_t times, Counter counter, Words& words) {
  Pipe there, back;
  auto other = async::spawn(send_back(there, back), here("echo"));
  co_await async::yield();  // now the echo waits
  const std::uint64_t begin = counter.read();
  for (std::uint64_t i = 0; i < times; ++i) {
    (void)co_await there.send(i);
    (void)co_await back.receive();
  }
  words = {counter.read() - begin, times};
  there.close();
  co_await std::move(other);
}

async::Task<> do_nothing() {
  co_return;
}

async::Task<> start_and_join(std::uint64_t times, Counter counter, Words& words) {
  const auto options = here("nothing");
  co_await async::spawn(do_nothing(), options);
  const std::uint64_t begin = counter.read();
  for (std::uint64_t i = 0; i < times; ++i) {
    co_await async::spawn(do_nothing(), options);
  }
  words = {counter.read() - begin, times};
}

/// Runs the measurement in a job of its own, which is as urgent as the jobs that it starts.
template <class Measurement>
async::Task<Result<Words>> by_itself(std::uint64_t times, Counter counter, Measurement measure) {
  if (times == 0 || times > most_operations) co_return fail(Errno::einval);
  Words words{};
  co_await async::spawn(measure(times, counter, words), here("self-test"));
  if (async::is_cancelled()) co_return fail(Errno::eintr);
  co_return words;
}

std::size_t bytes_of_frames() {
  return async::with_frame_pool([](async::FramePool& pool) { return pool.bytes_in_use(); });
}

async::Task<> wait_for_end(async::Event& event) {
  (void)co_await event.wait("the end of the self-test");
}

}  // namespace

async::Task<Result<Words>> channel(std::uint64_t times, Counter counter) {
  return by_itself(times, counter, send_and_wait);
}

async::Task<Result<Words>> spawn(std::uint64_t times, Counter counter) {
  return by_itself(times, counter, start_and_join);
}

async::Task<Result<Words>> wait(std::uint64_t coroutines) {
  using Handle = std::optional<async::JoinHandle<void>>;
  if (coroutines == 0 || coroutines > most_coroutines) co_return fail(Errno::einval);
  if (!memory::can_allocate(coroutines * (frame_room + sizeof(Handle))))
    co_return fail(Errno::enomem);
  const std::unique_ptr<Handle[]> handles{new Handle[coroutines]};
  async::Event event;
  const std::size_t before = bytes_of_frames();
  for (std::uint64_t i = 0; i < coroutines; ++i) {
    handles[i].emplace(async::spawn(wait_for_end(event), here("waiter")));
  }
  co_await async::yield();
  const std::size_t frames = bytes_of_frames() - before;
  event.set();
  for (std::uint64_t i = 0; i < coroutines; ++i) co_await std::move(*handles[i]);
  co_return Words{frames + coroutines * sizeof(async::Job), coroutines};
}

}  // namespace kernel::self_tests
