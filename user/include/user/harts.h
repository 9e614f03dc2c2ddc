// What code for programs with several loops (user/async.h, RunOptions::harts) needs, and programs
// with one loop do without.
#pragma once

#include <async/executor.h>

#include <type_traits>

namespace user::detail {

/// Whether run() may use several harts: the program is linked with cotrap_user_async_harts.
inline constexpr bool several_loops = async::platform::max_harts > 1;

/// Binds a job, while it runs, to this thread's loop.
class RealBinding {
 public:
  void begin(async::Job& job) {
    before_ = job.harts();
    async::current_executor().set_harts(job, async::hart_mask(async::platform::hart()));
  }
  /// Does nothing without begin().
  void end(async::Job& job) const {
    if (before_ != 0) async::current_executor().set_harts(job, before_);
  }

 private:
  async::HartMask before_ = 0;  // 0: begin() was not called
};

/// For programs with one loop.
class NoBinding {
 public:
  void begin(async::Job&) {}
  void end(async::Job&) const {}
};

using Binding = std::conditional_t<several_loops, RealBinding, NoBinding>;

/// If `applies`, binds the running job for the scope, which may contain waits.
class [[nodiscard]] RealBound {
 public:
  explicit RealBound(bool applies) : applies_{applies} {
    if (applies_) binding_.begin(async::current_job());
  }
  ~RealBound() {
    if (applies_) binding_.end(async::current_job());
  }
  RealBound(const RealBound&) = delete;

 private:
  bool applies_;
  RealBinding binding_;
};

/// For programs with one loop.
struct [[maybe_unused]] NotBound {
  explicit NotBound(bool) {}
};

using Bound = std::conditional_t<several_loops, RealBound, NotBound>;

}  // namespace user::detail
