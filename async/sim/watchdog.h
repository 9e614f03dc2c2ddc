// Ends the program, by SIGXCPU, where it computes for ten seconds of its own time between two
// events of a simulation: a policy loops for ever, say.
#pragma once

#include <chrono>
#include <cstdint>

namespace async::sim {

/// As long as it is there. One at a time.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::milliseconds most = std::chrono::seconds{10});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;

  /// An event has come.
  static void note_event() { events_ = events_ + 1; }

 private:
  static void look(int);

  static inline volatile std::uint64_t events_ = 0;
  static inline std::uint64_t seen_ = 0;
  static inline int in_vain_ = 0;  // looks
};

}  // namespace async::sim
