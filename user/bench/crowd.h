// Many threads, or processes, with stacks of 1 KiB.
#pragma once

#include <user/check.h>
#include <user/process.h>
#include <user/sync.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <vector>

#include "clone.h"

namespace bench {

/// Members that share the memory of the process. Each runs `role(crowd, number)`; the default role
/// waits at the gate. The destructor opens the gate and waits until all members have ended.
class Crowd {
 public:
  /// threads: of this process. processes: children of this process, which share its memory only.
  enum class Of : bool { threads, processes };

  explicit Crowd(int size, Of kind = Of::threads)
      : Crowd{size, kind, [](Crowd& crowd, int) { crowd.wait_at_gate(); }} {}
  /// `role` needs little stack, and must return once is_over() is true. open_gate() wakes only the
  /// members at the gate: the caller wakes members that wait elsewhere.
  Crowd(int size, Of kind, void (*role)(Crowd& crowd, int number))
      : size_{size}, role_{role}, members_(static_cast<std::size_t>(size)) {
    const std::size_t bytes = static_cast<std::size_t>(size) * stack_bytes;
    stacks_ = user::must(user::map_memory(bytes, abi::prot_read | abi::prot_write), "stacks");
    std::memset(stacks_, 0, bytes);
    free_before_ = user::free_memory();
    for (int i = 0; i < size; ++i) start(i, kind);
    while (arrived_ < size) user::yield();
    // The last ones have arrived, but do not wait yet.
    user::must(user::sleep_for(std::chrono::milliseconds{10}), "sleeping");
  }
  ~Crowd() {
    open_gate();
    for (Member& member : members_) {
      while (const std::uint32_t alive = member.alive) {
        // The kernel wakes a thread's word without the private flag.
        user::syscall(user::Call::futex, &member.alive, abi::futex_wait, alive, nullptr, nullptr,
                      0);
      }
    }
    static_cast<void>(user::unmap_memory(stacks_, static_cast<std::size_t>(size_) * stack_bytes));
  }
  Crowd(const Crowd&) = delete;

  int size() const { return size_; }
  /// The number of a member's thread; with Of::processes also that of its process.
  user::Pid id(int number) const { return members_[static_cast<std::size_t>(number)].id; }
  /// The free memory before the first member was started, in bytes. The stacks are not part of it.
  std::uint64_t free_memory_before() const { return free_before_; }
  bool is_over() const { return gate_ != 0; }
  /// Wakes the members at the gate. Later ones do not wait there.
  void open_gate() {
    gate_ = 1;
    user::futex_wake(gate_, std::numeric_limits<int>::max());
  }

  void wait_at_gate() {
    while (gate_ == 0) user::futex_wait(gate_, 0);
  }

 private:
  static constexpr std::size_t stack_bytes = 1'024;

  struct Member {
    Crowd* crowd;
    int number;
    user::Pid id = 0;
    std::atomic<std::uint32_t> alive = 1;
  };

  void start(int number, Of kind) {
    Member& member = members_[static_cast<std::size_t>(number)];
    member.crowd = this;
    member.number = number;
    const unsigned long common = abi::clone_parent_settid | abi::clone_child_cleartid;
    const unsigned long flags =
        common |
        (kind == Of::threads ? user::clone_thread_flags
                             : abi::clone_vm | static_cast<unsigned long>(abi::Signal::sigchld));
    const auto run = [](void* argument) {
      Member& self = *static_cast<Member*>(argument);
      ++self.crowd->arrived_;
      self.crowd->role_(*self.crowd, self.number);
      return 0;
    };
    const long made = cotrap_user_clone(flags, stacks_ + (number + 1) * stack_bytes, &member.id,
                                        nullptr, &member.alive, run, &member);
    if (made < 0) user::fail("member {}: {}", number, abi::name(static_cast<abi::Errno>(-made)));
  }

  int size_;
  void (*role_)(Crowd& crowd, int number);
  std::vector<Member> members_;
  std::byte* stacks_ = nullptr;
  std::uint64_t free_before_ = 0;
  std::atomic<int> arrived_ = 0;
  std::atomic<std::uint32_t> gate_ = 0;
};

}  // namespace bench
