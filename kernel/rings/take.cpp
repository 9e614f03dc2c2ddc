// ring_enter, and taking submissions. A submission that does not block is completed here, in the
// same step.
#include <async/wait_loop.h>

#include <array>
#include <coroutine>

#include "process/steps.h"
#include "process/thread.h"
#include "rings/chain.h"
#include "rings/merging.h"
#include "rings/ring.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

namespace {

/// Whether the chain that begins at `index` fits into `room` completions. A chain cut in two would
/// lose its links. The program may change the flags after this check; that breaks only the
/// program's own chains.
bool has_room_for_chain(RingView& view, std::uint32_t index, std::uint32_t most,
                        std::uint32_t room) {
  for (std::uint32_t length = 1; length <= room; ++length, ++index) {
    if (length == most) return true;
    const auto entry = view.submissions(index, 1);
    if (entry.empty() || (copy_submission(entry.front()).flags & abi::ring_link) == 0) return true;
  }
  return false;
}

}  // namespace

/// The state of one step of taking. It lives in registers.
struct RingTaking {
  std::uint32_t sq_head;
  std::uint32_t cq_tail;
  std::uint32_t left;  // submissions that may still be taken
  std::uint32_t room;  // completions that may still be written
  std::size_t cost = 0;
  std::uint32_t apart = 0;  // number of next submissions for which merging has already failed

  bool is_spent() const { return cost >= sys::step_bytes; }
};

/// Merges `first` with the submissions after it, if they are one transfer. Writes the completions
/// of those that are done. Returns a count of 0 if they cannot be merged.
[[gnu::always_inline]] inline Ring::Handled Ring::take_merged(RingTaking& taking,
                                                              RingSubmission& first,
                                                              RingView::Submissions shared,
                                                              RingView::Completions slots) {
  if (shared.size() < 2 || !TransferEnd{first}.is_start_of(shared[1])) return {};
  if (!moves_bytes(first)) return {};
  return transfer(taking, first, shared, slots);
}

[[gnu::noinline]] Ring::Handled Ring::transfer(RingTaking& taking, RingSubmission& first,
                                               RingView::Submissions shared,
                                               RingView::Completions slots) {
  if (taking.apart > 0) {
    --taking.apart;
    return {};
  }
  const File* const file = thread_.process().files().find(first.fd);
  if (file == nullptr || !file->is_stream()) return {};
  const bool writes = first.operation == RingOperation::write;
  const auto most = std::min({sys::step_bytes, writes ? file->whole_write() : sys::step_bytes,
                              shape_.bytes_before(first.address)});
  std::array<std::uint32_t, most_merged> lengths;
  const MergedTransfer merged = merge(first, shared, slots, most, lengths);
  const std::uint32_t count = merged.count();
  if (count < 2) return {};
  if (file->waits_for_device()) return {start_merged(first, merged, shared), 0};

  first.length = merged.bytes;  // for the handler, which keeps no reference to it
  const Register answer = this->answer(first);
  first.length = merged.lengths.front();
  const auto moved = static_cast<std::int64_t>(answer);
  if (moved == merged.bytes) [[likely]] {
    taking.cost += merged.bytes;
    return {count, count};
  }
  static_cast<void>(thread_.space().take_missed_page());
  if (answer == trap::would_block || moved <= 0) {
    taking.apart = count - 1;
    return {};
  }
  taking.cost += static_cast<std::size_t>(moved);
  const std::uint32_t done = commit(merged, slots, static_cast<std::size_t>(moved));
  return {done, done};
}

