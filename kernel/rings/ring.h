// The kernel's side of a thread's ring (abi/ring.h).
//
//   ring_enter, or the submission polling coroutine
//        │ take(): copies a submission, tries it (operations.h)
//        ├── done ──────────────▶ completion in the same step, without coroutine or allocation
//        ├── would block ───────▶ InFlightRequest ─▶ a coroutine of the ring's scope ─▶ completion
//        └── linked to one in flight ─▶ queued behind it, for the same coroutine
//
// Invariants, whatever the program writes:
//   - the kernel keeps its own copy of each index that it writes, and never reads it from the ring;
//   - room for a completion is reserved for each request in flight;
//   - a ring with its requests ends before its thread executes another program or ends.
//
// The strand owns all rings.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include "process/thread.h"
#include "process/thread_ring.h"
#include "rings/in_flight.h"
#include "rings/operations.h"
#include "rings/view.h"

namespace kernel {

class RingChain;
class Upcalls;
struct MergedTransfer;
struct RingTaking;

class Ring;

/// A submission of a Ring in flight.
class RingRequest final : public InFlightRequest {
 public:
  RingRequest(Ring& ring, const abi::RingSubmission& entry);

  Register answer(Thread&) override;
  void begin() override { begin_time(entry); }
  bool is_link_timeout() const override { return kernel::is_link_timeout(entry); }
  async::Instant deadline() const override { return deadline_of(entry); }
  std::int32_t cut_answer(std::int32_t answer) const override;
  bool lets_next_begin(std::int32_t answer) const override { return has_done_all(entry, answer); }
  void complete(std::int32_t answer) override;

  // The requests of a chain or of a merged transfer are all of this class.
  RingRequest* next() const { return static_cast<RingRequest*>(linked.get()); }
  std::unique_ptr<RingRequest> take_next() {
    return std::unique_ptr<RingRequest>{static_cast<RingRequest*>(linked.release())};
  }

  abi::RingSubmission entry;

 private:
  Ring& ring_;
};

class Ring final : public ThreadRing {
 public:
  /// The ring's memory must be mapped and writable. `polled`: starts submission polling.
  Ring(Thread& thread, const RingShape& shape, bool polled);
  ~Ring() override;

  /// The result of one step. `more`: the step became too long, and there are submissions left to
  /// take.
  struct Taken {
    std::uint32_t count;
    bool more;
  };
  /// Takes up to `most` submissions in one step. On an error it has taken none. EINVAL: an index is
  /// out of its range. EFAULT: the memory is not mapped.
  Result<Taken> take(std::uint32_t most);

  /// ring_enter. The submissions that it has taken remain taken while it waits.
  trap::Answer<Result<std::uint32_t>> enter(std::uint32_t submit, std::uint32_t complete);

  bool make_upcall(trap::Trap trap, Errno why) override;
  void deliver_notifications() override;
  Result<> own_pages() override;
  async::Task<> close() override;

  // Completions that belong to no submission (upcalls.h). reserve() reserves room for one
  // completion and returns false if there is none. Each reservation ends with give_back() or
  // complete_reserved().
  bool reserve();
  void give_back() {
    async::Strand::check_access();
    --in_flight_;
  }
  void complete_reserved(std::uint64_t user_data, std::int32_t result, std::uint32_t flags);
  /// The level at which requests and page-ins wait and complete.
  std::uint8_t level_of_requests() const;
  /// Whether the program has not read all completions. False if the ring is not mapped.
  bool has_unread();

  /// Null if the program takes no upcalls.
  Upcalls* upcalls() const { return upcalls_.get(); }
  void set_upcalls(std::unique_ptr<Upcalls> upcalls);

 private:
  friend class RingChain;
  friend class RingRequest;

