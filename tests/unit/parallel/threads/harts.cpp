#include "harts.h"

#include <array>
#include <atomic>
#include <csetjmp>
#include <cstdio>
#include <latch>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "async/graph.h"

using namespace std::chrono_literals;
using async::platform::harts;

namespace async::platform {

void yield_point() noexcept {
  Hart& hart = harts[this_hart];
  if (hart.alarm > now_ns()) return;
  hart.alarm = UINT64_MAX;
  hart.local.executor->alarm_fired();
}

}  // namespace async::platform

namespace parallel_test {
namespace {

std::array<std::optional<async::Executor>, hart_count> executors;
std::atomic<bool> finished = false;  // set: each hart stops when it is next idle
thread_local std::jmp_buf end_of_hart;

void idle() {
  if (finished.load()) std::longjmp(end_of_hart, 1);
  auto& hart = harts[async::platform::hart()];
  std::unique_lock lock(hart.mutex);
  const auto ipi_sent = [&] { return hart.ipi_sent; };
  if (hart.alarm == UINT64_MAX) {
    hart.changed.wait(lock, ipi_sent);
  } else {
    const std::chrono::nanoseconds alarm(hart.alarm);
    hart.changed.wait_until(lock, std::chrono::steady_clock::time_point(alarm), ipi_sent);
  }
  hart.ipi_sent = false;
}

async::Task<> run_to_the_end(const std::function<async::Task<>()>& main) {
  co_await main();
  finished.store(true);
  for (unsigned hart = 0; hart < hart_count; ++hart) async::platform::send_ipi(hart);
}

void run_hart(unsigned number, std::latch& all_are_there,
              const std::function<void(unsigned hart)>& begin,
              const std::function<async::Task<>()>& main) {
  async::platform::this_hart = number;
  harts[number].local.smp_active = true;
  executors[number].emplace();
  {
    const async::Strand::Guard strand;
    async::Strand::let_share();
  }
  begin(number);
  all_are_there.arrive_and_wait();
  if (number == 0) {
    const async::Strand::Guard strand;
    async::spawn(run_to_the_end(main), {.name = "main", .priority = 4}).detach();
  }
  if (setjmp(end_of_hart) == 0) async::Executor::run(idle);
}

void print(void*, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

void run_harts(std::chrono::seconds limit, const std::function<void(unsigned hart)>& begin,
               const std::function<async::Task<>()>& main) {
  finished.store(false);
  std::latch all_are_there(hart_count);
  std::vector<std::thread> threads;
  for (unsigned hart = 0; hart < hart_count; ++hart) {
    executors[hart].reset();
    threads.emplace_back(run_hart, hart, std::ref(all_are_there), std::ref(begin), std::ref(main));
  }
  const auto last_moment = std::chrono::steady_clock::now() + limit;
  while (!finished.load() && std::chrono::steady_clock::now() < last_moment) {
    std::this_thread::sleep_for(10ms);
  }
  if (!finished.load()) {
    async::print_graph(print, nullptr);
    async::platform::fail("they do not come to an end");
  }
  for (std::thread& thread : threads) thread.join();
}

std::uint64_t migrations() {
  std::uint64_t sum = 0;
  for (const auto& executor : executors) sum += executor->migrations();
  return sum;
}

}  // namespace parallel_test
