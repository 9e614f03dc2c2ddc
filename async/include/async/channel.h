// Channel<T, capacity>: a bounded queue between tasks. A sender waits while it is full, a receiver
// while it is empty. A wake reserves a slot for the woken sender, or a value for the woken
// receiver, so later callers cannot overtake it. Values arrive in the order they were sent.
//
// After close(), receivers still get the values that were sent, then `closed`. Senders get `closed`
// at once. Moving a T must not throw. Task context, in the strand or in a parallel job. In worlds
// with parallel jobs a lock protects the channel and both of its lists (list_lock.h). Moving and
// destroying a T then must use no other object.
//
// A job may destroy the channel if no other job uses it. A job whose wait ends with `woken`
// uses it until the await returns, any other waiter only until the wait ends.
#pragma once

#include <coroutine>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <utility>

#include "async/wait_list.h"

namespace async {

template <class T, std::size_t capacity>
class Channel {
  static_assert(capacity > 0);

 public:
  class [[nodiscard("co_await it")]] SendOp {
   public:
    SendOp(Channel& channel, T value, const char* reason) noexcept
        : channel_(channel), value_(std::move(value)), reason_(reason) {}
    SendOp(const SendOp&) = delete;

    bool await_ready() noexcept {
      channel_.receivers_.lock().visit_to_wake();
      return channel_.claim(channel_.slots_, channel_.closed_);
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      channel_.suspend(channel_.senders_, reason_, self);
    }
    /// `woken`: the value was sent.
    WaitResult await_resume() noexcept {
      const WaitResult result = current_job().result();
      const ListLock::WakeVisit visit(channel_.receivers_.lock(), result == WaitResult::woken);
      if (result != WaitResult::woken) return result;
      if (channel_.closed_) return WaitResult::closed;  // closed after the slot was reserved
      channel_.push(std::move(value_));
      return result;
    }

   private:
    Channel& channel_;
    T value_;
    const char* reason_;
  };

  class [[nodiscard("co_await it")]] ReceiveOp {
   public:
    ReceiveOp(Channel& channel, const char* reason) noexcept : channel_(channel), reason_(reason) {}
    ReceiveOp(const ReceiveOp&) = delete;

    bool await_ready() noexcept {
      channel_.senders_.lock().visit_to_wake();
      return channel_.claim(channel_.values_, channel_.closed_ && channel_.values_ == 0);
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      channel_.suspend(channel_.receivers_, reason_, self);
    }
    std::expected<T, WaitResult> await_resume() noexcept {
      const WaitResult result = current_job().result();
      const ListLock::WakeVisit visit(channel_.senders_.lock(), result == WaitResult::woken);
      if (result != WaitResult::woken) return std::unexpected(result);
      return channel_.pop();
    }

   private:
    Channel& channel_;
    const char* reason_;
  };

  Channel() noexcept {
    senders_.wakes_when<&Channel::has_slot>(*this);
    receivers_.wakes_when<&Channel::has_value>(*this);
  }
  Channel(const Channel&) = delete;
  ~Channel() {
    while (size_ != 0) pop();
  }

  /// Waits for a free slot. A cancellation point. `woken` if the value was sent, else it is
  /// dropped.
  SendOp send(T value, const char* reason = "channel full") noexcept {
    return SendOp(*this, std::move(value), reason);
  }
  /// Waits for a value. A cancellation point.
  ReceiveOp receive(const char* reason = "channel empty") noexcept {
    return ReceiveOp(*this, reason);
  }
  /// False if the channel is full or closed; `value` is then unchanged.
  bool try_send(T& value) noexcept {
    const ListLock::WakeGuard guard(receivers_.lock());
    if (closed_ || slots_ == 0) return false;
    --slots_;
    push(std::move(value));
    return true;
  }
  std::optional<T> try_receive() noexcept {
    const ListLock::WakeGuard guard(senders_.lock());
    if (values_ == 0) return std::nullopt;
    --values_;
    return pop();
  }
  void close() noexcept {
    const ListLock::WakeGuard guard(receivers_.lock(), senders_.lock());
    closed_ = true;
    receivers_.wake_all(WaitResult::closed);
    senders_.wake_all(WaitResult::closed);
  }
  /// The number of values in the channel, including those reserved for woken receivers.
  std::size_t size() const noexcept { return size_; }

 private:
  bool has_slot() const noexcept { return slots_ != 0 || closed_; }
  bool has_value() const noexcept { return values_ != 0 || closed_; }
  /// Claims a slot or a value for the running job; `count` is slots_ or values_. Returns false if
  /// the job must wait. Sets the job's result(): only `woken` means that the job has its claim.
  bool claim(std::size_t& count, bool closed) noexcept {
    Job& job = current_job();
    if (job.refuses_to_wait()) return true;
    job.set_result(closed ? WaitResult::closed : WaitResult::woken);
    if (closed) return true;
    if (count == 0) return false;
    --count;
    return true;
  }
  void suspend(WaitList& list, const char* reason, std::coroutine_handle<> self) noexcept {
    Job& job = current_job();
    job.prepare(&list, reason);
    list.insert(job);
    job.suspend(self);
  }
  /// Puts `value` into a claimed slot, and reserves it for the first waiting receiver.
  void push(T value) noexcept {
    std::construct_at(at(last_), std::move(value));
    last_ = last_ + 1 == capacity ? 0 : last_ + 1;
    ++size_;
    platform::InterruptGuard masked;
    if (!receivers_.wake_first()) ++values_;
  }
  /// Takes out a claimed value, and reserves its slot for the first waiting sender.
  T pop() noexcept {
    T* const slot = at(first_);
    T value = std::move(*slot);
    std::destroy_at(slot);
    first_ = first_ + 1 == capacity ? 0 : first_ + 1;
    --size_;
    platform::InterruptGuard masked;
    if (!senders_.wake_first()) ++slots_;
    return value;
  }
  T* at(std::size_t index) noexcept { return reinterpret_cast<T*>(storage_) + index; }

  alignas(T) std::byte storage_[sizeof(T) * capacity];
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::size_t size_ = 0;
  std::size_t slots_ = capacity;  // free slots that are not reserved
  std::size_t values_ = 0;        // values that are not reserved
  bool closed_ = false;
  WaitList senders_;
  WaitList receivers_{senders_.lock()};
};

}  // namespace async
