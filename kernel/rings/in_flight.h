// Requests in flight: submissions that did not complete at once, of both kinds of rings: Cotrap's
// (ring.h) and io_uring's (uring.h). Nothing here knows the layout of a ring.
//
// One coroutine carries out a chain of linked requests (run_chain()). All of it runs in the strand.
#pragma once

#include <abi/errno.h>
#include <async/cancel.h>
#include <async/job.h>
#include <async/task.h>
#include <async/time.h>
#include <kernel/list.h>
#include <trap/typed_call.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace kernel {

class Thread;
using trap::Register;

class RequestTable;

/// A submission that waits, or that is linked behind a waiting one. Each kind of ring derives a
/// class.
class InFlightRequest : public ListNode<>, public ListNode<struct SameUserData> {
 public:
  /// `table`: the requests of the ring. `bytes`: the memory in reserve for the request.
  InFlightRequest(RequestTable& table, std::uint64_t user_data, std::size_t bytes = most_bytes);
  virtual ~InFlightRequest();

  // For run_chain().

  /// Calls the handler of the operation, for `thread`. The wait that the handler leaves in
  /// `thread.waiting` refers to this object.
  virtual Register answer(Thread& thread) = 0;
  /// Called before the operation begins: makes a relative time absolute.
  virtual void begin() {}
  /// The answer of a request that must not be carried out; 0: it can be.
  virtual std::int32_t refusal() const { return 0; }
  /// Whether the request limits the time of the one before it.
  virtual bool is_link_timeout() const = 0;
  /// The deadline of a link timeout whose begin() has been called.
  virtual async::Instant deadline() const = 0;
  /// The result of an operation that has answered `answer` after a cancellation or a link timeout
  /// ended its wait.
  virtual std::int32_t cut_answer(std::int32_t answer) const;
  /// The result of a link timeout that has ended the wait of this request.
  virtual std::int32_t link_timeout_answer() const;
  /// Whether the next linked request begins after this answer.
  virtual bool lets_next_begin(std::int32_t answer) const = 0;
  /// Whether the next linked request begins although this one was cancelled.
  virtual bool next_outlives_cancel() const { return false; }
  /// Whether the request, whose wait ended with `answer`, continues although its thread ends.
  virtual bool outlives_thread(std::int32_t /*answer*/) const { return false; }
  /// The request continues in a job of its own. `self` is this request.
  virtual void continue_alone(std::unique_ptr<InFlightRequest> /*self*/) {}
  /// Posts the last completion.
  virtual void complete(std::int32_t answer) = 0;

  /// The program's value for the request. Several requests may have the same value.
  std::uint64_t user_data() const { return user_data_; }

  /// Cancels the request, alone or with the rest of its chain.
  void cancel() {
    cancelled = true;
    if (job != nullptr && !merged) job->cancel();
  }

  std::unique_ptr<InFlightRequest> linked;  ///< the next one of the chain or of the merged transfer
  /// In a link timeout: the deadline of the request before it, while that request waits; else null.
  async::DeadlineScope* limit = nullptr;
  async::Job* job = nullptr;  ///< carries the request out; null before and after
  bool cancelled = false;
  bool merged = false;  ///< part of a merged transfer, which is not cancelled for one of its parts

  /// The most memory that a request of Cotrap's ring needs while it is carried out, coroutine
  /// frames included.
  static constexpr std::size_t most_bytes = 1024;

 private:
  friend RequestTable;

  RequestTable& table_;
  std::uint64_t user_data_;
  std::size_t reserved_;
};

/// The requests in flight of a ring: in the order of their submission, and by their user data.
class RequestTable {
 public:
  /// For a ring with room for `completions`. The caller has made sure of bytes_for(completions).
  explicit RequestTable(std::uint32_t completions);
  static std::size_t bytes_for(std::uint32_t completions) {
    return lists_for(completions) * sizeof(SameKey);
  }

  std::uint32_t count() const { return count_; }
  void change_user_data(InFlightRequest& request, std::uint64_t user_data);

