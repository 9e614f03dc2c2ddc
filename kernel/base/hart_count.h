// A sum that several harts change often. Each hart keeps an amount of its own, which is already
// part of the common total. A change first uses that amount, and touches the total only when the
// amount is used up or too large. So harts that change the sum at the same time write no common
// data. While one hart runs alone, the total is the sum.
#pragma once

#include <async/strand.h>
#include <hal/hart.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace kernel {

/// A hart takes `batch` at once in advance, and keeps at most twice as much. Call the functions in
/// the strand or while the caller shares it.
template <std::ptrdiff_t batch>
class HartCount {
 public:
  /// The sum, and the amounts that the harts keep: at most 2 × batch for each hart. Any context.
  std::size_t total() const { return total_.load(std::memory_order_relaxed); }
  /// The sum. In the strand.
  std::size_t sum() const {
    std::size_t sum = total();
    if (async::Strand::smp_active()) [[unlikely]]
      for (const Kept& kept : kept_) sum -= static_cast<std::size_t>(kept.amount);
    return sum;
  }

  /// Adds `amount`, which may be negative. Returns whether the total has changed.
  bool add(std::ptrdiff_t amount) {
    if (async::Strand::smp_active()) [[unlikely]]
      return add_smp(amount);
    total_.store(total() + static_cast<std::size_t>(amount), std::memory_order_relaxed);
    return true;
  }

  /// Makes sure that this hart can add `amount` and change no total. If the total must become
  /// larger for that, asks `allows(total)` first. Returns its answer. Several harts run.
  template <class Allows>
  bool prepare(std::ptrdiff_t amount, Allows allows) {
    std::ptrdiff_t& kept = kept_of_hart();
    if (kept >= amount) return true;
    const auto taken = static_cast<std::size_t>(amount + batch);
    if (!allows(total_.fetch_add(taken, std::memory_order_relaxed) + taken)) {
      total_.fetch_sub(taken, std::memory_order_relaxed);
      return false;
    }
    kept += amount + batch;
    return true;
  }

  /// Takes back what the harts keep. In the strand.
  void collect() {
    async::Strand::check_access();
    for (Kept& kept : kept_) {
      total_.fetch_sub(static_cast<std::size_t>(std::exchange(kept.amount, 0)),
                       std::memory_order_relaxed);
    }
  }

 private:
  // Only the hart itself changes it, or a hart in the strand.
  struct alignas(64) Kept {
    std::ptrdiff_t amount = 0;
  };

  std::ptrdiff_t& kept_of_hart() {
    async::Strand::check_access_to_own();
    return kept_[hal::hart_index()].amount;
  }

  [[gnu::noinline]] bool add_smp(std::ptrdiff_t amount) {
    std::ptrdiff_t& kept = kept_of_hart();
    kept -= amount;
    if (kept >= 0 && kept <= 2 * batch) return false;
    total_.fetch_add(static_cast<std::size_t>(batch - kept), std::memory_order_relaxed);
    kept = batch;
    return true;
  }

  alignas(64) std::atomic<std::size_t> total_ = 0;
  std::array<Kept, hal::max_harts> kept_{};
};

}  // namespace kernel
