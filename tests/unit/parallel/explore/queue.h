// A queue whose readers wait and wake in steps that share the strand, like threads that read from a
// pipe or wait for a futex.
#pragma once

#include "async/leaf_lock.h"
#include "async/sharing_timer.h"
#include "leaving.h"

namespace parallel_test {

/// A queue like a pipe: its lock protects the number of items and the list of readers.
struct Queue {
  async::LeafLock lock;
  async::WaitList readers;
  Plain<unsigned> items = 0;
  Plain<unsigned> taken = 0;
};

inline bool try_take(Queue& queue) {
  const async::LeafLock::Guard lock{queue.lock};
  if (queue.items.get() == 0) return false;
  queue.items.add(-1u);
  queue.taken.add(1);
  return true;
}

struct WaitForItem {
  Queue& queue;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> reader) const {
    async::Job& job = async::current_job();
    {
      const async::LeafLock::Guard lock{queue.lock};
      if (queue.items.get() > 0 || job.is_stopped()) return false;
      job.prepare(&queue.readers, "item");
      queue.readers.insert(job);
      job.share_next_step();
      job.suspend(reader);
    }
    linger();  // another hart may wake the job before its step has ended
    return true;
  }
  void await_resume() const {}
};

/// Takes `count` items, and waits in steps that share the strand.
inline Task<> read(Queue& queue, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    leave();
    bool taken = false;
    {
      Sharing sharing;
      taken = try_take(queue);
      if (!taken) sharing.keep();
    }
    if (taken) {
      enter();
      continue;
    }
    co_await WaitForItem{queue};
    const bool is_cut_short = async::is_cancelled();
    if (!is_cut_short) check(try_take(queue), "a wake without an item");
    stop_sharing();
    if (is_cut_short) co_return;
  }
}

/// Puts an item, outside the strand, and wakes a reader.
inline Task<> write(Queue& queue) {
  leave();
  {
    const Sharing sharing;
    async::Job* reader = nullptr;
    {
      const async::LeafLock::Guard lock{queue.lock};
      queue.items.add(1);
      if (!queue.readers.empty()) reader = queue.readers.take_first();
    }
    if (reader != nullptr) reader->complete_sharing();
  }
  enter();
  co_return;
}

/// Waits for an item until `deadline`, like a wait for a futex.
class WaitUntil : async::SharingTimer {
 public:
  WaitUntil(Queue& queue, async::Instant deadline)
      : SharingTimer{&end, deadline}, queue_{queue}, entry_{&async::current_job(), {}} {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> reader) {
    async::Job& job = *entry_.job;
    {
      const async::LeafLock::Guard lock{queue_.lock};
      if (queue_.items.get() > 0 || job.is_stopped()) return false;
      job.prepare(&queue_.readers, "item");
      queue_.readers.insert(entry_);
      job.share_next_step();
      job.suspend_alone(reader);
    }
    linger();  // another hart may wake the job before its timer is armed
    arm();
    return true;
  }
  WaitResult await_resume() {
    if (entry_.job->result() == WaitResult::woken) {
      stop_timer();
      return WaitResult::woken;
    }
    if (async::Strand::is_shared()) stop_sharing();
    entry_.unlink();
    entry_.reset();
    return entry_.job->result();
  }

 private:
  static Ended end(SharingTimer& timer) noexcept {
    auto& self = static_cast<WaitUntil&>(timer);
    const async::LeafLock::SharingGuard lock{self.queue_.lock};
    async::Job& job = *self.entry_.job;
    if (self.entry_.alone() || job.kind != async::Kind::waiting) return {};
    async::WaitList::take(self.entry_);
    return {&job, WaitResult::timed_out};
  }

  /// disarm() may stop sharing the strand and enter it. platform::end_sharing() must come before.
  void stop_timer() {
    if (!async::Strand::is_shared()) return disarm();
    async::platform::end_sharing();
    disarm();
    async::Strand::is_shared() ? async::platform::begin_sharing()
                               : async::platform::enter_strand_step();
  }

  Queue& queue_;
  async::KeyedEntry entry_;
};

/// Waits for one item, in steps that share the strand.
inline Task<> read_until(Queue& queue, unsigned& ended) {
  leave();
  {
    Sharing sharing;
    sharing.keep();
  }
  const WaitResult result = co_await WaitUntil{queue, async::Instant{5ns}};
  if (async::Strand::is_shared()) stop_sharing();
  if (result == WaitResult::woken && !async::is_cancelled())
    check(try_take(queue), "a wake without an item");
  ++ended;
}

/// Puts an item, outside the strand, and wakes a reader of read_until().
inline Task<> write_to_entry(Queue& queue) {
  leave();
  {
    const Sharing sharing;
    async::KeyedEntry* entry = nullptr;
    {
      const async::LeafLock::Guard lock{queue.lock};
      queue.items.add(1);
      const auto found = queue.readers.find_first_keyed([](async::Key) { return true; }, entry);
      if (found != async::WaitList::FirstKeyed::woken) entry = nullptr;
      if (entry != nullptr) async::WaitList::take(*entry);
    }
    if (entry != nullptr) entry->job->complete_sharing();
  }
  enter();
  co_return;
}

inline Task<> cancel(async::Job& job) {
  linger();
  job.cancel();
  co_return;
}

}  // namespace parallel_test