/// Takes contiguous submissions. Returns false if the next one cannot be taken in this step.
[[gnu::always_inline]] inline bool Ring::take_run(RingTaking& taking, RingChain& chain,
                                                  RingView& view) {
  const std::uint32_t most = std::min(taking.left, taking.room);
  const auto shared = view.submissions(taking.sq_head, most);
  const auto slots = view.completions(taking.cq_tail, most);
  auto next = shared.begin();
  auto slot = slots.begin();
  bool continues = !shared.empty() && !slots.empty();
  for (; next != shared.end() && slot != slots.end(); ++next) {
    if (is_plain_nop(*next) && chain.is_none()) {
      *slot++ = {.user_data = read_once(next->user_data), .result = 0, .flags = 0};
    } else {
      continues = !taking.is_spent() || !chain.is_none();
      if (!continues) break;
      RingSubmission entry = copy_submission(*next);
      Register answer = 0;
      if (entry.flags == 0 && chain.is_none()) {
        const auto [count, completed] =
            take_merged(taking, entry, {next, shared.end()}, {slot, slots.end()});
        if (count != 0) {
          next += count - 1;
          slot += completed;
          continue;
        }
        answer = this->answer(entry);
        if (answer == trap::would_block) [[unlikely]]
          answer = chain.wait_alone(entry);
      } else {
        if (taking.room < taking.left && chain.is_none()) {
          if (next != shared.begin()) break;
          continues = has_room_for_chain(view, taking.sq_head, taking.left, taking.room);
          if (!continues) break;
        }
        answer = chain.take(entry, taking.is_spent());
      }
      if (answer == trap::would_block) continue;
      const auto result = static_cast<std::int32_t>(answer);
      taking.cost += static_cast<std::uint32_t>(std::max(result, 0));
      if (entry.operation == RingOperation::cancel) [[unlikely]]
        taking.cost += requests_.take_visits();
      *slot++ = {.user_data = entry.user_data, .result = result, .flags = 0};
    }
  }
  const auto count = static_cast<std::uint32_t>(next - shared.begin());
  taking.sq_head += count;
  taking.cq_tail += static_cast<std::uint32_t>(slot - slots.begin());
  taking.left -= count;
  taking.room -= count;
  taking.cost += std::size_t{count} * entry_cost;
  return continues;
}

[[gnu::always_inline]] inline Result<Ring::Taken> Ring::take_step(std::uint32_t most) {
  async::Strand::check_access();
  const trap::SyscallCaller::Elsewhere nowhere{thread_, nullptr};
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return fail(Errno::efault);
  const std::uint32_t there = read_index(header->sq_tail) - sq_head_;
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (there > shape_.submissions || unread > shape_.completions) return fail(Errno::einval);
  const std::uint32_t free = shape_.completions - unread;
  const std::uint32_t first = sq_head_;
  RingTaking taking{.sq_head = first,
                    .cq_tail = cq_tail_,
                    .left = std::min(most, there),
                    .room = free - std::min(free, in_flight_)};
  RingChain chain{*this};
  bool continues = true;
  while (taking.left > 0 && taking.room > 0 && continues) continues = take_run(taking, chain, view);
  chain.end();

  const std::uint32_t count = taking.sq_head - first;
  if (count == 0 && taking.left > 0 && taking.room > 0 && view.is_torn())
    return fail(Errno::efault);
  write_index(header->sq_head, sq_head_ = taking.sq_head);
  write_index(header->cq_tail, cq_tail_ = taking.cq_tail);
  return Taken{count, taking.left > 0 && taking.room > 0 && taking.is_spent()};
}

Result<Ring::Taken> Ring::take(std::uint32_t most) {
  return take_step(most);
}

// ── ring_enter ──

/// Where one submission and its completion are.
struct Ring::Places {
  abi::RingHeader* header;
  const RingSubmission* submission;
  abi::RingCompletion* completion;
};

/// The places of the next submission, if this hart's TLB of the kernel has them and nothing
/// prevents a completion. Otherwise `header` is null.
[[gnu::always_inline]] inline Ring::Places Ring::find_places() const {
  const memory::AddressSpace& space = thread_.space();
  const auto tlb_lookup = [&space]<class T>(hal::VirtAddr at) {
    return reinterpret_cast<T*>(space.tlb_lookup_alone(at, hal::Access::write));
  };
  auto* const header = tlb_lookup.operator()<abi::RingHeader>(shape_.memory);
  if (header == nullptr) return {};
  auto* const submission = tlb_lookup.operator()<RingSubmission>(shape_.submission(sq_head_));
  if (submission == nullptr) return {};
  auto* const completion = tlb_lookup.operator()<abi::RingCompletion>(shape_.completion(cq_tail_));
  if (completion == nullptr) return {};
  const std::uint32_t there = read_index(header->sq_tail) - sq_head_;
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (there == 0 || there > shape_.submissions) return {};
  if (unread > shape_.completions || shape_.completions - unread <= in_flight_) return {};
  return {header, submission, completion};
}

[[gnu::always_inline]] inline std::uint32_t Ring::complete_one(const Places& places,
                                                               std::uint64_t user_data,
                                                               std::int32_t result) {
  async::Strand::check_access();
  *places.completion = {.user_data = user_data, .result = result, .flags = 0};
  write_index(places.header->sq_head, ++sq_head_);
  write_index(places.header->cq_tail, ++cq_tail_);
  return 1;
}

