// Runs a job that awaits another one, and a coroutine with over-aligned variables.
#include <async/async.h>

#include <cstdint>

namespace {

struct alignas(16) Line {
  int value;
};

async::Task<int> answer(int half) {
  Line line{half};
  co_await async::yield();
  const bool aligned = reinterpret_cast<std::uintptr_t>(&line) % alignof(Line) == 0;
  co_return aligned ? 2 * line.value : -1;
}

async::Task<> first(int& result) {
  result = co_await async::spawn(answer(21), {.name = "answer"});
}

}  // namespace

int main() {
  async::Executor executor;
  int result = 0;
  async::spawn(first(result), {.name = "first"}).detach();
  executor.run_until_idle();
  return result == 42 ? 0 : 1;
}