  /// Cancels the oldest request for which is_wanted(InFlightRequest&), or all of them. Returns
  /// their number.
  template <class Wanted>
  std::uint32_t cancel(bool all, Wanted&& is_wanted) {
    return cancel_in(requests_, all, is_wanted);
  }
  /// cancel() among the requests with this user data. Its cost does not depend on other requests.
  template <class Wanted>
  std::uint32_t cancel_of(std::uint64_t user_data, bool all, Wanted&& is_wanted) {
    return cancel_in(list_of(user_data), all, [&](InFlightRequest& request) {
      return request.user_data_ == user_data && is_wanted(request);
    });
  }
  /// The oldest request with this user data for which is_wanted(InFlightRequest&), and which has
  /// not been cancelled; null: none.
  template <class Wanted>
  InFlightRequest* find(std::uint64_t user_data, Wanted&& is_wanted) {
    for (InFlightRequest& request : list_of(user_data)) {
      ++visited_;
      if (request.user_data_ == user_data && !request.cancelled && is_wanted(request))
        return &request;
    }
    return nullptr;
  }

  /// Goes through the requests in several steps; they may end between two steps. It visits no more
  /// requests than there were at its beginning.
  class Walk : public ListNode<> {
   public:
    explicit Walk(RequestTable& table);
    ~Walk();
    /// The next request; null: there is none.
    InFlightRequest* next();

   private:
    friend RequestTable;
    RequestTable& table_;
    InFlightRequest* next_;
    std::uint32_t left_;
  };

  /// The cost of the visits since the last call, in bytes (steps.h).
  std::size_t take_visits() {
    constexpr std::size_t visit_cost = 16;
    return std::exchange(visited_, 0) * visit_cost;
  }

 private:
  friend InFlightRequest;
  using SameKey = List<InFlightRequest, SameUserData>;

  static std::uint32_t lists_for(std::uint32_t completions) {
    constexpr std::uint32_t requests_of_a_list = 8, most_lists = 256;
    return std::clamp(std::bit_ceil(completions) / requests_of_a_list, 1u, most_lists);
  }
  SameKey& list_of(std::uint64_t user_data) {
    // Programs use small numbers, and addresses.
    return lists_[(user_data ^ user_data >> 6 ^ user_data >> 12) & mask_];
  }
  template <class Requests, class Wanted>
  std::uint32_t cancel_in(Requests& requests, bool all, Wanted&& is_wanted) {
    std::uint32_t count = 0;
    for (InFlightRequest& request : requests) {
      ++visited_;
      if (request.cancelled || !is_wanted(request)) continue;
      request.cancel();
      ++count;
      if (!all) break;
    }
    return count;
  }
  void add(InFlightRequest& request);
  void remove(InFlightRequest& request);
  InFlightRequest* after(InFlightRequest& request);

  List<InFlightRequest> requests_;
  List<Walk> walks_;
  std::size_t visited_ = 0;
  std::uint32_t count_ = 0;
  const std::uint32_t mask_;
  const std::unique_ptr<SameKey[]> lists_;
};

/// The result of a submission that fails with `error`.
constexpr std::int32_t failed(abi::Errno error) {
  return -static_cast<std::int32_t>(error);
}

template <class Value>
Register encoded(const Value& value) {
  return trap::ToRegister<Value>::encode(value);
}
inline Register encoded(std::unexpected<Errno> error) {
  return trap::encode_error(error.error());
}

/// The cost of a step is counted in bytes (steps.h): the bytes moved, and this for each submission.
inline constexpr std::size_t entry_cost = 256;
/// The pause of submission polling between two looks at the ring.
inline constexpr async::Duration polling_pause = std::chrono::microseconds{20};

/// The level at which requests of `thread` wait and complete. It is more urgent than the thread's
/// program. So when the wait of a request ends, the request completes although the program
/// computes, and an upcall may run the coroutine that waits. A request that takes several steps,
/// and one that follows in a chain, has the thread's own level. No thread has level 0 or 1. A
/// SCHED_IDLE thread would reach the level of CPU-bound threads.
std::uint8_t level_of_requests(const Thread& thread);

/// Carries out the requests of a chain, one after the other, and completes them.
async::Task<> run_chain(Thread& thread, std::unique_ptr<InFlightRequest> first);
/// Carries out one request. `timed_out`: out; whether the link timeout behind it has ended it.
async::Task<std::int32_t> carry_out(Thread& thread, InFlightRequest& request, bool& timed_out);

}  // namespace kernel
