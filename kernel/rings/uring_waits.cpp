// The operations of io_uring that wait for events or for time, and those that end other requests.
#include <abi/events.h>

#include <algorithm>

#include "process/asks_for.h"
#include "process/steps.h"
#include "rings/uring_operations.h"

namespace kernel::uring {

namespace {

constexpr short always_reported = abi::pollerr | abi::pollhup;

short poll_mask(const Sqe& sqe) {
  return static_cast<short>(sqe.op_flags | always_reported);
}

/// Whether a completion may make `file` ready. A multishot poll of such a file ends at its first
/// completion, so that it does not cause itself.
bool may_cause_itself(const Context& context, File& file) {
  return &file == context.eventfd.get() || file.epoll() != nullptr ||
         RingFile::from(&file) != nullptr;
}

/// The pending events of the file for which the poll waits.
short poll_once(Request& request, File& file) {
  const sys::AsksFor asks{request.thread()};
  return static_cast<short>(file.readiness() & poll_mask(request.sqe));
}

async::Task<Result<int>> poll_file(Request& request, Ref<File> file) {
  const Sqe& sqe = request.sqe;
  for (;;) {
    const bool reads = (sqe.op_flags & (abi::pollin | abi::pollrdnorm | abi::pollrdhup)) != 0;
    const bool writes = (sqe.op_flags & (abi::pollout | abi::pollwrnorm)) != 0;
    const bool both = !reads && !writes;
    FileWait wait{request, *file, reads || both, writes || both};
    const short ready = poll_once(request, *file);
    if (ready != 0) {
      if (!is_multishot(sqe) || may_cause_itself(request.context, *file)) co_return ready;
      if (!request.context.post_more(request, ready, 0)) co_return ready;
    }
    if (co_await wait.wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

}  // namespace

Register poll_add(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  File* const file = file_of(context, self, sqe);
  if (file == nullptr) return error(Errno::ebadf);
  if (!is_multishot(sqe)) {
    const auto ready = static_cast<short>(file->readiness() & poll_mask(sqe));
    if (ready != 0) return encoded(Result<int>{ready});
  }
  if (request == nullptr) return trap::would_block;
  return encoded(self.wait([&] { return poll_file(*request, Ref<File>::share(*file)); }));
}

Result<int> poll_remove(Context& context, const Sqe& sqe) {
  using namespace abi::uring;
  Request* const found = context.find_request(Op::poll_add, sqe.addr);
  if (found == nullptr) return fail(Errno::enoent);
  const bool changes_events = (sqe.len & poll_update_events) != 0;
  const bool changes_data = (sqe.len & poll_update_user_data) != 0;
  if (!changes_events && !changes_data) {
    found->cancel();
    return 0;
  }
  if (changes_events) found->sqe.op_flags = sqe.op_flags;
  if (changes_data) found->change_user_data(sqe.off);
  found->changed.wake_all();
  return 0;
}

// ── Timeouts ──

namespace {

async::Task<Result<int>> run_timeout(Request& request) {
  const bool repeats = (request.sqe.op_flags & abi::uring::timeout_multishot) != 0;
  const std::uint64_t count = request.sqe.off;
  for (std::uint64_t round = 1;; ++round) {
    const bool is_reached =
        !repeats && count != 0 && request.context.posted() - request.began_at >= count;
    if (is_reached) co_return 0;
    const auto woken = co_await request.changed.wait_until(request.due, "io_uring timeout");
    if (woken == async::WaitResult::woken) {
      --round;
      continue;
    }
    if (woken == async::WaitResult::cancelled) co_return fail(Errno::eintr);
    const bool is_last = !repeats || round == count;
    if (is_last || !request.context.post_more(request, failed(Errno::etime), 0))
      co_return fail(Errno::etime);
    request.due += request.interval;
  }
}

/// A timeout counts completions as long as this object exists.
async::Task<Result<int>> run_counted_timeout(Request& request) {
  const Context::CountsCompletions counts{request};
  co_return co_await run_timeout(request);
}

/// The job of a timeout whose thread has ended. It keeps the ring meanwhile.
async::Task<> run_alone(Ref<Context> context, std::unique_ptr<Request> request) {
  Result<int> ended = fail(Errno::eintr);
  // The ring, or the request, may have ended before this job began.
  if (!request->cancelled && !context->is_closed()) {
    request->job = &async::current_job();
    ended = request->sqe.off != 0 ? co_await run_counted_timeout(*request)
                                  : co_await run_timeout(*request);
    request->job = nullptr;
  }
  const auto answer = static_cast<std::int32_t>(encoded(ended));
  const bool is_cut = request->cancelled || async::is_cancelled();
  request->complete(is_cut ? request->cut_answer(answer) : answer);
}

}  // namespace

void Request::continue_alone(std::unique_ptr<InFlightRequest> self) {
  std::exchange(submitter_, nullptr)->requests_.remove(*this);
  cancelled = outlives_thread_ = is_silent_ = false;
  std::unique_ptr<Request> request{static_cast<Request*>(self.release())};
  async::spawn(run_alone(Ref<Context>::share(context), std::move(request)),
               {.name = "io_uring timeout"})
      .detach();
}

Register wait_for_time(Thread& self, Request* request) {
  if (request == nullptr) return trap::would_block;
  if (request->sqe.off != 0)
    return encoded(self.wait([&] { return run_counted_timeout(*request); }));
  return encoded(self.wait([&] { return run_timeout(*request); }));
}

Result<int> timeout_remove(Context& context, Thread& self, const Sqe& sqe) {
  using namespace abi::uring;
  const bool is_link = (sqe.op_flags & link_timeout_update) != 0;
  Request* const found = context.find_request(is_link ? Op::link_timeout : Op::timeout, sqe.addr);
  if (!is_link && (sqe.op_flags & timeout_update) == 0) {
    if (found == nullptr) return fail(Errno::enoent);
    found->cancel();
    return 0;
  }
  const auto time = read_duration(self, sqe.off);
  if (!time) return fail(time.error());
  if (*time < async::Duration::zero()) return fail(Errno::einval);
  if (found == nullptr) return fail(Errno::enoent);
  found->interval = *time;
  found->set_due(deadline_for(*time, sqe.op_flags));
  return 0;
}

// ── Cancelling ──

Register async_cancel(Context& context, Thread& self, const Sqe& sqe, const Request* request) {
  const File* file = nullptr;
  if ((sqe.op_flags & abi::uring::cancel_fd) != 0) {
    const bool is_fixed = (sqe.op_flags & abi::uring::cancel_fd_fixed) != 0;
    file = is_fixed ? context.files.find(sqe.fd) : self.process().files().find(sqe.fd);
    if (file == nullptr) return error(Errno::ebadf);
  }
  const CancelQuery query{.user_data = sqe.addr,
                          .file = file,
                          .flags = sqe.op_flags,
                          .operation = static_cast<Op>(sqe.len),
                          .except = request};
  if (!is_long(context, query)) return encoded(cancel_matching(context, query));
  if (request == nullptr) return trap::would_block;
  return encoded(
      self.wait([&] { return cancel_in_steps(Ref<Context>::share(context), self, query); }));
}

namespace {

bool cancels_all(const CancelQuery& query) {
  return (query.flags & (abi::uring::cancel_all | abi::uring::cancel_any)) != 0;
}
bool cancels_by_data(const CancelQuery& query) {
  using namespace abi::uring;
  return (query.flags & cancel_user_data) != 0 || (query.flags & (cancel_fd | cancel_op)) == 0;
}
bool is_wanted(const CancelQuery& query, const InFlightRequest& in_flight) {
  using namespace abi::uring;
  const auto& request = static_cast<const Request&>(in_flight);
  if (&request == query.except) return false;
  if ((query.flags & cancel_any) != 0) return true;
  if ((query.flags & cancel_fd) != 0 && request.file != query.file) return false;
  if ((query.flags & cancel_op) != 0 && request.sqe.opcode != query.operation) return false;
  return !cancels_by_data(query) || request.user_data() == query.user_data;
}
/// `last`: the operation of the last request that was cancelled.
Result<int> cancelled(const CancelQuery& query, std::uint32_t count, Op last) {
  if (cancels_all(query)) return static_cast<int>(count);
  if (count == 0) return fail(Errno::enoent);
  return cancel_returns_one(last) ? 1 : 0;
}

constexpr std::uint32_t most_visited = 512;  // requests, in one step

}  // namespace

Result<int> cancel_matching(Context& context, const CancelQuery& query) {
  const bool all = cancels_all(query);
  const bool only_by_data = cancels_by_data(query) && (query.flags & abi::uring::cancel_any) == 0;
  Op last{};
  const auto matches = [&](const InFlightRequest& request) {
    last = static_cast<const Request&>(request).sqe.opcode;
    return is_wanted(query, request);
  };
  RequestTable& requests = context.requests();
  const std::uint32_t count = only_by_data ? requests.cancel_of(query.user_data, all, matches)
                                           : requests.cancel(all, matches);
  return cancelled(query, count, last);
}

bool cancel_returns_one(Op operation) {
  return operation == Op::waitid || operation == Op::futex_wait || operation == Op::futex_waitv;
}

bool is_long(Context& context, const CancelQuery& query) {
  const bool looks_up = cancels_by_data(query) && !cancels_all(query);
  return !looks_up && context.requests().count() > most_visited;
}

async::Task<Result<int>> cancel_in_steps(Ref<Context> context, Thread& self, CancelQuery query) {
  RequestTable::Walk walk{context->requests()};
  std::uint32_t count = 0, visited = 0;
  Op last{};
  while (InFlightRequest* const request = walk.next()) {
    if (!request->cancelled && is_wanted(query, *request)) {
      request->cancel();
      last = static_cast<const Request*>(request)->sqe.opcode;
      ++count;
      if (!cancels_all(query)) break;
    }
    if (++visited % most_visited == 0) co_await sys::cond_resched(self);
  }
  co_return cancelled(query, count, last);
}

}  // namespace kernel::uring
