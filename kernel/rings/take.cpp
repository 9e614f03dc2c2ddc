// ring_enter, and taking submissions: all that is answered at once is answered here, in one step.
#include <utility>

#include "memory/frames.h"
#include "process/thread.h"
#include "rings/ring.h"
#include "syscalls/steps.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

namespace {

// What a step may cost is counted in bytes (steps.h): what is moved, and so much for each
// submission.
constexpr std::size_t entry_cost = 256;

constexpr Register refused(Errno error) {
  return static_cast<Register>(-static_cast<std::int64_t>(error));
}

constexpr bool is_linked(const RingSubmission& entry) {
  return (entry.flags & abi::ring_link) != 0;
}
constexpr bool is_link_timeout(const RingSubmission& entry) {
  return entry.operation == RingOperation::link_timeout;
}

/// `alone`: it is in no chain.
constexpr bool are_valid_flags(const RingSubmission& entry, bool alone) {
  if ((entry.flags & ~(abi::ring_link | abi::ring_multishot)) != 0) return false;
  if ((entry.flags & abi::ring_multishot) == 0) return true;
  constexpr std::uint32_t most_pieces = 1u << (32 - abi::ring_piece_shift);
  return alone && entry.operation == RingOperation::read && entry.options != 0 &&
         entry.length >= entry.options && entry.length / entry.options < most_pieces;
}

}  // namespace

/// One step of taking, and where it is in a chain of linked submissions. It ends between chains.
class RingTaking {
 public:
  RingTaking(Ring& ring, RingView& view) : ring_{ring}, view_{view} {}

  Result<Ring::Taken> take(std::uint32_t most);

 private:
  enum class Chain : std::uint8_t {
    none,    // the submission before was not linked to this one
    going,   // it was, and has done all
    broken,  // it has not
    flying,  // it is in flight, or behind one that is
  };

  bool take_run(RingView::Submissions shared, RingView::Completions slots);
  Register take_one(const RingSubmission& entry);
  Register take_in_chain(const RingSubmission& entry);
  Register try_in_chain(const RingSubmission& entry);
  Register attempt(const RingSubmission& entry);
  Register fly(const RingSubmission& entry);
  void end_chain();
  bool has_room_for_chain();

  Ring& ring_;
  RingView& view_;
  std::uint32_t left_ = 0;
  std::uint32_t room_ = 0;
  std::size_t cost_ = 0;
  Chain chain_ = Chain::none;
  std::unique_ptr<RingFlight> first_;
  RingFlight* last_ = nullptr;
};

Result<Ring::Taken> RingTaking::take(std::uint32_t most) {
  abi::RingHeader* const header = view_.header();
  if (header == nullptr) return fail(Errno::efault);
  const std::uint32_t there = read_index(header->sq_tail) - ring_.sq_head_;
  const std::uint32_t unread = ring_.cq_tail_ - read_index(header->cq_head);
  if (there > ring_.shape_.submissions || unread > ring_.shape_.completions) {
    return fail(Errno::einval);
  }
  const std::uint32_t free = ring_.shape_.completions - unread;
  room_ = free - std::min(free, ring_.in_flight_);
  left_ = std::min(most, there);
  const std::uint32_t first = ring_.sq_head_;
  bool stopped = false;
  while (left_ > 0 && room_ > 0) {
    const std::uint32_t most_here = std::min(left_, room_);
    const auto shared = view_.submissions(ring_.sq_head_, most_here);
    const auto slots = view_.completions(ring_.cq_tail_, most_here);
    if (shared.empty() || slots.empty()) [[unlikely]] {
      if (ring_.sq_head_ == first) return fail(Errno::efault);
      break;
    }
    if (!take_run(shared, slots)) break;
  }
  if (first_ != nullptr) [[unlikely]]
    end_chain();
  write_index(header->sq_head, ring_.sq_head_);
  write_index(header->cq_tail, ring_.cq_tail_);
  return Ring::Taken{ring_.sq_head_ - first, left_ > 0 && room_ > 0 && cost_ >= sys::step_bytes};
}

/// False: the next one cannot be taken in this step.
[[gnu::always_inline]] inline bool RingTaking::take_run(RingView::Submissions shared,
                                                        RingView::Completions slots) {
  auto next = shared.begin();
  auto slot = slots.begin();
  bool goes_on = true;
  for (; next != shared.end() && slot != slots.end(); ++next) {
    std::uint64_t user_data = 0;
    std::int32_t result = 0;
    if (is_plain_nop(*next) && chain_ == Chain::none) {
      user_data = read_once(next->user_data);
    } else {
      goes_on = chain_ != Chain::none || cost_ < sys::step_bytes;
      if (!goes_on) break;
      const RingSubmission entry = copy_once(*next);
      if (entry.flags != 0 && room_ < left_ && chain_ == Chain::none) [[unlikely]] {
        if (next != shared.begin()) break;
        goes_on = has_room_for_chain();
        if (!goes_on) break;
      }
      const Register answer = take_one(entry);
      if (answer == trap::must_wait) continue;
      user_data = entry.user_data;
      result = static_cast<std::int32_t>(answer);
    }
    *slot++ = {.user_data = user_data, .result = result, .flags = 0};
  }
  const auto count = static_cast<std::uint32_t>(next - shared.begin());
  ring_.sq_head_ += count;
  ring_.cq_tail_ += static_cast<std::uint32_t>(slot - slots.begin());
  left_ -= count;
  room_ -= count;
  cost_ += std::size_t{count} * entry_cost;
  return goes_on;
}

