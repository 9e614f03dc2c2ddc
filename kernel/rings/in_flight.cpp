// Carries out submissions that would block: one coroutine for each chain.
#include <optional>

#include "memory/frames.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "process/thread.h"
#include "rings/merging.h"
#include "rings/ring.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

InFlightRequest::InFlightRequest(List<InFlightRequest>& all, const RingSubmission& entry)
    : entry{entry}, all_{all} {
  all.push_back(*this);
  memory::frames.grow_reserve(most_bytes);
}

InFlightRequest::~InFlightRequest() {
  memory::frames.grow_reserve(-static_cast<std::ptrdiff_t>(most_bytes));
  all_.remove(*this);
}

namespace {

/// The result of an operation whose wait was cut short: ECANCELED, unless part of it was done.
std::int32_t cut_answer(const RingSubmission& entry, std::int32_t answer) {
  const bool nothing_ready = entry.operation == RingOperation::poll && answer == 0;
  const bool cut =
      nothing_ready || answer == failed(Errno::eintr) || answer == failed(Errno::etimedout);
  return cut ? failed(Errno::ecanceled) : answer;
}

}  // namespace

void Ring::start(std::unique_ptr<InFlightRequest> first) {
  scope_.spawn(run_requests(std::move(first)),
               {.name = "ring", .priority = thread_.limit(), .harts = thread_.harts()});
}

async::Task<> Ring::run_requests(std::unique_ptr<InFlightRequest> first) {
  bool broken = false, timed_out = false;
  for (auto request = std::move(first); request != nullptr;) {
    std::int32_t answer = failed(Errno::ecanceled);
    if (is_link_timeout(request->entry)) {
      if (timed_out) answer = failed(Errno::etime);
      timed_out = false;
    } else if ((request->entry.flags & abi::ring_multishot) != 0) {
      co_await read_pieces(*request);
      co_return;
    } else {
      broken |= request->cancelled || async::is_cancelled();
      if (!broken) answer = co_await carry_out(*request, timed_out);
      broken |= !has_done_all(request->entry, answer);
    }
    complete(*request, answer);
    request = std::move(request->linked);
  }
}

/// The blocking form of the request's operation, after an attempt has returned would_block.
/// `for_page`: first waits for a page-in that the attempt needs.
trap::WaitingCall Ring::wait(const InFlightRequest& request, bool for_page) {
  const auto wait = [this, &entry = request.entry] { return wait_operation(thread_, entry); };
  if (!for_page) return wait();
  const auto now = [this, &entry = request.entry] { return attempt(entry); };
  return trap::WaitingCall{restart_syscall(thread_.space(), now, wait)};
}

async::Task<std::int32_t> Ring::carry_out(InFlightRequest& request, bool& timed_out) {
  request.job = &async::current_job();
  begin_time(request.entry);
  Register answer = attempt(request.entry);
  if (answer != trap::would_block) {
    co_await sys::cond_resched(thread_);
  } else {
    std::optional<async::DeadlineScope> limit;
    if (request.linked != nullptr && is_link_timeout(request.linked->entry)) {
      begin_time(request.linked->entry);
      limit.emplace(deadline_of(request.linked->entry));
    }
    answer = co_await wait(request, thread_.space().has_missed_page());
    if (answer == trap::would_block) answer = co_await wait(request, true);
    timed_out = limit && limit->leave();
  }
  request.job = nullptr;
  const auto result = static_cast<std::int32_t>(answer);
  const bool cut = timed_out || async::is_cancelled();
  co_return cut ? cut_answer(request.entry, result) : result;
}

// ── Merged submissions ──

/// Starts one transfer for the submissions of `merged`. `first` is a copy of the first submission,
/// and `shared` begins with the original. Takes as many submissions as there is memory for, and
/// returns their number.
std::uint32_t Ring::start_merged(const RingSubmission& first, const MergedTransfer& merged,
                                 RingView::Submissions shared) {
  RingSubmission part = first;
  std::unique_ptr<InFlightRequest> flights;
  auto* end = &flights;
  std::uint32_t count = 0;
  for (const std::uint32_t length : merged.lengths) {
    if (!memory::can_allocate(InFlightRequest::most_bytes)) break;
    part.length = length;
    part.user_data = read_once(shared[count].user_data);
    *end = std::make_unique<InFlightRequest>(requests_, part);
    (*end)->merged = true;
    end = &(*end)->linked;
    part = after(part);
    ++count;
  }
  if (count == 0) return 0;
  in_flight_ += count;
  scope_.spawn(submit_merged(std::move(flights)),
               {.name = "ring", .priority = thread_.limit(), .harts = thread_.harts()});
  return count;
}

/// Carries out the merged transfer of `first` and the requests linked to it. Then carries out one
/// by one the parts of which no byte was moved, so that each error goes to the submission that
/// caused it.
async::Task<> Ring::submit_merged(std::unique_ptr<InFlightRequest> first) {
  std::uint32_t bytes = 0;
  for (const InFlightRequest* part = first.get(); part != nullptr; part = part->linked.get()) {
    bytes += part->entry.length;
  }
  const std::uint32_t own_bytes = std::exchange(first->entry.length, bytes);
  bool timed_out = false;
  std::int32_t answer = failed(Errno::ecanceled);
  if (!async::is_cancelled()) answer = co_await carry_out(*first, timed_out);
  first->entry.length = own_bytes;

  auto moved = static_cast<std::uint32_t>(std::max(answer, 0));
  for (auto part = std::move(first); part != nullptr;) {
    auto next = std::move(part->linked);
    const std::uint32_t done = std::min(moved, part->entry.length);
    moved -= done;
    answer = static_cast<std::int32_t>(done);
    if (done == 0 && part->entry.length != 0) {
      answer = failed(Errno::ecanceled);
      if (!part->cancelled && !async::is_cancelled()) {
        answer = co_await carry_out(*part, timed_out);
      }
    }
    complete(*part, answer);
    part = std::move(next);
  }
}

/// Carries out a multishot read. `request` is not in a chain.
async::Task<> Ring::read_pieces(InFlightRequest& request) {
  RingSubmission& entry = request.entry;
  const std::uint64_t end = entry.address + entry.length;
  const std::uint32_t piece_bytes = entry.options;
  bool timed_out = false;
  for (std::uint32_t piece = 0;; ++piece) {
    entry.length = std::min(piece_bytes, static_cast<std::uint32_t>(end - entry.address));
    std::int32_t answer = failed(Errno::ecanceled);
    if (!request.cancelled && !async::is_cancelled())
      answer = co_await carry_out(request, timed_out);
    entry.address += entry.length;
    if (answer > 0 && entry.offset != abi::ring_current_place) {
      entry.offset += static_cast<std::uint32_t>(answer);
    }
    const std::uint32_t flags = piece << abi::ring_piece_shift;
    if (answer <= 0 || entry.address == end || !has_spare_room()) {
      complete(request, answer, flags);
      co_return;
    }
    post(entry.user_data, answer, flags | abi::ring_more);
  }
}

Result<std::uint32_t> Ring::cancel(const RingSubmission& entry) {
  const bool all = (entry.options & abi::ring_cancel_all) != 0;
  std::uint32_t count = 0;
  for (InFlightRequest& request : requests_) {
    if (request.entry.user_data != entry.address || request.cancelled) continue;
    request.cancelled = true;
    if (request.job != nullptr && !request.merged) request.job->cancel();
    ++count;
    if (!all) break;
  }
  if (count == 0) return fail(Errno::enoent);
  return count;
}

}  // namespace kernel
