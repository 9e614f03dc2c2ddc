#include "rings/chain.h"

#include "memory/frames.h"
#include "rings/ring.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

namespace {

constexpr bool is_linked(const RingSubmission& entry) {
  return (entry.flags & abi::ring_link) != 0;
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

Register RingChain::take(const RingSubmission& entry, bool spent) {
  const Register result = answer(entry, spent);
  if (!is_linked(entry)) {
    end();
  } else if (result == trap::must_wait) {
    state_ = State::flying;
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
  if (state_ == State::flying || is_multishot || spent) return fly(entry);
  const Register result = ring_.attempt(entry);
  return result == trap::must_wait ? fly(entry) : result;
}

Register RingChain::wait_alone(const RingSubmission& entry) {
  const Register result = fly(entry);
  end();
  return result;
}

/// Puts it into flight, behind those of its chain that are. ENOMEM.
Register RingChain::fly(const RingSubmission& entry) {
  if (!memory::admit(RingFlight::most_bytes)) return failed(Errno::enomem);
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

void RingChain::begin_flight() {
  ring_.start(std::move(first_));
}

}  // namespace kernel
