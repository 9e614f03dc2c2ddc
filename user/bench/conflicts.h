// The calls of `./cotrap bench conflicts`, which traces pairs of them (docs/conflicts.md). A call
// works on objects of its side only, so a call of one side commutes with a call of the other one.
// The exceptions have traits.
#pragma once

#include <abi/signal.h>
#include <user/calls.h>
#include <user/socket.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "marks.h"
#include "uring.h"

namespace conflicts {

/// One of the two callers, with its objects. It runs on the hart `index`.
struct alignas(user::page_size) Side {
  unsigned index = 0;
  std::byte* arena = nullptr;  // memory that only this side uses; its first page is always mapped
  user::Fd file = -1, other = -1;
  user::Pipe pipe{-1, -1};
  user::Pipe shared_pipe{-1, -1};  // the same pipe for both sides
  user::Pid child = -1;
  std::uint16_t port = 0;          // of a listening socket
  int timer = -1;                  // a number of timer_create
  bool child_marks_begin = false;  // the child that prepare() starts
  std::byte* mapped = nullptr;     // a page at an address that the kernel chose
  std::optional<bench::Uring> ring;
  std::atomic<std::uint32_t> word = 0;  // a futex
  std::optional<user::Thread> helper;   // a thread on the same hart
  std::atomic<bool> helper_runs = false;
  std::atomic<bool> stop_helper = false;
  // Paths in the directory of the side. `data` is a file of a page; `entry` and `renamed` do not
  // exist between calls.
  std::array<char, 32> folder{}, data{}, entry{}, renamed{};

  std::span<std::byte> buffer() const { return {arena, 64}; }
  // A signal that only this side sends.
  abi::Signal signal() const { return index == 0 ? abi::Signal::sigusr1 : abi::Signal::sigusr2; }
  // A page of the arena that is not mapped between calls.
  std::byte* page() const { return arena + 16 * user::page_size; }
  user::AbstractName name() const {
    return user::AbstractName{index == 0 ? "conflicts.0" : "conflicts.1"};
  }
  // A free descriptor number, far above the numbers that the kernel chooses.
  user::Fd number() const { return 40 + static_cast<int>(16 * index); }
};

/// What a call does to its process. Calls of two threads do not commute if the result or the effect
/// of one depends on the other.
enum Trait : unsigned {
  plain = 0,
  takes_descriptor = 1,  // its result is the lowest free descriptor
  frees_descriptor = 2,
  sets_descriptor = 4,     // a descriptor whose number the program chooses
  changes_memory = 8,      // adds, removes or changes areas or pages of the address space
  copies_process = 16,     // reads all areas, pages and descriptors of the process
  writes_memory = 32,      // writes a result to memory of the process
  child_marks_begin = 64,  // the child marks the begin of the traced call, before it exits
  sets_process = 256,      // sets something of which the process has one, such as a timer
  shares_object = 128      // uses an object of both sides: a control, which runs only by its name
};

struct Call {
  std::string_view name;
  unsigned traits;
  long (*run)(Side&);                // returns the kernel's answer
  void (*prepare)(Side&) = nullptr;  // before each run(); may be null
  void (*clean_up)(Side&) = nullptr;
  long error = 0;  // the answer must be this error; 0: it must be no error
};

std::span<const Call> all_calls();

/// Whether the calls commute if two threads of a process make them, each on objects of its own.
/// Calls of two processes always commute, except controls.
bool commute_in_one_process(const Call& a, const Call& b);

// The marks of a traced call.
using bench::mark_begin;
using bench::mark_end;

}  // namespace conflicts
