// Watchdog: ends the program with SIGXCPU if it computes for ten seconds of processor time between
// two events of a simulation. A policy that loops for ever is an example.
#pragma once

#include <chrono>
#include <cstdint>

namespace async::sim {

/// Active while the object exists. One at a time.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::milliseconds most = std::chrono::seconds{10});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;

  /// Call for each event of the simulation.
  static void note_event() { events_ = events_ + 1; }

 private:
  static void check(int);

  static inline volatile std::uint64_t events_ = 0;
  static inline std::uint64_t seen_ = 0;
  static inline int in_vain_ = 0;  // calls of check() since the last event
};

}  // namespace async::sim
