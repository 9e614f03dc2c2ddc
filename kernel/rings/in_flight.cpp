#include "rings/in_flight.h"

#include <async/async.h>

#include <optional>
#include <utility>

#include "memory/frames.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "process/thread.h"

namespace kernel {

InFlightRequest::InFlightRequest(RequestTable& table, std::uint64_t user_data, std::size_t bytes)
    : table_{table}, user_data_{user_data}, reserved_{bytes} {
  async::Strand::check_access();
  table.add(*this);
  memory::frames.grow_reserve(static_cast<std::ptrdiff_t>(reserved_));
}

InFlightRequest::~InFlightRequest() {
  async::Strand::check_access();
  memory::frames.grow_reserve(-static_cast<std::ptrdiff_t>(reserved_));
  table_.remove(*this);
}

RequestTable::RequestTable(std::uint32_t completions)
    : mask_{lists_for(completions) - 1},
      lists_{std::make_unique<SameKey[]>(lists_for(completions))} {}

void RequestTable::add(InFlightRequest& request) {
  ++count_;
  requests_.push_back(request);
  list_of(request.user_data_).push_back(request);
}

void RequestTable::remove(InFlightRequest& request) {
  if (!walks_.empty()) [[unlikely]] {
    for (Walk& walk : walks_)
      if (walk.next_ == &request) walk.next_ = after(request);
  }
  --count_;
  requests_.remove(request);
  lists_[0].remove(request);  // a removal does not use the list
}

void RequestTable::change_user_data(InFlightRequest& request, std::uint64_t user_data) {
  list_of(request.user_data_).remove(request);
  request.user_data_ = user_data;
  list_of(user_data).push_back(request);
}

InFlightRequest* RequestTable::after(InFlightRequest& request) {
  List<InFlightRequest>::Iterator place{&static_cast<ListNode<>&>(request)};
  return ++place == requests_.end() ? nullptr : &*place;
}

RequestTable::Walk::Walk(RequestTable& table)
    : table_{table},
      next_{table.requests_.empty() ? nullptr : &table.requests_.front()},
      left_{table.count_} {
  table.walks_.push_back(*this);
}

RequestTable::Walk::~Walk() {
  table_.walks_.remove(*this);
}

InFlightRequest* RequestTable::Walk::next() {
  InFlightRequest* const request = next_;
  if (request == nullptr || left_-- == 0) return nullptr;
  next_ = table_.after(*request);
  return request;
}

std::int32_t InFlightRequest::cut_answer(std::int32_t answer) const {
  // EAGAIN: a socket's wait has timed out.
  const bool cut = answer == failed(Errno::eintr) || answer == failed(Errno::etimedout) ||
                   answer == failed(Errno::eagain);
  return cut ? failed(Errno::ecanceled) : answer;
}

std::int32_t InFlightRequest::link_timeout_answer() const {
  return failed(Errno::etime);
}

std::uint8_t level_of_requests(const Thread& thread) {
  const std::uint8_t limit = thread.limit();
  return limit == async::priorities - 1 ? limit : limit - 1;
}

async::Task<> run_chain(Thread& thread, std::unique_ptr<InFlightRequest> first) {
  constexpr unsigned most_in_step = 64;  // completions of a broken chain
  bool broken = false;
  std::int32_t link_timeout_answer = 0;  // 0: the last request was not timed out
  unsigned count = 0;
  for (auto request = std::move(first); request != nullptr;) {
    if (++count % most_in_step == 0) co_await sys::cond_resched(thread);
    std::int32_t answer = failed(Errno::ecanceled);
    if (const std::int32_t refusal = request->refusal(); refusal != 0) {
      answer = refusal;
      broken = true;
    } else if (request->is_link_timeout()) {
      if (const std::int32_t ended = std::exchange(link_timeout_answer, 0); ended != 0)
        answer = ended;
    } else {
      broken |= request->cancelled || async::is_cancelled();
      bool timed_out = false;
      if (!broken) answer = co_await carry_out(thread, *request, timed_out);
      if (timed_out) link_timeout_answer = request->link_timeout_answer();
      broken |= !request->lets_next_begin(answer);
      if (request->cancelled && request->next_outlives_cancel()) {
        async::current_job().revoke_cancel();
        broken = false;
      }
    }
    if (request->outlives_thread(answer)) [[unlikely]] {
      InFlightRequest& last = *request;
      co_return last.continue_alone(std::move(request));
    }
    request->complete(answer);
    request = std::move(request->linked);
    if (request != nullptr) {
      async::current_executor().set_priority(async::current_job(), thread.limit());
    }
  }
}

async::Task<std::int32_t> carry_out(Thread& thread, InFlightRequest& request, bool& timed_out) {
  const auto make = [&thread, &request] { return request.answer(thread); };
  request.job = &async::current_job();
  request.begin();
  trap::WaitingCall waiting;
  Register result = begin_call(thread, waiting, make);
  if (result != trap::would_block) {
    co_await sys::cond_resched(thread);
  } else {
    std::optional<async::DeadlineScope> limit;
    if (request.linked != nullptr && request.linked->is_link_timeout()) {
      request.linked->begin();
      limit.emplace(request.linked->deadline());
      request.linked->limit = &*limit;
    }
    result = co_await awaited_call(waiting, make);
    if (result == trap::would_block)
      result = co_await finish_call(thread, awaited_call(waiting, make));
    timed_out = limit && limit->leave();
    if (limit) request.linked->limit = nullptr;
  }
  request.job = nullptr;
  const auto answer = static_cast<std::int32_t>(result);
  const bool cut = timed_out || async::is_cancelled();
  co_return cut ? request.cut_answer(answer) : answer;
}

}  // namespace kernel
