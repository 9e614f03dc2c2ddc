// Channel<T, capacity>: a bounded queue between tasks. A sender waits while it is full, a receiver
// while it is empty; values pass straight to a waiting receiver, and from a waiting sender into the
// room that a receive makes, so order holds and nobody overtakes. Capacity 0 is a rendezvous.
//
// close(): receivers still get what was sent, then `closed`; senders get `closed` at once and keep
// their value's destruction. T moves without throwing. Task context.
#pragma once

#include <array>
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
 public:
  class [[nodiscard("co_await it")]] SendOp {
   public:
    SendOp(Channel& channel, T value, const char* reason) noexcept
        : channel_(channel), value_(std::move(value)), reason_(reason) {}
    SendOp(const SendOp&) = delete;
    ~SendOp() { entry_.unlink(); }

    bool await_ready() noexcept {
      if (entry_.job->refuses_to_wait()) return true;
      entry_.job->set_result(channel_.closed_ ? WaitResult::closed : WaitResult::woken);
      return channel_.closed_ || channel_.offer(value_);
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      channel_.suspend(channel_.senders_, entry_, &value_, reason_, self);
    }
    /// `woken`: it was sent.
    WaitResult await_resume() const noexcept { return entry_.job->result(); }

   private:
    Channel& channel_;
    T value_;
    const char* reason_;
    KeyedEntry entry_{&current_job(), {}};
  };

  class [[nodiscard("co_await it")]] ReceiveOp {
   public:
    ReceiveOp(Channel& channel, const char* reason) noexcept : channel_(channel), reason_(reason) {}
    ReceiveOp(const ReceiveOp&) = delete;
    ~ReceiveOp() { entry_.unlink(); }

    bool await_ready() noexcept {
      if (entry_.job->refuses_to_wait()) return true;
      entry_.job->set_result(channel_.closed_ ? WaitResult::closed : WaitResult::woken);
      return channel_.take(value_) || channel_.closed_;
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      channel_.suspend(channel_.receivers_, entry_, &value_, reason_, self);
    }
    std::expected<T, WaitResult> await_resume() noexcept {
      if (value_) return std::move(*value_);
      return std::unexpected(entry_.job->result());
    }

   private:
    Channel& channel_;
    const char* reason_;
    std::optional<T> value_;
    KeyedEntry entry_{&current_job(), {}};
  };

  Channel() noexcept = default;
  Channel(const Channel&) = delete;
  ~Channel() {
    while (size_ != 0) pop();
  }

  /// Waits for room. Cancellation point; result `woken` if sent, else the value is dropped.
  SendOp send(T value, const char* reason = "channel full") noexcept {
    return SendOp(*this, std::move(value), reason);
  }
  /// Waits for a value. Cancellation point.
  ReceiveOp receive(const char* reason = "channel empty") noexcept {
    return ReceiveOp(*this, reason);
  }
  /// False, and `value` untouched, if it would wait or the channel is closed.
  bool try_send(T& value) noexcept { return !closed_ && offer(value); }
  std::optional<T> try_receive() noexcept {
    std::optional<T> value;
    take(value);
    return value;
  }
  void close() noexcept {
    closed_ = true;
    receivers_.wake_all(WaitResult::closed);
    senders_.wake_all(WaitResult::closed);
  }
  bool is_closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }

 private:
  void suspend(WaitList& list, KeyedEntry& entry, void* value, const char* reason,
               std::coroutine_handle<> self) noexcept {
    entry.key.value = reinterpret_cast<std::uintptr_t>(value);
    list.insert(entry);
    entry.job->prepare(&list, reason);
    entry.job->suspend_alone(self);
  }
  /// The first waiter that still waits, made ready; what it registered.
  template <class V>
  static V* claim(WaitList& list) noexcept {
    V* claimed = nullptr;
    list.wake_some(1, [&](Key key) {
      claimed = reinterpret_cast<V*>(key.value);
      return true;
    });
    return claimed;
  }
  bool offer(T& value) noexcept {
    if (!receivers_.empty()) {
      if (auto* slot = claim<std::optional<T>>(receivers_); slot != nullptr) {
        slot->emplace(std::move(value));
        return true;
      }
    }
    if (size_ == capacity) return false;
    push(std::move(value));
    return true;
  }
  bool take(std::optional<T>& into) noexcept {
    if (size_ != 0) into.emplace(pop());
    if (!senders_.empty()) {
      if (T* value = claim<T>(senders_); value != nullptr) {
        if (into) {
          push(std::move(*value));
        } else {
          into.emplace(std::move(*value));
        }
      }
    }
    return into.has_value();
  }
  void push(T value) noexcept {
    std::construct_at(at((first_ + size_++) % (capacity == 0 ? 1 : capacity)), std::move(value));
  }
  T pop() noexcept {
    T* const slot = at(first_);
    T value = std::move(*slot);
    std::destroy_at(slot);
    first_ = (first_ + 1) % (capacity == 0 ? 1 : capacity);
    --size_;
    return value;
  }
  T* at(std::size_t index) noexcept { return reinterpret_cast<T*>(storage_) + index; }

  alignas(T) std::byte storage_[sizeof(T) * (capacity == 0 ? 1 : capacity)];
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  bool closed_ = false;
  WaitList senders_;    // not empty only if full; keys point to the T to send
  WaitList receivers_;  // not empty only if empty; keys point to the optional<T> to fill
};

}  // namespace async
