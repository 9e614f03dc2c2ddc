// The platform of the simulated world. Harts are numbers, one thread plays all of them, and time is
// a variable that moves from event to event. sim/machine.h moves it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include "async/uninterrupted.h"

namespace async::platform {

inline constexpr unsigned max_harts = 1024;
inline constexpr bool parallel = true;  // as if harts ran at the same time: they lock and steal
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = false;
inline constexpr bool checks_policies = true;
inline constexpr bool injects_faults = true;

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

struct World {
  /// Receives the calls of set_alarm(), send_ipi() and stand_still(). The simulated machine
  /// implements this interface, and decides when the alarm or the IPI arrives.
  struct Listener {
    virtual void alarm_set(unsigned hart, std::uint64_t ns) = 0;
    virtual void ipi_sent(unsigned hart) = 0;
    virtual void hart_stands_still(unsigned hart, std::uint64_t ns) = 0;

   protected:
    ~Listener() = default;
  };
  unsigned hart = 0;
  std::uint64_t now = 0;
  Listener* listener = nullptr;
};
inline constinit World world;
inline constinit std::array<Local, max_harts> locals;

inline unsigned hart() noexcept {
  return world.hart;
}
inline Local& local() noexcept {
  return locals[world.hart];
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  return world.now;
}
inline void set_alarm(std::uint64_t ns) noexcept {
  if (world.listener != nullptr) world.listener->alarm_set(world.hart, ns);
}
inline void send_ipi(unsigned hart) noexcept {
  if (world.listener != nullptr) world.listener->ipi_sent(hart);
}
inline void stand_still(std::uint64_t ns) noexcept {
  if (world.listener != nullptr) world.listener->hart_stands_still(world.hart, ns);
}
inline void relax() noexcept {}
inline void yield_point() noexcept {}

inline void* chunk(std::size_t bytes) noexcept {
  static auto& kept = *new std::vector<void*>;  // never freed, but reachable for a leak checker
  void* const memory = ::operator new(bytes, std::align_val_t(4096));
  return kept.emplace_back(memory);
}
[[noreturn]] inline void fail(const char* message) noexcept {
  std::fprintf(stderr, "simulator: %s\n", message);
  std::abort();
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

}  // namespace async::platform