  struct Places;
  Places find_places() const;
  std::uint32_t complete_one(const Places& places, std::uint64_t user_data, std::int32_t result);
  trap::Answer<Result<std::uint32_t>> enter_one(abi::RingHeader* header,
                                                const abi::RingSubmission* submission,
                                                abi::RingCompletion* completion,
                                                std::uint32_t complete);
  trap::Answer<Result<std::uint32_t>> enter_at_length(std::uint32_t submit, std::uint32_t complete);
  class Entering;
  /// Leaves a wait that carries out the rest of ring_enter.
  std::unexpected<Errno> wait_to_enter(std::uint32_t taken, std::uint32_t left,
                                       std::uint32_t complete);
  async::Task<Result<std::uint32_t>> enter_in_steps(std::uint32_t taken, std::uint32_t left,
                                                    std::uint32_t complete);
  bool take_run(RingTaking& taking, RingChain& chain, RingView& view);
  /// Result of handling merged submissions.
  struct Handled {
    std::uint32_t count;      ///< submissions taken
    std::uint32_t completed;  ///< taken submissions that have completed; the rest is in flight
  };
  Handled take_merged(RingTaking& taking, abi::RingSubmission& first, RingView::Submissions shared,
                      RingView::Completions slots);
  Handled transfer(RingTaking& taking, abi::RingSubmission& first, RingView::Submissions shared,
                   RingView::Completions slots);
  Result<Taken> take_step(std::uint32_t most);

  /// The handler of a submission.
  Register answer(const abi::RingSubmission& entry) {
    if (entry.operation == abi::RingOperation::cancel) [[unlikely]]
      return trap::ToRegister<Result<std::uint32_t>>::encode(cancel(entry));
    return answer_operation(thread_, entry);
  }
  [[gnu::always_inline]] Register answer_at_once(const abi::RingSubmission& entry) {
    const trap::SyscallCaller::Elsewhere nowhere{thread_, nullptr};
    return answer(entry);
  }
  Result<std::uint32_t> cancel(const abi::RingSubmission& entry);

  void start(std::unique_ptr<RingRequest> first);
  std::uint32_t start_merged(const abi::RingSubmission& first, const MergedTransfer& merged,
                             RingView::Submissions shared);
  async::Task<> submit_merged(std::unique_ptr<RingRequest> first);
  async::Task<> read_pieces(std::unique_ptr<RingRequest> request);

  async::Task<> poll_submissions();
  void set_needs_wakeup(bool asleep);

  /// Writes a completion if there is room, else counts it as overflowed. Wakes the thread if enough
  /// completions are unread.
  void post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags);
  /// Writes the last completion of a request.
  void complete(const RingRequest& request, std::int32_t result, std::uint32_t flags = 0);
  /// Whether there is room for one more completion, besides those that requests in flight have
  /// reserved.
  bool has_spare_room();
  /// Wakes the thread if it waits for completions.
  void wake();
  /// After a completion of a request in flight: makes an upcall if the program takes completions
  /// and does not wait for them.
  void announce();
  /// Whether a thread that waits for `wanted` completions can return. EINVAL, EFAULT.
  Result<bool> has_completed(std::uint32_t wanted);

  Thread& thread_;
  const RingShape shape_;
  const bool polled_;
  std::uint32_t sq_head_ = 0;
  std::uint32_t cq_tail_ = 0;
  std::uint32_t in_flight_ = 0;  // submissions in flight: taken, last completion not written
  std::uint32_t overflowed_ = 0;
  std::uint32_t wanted_ = 0;  // completions that the thread waits for; 0: it does not wait
  RequestTable requests_;
  async::AutoEvent awakened_;
  async::Scope scope_;
  std::unique_ptr<Upcalls> upcalls_;
};

inline RingRequest::RingRequest(Ring& ring, const abi::RingSubmission& entry)
    : InFlightRequest{ring.requests_, entry.user_data}, entry{entry}, ring_{ring} {}

/// The ring of `thread`; null if it has none.
inline Ring* ring_of(Thread& thread) {
  return static_cast<Ring*>(thread.ring());
}

}  // namespace kernel
