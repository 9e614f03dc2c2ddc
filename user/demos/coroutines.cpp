// Ten thousand coroutines in one thread: each sleeps, sends its neighbour a message, and waits for
// a message from its other neighbour. Two more talk through a pipe, and one gives up waiting for
// the pipe. The kernel sees one thread, which waits for its ring.
#include <user/async.h>
#include <user/check.h>
#include <user/demo.h>

#include <array>
#include <vector>

COTRAP_DEMO(.description = "ten thousand coroutines of one thread sleep and exchange messages");

using namespace user;
using async::Task;

namespace {

constexpr int coroutines = 10'000;
constexpr auto shortest_sleep = 1ms, longest_sleep = 50ms;
constexpr std::size_t most_bytes = 512;  // per coroutine, with its job

using Mailbox = async::Channel<int, 1>;

nanoseconds sleep_of(int who) {
  return shortest_sleep + (longest_sleep - shortest_sleep) * (who % 100) / 99;
}

Task<> neighbour(int who, std::vector<Mailbox>& mailboxes, long& sum, int& asleep) {
  ++asleep;
  co_await async::sleep_for(sleep_of(who));
  --asleep;
  (void)co_await mailboxes[(who + 1) % mailboxes.size()].send(who);
  sum += (co_await mailboxes[who].receive()).value_or(0);
}

Task<> talk(const Pipe& pipe, int words) {
  for (int word = 0; word < words; ++word) {
    const auto written = co_await sys::write(pipe.write_end, std::as_bytes(std::span{&word, 1}));
    check(written == sizeof word, "a write puts a whole word into the pipe");
    if (word % 10 == 0) co_await async::sleep_for(1ms);
  }
}

Task<> listen(const Pipe& pipe, int words, long& sum) {
  for (int i = 0; i < words; ++i) {
    int word = 0;
    const auto read =
        co_await sys::read(pipe.read_end, std::as_writable_bytes(std::span{&word, 1}));
    check(read == sizeof word, "a read takes a whole word out of the pipe");
    sum += word;
  }
}

Task<> all_neighbours() {
  std::vector<Mailbox> mailboxes(coroutines);
  long sum = 0;
  int asleep = 0, most_asleep = 0;
  const auto memory_before = coroutine_memory();
  const auto begin = now();
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int who = 0; who < coroutines; ++who) {
      scope.spawn(neighbour(who, mailboxes, sum, asleep), {.name = "neighbour"});
    }
    co_await async::yield();
    most_asleep = asleep;
  });
  const auto taken = now() - begin;
  const auto memory = coroutine_memory() - memory_before;
  println("{} coroutines slept {} to {} ms, exchanged messages and ended in {:.0f} ms", coroutines,
          shortest_sleep.count(), longest_sleep.count(), milliseconds(taken));
  println("  {} asleep at once; {} bytes of memory each", most_asleep, memory / coroutines);
  check(most_asleep > coroutines / 2, "most coroutines sleep at the same time");
  check(sum == coroutines * (coroutines - 1L) / 2, "each message arrives once: their sum is {}",
        sum);
  check(memory / coroutines <= most_bytes, "a coroutine takes at most {} bytes", most_bytes);
}

Task<> through_a_pipe() {
  constexpr int words = 200;
  const auto pipe = must(make_pipe(), "a pipe");
  long sum = 0;
  co_await async::when_all(talk(pipe, words), listen(pipe, words, sum));
  check(sum == words * (words - 1L) / 2, "each word arrives once: their sum is {}", sum);

  std::array<std::byte, 4> buffer;
  const auto read =
      co_await async::with_deadline(async::now() + 5ms, sys::read(pipe.read_end, buffer));
  check(!read.has_value(), "a read of the empty pipe ends at its deadline");
  println("{} words passed a pipe, and a read with a deadline ended after 5 ms", words);
}

Task<> all() {
  co_await async::when_all(all_neighbours(), through_a_pipe());
}

}  // namespace

int main() {
  run(all());
}
