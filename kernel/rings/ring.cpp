// A ring's completions, its requests in flight, and submission polling. take.cpp takes submissions.
#include "rings/ring.h"

#include <optional>

#include "memory/frames.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "process/thread.h"
#include "rings/merging.h"
#include "rings/upcalls.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

Ring::Ring(Thread& thread, const RingShape& shape, bool polled)
    : thread_{thread}, shape_{shape}, polled_{polled}, requests_{shape.completions} {
  if (polled) {
    scope_.spawn(
        poll_submissions(),
        {.name = "submission polling", .priority = thread.limit(), .harts = thread.harts()});
  }
}

Ring::~Ring() = default;

void Ring::set_upcalls(std::unique_ptr<Upcalls> upcalls) {
  async::Strand::check_access();
  upcalls_ = std::move(upcalls);
}

bool Ring::make_upcall(trap::Trap trap, Errno why) {
  return upcalls_ != nullptr && upcalls_->make_upcall(trap, why);
}

void Ring::deliver_notifications() {
  upcalls_->deliver_notifications();
}

Result<bool> Ring::has_completed(std::uint32_t wanted) {
  if (in_flight_ == 0 || (upcalls_ != nullptr && upcalls_->has_events())) return true;
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return fail(Errno::efault);
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (unread > shape_.completions) return fail(Errno::einval);
  return unread >= std::min(wanted, shape_.completions);
}

// ── Completions ──────────────────────────────────────────────────────────────────────────────────

void Ring::post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags) {
  async::Strand::check_access();
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  const auto slot = view.completions(cq_tail_, 1);
  if (header == nullptr || slot.empty()) return wake();  // unmapped: the waiting thread gets EFAULT
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (unread >= shape_.completions) {
    write_index(header->overflowed, ++overflowed_);
    return wake();
  }
  slot.front() = {.user_data = user_data, .result = result, .flags = flags};
  write_index(header->cq_tail, ++cq_tail_);
  if (wanted_ == 0) {
    // Ends the thread's demotion: the program set it before this completion, which may wake a more
    // urgent coroutine. The kernel does not know how urgent the program's coroutines are.
    if (thread_.shared_priority() != 0) [[unlikely]]
      thread_.demote_by(0);
  } else if (unread + 1 >= wanted_) {
    wake();
  }
}

void Ring::wake() {
  if (wanted_ != 0) thread_.wake();
}

void Ring::complete(const RingRequest& request, std::int32_t result, std::uint32_t flags) {
  complete_reserved(request.entry.user_data, result, flags);
}

bool Ring::reserve() {
  if (!has_spare_room()) return false;
  async::Strand::check_access();
  ++in_flight_;
  return true;
}

void Ring::complete_reserved(std::uint64_t user_data, std::int32_t result, std::uint32_t flags) {
  async::Strand::check_access();
  --in_flight_;
  post(user_data, result, flags);
  if (in_flight_ == 0) wake();
  announce();
}

void Ring::announce() {
  if (wanted_ == 0 && upcalls_ != nullptr) upcalls_->on_completion();
}

bool Ring::has_unread() {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  return header != nullptr && cq_tail_ != read_index(header->cq_head);
}

bool Ring::has_spare_room() {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return false;
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  return unread < shape_.completions && in_flight_ < shape_.completions - unread;
}

Result<> Ring::own_pages() {
  auto made = make_pages(thread_.space(), shape_);
  if (made && upcalls_ != nullptr) made = upcalls_->own_page().transform([](std::byte*) {});
  // ENOMEM means that a page shared with the child cannot be copied. Any other error means that the
  // program cannot write the page; the next access reports that.
  return made || made.error() != Errno::enomem ? Result<>{} : made;
}

// ── Requests in flight ───────────────────────────────────────────────────────────────────────────
std::int32_t RingRequest::cut_answer(std::int32_t answer) const {
  const bool nothing_ready = entry.operation == RingOperation::poll && answer == 0;
  return nothing_ready ? failed(Errno::ecanceled) : InFlightRequest::cut_answer(answer);
}

Register RingRequest::answer(Thread&) {
  return ring_.answer(entry);
}

void RingRequest::complete(std::int32_t answer) {
  ring_.complete(*this, answer);
}

std::uint8_t Ring::level_of_requests() const {
  return kernel::level_of_requests(thread_);
}

void Ring::start(std::unique_ptr<RingRequest> first) {
  const bool is_multishot = (first->entry.flags & abi::ring_multishot) != 0;
  scope_.spawn(is_multishot ? read_pieces(std::move(first)) : run_chain(thread_, std::move(first)),
               {.name = "ring", .priority = level_of_requests(), .harts = thread_.harts()});
}

// ── Merged submissions ───────────────────────────────────────────────────────────────────────────

/// Starts one transfer for the submissions of `merged`. `first` is a copy of the first submission,
/// and `shared` begins with the original. Takes as many submissions as there is memory for, and
/// returns their number.
std::uint32_t Ring::start_merged(const RingSubmission& first, const MergedTransfer& merged,
                                 RingView::Submissions shared) {
  RingSubmission part = first;
  std::unique_ptr<RingRequest> head;
  std::unique_ptr<InFlightRequest>* end = nullptr;
  std::uint32_t count = 0;
  for (const std::uint32_t length : merged.lengths) {
    if (!memory::can_allocate(InFlightRequest::most_bytes)) break;
    part.length = length;
    part.user_data = read_once(shared[count].user_data);
    auto request = std::make_unique<RingRequest>(*this, part);
    request->merged = true;
    RingRequest& made = *request;
    if (end == nullptr) {
      head = std::move(request);
    } else {
      *end = std::move(request);
    }
    end = &made.linked;
    part = after(part);
    ++count;
  }
  if (count == 0) return 0;
  in_flight_ += count;
  scope_.spawn(submit_merged(std::move(head)),
               {.name = "ring", .priority = level_of_requests(), .harts = thread_.harts()});
  return count;
}

