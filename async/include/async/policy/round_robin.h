// First come, first served, one slice at a time.
#pragma once

#include "async/policy/fifo.h"

namespace async::policy {

class RoundRobin final : public Fifo {
 public:
  static constexpr const char* name = "round-robin";
  static constexpr const char* summary = "first come, first served, one time slice each";
  static constexpr unsigned promises = promise_no_starvation;

  using Fifo::Fifo;

  Duration slice(const Entity&) const noexcept { return options().slice; }
};

}  // namespace async::policy
