// Taking submissions of an io_uring. A submission that does not block is completed here, in the
// same step.
#include <algorithm>
#include <bit>
#include <utility>

#include "process/steps.h"
#include "rings/uring.h"

namespace kernel::uring {

namespace {

constexpr std::uint8_t link_flags = abi::uring::sqe_io_link | abi::uring::sqe_io_hardlink;

Sqe copy_sqe(const Sqe& shared) {
  return copy_once(shared);
}

}  // namespace

/// Chains while take() assembles them.
class Context::Chain {
 public:
  explicit Chain(Context& context) : context_{context} {}
  bool is_open() const { return context_.open_chain_ != nullptr; }
  bool ends_with_link_timeout() const { return context_.open_last_->is_link_timeout(); }

  void add(std::unique_ptr<Request> request, bool drains) {
    Request* const made = request.get();
    if (is_open()) {
      // An invalid member cancels the whole chain.
      if (made->is_refused()) context_.open_chain_->refuse(failed(Errno::ecanceled));
      context_.drains_next_ |= drains;
      context_.open_last_->linked = std::move(request);
    } else {
      context_.open_chain_ = std::move(request);
      context_.open_drains_ = drains || context_.drains_next_;
      context_.drains_next_ = false;
    }
    context_.open_drains_ |= drains;
    context_.open_last_ = made;
    if ((made->sqe.flags & link_flags) == 0) end();
  }
  void end() {
    if (is_open()) context_.start(std::move(context_.open_chain_), context_.open_drains_);
    context_.open_last_ = nullptr;
  }