trap::Answer<Result<std::uint32_t>> Ring::enter(std::uint32_t submit, std::uint32_t complete) {
  if (submit == 1 && !polled_ && (complete == 0 || in_flight_ == 0)) [[likely]] {
    const Places places = find_places();
    if (places.header != nullptr) [[likely]] {
      // Operations have a function of their own, so that a nop needs no stack.
      if (!is_plain_nop(*places.submission)) {
        return enter_one(places.header, places.submission, places.completion, complete);
      }
      return complete_one(places, read_once(places.submission->user_data), 0);
    }
  }
  return enter_at_length(submit, complete);
}

/// ring_enter for a single submission: completes it at once if it does not block.
[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> Ring::enter_one(
    abi::RingHeader* header, const RingSubmission* submission, abi::RingCompletion* completion,
    std::uint32_t complete) {
  const RingSubmission entry = copy_submission(*submission);
  if (entry.flags == 0) {
    const Register answer = answer_at_once(entry);
    if (answer != trap::would_block)
      return complete_one({header, submission, completion}, entry.user_data,
                          static_cast<std::int32_t>(answer));
  }
  return enter_at_length(1, complete);
}

/// The wait of ring_enter for `complete` completions, after it has taken `taken` submissions. The
/// thread parks, without a coroutine of its own. Ring::wake() ends the park, and so does each event
/// of the thread.
class Ring::Entering : public async::WaitLoop<Entering> {
 public:
  Entering(Ring& ring, std::uint32_t taken, std::uint32_t complete)
      : ring_{ring}, complete_{complete}, result_{taken} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    loop_ = begin(caller);
    while (refused()) {
      if (poll()) return caller;
    }
    return std::noop_coroutine();
  }
  /// Whether the completions are there, or can no longer come. If submissions were taken, an error
  /// is not reported.
  bool has_enough() {
    const auto enough = ring_.has_completed(complete_);
    if (!enough) fail_with(enough.error());
    return !enough || *enough;
  }
  Result<std::uint32_t> result() const { return result_; }

 private:
  friend WaitLoop;

  bool wait() {
    const async::ParkOp park{"ring"};
    if (park.await_ready()) return true;
    ring_.wanted_ = complete_;
    return !park.await_suspend(loop_);
  }
  bool poll() {
    ring_.wanted_ = 0;
    if (async::current_job().result() == async::WaitResult::woken) return has_enough();
    fail_with(Errno::eintr);
    return true;
  }
  void fail_with(Errno error) {
    if (*result_ == 0) result_ = fail(error);
  }

  Ring& ring_;
  std::uint32_t complete_;
  Result<std::uint32_t> result_;
  std::coroutine_handle<> loop_;
};

[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> Ring::enter_at_length(
    std::uint32_t submit, std::uint32_t complete) {
  if (polled_) [[unlikely]] {
    submit = abi::most_submissions;
    awakened_.set();
  }
  const auto taken = take_step(submit);
  if (!taken) return fail(taken.error());
  if (taken->more) [[unlikely]]
    return wait_to_enter(taken->count, submit - taken->count, complete);
  if (complete != 0 && in_flight_ != 0) {
    const auto enough = has_completed(complete);
    if (!enough && taken->count == 0) return fail(enough.error());
    if (enough && !*enough) return wait_to_enter(taken->count, 0, complete);
  }
  return taken->count;
}

[[gnu::noinline]] std::unexpected<Errno> Ring::wait_to_enter(std::uint32_t taken,
                                                             std::uint32_t left,
                                                             std::uint32_t complete) {
  if (left > 0) return thread_.wait([&] { return enter_in_steps(taken, left, complete); });
  return thread_.wait([&] { return Entering{*this, taken, complete}; });
}

/// ring_enter for more submissions than one step takes: at most `left` more after the first
/// `taken`.
async::Task<Result<std::uint32_t>> Ring::enter_in_steps(std::uint32_t taken, std::uint32_t left,
                                                        std::uint32_t complete) {
  while (left > 0) {
    co_await sys::cond_resched(thread_);
    if (async::is_cancelled()) co_return taken;
    const auto more = take(left);
    if (!more) break;
    taken += more->count;
    left = more->more ? left - more->count : 0;
  }
  Entering rest{*this, taken, complete};
  if (complete == 0 || rest.has_enough()) co_return rest.result();
  co_return co_await rest;
}

}  // namespace kernel
