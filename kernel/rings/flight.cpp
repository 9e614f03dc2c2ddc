// What becomes of submissions that are not answered at once: a coroutine for each chain.
#include <optional>

#include "memory/frames.h"
#include "process/page_fetch.h"
#include "process/thread.h"
#include "rings/joining.h"
#include "rings/ring.h"
#include "syscalls/steps.h"

namespace kernel {

using abi::RingOperation;
using abi::RingSubmission;

RingFlight::RingFlight(List<RingFlight>& all, const RingSubmission& entry)
    : entry{entry}, all_{all} {
  all.push_back(*this);
  memory::frames.keep_in_reserve(most_bytes);
}

RingFlight::~RingFlight() {
  memory::frames.keep_in_reserve(-static_cast<std::ptrdiff_t>(most_bytes));
  all_.remove(*this);
}

namespace {

/// What an answer means where the wait was cut short. What was done before stays done.
std::int32_t cut_answer(const RingSubmission& entry, std::int32_t answer) {
  const bool nothing_ready = entry.operation == RingOperation::poll && answer == 0;
  const bool cut =
      nothing_ready || answer == failed(Errno::eintr) || answer == failed(Errno::etimedout);
  return cut ? failed(Errno::ecanceled) : answer;
}

}  // namespace

void Ring::start(std::unique_ptr<RingFlight> first) {
  scope_.spawn(fly(std::move(first)),
               {.name = "ring", .priority = thread_.limit(), .harts = thread_.harts()});
}

async::Task<> Ring::fly(std::unique_ptr<RingFlight> first) {
  bool broken = false, timed_out = false;
  for (auto flight = std::move(first); flight != nullptr;) {
    std::int32_t answer = failed(Errno::ecanceled);
    if (is_link_timeout(flight->entry)) {
      if (timed_out) answer = failed(Errno::etime);
      timed_out = false;
    } else if ((flight->entry.flags & abi::ring_multishot) != 0) {
      co_await read_pieces(*flight);
      co_return;
    } else {
      broken |= flight->cancelled || async::is_cancelled();
      if (!broken) answer = co_await carry_out(*flight, timed_out);
      broken |= !has_done_all(flight->entry, answer);
    }
    complete(*flight, answer);
    flight = std::move(flight->linked);
  }
}

/// After an attempt has answered must_wait: for the operation itself, or first for a page of memory
/// that it has come upon.
trap::WaitingCall Ring::wait(const RingFlight& flight, bool for_page) {
  const auto wait = [this, &entry = flight.entry] { return wait_operation(thread_, entry); };
  if (!for_page) return wait();
  const auto now = [this, &entry = flight.entry] { return attempt(entry); };
  return trap::WaitingCall{call_again(thread_.space(), now, wait)};
}

async::Task<std::int32_t> Ring::carry_out(RingFlight& flight, bool& timed_out) {
  flight.job = &async::current_job();
  begin_time(flight.entry);
  Register answer = attempt(flight.entry);
  if (answer != trap::must_wait) {
    co_await sys::let_others_run(thread_);
  } else {
    std::optional<async::DeadlineScope> limit;
    if (flight.linked != nullptr && is_link_timeout(flight.linked->entry)) {
      begin_time(flight.linked->entry);
      limit.emplace(deadline_of(flight.linked->entry));
    }
    answer = co_await wait(flight, thread_.space().awaits_page());
    if (answer == trap::must_wait) answer = co_await wait(flight, true);
    timed_out = limit && limit->leave();
  }
  flight.job = nullptr;
  const auto result = static_cast<std::int32_t>(answer);
  const bool cut = timed_out || async::is_cancelled();
  co_return cut ? cut_answer(flight.entry, result) : result;
}

// ── Joined ones ──

/// Begins the transfer of `joined`. `first` is the first submission, and `shared` begins with it.
/// Takes as many submissions as there is memory for, and returns their number.
std::uint32_t Ring::start_as_one(const RingSubmission& first, const Joined& joined,
                                 RingView::Submissions shared) {
  RingSubmission part = first;
  std::unique_ptr<RingFlight> flights;
  auto* end = &flights;
  std::uint32_t count = 0;
  for (const std::uint32_t length : joined.lengths) {
    if (!memory::admit(RingFlight::most_bytes)) break;
    part.length = length;
    part.user_data = read_once(shared[count].user_data);
    *end = std::make_unique<RingFlight>(flights_, part);
    (*end)->joined = true;
    end = &(*end)->linked;
    part = after(part);
    ++count;
  }
  if (count == 0) return 0;
  in_flight_ += count;
  scope_.spawn(fly_as_one(std::move(flights)),
               {.name = "ring", .priority = thread_.limit(), .harts = thread_.harts()});
  return count;
}

/// One transfer, then one by one what that leaves: so that errors come to those whom they concern.
async::Task<> Ring::fly_as_one(std::unique_ptr<RingFlight> first) {
  std::uint32_t bytes = 0;
  for (const RingFlight* part = first.get(); part != nullptr; part = part->linked.get()) {
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

/// A multishot read: `flight` is one, and in no chain.
async::Task<> Ring::read_pieces(RingFlight& flight) {
  RingSubmission& entry = flight.entry;
  const std::uint64_t end = entry.address + entry.length;
  const std::uint32_t piece_bytes = entry.options;
  bool timed_out = false;
  for (std::uint32_t piece = 0;; ++piece) {
    entry.length = std::min(piece_bytes, static_cast<std::uint32_t>(end - entry.address));
    std::int32_t answer = failed(Errno::ecanceled);
    if (!flight.cancelled && !async::is_cancelled()) answer = co_await carry_out(flight, timed_out);
    entry.address += entry.length;
    if (answer > 0 && entry.offset != abi::ring_current_place) {
      entry.offset += static_cast<std::uint32_t>(answer);
    }
    const std::uint32_t flags = piece << abi::ring_piece_shift;
    if (answer <= 0 || entry.address == end || !has_spare_room()) {
      complete(flight, answer, flags);
      co_return;
    }
    post(entry.user_data, answer, flags | abi::ring_more);
  }
}

Result<std::uint32_t> Ring::cancel(const RingSubmission& entry) {
  const bool all = (entry.options & abi::ring_cancel_all) != 0;
  std::uint32_t count = 0;
  for (RingFlight& flight : flights_) {
    if (flight.entry.user_data != entry.address || flight.cancelled) continue;
    flight.cancelled = true;
    if (flight.job != nullptr && !flight.joined) flight.job->cancel();
    ++count;
    if (!all) break;
  }
  if (count == 0) return fail(Errno::enoent);
  return count;
}

}  // namespace kernel
