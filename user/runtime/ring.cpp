#include "user/ring.h"

namespace user {

Result<Ring> Ring::make(const RingOptions& options) {
  const std::uint32_t completions =
      options.completions != 0 ? options.completions : 2 * options.submissions;
  const std::size_t bytes = abi::ring_bytes(options.submissions, completions);
  const auto memory = map_memory(bytes, abi::prot_read | abi::prot_write);
  if (!memory) return std::unexpected{memory.error()};
  const auto made =
      call(abi::ring_set_up, *memory, options.submissions, completions, options.flags);
  if (!made) {
    static_cast<void>(unmap_memory(*memory, bytes));
    return std::unexpected{made.error()};
  }
  Ring ring;
  ring.header_ = reinterpret_cast<abi::RingHeader*>(*memory);
  ring.completions_ = reinterpret_cast<abi::RingCompletion*>(*memory + abi::ring_completions_at);
  ring.submissions_ =
      reinterpret_cast<abi::RingSubmission*>(*memory + abi::ring_submissions_at(completions));
  ring.submissions_count_ = options.submissions;
  ring.completions_count_ = completions;
  ring.picked_up_ = (options.flags & abi::ring_sqpoll) != 0;
  return ring;
}

Ring::~Ring() {
  if (header_ == nullptr) return;
  static_cast<void>(call(abi::ring_close));
  static_cast<void>(unmap_memory(header_, bytes()));
}

Result<unsigned> Ring::enter(unsigned completions) {
  publish();
  if (picked_up_) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const auto flags = std::atomic_ref{header_->flags}.load(std::memory_order_relaxed);
    const bool sleeps = (flags & abi::ring_needs_wakeup) != 0;
    if (!sleeps && available() >= completions) return 0;
  }
  const std::uint32_t head = std::atomic_ref{header_->sq_head}.load(std::memory_order_relaxed);
  return call<unsigned>(abi::ring_enter, tail_ - head, completions, 0);
}

std::optional<abi::RingCompletion> Ring::wait() {
  if (available() == 0 && !enter(1)) return {};
  return take();
}

void Ring::swap(Ring& other) noexcept {
  std::swap(header_, other.header_);
  std::swap(completions_, other.completions_);
  std::swap(submissions_, other.submissions_);
  std::swap(submissions_count_, other.submissions_count_);
  std::swap(completions_count_, other.completions_count_);
  std::swap(tail_, other.tail_);
  std::swap(head_, other.head_);
  std::swap(picked_up_, other.picked_up_);
}

}  // namespace user
