#include <hal/bell.h>
#include <hal/machine/csr.h>

#include <algorithm>
#include <memory>
#include <span>

#include "devices/interrupts.h"
#include "exercises/exercises.h"
#include "exercises/team.h"

namespace kernel::exercises {
namespace {

constexpr std::uint8_t computing = 20;
constexpr std::uint8_t above = 2;
constexpr std::uint64_t most = 1'000;

std::uint64_t instructions() {
  return HAL_READ_CSR("instret");
}

async::Interrupt& bell() {
  return interrupt_line(hal::bell_interrupt());
}

/// Waits for the bell, and says when the waiting coroutine has come to run.
class WaitOp : public async::Interrupt::WaitOp {
 public:
  explicit WaitOp(std::uint64_t& begun)
      : async::Interrupt::WaitOp{bell(), "the bell"}, begun_{begun} {}
  async::WaitResult await_resume() noexcept {
    begun_ = instructions();
    return async::Interrupt::WaitOp::await_resume();
  }

 private:
  std::uint64_t& begun_;
};

/// What serves the bell, as a driver would.
async::Task<> serve_bell(std::uint64_t times, std::uint64_t* begun, std::uint64_t* done) {
  hal::enable_interrupt(hal::bell_interrupt());
  hal::enable_bell();
  for (std::uint64_t i = 0; i < times; ++i) {
    (void)co_await WaitOp{begun[i]};
    hal::silence_bell();
    hal::complete_interrupt(hal::bell_interrupt());
    done[i] = instructions();
  }
}

struct Times {
  explicit Times(std::uint64_t count)
      : rung(new std::uint64_t[count]{}),
        begun(new std::uint64_t[count]{}),
        done(new std::uint64_t[count]{}),
        back(new std::uint64_t[count]{}),
        count{count} {}

  std::unique_ptr<std::uint64_t[]> rung, begun, done, back;
  std::uint64_t count;

  static std::uint64_t median(std::span<const std::uint64_t> from,
                              std::span<const std::uint64_t> to) {
    std::unique_ptr<std::uint64_t[]> each(new std::uint64_t[from.size()]);
    for (std::size_t i = 0; i < from.size(); ++i) each[i] = to[i] - from[i];
    std::ranges::nth_element(each.get(), each.get() + from.size() / 2, each.get() + from.size());
    return each[from.size() / 2];
  }
  std::span<std::uint64_t> all(const std::unique_ptr<std::uint64_t[]>& times) const {
    return {times.get(), count};
  }
  Words report() const { return {median(all(rung), all(begun)), median(all(done), all(back))}; }
};

/// Rings, and computes until the handler has been there.
async::Task<> ring_and_compute(Times& times, bool preempting) {
  for (std::uint64_t i = 0; i < times.count; ++i) {
    // A handler that is as urgent comes when this one gives way.
    times.rung[i] = instructions();
    hal::ring_bell();
    volatile const std::uint64_t& done = times.done[i];
    while (preempting && done == 0) {
    }
    times.back[i] = instructions();
    do {
      co_await async::yield();
    } while (done == 0);  // two rings at once would be one
  }
}

}  // namespace

async::Task<Result<Words>> bell_in_step(std::uint64_t times, bool preempting) {
  if (times == 0 || times > most) co_return fail(Errno::einval);
  if (hal::bell_interrupt() == hal::Irq::none) co_return fail(Errno::enxio);
  Times record{times};
  Team team;
  team.start(serve_bell(times, record.begun.get(), record.done.get()), "bell",
             preempting ? above : computing);
  team.start(ring_and_compute(record, preempting), "ringer", computing);
  co_await team.wait();
  co_return record.report();
}

async::Task<Result<Words>> bell_at_yield_point(std::uint64_t times) {
  if (times == 0 || times > most) co_return fail(Errno::einval);
  if (hal::bell_interrupt() == hal::Irq::none) co_return fail(Errno::enxio);
  Times record{times};
  Team team;
  team.start(serve_bell(times, record.begun.get(), record.done.get()), "bell", above);
  co_await async::yield();
  for (std::uint64_t i = 0; i < times; ++i) {
    hal::ring_bell();  // interrupts are masked: it has to wait for the yield
    record.rung[i] = instructions();
    volatile const std::uint64_t& done = record.done[i];
    do {
      co_await async::yield();
    } while (done == 0);  // the handler may be on another hart
    record.back[i] = instructions();
  }
  co_await team.wait();
  co_return record.report();
}

async::Task<Result<Words>> set_bell(bool urgent) {
  if (hal::bell_interrupt() == hal::Irq::none) co_return fail(Errno::enxio);
  static std::uint64_t begun, done;
  const std::uint8_t priority = urgent ? above : async::priorities - 1;
  async::spawn_independent(serve_bell(1, &begun, &done), {.name = "bell", .priority = priority});
  // Until it waits.
  (void)co_await async::sleep_for(async::Duration{1'000'000}, "the bell's handler");
  co_return Words{};
}

Result<> ring_bell() {
  if (hal::bell_interrupt() == hal::Irq::none) return fail(Errno::enxio);
  hal::ring_bell();
  return {};
}

}  // namespace kernel::exercises