inline Register RingTaking::take_one(const RingSubmission& entry) {
  if (entry.flags != 0 || chain_ != Chain::none) return take_in_chain(entry);
  Register answer = attempt(entry);
  if (answer == trap::must_wait) [[unlikely]] {
    answer = fly(entry);
    end_chain();
  }
  return answer;
}

/// … with its flags, and those of the one before it.
Register RingTaking::take_in_chain(const RingSubmission& entry) {
  const Register answer = try_in_chain(entry);
  if (!is_linked(entry)) {
    end_chain();
  } else if (answer == trap::must_wait) {
    chain_ = Chain::flying;
  } else if (chain_ == Chain::none || (chain_ == Chain::going && !is_link_timeout(entry)) ||
             chain_ == Chain::flying) {
    const bool done = has_done_all(entry, static_cast<std::int32_t>(answer));
    chain_ = done ? Chain::going : Chain::broken;
  }
  return answer;
}

Register RingTaking::try_in_chain(const RingSubmission& entry) {
  const bool alone = chain_ == Chain::none && !is_linked(entry);
  if (chain_ == Chain::broken) return refused(Errno::ecanceled);
  if (!are_valid_flags(entry, alone)) return refused(Errno::einval);
  switch (chain_) {
    case Chain::flying: return fly(entry);
    case Chain::going:
      if (is_link_timeout(entry)) return refused(Errno::ecanceled);
      if (cost_ >= sys::step_bytes) return fly(entry);
      [[fallthrough]];
    default: break;
  }
  if ((entry.flags & abi::ring_multishot) != 0) return fly(entry);
  const Register answer = attempt(entry);
  return answer == trap::must_wait ? fly(entry) : answer;
}

inline Register RingTaking::attempt(const RingSubmission& entry) {
  const Register answer = ring_.attempt(entry);
  const auto moved = static_cast<std::int32_t>(answer);  // 0 where it must wait
  if (moved > 0) cost_ += static_cast<std::uint32_t>(moved);
  return answer;
}

/// Puts it into flight, behind those of its chain that are. ENOMEM.
[[gnu::noinline]] Register RingTaking::fly(const RingSubmission& entry) {
  if (!memory::admit(RingFlight::most_bytes)) return refused(Errno::enomem);
  auto flight = std::make_unique<RingFlight>(ring_.flights_, entry);
  ++ring_.in_flight_;
  RingFlight* const made = flight.get();
  if (last_ != nullptr) {
    last_->linked = std::move(flight);
  } else {
    begin_time(made->entry);
    first_ = std::move(flight);
  }
  last_ = made;
  return trap::must_wait;
}

void RingTaking::end_chain() {
  chain_ = Chain::none;
  last_ = nullptr;
  if (first_) ring_.start(std::move(first_));
}

/// A chain that is cut would go on without its beginning. (Flags that change meanwhile make the
/// program's chain another one, and nothing else.)
bool RingTaking::has_room_for_chain() {
  std::uint32_t length = 1;
  while (length < left_) {
    const auto entry = view_.submissions(ring_.sq_head_ + length - 1, 1);
    if (entry.empty() || !is_linked(copy_once(entry.front()))) break;
    ++length;
  }
  return length <= room_;
}

Result<Ring::Taken> Ring::take(std::uint32_t most) {
  RingView view{thread_.space(), shape_};
  return RingTaking{*this, view}.take(most);
}

// ── ring_enter ──

trap::Attempt<Result<std::uint32_t>> Ring::enter(std::uint32_t submit, std::uint32_t complete) {
  using Answer = Result<std::uint32_t>;
  if (picked_up_) {
    submit = abi::most_submissions;
    awakened_.set();
  }
  const auto taken = take(submit);
  if (!taken) return Answer{fail(taken.error())};
  if (taken->more) [[unlikely]] {
    taken_ = taken->count;
    left_ = submit - taken->count;
    return trap::Attempt<Answer>::wait();
  }
  if (complete != 0 && in_flight_ != 0) {
    const auto enough = has_completed(complete);
    if (!enough) return Answer{fail(enough.error())};
    if (!*enough) {
      taken_ = taken->count;
      left_ = 0;
      return trap::Attempt<Answer>::wait();
    }
  }
  return Answer{taken->count};
}

async::Task<Result<std::uint32_t>> Ring::go_on_entering(std::uint32_t complete) {
  while (left_ > 0) {
    co_await sys::let_others_run(thread_);
    if (async::is_cancelled()) co_return taken_;
    const auto taken = take(left_);
    if (!taken) break;
    taken_ += taken->count;
    left_ = taken->more ? left_ - taken->count : 0;
  }
  while (complete != 0) {
    const auto enough = has_completed(complete);
    if (!enough && taken_ == 0) co_return fail(enough.error());
    if (!enough || *enough) break;
    wanted_ = complete;
    const auto woken = co_await completed_.wait("ring");
    wanted_ = 0;
    if (woken != async::WaitResult::woken) {
      if (taken_ == 0) co_return fail(Errno::eintr);
      break;
    }
  }
  co_return taken_;
}

}  // namespace kernel
