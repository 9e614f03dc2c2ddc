// A timer wheel: one thread, one timerfd and epoll serve 10,000 timers. The timerfd ticks once a
// millisecond, and each tick fires the timers of one slot. An eventfd beside it ends the loop.
//
//   level 1:  64 slots of 64 ticks    a timer moves down when its slot begins
//   level 0:  64 slots of one tick    its timers fire
#include <abi/events.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/print.h>
#include <user/syscall.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

COTRAP_DEMO(.description =
                "one thread serves 10,000 timers by a timerfd and epoll: all fire, none is early");

using namespace user;

namespace {

constexpr auto tick = 1ms;
constexpr int timers = 10'000;
constexpr std::uint64_t longest = 500;  // ticks
constexpr std::uint64_t slots = 64;

class Wheel {
 public:
  /// `deadline`, in ticks, is behind the present tick.
  void add(std::uint64_t deadline) {
    const bool is_near = deadline - now_ < slots;
    (is_near ? near_[deadline % slots] : far_[deadline / slots % slots]).push_back(deadline);
  }
  /// Moves on by one tick, and calls fire(deadline) for each timer of it.
  template <class Fire>
  void advance(Fire&& fire) {
    ++now_;
    if (now_ % slots == 0) {
      for (const std::uint64_t deadline : std::exchange(far_[now_ / slots % slots], {}))
        near_[deadline % slots].push_back(deadline);
    }
    for (const std::uint64_t deadline : std::exchange(near_[now_ % slots], {})) fire(deadline);
  }
  std::uint64_t now() const { return now_; }

 private:
  std::uint64_t now_ = 0;
  std::array<std::vector<std::uint64_t>, slots> near_, far_;
};

int descriptor(long answer, const char* what) {
  check(answer >= 0, "{}", what);
  return static_cast<int>(answer);
}

/// What a read of a timerfd or an eventfd returns.
std::uint64_t count_of(int file) {
  std::uint64_t count = 0;
  check(syscall(Call::read, file, &count, sizeof count) == sizeof count, "the count is read");
  return count;
}

}  // namespace

int main() {
  const int epoll = descriptor(syscall(Call::epoll_create1, 0), "an epoll file");
  const int ticks = descriptor(syscall(Call::timerfd_create, abi::clock_monotonic, 0), "a timerfd");
  const int end = descriptor(syscall(Call::eventfd2, 0, 0), "an eventfd");
  for (const int file : {ticks, end}) {
    abi::EpollEvent event{.events = abi::epollin, .data = static_cast<std::uint64_t>(file)};
    check(syscall(Call::epoll_ctl, epoll, abi::epoll_ctl_add, file, &event) == 0, "a watched file");
  }

  Wheel wheel;
  std::uint64_t seed = 1;
  for (int i = 0; i < timers; ++i) {
    seed = seed * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    wheel.add(1 + (seed >> 33) % longest);
  }
  const abi::Timespec period{0, nanoseconds{tick}.count()};
  const abi::TimerSetting every_tick{.interval = period, .left = period};
  const auto begin = now();
  check(syscall(Call::timerfd_settime, ticks, 0, &every_tick, nullptr) == 0, "the timer is set");

  int fired = 0, early = 0, wakes = 0;
  std::uint64_t last = 0;
  bool in_order = true;
  for (bool is_over = false; !is_over;) {
    std::array<abi::EpollEvent, 2> events;
    const long ready =
        syscall(Call::epoll_pwait, epoll, events.data(), events.size(), -1, nullptr, 0);
    check(ready > 0, "a file is ready");
    ++wakes;
    for (long i = 0; i < ready; ++i) {
      if (events[static_cast<std::size_t>(i)].data == static_cast<std::uint64_t>(end)) {
        is_over = count_of(end) == 1;
        continue;
      }
      for (std::uint64_t left = count_of(ticks); left > 0; --left) {
        wheel.advance([&](std::uint64_t deadline) {
          early += now() - begin < deadline * nanoseconds{tick};
          in_order = in_order && deadline >= last;
          last = deadline;
          const std::uint64_t one = 1;
          if (++fired == timers) syscall(Call::write, end, &one, sizeof one);
        });
      }
    }
  }
  println("{} timers in {:.1f} ms: {} wakes of one thread", fired, milliseconds(now() - begin),
          wakes);
  check(fired == timers, "all timers fire");
  check(early == 0, "no timer fires early");
  check(in_order, "they fire in the order of their deadlines");
  check(wakes <= static_cast<int>(longest) + 2, "the thread wakes once a tick at most");
  return 0;
}
