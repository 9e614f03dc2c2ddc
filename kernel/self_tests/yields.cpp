#include "memory/frames.h"
#include "self_tests/self_tests.h"

namespace kernel::self_tests {
namespace {

async::Task<> yield_until(const bool& stop) {
  while (!stop) co_await async::yield();
}

}  // namespace

async::Task<Result<Words>> yield(std::uint64_t coroutines, Counter counter) {
  constexpr std::uint64_t most = 100'000;
  if (coroutines < 2 || coroutines > most) co_return fail(Errno::einval);
  if (!memory::can_allocate(coroutines * 256)) co_return fail(Errno::enomem);
  const async::SpawnOptions options{.name = "yielder",
                                    .priority = above_threads,
                                    .harts = async::hart_mask(async::platform::hart())};
  bool stop = false;
  Words words{};
  {
    async::Scope scope;
    for (std::uint64_t i = 1; i < coroutines; ++i) {
      scope.spawn(yield_until(stop), options);
    }
    auto lead = [](std::uint64_t coroutines, Counter counter, Words& words,
                   bool& stop) -> async::Task<> {
      co_await async::yield();  // now all the others have started
      const std::uint64_t rounds = coroutines > 5'000 ? 3 : 10'000 / coroutines;
      const std::uint64_t begin = counter.read();
      for (std::uint64_t i = 0; i < rounds; ++i) co_await async::yield();
      words = {counter.read() - begin, rounds * coroutines};
      stop = true;
    };
    scope.spawn(lead(coroutines, counter, words, stop), options);
    co_await scope.join();
  }
  co_return words;
}

}  // namespace kernel::self_tests
