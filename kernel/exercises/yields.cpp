#include <hal/instructions.h>

#include "exercises/exercises.h"
#include "memory/frames.h"

namespace kernel::exercises {
namespace {

constexpr std::uint64_t most = 100'000;
constexpr std::uint8_t level = 8;  // above programs

async::Task<> give_way(const bool& stop) {
  while (!stop) co_await async::yield();
}

}  // namespace

async::Task<Result<Words>> yield(std::uint64_t coroutines) {
  if (coroutines < 2 || coroutines > most) co_return fail(Errno::einval);
  if (!memory::admit(coroutines * 256)) co_return fail(Errno::enomem);
  bool stop = false;
  std::uint64_t switches = 0, spent = 0;
  {
    async::Scope scope;
    for (std::uint64_t i = 1; i < coroutines; ++i) {
      scope.spawn(give_way(stop), {.name = "yielder", .priority = level});
    }
    auto lead = [](std::uint64_t coroutines, std::uint64_t& switches, std::uint64_t& spent,
                   bool& stop) -> async::Task<> {
      co_await async::yield();  // now all of them have started
      const std::uint64_t rounds = coroutines > 5'000 ? 3 : 10'000 / coroutines;
      const std::uint64_t begin = hal::instructions();
      for (std::uint64_t i = 0; i < rounds; ++i) co_await async::yield();
      spent = hal::instructions() - begin;
      switches = rounds * coroutines;
      stop = true;
    };
    scope.spawn(lead(coroutines, switches, spent, stop), {.name = "yielder", .priority = level});
    co_await scope.join();
  }
  co_return Words{spent * 100 / switches};
}

}  // namespace kernel::exercises
