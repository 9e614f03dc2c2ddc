// Where taking is in a chain of linked submissions, and what of it is in flight.
#pragma once

#include <abi/ring.h>

#include <memory>

#include "rings/flight.h"
#include "rings/operations.h"

namespace kernel {

class Ring;

/// Of one step of taking, which ends between chains.
class RingChain {
 public:
  explicit RingChain(Ring& ring) : ring_{ring} {}
  RingChain(const RingChain&) = delete;

  /// Whether the next submission is linked to none before it.
  bool is_none() const { return state_ == State::none; }

  /// The next submission, where it has flags or is linked to the one before. The answer, or
  /// must_wait: it is in flight. `spent`: of this step nothing is left to move bytes in.
  Register take(const abi::RingSubmission& entry, bool spent);
  /// One without flags, in no chain, which has been tried and must wait. ENOMEM.
  Register wait_alone(const abi::RingSubmission& entry);
  /// The chain is over, if there was one: what of it is in flight may begin.
  void end() {
    if (first_ != nullptr) [[unlikely]]
      begin_flight();
    state_ = State::none;
    last_ = nullptr;
  }

 private:
  enum class State : std::uint8_t {
    none,    // the submission before was not linked to this one
    going,   // it was, and has done all
    broken,  // it has not
    flying,  // it is in flight, or behind one that is
  };

  Register answer(const abi::RingSubmission& entry, bool spent);
  void begin_flight();
  Register fly(const abi::RingSubmission& entry);

  Ring& ring_;
  State state_ = State::none;
  std::unique_ptr<RingFlight> first_;
  RingFlight* last_ = nullptr;
};

}  // namespace kernel
