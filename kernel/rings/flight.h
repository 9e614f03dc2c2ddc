// A submission that is not answered at once.
#pragma once

#include <abi/ring.h>
#include <async/job.h>
#include <kernel/list.h>

#include <memory>

namespace kernel {

/// A submission that waits, or that is linked behind one that does.
struct RingFlight : ListNode<> {
  RingFlight(List<RingFlight>& all, const abi::RingSubmission& entry);
  ~RingFlight();

  abi::RingSubmission entry;
  std::unique_ptr<RingFlight> linked;  ///< begun when this one has done all
  async::Job* job = nullptr;           ///< whose wait it is, while it is under way
  bool cancelled = false;
  bool joined = false;  ///< to others: what is under way is not cut short for one of them

  /// What the kernel may come to need while it is under way: its coroutine's frames among it.
  static constexpr std::size_t most_bytes = 1024;

 private:
  List<RingFlight>& all_;
};

}  // namespace kernel
