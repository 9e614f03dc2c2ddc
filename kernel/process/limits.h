// Resource limits of a process (getrlimit(2)). Children inherit them, and execve keeps them.
//
//   RLIMIT_NOFILE   the table of files enforces it
//   RLIMIT_AS       mmap and brk enforce it; the whole stack counts, even if it is not in use
//   RLIMIT_STACK    the stack of the next program: at least 256 KiB, at most 64 MiB, or a quarter
//                   of memory where that is less. Without translation, where the whole stack takes
//                   memory: at least 16 KiB, and 128 KiB by default
//   RLIMIT_DATA     mmap and brk enforce it: private memory that the program may write, without the
//                   stack
//   RLIMIT_FSIZE    writes to regular files and calls that make them longer enforce it
//   RLIMIT_CPU      see limit_effects.h
//   RLIMIT_MSGQUEUE mq_open enforces it, for all POSIX message queues together
//   RLIMIT_SIGPENDING see queued_signals.h
//   RLIMIT_NPROC and RLIMIT_MEMLOCK do not bind the superuser, as on Linux
//   the others      have no effect; the process can read them back
#pragma once

#include <abi/flags.h>
#include <abi/types.h>
#include <async/strand.h>
#include <kernel/result.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include "files/fd_table.h"
#include "memory/frames.h"

namespace kernel {

class ResourceLimits {
 public:
  ResourceLimits() = default;
  ResourceLimits(const ResourceLimits&) = delete;

  /// Copies the limits of a parent. The caller has checked that most_bytes can be allocated.
  void inherit(const ResourceLimits& parent) {
    if (parent.own_) own_ = std::make_unique<Limits>(*parent.own_);
  }
  static constexpr std::size_t most_bytes = abi::rlimit_count * sizeof(abi::ResourceLimit);

  static constexpr bool is_resource(int number) {
    return number >= 0 && number < abi::rlimit_count;
  }

  /// Whether no limit was ever set: all have their default values.
  bool are_usual() const { return own_ == nullptr; }
  const abi::ResourceLimit& operator[](int resource) const {
    return (own_ ? *own_ : usual)[static_cast<std::size_t>(resource)];
  }

  /// EINVAL if the soft limit is above the hard one; EPERM if RLIMIT_NOFILE is above
  /// FdTable::size_limit, or if the hard limit rises and the caller may not raise limits
  /// (CAP_SYS_RESOURCE).
  Result<> check(int resource, const abi::ResourceLimit& wanted, bool may_raise) const {
    if (wanted.soft > wanted.hard) return fail(Errno::einval);
    if (!may_raise && wanted.hard > (*this)[resource].hard) return fail(Errno::eperm);
    if (resource == abi::rlimit_nofile && wanted.hard > most_files) return fail(Errno::eperm);
    return {};
  }
  /// Sets a limit, which the caller has checked. ENOMEM. In the strand.
  Result<> set(int resource, const abi::ResourceLimit& wanted) {
    async::Strand::check_access();
    if (auto made = make_own(); !made) return made;
    (*own_)[static_cast<std::size_t>(resource)] = wanted;
    return {};
  }

  /// The most bytes of arguments and environment that execve takes: Linux's bounds.
  std::size_t argument_bytes() const {
    constexpr std::uint64_t least = 128 << 10, most = 6 << 20;
    const std::uint64_t quarter = (*this)[abi::rlimit_stack].soft / 4;
    return std::min<std::uint64_t>(std::clamp(quarter, least, most), stack_bytes() / 2);
  }

  std::size_t stack_bytes() const {
    constexpr std::uint64_t least = (hal::translates_addresses ? 256 : 16) << 10;
    const std::uint64_t memory = std::uint64_t{memory::frames.total_count()} * hal::page_size;
    const std::uint64_t most = std::clamp<std::uint64_t>(memory / 4, least, 64 << 20);
    return std::clamp((*this)[abi::rlimit_stack].soft, least, most);
  }

 private:
  static constexpr std::uint64_t most_files = FdTable::size_limit;
  static constexpr std::uint64_t usual_hard_files = 4096;  // as on Linux
  static constexpr std::uint64_t usual_message_bytes = 819'200;
  static constexpr std::uint64_t usual_stack = (hal::translates_addresses ? 8192 : 128) << 10;

  using Limits = std::array<abi::ResourceLimit, abi::rlimit_count>;
  static constexpr Limits usual = [] {
    Limits limits;
    limits.fill({abi::unlimited, abi::unlimited});
    limits[abi::rlimit_core].soft = 0;  // there are no core files
    limits[abi::rlimit_stack].soft = usual_stack;
    limits[abi::rlimit_msgqueue] = {usual_message_bytes, usual_message_bytes};
    limits[abi::rlimit_nofile] = {FdTable::usual_limit, usual_hard_files};
    return limits;
  }();

  Result<> make_own() {
    if (own_) return {};
    if (!memory::can_allocate(sizeof(Limits))) return fail(Errno::enomem);
    own_ = std::make_unique<Limits>(usual);
    return {};
  }

  std::unique_ptr<Limits> own_;  // null: the default limits, which most processes have
};

}  // namespace kernel
