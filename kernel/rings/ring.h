// A thread's ring (abi/ring.h), the kernel's side of it.
//
//   ring_enter, or the coroutine that picks up
//        │ take(): copies a submission, tries it (operations.h)
//        ├── answered ──────────────▶ completion, in the same step: no coroutine, no allocation
//        ├── must wait ─▶ Operation ─▶ a coroutine of the ring's scope ──▶ completion
//        └── linked to one that waits ─▶ behind it, for that one's coroutine
//
// What always holds, whatever the program writes:
//   - indices that the kernel writes are its own: what is in memory is only told to the program;
//   - every operation in flight has a completion's room kept for it;
//   - nothing of a ring is left when its thread runs another program, or has ended.
//
// In the strand.
#pragma once

#include <async/async.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include "rings/in_flight.h"
#include "rings/operations.h"
#include "rings/view.h"

namespace kernel {

class RingChain;
class Upcalls;
struct MergedTransfer;
struct RingTaking;

class Ring {
 public:
  /// The memory can be written. `picked_up`: a coroutine takes submissions too.
  Ring(Thread& thread, const RingShape& shape, bool picked_up);
  ~Ring();

  /// How many were taken in one step, and whether some of those asked for are left which might be.
  struct Taken {
    std::uint32_t count;
    bool more;
  };
  /// Takes up to `most`. EINVAL: an index is out of its range; EFAULT. Nothing was taken then.
  Result<Taken> take(std::uint32_t most);

  // ring_enter in two parts. The first is the one trying form of a call that has changed something
  // when it says that it must wait: what it has taken stays taken, and the second goes on there.
  trap::Attempt<Result<std::uint32_t>> enter(std::uint32_t submit, std::uint32_t complete);
  async::Task<Result<std::uint32_t>> go_on_entering(std::uint32_t complete);

  /// After the program's memory was copied: what the kernel writes in it for the ring and its
  /// upcalls is the program's own again, so that nothing which ends later has to wait for memory.
  /// ENOMEM.
  Result<> own_pages();
  /// Ends everything that is in flight, and waits until it has ended.
  async::Task<> close();

  // What else completes in it (upcalls.h): one that is under way has room kept for its completion.
  bool reserve();
  void give_back() { --in_flight_; }
  void complete_reserved(std::uint64_t user_data, std::int32_t result, std::uint32_t flags);

  /// Null: the program takes none.
  Upcalls* upcalls() const { return upcalls_.get(); }
  void set_upcalls(std::unique_ptr<Upcalls> upcalls);

 private:
  friend class RingChain;

  bool take_one();
  trap::Attempt<Result<std::uint32_t>> enter_at_length(std::uint32_t submit,
                                                       std::uint32_t complete);
  bool take_run(RingTaking& taking, RingChain& chain, RingView& view);
  /// What became of some that were merged.
  struct Handled {
    std::uint32_t count;      ///< submissions
    std::uint32_t completed;  ///< of them; the others are in flight
  };
  Handled take_joined(RingTaking& taking, const abi::RingSubmission& first,
                      RingView::Submissions shared, RingView::Completions slots);
  Handled transfer(RingTaking& taking, const abi::RingSubmission& first,
                   RingView::Submissions shared, RingView::Completions slots);
  Result<Taken> take_step(std::uint32_t most);

  Register attempt(const abi::RingSubmission& entry) {
    if (entry.operation == abi::RingOperation::cancel) [[unlikely]]
      return trap::ToRegister<Result<std::uint32_t>>::encode(cancel(entry));
    return try_operation(thread_, entry);
  }
  Result<std::uint32_t> cancel(const abi::RingSubmission& entry);

  void start(std::unique_ptr<InFlightRequest> first);
  async::Task<> run_requests(std::unique_ptr<InFlightRequest> first);
  std::uint32_t start_as_one(const abi::RingSubmission& first, const MergedTransfer& merged,
                             RingView::Submissions shared);
  async::Task<> submit_merged(std::unique_ptr<InFlightRequest> first);
  trap::WaitingCall wait(const InFlightRequest& flight, bool for_page);
  async::Task<std::int32_t> carry_out(InFlightRequest& flight, bool& timed_out);
  async::Task<> read_pieces(InFlightRequest& flight);

  async::Task<> poll_submissions();
  void tell_asleep(bool asleep);

  /// Writes a completion if there is room, and wakes the thread if it waits for it.
  void post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags);
  /// The last one of a submission in flight.
  void complete(const InFlightRequest& flight, std::int32_t result, std::uint32_t flags = 0);
  /// Whether one more completion has room beside those of what is in flight.
  bool has_spare_room();
  /// The thread, which waits for completions, looks again.
  void wake();
  /// Whether a thread that waits for so many need not wait (any more). EINVAL, EFAULT.
  Result<bool> has_completed(std::uint32_t wanted);

  Thread& thread_;
  const RingShape shape_;
  const bool polled_;
  std::uint32_t sq_head_ = 0;
  std::uint32_t cq_tail_ = 0;
  std::uint32_t in_flight_ = 0;  // submissions taken whose last completion is to come
  std::uint32_t overflowed_ = 0;
  std::uint32_t wanted_ = 0;  // completions that the thread waits for; 0: it does not
  std::uint32_t taken_ = 0;   // by the ring_enter that waits
  std::uint32_t left_ = 0;    // for it to take
  List<InFlightRequest> requests_;
  async::AutoEvent awakened_;
  async::Scope scope_;
  std::unique_ptr<Upcalls> upcalls_;
};

/// After it nothing of the thread's ring, which it has, is left.
async::Task<> close_ring(Thread& thread);

}  // namespace kernel