 private:
  Context& context_;
};

void Context::end_chain() {
  Chain{*this}.end();
}

/// The next submission. Null: the program's index is invalid.
inline const Sqe* Context::next_sqe() {
  std::uint32_t index = sq_head_++ & (shape_.sq_entries - 1);
  if (!shape_.has(abi::uring::setup_no_sqarray)) {
    index = read_once(*ring_.at<std::uint32_t>(shape_.array_at() + index * sizeof index));
    if (index >= shape_.sq_entries) [[unlikely]] {
      write_once(header().sq_dropped, ++sq_dropped_);
      return nullptr;
    }
  }
  return sqes_.at<const Sqe>(std::size_t{index} * shape_.sqe_bytes());
}

template <bool shares>
Context::TakenAtOnce Context::take_at_once(Thread& self, std::uint32_t most) {
  if constexpr (shares) {
    if (!may_take_sharing(self) || is_claimed_.exchange(true, std::memory_order_acquire))
      return {.count = 0, .unread = 0};
  } else {
    async::Strand::check_access();
  }
  Header& header = this->header();
  const std::uint32_t sq_mask = shape_.sq_entries - 1, cq_mask = shape_.cq_entries - 1;
  const bool has_array = !shares || !shape_.has(abi::uring::setup_no_sqarray);
  const std::uint32_t first = sq_head_;
  const std::uint32_t room = cq_mask + 1 - unread();
  const std::uint32_t there =
      std::atomic_ref{header.sq_tail}.load(std::memory_order_acquire) - first;
  most = std::min({most, there, sq_mask + 1, room});
  const std::size_t array = array_at_;
  std::uint32_t head = first, tail = cq_tail_;
  for (std::size_t cost = 0; head - first < most && cost < sys::step_bytes; ++head, ++tail) {
    std::uint32_t index = head & sq_mask;
    if (has_array) index = read_once(*ring_.at<std::uint32_t>(array + index * sizeof index));
    if (index > sq_mask) break;
    const Sqe& shared = *sqes_.at<const Sqe>(std::size_t{index} * sizeof(Sqe));
    abi::uring::Cqe cqe{.user_data = 0, .res = 0, .flags = 0};
    if (is_plain_nop(shared)) {
      cqe.user_data = read_once(shared.user_data);
    } else {
      if constexpr (!shares) break;
      const Sqe sqe = copy_sqe(shared);
      const auto moved = answer_sharing(*this, self, sqe);
      if (blocks(moved)) break;
      cqe.user_data = sqe.user_data;
      cqe.res = moved ? static_cast<std::int32_t>(*moved) : failed(moved.error());
      cost += moved.value_or(0);
    }
    if constexpr (shares) cost += entry_cost;
    *ring_.at<abi::uring::Cqe>(sizeof(Header) + (tail & cq_mask) * sizeof cqe) = cqe;
  }
  TakenAtOnce taken{.count = head - first, .unread = 0};
  if (taken.count != 0) {
    sq_head_ = head;
    posted_ += taken.count;
    cq_tail_ = published_ = tail;
    std::atomic_ref{header.sq_head}.store(head, std::memory_order_release);
    std::atomic_ref{header.cq_tail}.store(tail, std::memory_order_release);
    if constexpr (shares) taken.unread = unread();
  }
  if constexpr (shares) is_claimed_.store(false, std::memory_order_release);
  return taken;
}
template Context::TakenAtOnce Context::take_at_once<false>(Thread&, std::uint32_t);
template Context::TakenAtOnce Context::take_at_once<true>(Thread&, std::uint32_t);

Result<Context::Taken> Context::take(Submitter& submitter, std::uint32_t most) {
  async::Strand::check_access();
  Thread& self = submitter.thread();
  const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
  Chain chain{*this};
  most = std::min(most, submitted());
  Taken taken{.count = 0, .more = false, .stopped = false};
  std::size_t cost = 0;
  is_batch_ = true;
  const bool takes_nops = restrictions == nullptr;
  while (taken.count < most) {
    if (cost >= sys::step_bytes) [[unlikely]] {
      taken.more = true;
      break;
    }
    cost += entry_cost;
    const Sqe* const shared = next_sqe();
    if (shared == nullptr) [[unlikely]] {
      taken.stopped = true;
      break;
    }
    ++taken.count;
    if (is_plain_nop(*shared) && takes_nops && !chain.is_open() && !drains_next_ &&
        deferred_.empty()) {
      post(read_once(shared->user_data), 0, 0);
      continue;
    }
    const One one = take_one(submitter, copy_sqe(*shared), cost);
    if (one == One::no_memory) {
      --sq_head_;
      --taken.count;
    }
    if (one != One::taken) {
      taken.stopped = true;
      break;
    }
  }
  if (!taken.more) chain.end();
  is_batch_ = false;
  std::atomic_ref{header().sq_head}.store(sq_head_, std::memory_order_release);
  if (published_ != cq_tail_ || has_overflow()) publish();
  if (!room_.empty()) room_.wake_all();
  if (taken.count == 0 && taken.stopped && most != 0 && is_out_of_memory_)
    return fail(Errno::eagain);
  return taken;
}

Context::One Context::take_one(Submitter& submitter, const Sqe& sqe, std::size_t& cost) {
  Thread& self = submitter.thread();
  Chain chain{*this};
  const bool is_linked = (sqe.flags & link_flags) != 0;
  const bool drains = (sqe.flags & abi::uring::sqe_io_drain) != 0;
  std::int32_t refusal = check(*this, sqe);
  if (refusal == 0 && sqe.opcode == abi::uring::Op::link_timeout &&
      (!chain.is_open() || chain.ends_with_link_timeout()))
    refusal = failed(Errno::einval);
  const bool may_stop = !shape_.has(abi::uring::setup_submit_all);
  if (!chain.is_open() && !is_linked) {
    if (refusal != 0) {
      post(sqe.user_data, refusal, 0);
      return may_stop ? One::invalid : One::taken;
    }
    const bool waits_for_others = (drains && in_flight_ != 0) || drains_next_ || !deferred_.empty();
    if (!waits_for_others && (sqe.flags & abi::uring::sqe_async) == 0) {
      const Register answer = uring::answer(*this, self, sqe, nullptr);
      if (answer != trap::would_block) {
        const auto result = static_cast<std::int32_t>(answer);
        cost += is_transfer(sqe) ? static_cast<std::uint32_t>(std::max(result, 0))
                                 : requests_.take_visits();
        const bool skips = (sqe.flags & abi::uring::sqe_cqe_skip_success) != 0;
        const std::uint32_t flags = std::exchange(flags_of_step, 0);
        if (!skips || is_failure(self, sqe, result)) post(sqe.user_data, result, flags);
        return One::taken;
      }
      // If the request needs a page-in, its coroutine does it.
      static_cast<void>(self.space().take_missed_page());
    }
  }
  is_out_of_memory_ = !memory::can_allocate(Request::most_bytes);
  if (is_out_of_memory_) return One::no_memory;
  auto request = std::make_unique<Request>(*this, submitter, sqe, refusal);
  static_cast<void>(self.space().take_missed_page());
  const bool is_invalid = request->is_refused();
  chain.add(std::move(request), drains);
  return is_invalid && !is_linked && may_stop ? One::invalid : One::taken;
}

// ── Submission polling ───────────────────────────────────────────────────────────────────────────

void Context::start_polling(Submitter& submitter, async::Duration idle) {
  submitter.spawn_polling(poll_submissions(Ref<Context>::share(*this), submitter, idle));
}

/// Takes submissions without a call of the program. After `idle` without any, it sets
/// sq_need_wakeup and sleeps until io_uring_enter wakes it.
async::Task<> Context::poll_submissions(Ref<Context>, Submitter& submitter, async::Duration idle) {
  async::Instant last = async::now();
  while (!async::is_cancelled() && !is_closed_) {
    bool has_taken = false;
    if (!is_disabled) {
      const auto taken = take(submitter, ~0u);
      has_taken = taken && taken->count != 0;
    }
    if (has_taken) {
      last = async::now();
      co_await sys::cond_resched(submitter.thread());
    } else if (!is_disabled && async::now() - last < idle) {
      (void)co_await async::sleep_for(polling_pause, "io_uring polling");
    } else {
      set_sq_flag(abi::uring::sq_need_wakeup, true);
      // Pairs with the program's fence. The program moves the tail, then reads the flag; the
      // kernel sets the flag, then reads the tail.
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (is_disabled || submitted() == 0) (void)co_await poller_wakes_.wait("io_uring polling");
      set_sq_flag(abi::uring::sq_need_wakeup, false);
      last = async::now();
    }
  }
  end_chain();
  has_lost_poller_ = true;
  waiters_.wake_all();
  room_.wake_all();
}

}  // namespace kernel::uring