/// Carries out the merged transfer of `first` and the requests linked to it. Then carries out one
/// by one the parts of which no byte was moved, so that each error goes to the submission that
/// caused it.
async::Task<> Ring::submit_merged(std::unique_ptr<RingRequest> first) {
  std::uint32_t bytes = 0;
  for (const RingRequest* part = first.get(); part != nullptr; part = part->next()) {
    bytes += part->entry.length;
  }
  const std::uint32_t own_bytes = std::exchange(first->entry.length, bytes);
  bool timed_out = false;
  std::int32_t answer = failed(Errno::ecanceled);
  if (!async::is_cancelled()) answer = co_await carry_out(thread_, *first, timed_out);
  first->entry.length = own_bytes;

  auto moved = static_cast<std::uint32_t>(std::max(answer, 0));
  for (auto part = std::move(first); part != nullptr;) {
    auto next = part->take_next();
    const std::uint32_t done = std::min(moved, part->entry.length);
    moved -= done;
    answer = static_cast<std::int32_t>(done);
    if (done == 0 && part->entry.length != 0) {
      answer = failed(Errno::ecanceled);
      if (!part->cancelled && !async::is_cancelled()) {
        answer = co_await carry_out(thread_, *part, timed_out);
      }
    }
    complete(*part, answer);
    part = std::move(next);
  }
}

/// Carries out a multishot read. `request` is not in a chain.
async::Task<> Ring::read_pieces(std::unique_ptr<RingRequest> request) {
  RingSubmission& entry = request->entry;
  const std::uint64_t end = entry.address + entry.length;
  const std::uint32_t piece_bytes = entry.options;
  bool timed_out = false;
  for (std::uint32_t piece = 0;; ++piece) {
    entry.length = std::min(piece_bytes, static_cast<std::uint32_t>(end - entry.address));
    std::int32_t answer = failed(Errno::ecanceled);
    if (!request->cancelled && !async::is_cancelled())
      answer = co_await carry_out(thread_, *request, timed_out);
    entry.address += entry.length;
    if (answer > 0 && entry.offset != abi::ring_current_place) {
      entry.offset += static_cast<std::uint32_t>(answer);
    }
    const std::uint32_t flags = piece << abi::ring_piece_shift;
    if (answer <= 0 || entry.address == end || !has_spare_room()) {
      complete(*request, answer, flags);
      co_return;
    }
    post(entry.user_data, answer, flags | abi::ring_more);
    announce();
  }
}

Result<std::uint32_t> Ring::cancel(const RingSubmission& entry) {
  async::Strand::check_access();
  const bool all = (entry.options & abi::ring_cancel_all) != 0;
  const std::uint32_t count =
      requests_.cancel_of(entry.address, all, [](const InFlightRequest&) { return true; });
  if (count == 0) return fail(Errno::enoent);
  return count;
}

// ── Submission polling ───────────────────────────────────────────────────────────────────────────
// A coroutine takes submissions without a call of the program.
//
//     ┌─────────────────────────────────────────────────────────────────┐
//     ▼                                                                 │
//   takes submissions ─┬▶ some: lets other jobs run ────────────────────┤
//     ▲                ├▶ none: sleeps for a pause ─────────────────────┘
//     │                └▶ none for the `idle_limit`th time, or an error:
//     │                   sets ring_needs_wakeup and takes submissions again;
//     │                   if there are none, sleeps until ring_enter wakes it
//     └────────────────── clears ring_needs_wakeup

namespace {

constexpr int idle_limit = 50;  // of `polling_pause` each

}  // namespace

async::Task<> Ring::poll_submissions() {
  for (int idle = 0; !async::is_cancelled();) {
    const auto taken = take(abi::most_submissions);
    if (taken && taken->count > 0) {
      idle = 0;
      wake();
      co_await sys::cond_resched(thread_);
    } else if (taken && ++idle < idle_limit) {
      (void)co_await async::sleep_for(polling_pause, "ring");
    } else {
      set_needs_wakeup(true);
      const auto missed = take(abi::most_submissions);
      if (missed && missed->count > 0) {
        wake();
      } else {
        (void)co_await awakened_.wait("ring");
      }
      set_needs_wakeup(false);
      idle = 0;
    }
  }
}

void Ring::set_needs_wakeup(bool asleep) {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return;
  write_index(header->flags, asleep ? abi::ring_needs_wakeup : 0);
  // Pairs with the program's fence. The program moves sq_tail, then reads the flag; the kernel sets
  // the flag, then reads sq_tail.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

// ── The end ──────────────────────────────────────────────────────────────────────────────────────

async::Task<> Ring::close() {
  if (upcalls_ != nullptr) co_await upcalls_->close();
  scope_.cancel();
  co_await scope_.join("ring");
}

}  // namespace kernel
