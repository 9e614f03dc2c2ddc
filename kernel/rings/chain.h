// The chain of linked submissions that the ring is taking, and its part that is in flight.
#pragma once

#include <abi/ring.h>

#include <memory>

#include "rings/ring.h"

namespace kernel {

/// Lives for one call of Ring::take_step(), which never stops in the middle of a chain.
class RingChain {
 public:
  explicit RingChain(Ring& ring) : ring_{ring} {}
  RingChain(const RingChain&) = delete;

  /// Whether no chain is open: the next submission is alone, or starts a chain.
  bool is_none() const { return state_ == State::none; }

  /// Takes the next submission, which has flags or is linked to the one before. Returns its result,
  /// or would_block if it is in flight. `spent`: this step must not move more bytes.
  Register take(const abi::RingSubmission& entry, bool spent);
  /// Takes a submission without flags and outside chains, which would block. ENOMEM.
  Register wait_alone(const abi::RingSubmission& entry);
  /// Ends the chain, if there is one, and starts its requests that are in flight.
  void end() {
    if (first_ != nullptr) [[unlikely]]
      start_requests();
    state_ = State::none;
    last_ = nullptr;
  }

 private:
  enum class State : std::uint8_t {
    none,       // the previous submission is not linked to this one
    going,      // the previous submission has succeeded in full
    broken,     // the previous submission has failed or was partial
    in_flight,  // the previous submission is in flight, or linked behind one in flight
  };

  Register answer(const abi::RingSubmission& entry, bool spent);
  void start_requests();
  Register queue(const abi::RingSubmission& entry);

  Ring& ring_;
  State state_ = State::none;
  std::unique_ptr<RingRequest> first_;
  RingRequest* last_ = nullptr;
};

}  // namespace kernel
