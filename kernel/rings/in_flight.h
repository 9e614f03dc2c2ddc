// A submission that did not complete at once.
#pragma once

#include <abi/ring.h>
#include <async/job.h>
#include <kernel/list.h>

#include <memory>

namespace kernel {

/// A submission that waits, or that is linked behind a waiting one.
struct InFlightRequest : ListNode<> {
  InFlightRequest(List<InFlightRequest>& all, const abi::RingSubmission& entry);
  ~InFlightRequest();

  abi::RingSubmission entry;
  std::unique_ptr<InFlightRequest> linked;  ///< the next one of the chain or of the merged transfer
  async::Job* job = nullptr;                ///< carries the request out; null before and after
  bool cancelled = false;
  bool merged = false;  ///< part of a merged transfer, which is not cancelled for one of its parts

  /// The most memory that a request needs while it is carried out, coroutine frames included.
  static constexpr std::size_t most_bytes = 1024;

 private:
  List<InFlightRequest>& all_;
};

}  // namespace kernel
