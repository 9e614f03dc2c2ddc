#include "rings/chain.h"

#include "memory/frames.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

namespace {

constexpr bool is_linked(const RingSubmission& entry) {
  return (entry.flags & abi::ring_link) != 0;
}

/// `alone`: the submission is in no chain.
constexpr bool are_valid_flags(const RingSubmission& entry, bool alone) {
  if ((entry.flags & ~(abi::ring_link | abi::ring_multishot)) != 0) return false;
  if ((entry.flags & abi::ring_multishot) == 0) return true;
  constexpr std::uint32_t most_pieces = 1u << (32 - abi::ring_piece_shift);
  return alone && entry.operation == RingOperation::read && entry.options != 0 &&
         entry.length >= entry.options && entry.length / entry.options < most_pieces;
}

}  // namespace

Register RingChain::take(const RingSubmission& entry, bool spent) {
  const Register result = answer(entry, spent);
  if (!is_linked(entry)) {
    end();
  } else if (result == trap::would_block) {
    state_ = State::in_flight;
  } else if (state_ != State::broken && !(state_ == State::going && is_link_timeout(entry))) {
    const bool done = has_done_all(entry, static_cast<std::int32_t>(result));
    state_ = done ? State::going : State::broken;
  }
  return result;
}

Register RingChain::answer(const RingSubmission& entry, bool spent) {
  if (state_ == State::broken) return failed(Errno::ecanceled);
  if (!are_valid_flags(entry, is_none() && !is_linked(entry))) return failed(Errno::einval);
  if (state_ == State::going && is_link_timeout(entry)) return failed(Errno::ecanceled);
  const bool is_multishot = (entry.flags & abi::ring_multishot) != 0;
  if (state_ == State::in_flight || is_multishot || spent) return queue(entry);
  const Register result = ring_.answer(entry);
  return result == trap::would_block ? queue(entry) : result;
}

Register RingChain::wait_alone(const RingSubmission& entry) {
  const Register result = queue(entry);
  end();
  return result;
}

/// Puts `entry` in flight, behind the requests of its chain. Returns would_block, or ENOMEM.
Register RingChain::queue(const RingSubmission& entry) {
  if (!memory::can_allocate(InFlightRequest::most_bytes)) return failed(Errno::enomem);
  // If the request needs a page-in, its coroutine does it. The calling thread must not wait for it.
  static_cast<void>(ring_.thread_.space().take_missed_page());
  auto request = std::make_unique<RingRequest>(ring_, entry);
  async::Strand::check_access();
  ++ring_.in_flight_;
  RingRequest* const made = request.get();
  if (last_ != nullptr) {
    last_->linked = std::move(request);
  } else {
    begin_time(made->entry);
    first_ = std::move(request);
  }
  last_ = made;
  return trap::would_block;
}

void RingChain::start_requests() {
  ring_.start(std::move(first_));
}

}  // namespace kernel
