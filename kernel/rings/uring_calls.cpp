// The system calls of io_uring.
#include <abi/flags.h>

#include <bit>
#include <optional>

#include "memory/user_memory.h"
#include "process/steps.h"
#include "rings/uring.h"
#include "rings/uring_calls.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {

using uring::Context;
using uring::RingFile;
using uring::Shape;
using uring::Submitter;

namespace {

constexpr std::uint32_t known_setup =
    abi::uring::setup_iopoll | abi::uring::setup_sqpoll | abi::uring::setup_sq_aff |
    abi::uring::setup_cqsize | abi::uring::setup_clamp | abi::uring::setup_attach_wq |
    abi::uring::setup_r_disabled | abi::uring::setup_submit_all | abi::uring::setup_coop_taskrun |
    abi::uring::setup_taskrun_flag | abi::uring::setup_sqe128 | abi::uring::setup_cqe32 |
    abi::uring::setup_single_issuer | abi::uring::setup_defer_taskrun |
    abi::uring::setup_no_sqarray;

constexpr std::uint32_t features =
    abi::uring::feat_single_mmap | abi::uring::feat_nodrop | abi::uring::feat_rw_cur_pos |
    abi::uring::feat_cur_personality | abi::uring::feat_fast_poll | abi::uring::feat_poll_32bits |
    abi::uring::feat_sqpoll_nonfixed | abi::uring::feat_ext_arg | abi::uring::feat_native_workers |
    abi::uring::feat_rsrc_tags | abi::uring::feat_cqe_skip | abi::uring::feat_linked_file |
    abi::uring::feat_reg_reg_ring;

/// EINVAL: the flags exclude each other.
Result<> check_setup_flags(std::uint32_t flags) {
  using namespace abi::uring;
  const auto has = [flags](std::uint32_t flag) { return (flags & flag) != 0; };
  constexpr std::uint32_t task_work = setup_coop_taskrun | setup_taskrun_flag | setup_defer_taskrun;
  if (has(setup_sqpoll)) {
    if (has(task_work)) return fail(Errno::einval);
  } else if (has(setup_taskrun_flag) && !has(setup_coop_taskrun | setup_defer_taskrun)) {
    return fail(Errno::einval);
  }
  if (has(setup_defer_taskrun) && !has(setup_single_issuer)) return fail(Errno::einval);
  return {};
}

/// The number of entries for `wanted` ones. EINVAL.
Result<std::uint32_t> entries_for(std::uint32_t wanted, std::uint32_t most, bool clamps) {
  if (wanted == 0) return fail(Errno::einval);
  if (wanted > most) {
    if (!clamps) return fail(Errno::einval);
    wanted = most;
  }
  return std::bit_ceil(wanted);
}

Result<Shape> shape_for(std::uint32_t entries, const abi::uring::Params& params) {
  using namespace abi::uring;
  const bool clamps = (params.flags & setup_clamp) != 0;
  const auto submissions = entries_for(entries, most_entries, clamps);
  if (!submissions) return fail(submissions.error());
  std::uint32_t completions = 2 * *submissions;
  if ((params.flags & setup_cqsize) != 0) {
    const auto wanted = entries_for(params.cq_entries, most_cq_entries, clamps);
    if (!wanted) return fail(wanted.error());
    if (*wanted < *submissions) return fail(Errno::einval);
    completions = *wanted;
  }
  if (auto valid = check_setup_flags(params.flags); !valid) return fail(valid.error());
  return Shape{params.flags, *submissions, completions};
}

/// The checks of submission polling and of IORING_SETUP_ATTACH_WQ. A ring that attaches to another
/// one has a coroutine of its own.
Result<> check_polling(Thread& self, const abi::uring::Params& params) {
  using namespace abi::uring;
  if ((params.flags & setup_attach_wq) != 0) {
    File* const other = self.process().files().find_open(static_cast<int>(params.wq_fd));
    if (other == nullptr) return fail(Errno::enxio);
    if (RingFile::from(other) == nullptr) return fail(Errno::einval);
  }
  if ((params.flags & setup_sq_aff) == 0) return {};
  if ((params.flags & setup_sqpoll) == 0) return fail(Errno::einval);
  const bool is_hart =
      params.sq_thread_cpu < 64 && (async::Executor::all() >> params.sq_thread_cpu & 1) != 0;
  return is_hart ? Result<>{} : fail(Errno::einval);
}

void describe(const Shape& shape, abi::uring::Params& params) {
  using uring::Header;
  params.sq_entries = shape.sq_entries;
  params.cq_entries = shape.cq_entries;
  params.features = features;
  params.sq_off = {.head = offsetof(Header, sq_head),
                   .tail = offsetof(Header, sq_tail),
                   .ring_mask = offsetof(Header, sq_mask),
                   .ring_entries = offsetof(Header, sq_entries),
                   .flags = offsetof(Header, sq_flags),
                   .dropped = offsetof(Header, sq_dropped),
                   .array = shape.has(abi::uring::setup_no_sqarray)
                                ? 0
                                : static_cast<std::uint32_t>(shape.array_at()),
                   .reserved = 0,
                   .user_addr = 0};
  params.cq_off = {.head = offsetof(Header, cq_head),
                   .tail = offsetof(Header, cq_tail),
                   .ring_mask = offsetof(Header, cq_mask),
                   .ring_entries = offsetof(Header, cq_entries),
                   .overflow = offsetof(Header, cq_overflow),
                   .cqes = static_cast<std::uint32_t>(shape.cqes_at()),
                   .flags = offsetof(Header, cq_flags),
                   .reserved = 0,
                   .user_addr = 0};
}

}  // namespace

/// flags: IORING_SETUP_IOPOLL, _SQPOLL, _SQ_AFF, _CQSIZE, _CLAMP, _ATTACH_WQ, _R_DISABLED,
///   _SUBMIT_ALL, _COOP_TASKRUN, _TASKRUN_FLAG, _SQE128, _CQE32, _SINGLE_ISSUER, _DEFER_TASKRUN,
///   _NO_SQARRAY; EINVAL for others
/// linux: IORING_SETUP_NO_MMAP and _REGISTERED_FD_ONLY fail with EINVAL. No file can be polled for
///   the end of a transfer, so reads and writes fail with EOPNOTSUPP in a ring with
///   IORING_SETUP_IOPOLL. The features lack IORING_FEAT_SUBMIT_STABLE: a linked submission reads
///   its vectors and paths when it begins. The coroutine of submission polling ends with the thread
///   that has made the ring. _SQ_AFF is checked and has no effect, and so has _ATTACH_WQ. On
///   machines without an MMU the ring cannot be mapped (ENODEV).
Result<int> io_uring_setup(Thread& self, std::uint32_t entries,
                           UserPtr<abi::uring::Params> address) {
  const auto given = address.read(self.space());
  if (!given) return fail(given.error());
  abi::uring::Params params = *given;
  if (params.reserved[0] != 0 || params.reserved[1] != 0 || params.reserved[2] != 0)
    return fail(Errno::einval);
  if ((params.flags & ~known_setup) != 0) return fail(Errno::einval);
  const auto shape = shape_for(entries, params);
  if (!shape) return fail(shape.error());
  if (auto valid = check_polling(self, params); !valid) return fail(valid.error());
  const auto submitter = Submitter::of(self);
  if (!submitter) return fail(submitter.error());
  auto context = Context::make(*shape);
  if (!context) return fail(context.error());
  describe(*shape, params);
  if (auto written = address.write(self.space(), params); !written) return fail(written.error());
  if (!memory::can_allocate(sizeof(RingFile) + uring::Request::most_bytes))
    return fail(Errno::enomem);
  const bool is_disabled = shape->has(abi::uring::setup_r_disabled);
  (*context)->is_disabled = is_disabled;
  (*context)->workers = {
      std::min(shape->sq_entries,
               4u * static_cast<unsigned>(std::popcount(async::Executor::all()))),
      static_cast<std::uint32_t>(
          std::min<std::uint64_t>(self.process().limits()[abi::rlimit_nproc].soft, 32'768))};
  if (shape->has(abi::uring::setup_single_issuer) && !is_disabled)
    (*context)->submitter = self.id();
  const Ref<Context> ring = *context;
  const auto fd = self.process().files().add(make_ref<RingFile>(std::move(*context)), true);
  if (!fd || !ring->is_polled()) return fd;
  const auto idle =
      std::chrono::milliseconds{params.sq_thread_idle != 0 ? params.sq_thread_idle : 1000};
  ring->start_polling(**submitter, idle);
  return fd;
}

// ── io_uring_enter ───────────────────────────────────────────────────────────────────────────────

namespace {

constexpr std::uint32_t known_enter =
    abi::uring::enter_getevents | abi::uring::enter_sq_wakeup | abi::uring::enter_sq_wait |
    abi::uring::enter_ext_arg | abi::uring::enter_registered_ring | abi::uring::enter_abs_timer;

/// The file of a ring: `fd` is a descriptor, or the number of a ring that the thread has
/// registered.
Result<RingFile*> find_ring(Thread& self, std::uint32_t fd, bool is_registered) {
  if (is_registered) {
    Submitter* const submitter = Submitter::find(self);
    if (submitter == nullptr || fd >= submitter->rings.size()) return fail(Errno::einval);
    RingFile* const ring = RingFile::from(submitter->rings[fd].get());
    return ring != nullptr ? Result<RingFile*>{ring} : fail(Errno::ebadf);
  }
  File* const file = self.process().files().find_open(static_cast<int>(fd));
  if (file == nullptr) return fail(Errno::ebadf);
  RingFile* const ring = RingFile::from(file);
  return ring != nullptr ? Result<RingFile*>{ring} : fail(Errno::enotsup);
}

/// How io_uring_enter waits for completions.
struct EnterWait {
  std::uint32_t wanted = 0;
  async::Instant deadline = async::never;
  std::optional<abi::SignalSet> mask;
};

Result<EnterWait> read_wait(Thread& self, std::uint32_t complete, std::uint32_t flags,
                            std::uintptr_t argument, std::size_t size) {
  EnterWait wait{.wanted = complete};
  std::uintptr_t mask = argument;
  std::size_t mask_size = size;
  if ((flags & abi::uring::enter_ext_arg) != 0) {
    if (size != sizeof(abi::uring::GetEventsArgument)) return fail(Errno::einval);
    const auto given = UserPtr<const abi::uring::GetEventsArgument>{argument}.read(self.space());
    if (!given) return fail(given.error());
    if (given->min_wait_usec != 0) return fail(Errno::einval);
    mask = given->sigmask;
    mask_size = given->sigmask_size;
    if (given->timeout != 0) {
      const auto time = uring::read_duration(self, given->timeout);
      if (!time) return fail(time.error());
      const bool is_absolute = (flags & abi::uring::enter_abs_timer) != 0;
      wait.deadline = is_absolute ? async::Instant{*time} : after(*time);
    }
  }
  if (mask == 0) return wait;
  if (mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  const auto set = UserPtr<const abi::SignalSet>{mask}.read(self.space());
  if (!set) return fail(set.error());
  wait.mask = *set;
  return wait;
}

/// The most nops of one step.
constexpr std::uint32_t most_nops = 256;

/// The arguments of io_uring_enter.
struct Entry {
  std::uint32_t submit;
  std::uint32_t complete;
  std::uint32_t flags;
  std::uintptr_t argument;
  std::size_t size;

  bool waits() const { return (flags & abi::uring::enter_getevents) != 0; }
};

/// The end of io_uring_enter, which may have to wait. `taken` submissions were taken.
trap::Answer<Result<std::uint32_t>> wait_at_end(Thread& self, RingFile& ring, std::uint32_t taken,
                                                const Entry& entry);

async::Task<Result<std::uint32_t>> wait_for(Thread& self, Ref<File> file, std::uint32_t taken,
                                            EnterWait wait) {
  Context& context = RingFile::from(file.get())->context();
  co_return co_await context.wait(self, taken, wait.wanted, wait.deadline, wait.mask);
}

[[gnu::always_inline]] inline trap::Answer<Result<std::uint32_t>> end_entry(Thread& self,
                                                                            RingFile& ring,
                                                                            std::uint32_t taken,
                                                                            const Entry& entry) {
  if (!entry.waits()) return taken;
  Context& context = ring.context();
  const bool is_plain = (entry.flags & abi::uring::enter_ext_arg) == 0 && entry.argument == 0;
  if (is_plain && !context.has_overflow() &&
      !context.shape().has(abi::uring::setup_defer_taskrun) &&
      context.unread() >= std::min(entry.complete, context.shape().cq_entries)) [[likely]]
    return taken;
  return wait_at_end(self, ring, taken, entry);
}

[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> wait_at_end(Thread& self, RingFile& ring,
                                                                  std::uint32_t taken,
                                                                  const Entry& entry) {
  Context& context = ring.context();
  const auto wait = read_wait(self, std::min(entry.complete, context.shape().cq_entries),
                              entry.flags, entry.argument, entry.size);
  if (!wait) {
    if (taken == 0) return fail(wait.error());
    static_cast<void>(self.space().take_missed_page());
    return taken;
  }
  context.show_deferred();
  context.flush();
  if (context.unread() >= wait->wanted || context.never_waits()) return taken;
  return self.wait([&] { return wait_for(self, Ref<File>::share(ring), taken, *wait); });
}

/// io_uring_enter in several steps: others take submissions, or there are many.
async::Task<Result<std::uint32_t>> enter_in_steps(Thread& self, Ref<File> file, Entry entry,
                                                  std::uint32_t taken, bool is_taking) {
  RingFile& ring = *RingFile::from(file.get());
  Context& context = ring.context();
  while (!is_taking && context.is_taking()) {
    if (co_await context.takers().wait("io_uring_enter") != async::WaitResult::woken)
      co_return fail(Errno::eintr);
  }
  context.set_taking(true);
  bool more = true;
  Result<> result;
  while (more && taken < entry.submit) {
    const auto submitter = Submitter::of(self);
    const auto part =
        submitter ? context.take(**submitter, entry.submit - taken) : fail(submitter.error());
    if (!part) {
      result = fail(part.error());
      break;
    }
    taken += part->count;
    more = part->more && !async::is_cancelled();
    if (more) co_await cond_resched(self);
  }
  context.end_chain();
  context.set_taking(false);
  if (!result && taken == 0) co_return fail(result.error());
  if (taken != entry.submit || !entry.waits()) co_return taken;
  const auto wait = read_wait(self, std::min(entry.complete, context.shape().cq_entries),
                              entry.flags, entry.argument, entry.size);
  if (!wait) co_return taken;
  co_return co_await context.wait(self, taken, wait->wanted, wait->deadline, wait->mask);
}

/// io_uring_enter on a ring with submission polling.
async::Task<Result<std::uint32_t>> enter_polled(Thread& self, Ref<File> file, Entry entry) {
  Context& context = RingFile::from(file.get())->context();
  if ((entry.flags & abi::uring::enter_sq_wait) != 0) {
    while (context.submitted() == context.shape().sq_entries && !context.has_lost_poller()) {
      if (co_await context.room().wait("io_uring_enter") != async::WaitResult::woken) break;
    }
  }
  if (!entry.waits()) co_return entry.submit;
  const auto wait = read_wait(self, std::min(entry.complete, context.shape().cq_entries),
                              entry.flags, entry.argument, entry.size);
  if (!wait) co_return entry.submit != 0 ? Result<std::uint32_t>{entry.submit} : fail(wait.error());
  co_return co_await context.wait(self, entry.submit, wait->wanted, wait->deadline, wait->mask);
}

[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> answer_polled(Thread& self, RingFile& ring,
                                                                    const Entry& entry) {
  Context& context = ring.context();
  if (context.has_lost_poller()) return fail(Errno::eownerdead);
  if ((entry.flags & abi::uring::enter_sq_wakeup) != 0) context.wake_poller();
  const bool waits_for_room = (entry.flags & abi::uring::enter_sq_wait) != 0 &&
                              context.submitted() == context.shape().sq_entries;
  if (!waits_for_room) return end_entry(self, ring, entry.submit, entry);
  return self.wait([&] { return enter_polled(self, Ref<File>::share(ring), entry); });
}

}  // namespace

namespace {

/// io_uring_enter after the first `taken` submissions.
[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> enter_at_length(Thread& self, RingFile& ring,
                                                                      const Entry& entry,
                                                                      std::uint32_t taken) {
  Context& context = ring.context();
  if (context.is_disabled) return fail(Errno::ebadfd);
  if (context.is_polled()) return answer_polled(self, ring, entry);
  const bool is_submitter = context.submitter == 0 || context.submitter == self.id();
  const bool needs_submitter = context.shape().has(abi::uring::setup_defer_taskrun);
  if (!is_submitter && (entry.submit != 0 || (needs_submitter && entry.waits())))
    return fail(Errno::eexist);
  if (entry.submit != taken) {
    const auto submitter = Submitter::of(self);
    if (!submitter) return taken != 0 ? Result<std::uint32_t>{taken} : fail(submitter.error());
    if (context.is_taking()) {
      return self.wait(
          [&] { return enter_in_steps(self, Ref<File>::share(ring), entry, taken, false); });
    }
    const auto some = context.take(**submitter, entry.submit - taken);
    if (!some && taken == 0) return fail(some.error());
    taken += some ? some->count : 0;
    if (some && some->more) {
      context.set_taking(true);
      return self.wait(
          [&] { return enter_in_steps(self, Ref<File>::share(ring), entry, taken, true); });
    }
    if (taken != entry.submit) return taken;
  }
  return end_entry(self, ring, taken, entry);
}

}  // namespace

namespace {

/// io_uring_enter for other submissions than one nop.
[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> enter_otherwise(
    Thread& self, std::uint32_t fd, std::uint32_t submit, std::uint32_t complete,
    std::uint32_t flags, std::uintptr_t argument, std::size_t size) {
  if ((flags & ~known_enter) != 0) return fail(Errno::einval);
  const auto found = find_ring(self, fd, (flags & abi::uring::enter_registered_ring) != 0);
  if (!found) return fail(found.error());
  Context& context = (*found)->context();
  const Entry entry{submit, complete, flags, argument, size};
  std::uint32_t taken = 0;
  if (context.is_undisturbed())
    taken = context.take_at_once<false>(self, std::min(submit, most_nops)).count;
  return enter_at_length(self, **found, entry, taken);
}

async::Task<Result<std::uint32_t>> answered(std::uint32_t taken) {
  co_return taken;
}

/// The rest of io_uring_enter in the strand, after a caller that shares it has taken the first
/// `taken` submissions. A wait begins in the strand. For every other answer the step leaves the
/// strand.
[[gnu::noinline]] trap::Answer<Result<std::uint32_t>> enter_from_outside(
    Thread& self, async::Strand::Sharing& sharing, RingFile& ring, const Entry& entry,
    std::uint32_t taken) {
  if (!ring.retain_if_owned()) return taken;  // another thread has closed the ring
  auto kept = Ref<File>::adopt(&ring);
  sharing.keep();
  async::Strand::stop_sharing();
  const auto answer = enter_at_length(self, ring, entry, taken);
  kept = nullptr;
  if (answer.blocks()) return answer;
  if (self.has_pending_flags()) [[unlikely]] {
    // The answer is no error, because submissions were taken.
    const auto count = static_cast<std::uint32_t>(encoded(answer));
    return self.wait([&] { return answered(count); });
  }
  async::Strand::leave();
  return answer;
}

}  // namespace

template <bool shares>
trap::Answer<Result<std::uint32_t>> io_uring_enter(Thread& self, std::uint32_t fd,
                                                   std::uint32_t submit, std::uint32_t complete,
                                                   std::uint32_t flags, std::uintptr_t argument,
                                                   std::size_t size) {
  const bool is_usual = (flags & ~abi::uring::enter_getevents) == 0 && argument == 0;
  if constexpr (shares) {
    if (submit == 0 || !is_usual) return fail(Errno::would_block);
    async::Strand::Sharing sharing;
    RingFile* const ring = RingFile::from(self.process().files().find(static_cast<int>(fd)));
    if (ring == nullptr) return fail(Errno::would_block);
    Context& context = ring->context();
    const auto [taken, unread] = context.take_at_once<true>(self, submit);
    if (taken == 0) return fail(Errno::would_block);
    const bool is_complete = flags == 0 || unread >= std::min(complete, context.shape().cq_entries);
    if (taken == submit && is_complete) [[likely]]
      return taken;
    const Entry entry{submit, complete, flags, argument, size};
    return enter_from_outside(self, sharing, *ring, entry, taken);
  }
  if (submit == 1 && complete <= 1 && is_usual) [[likely]] {
    RingFile* const ring = RingFile::from(self.process().files().find(static_cast<int>(fd)));
    if (ring != nullptr && ring->context().is_undisturbed() && ring->context().take_nop())
        [[likely]]
      return 1u;
  }
  return enter_otherwise(self, fd, submit, complete, flags, argument, size);
}
template decltype(io_uring_enter<false>) io_uring_enter<false>;
template decltype(io_uring_enter<true>) io_uring_enter<true>;

/// flags: IORING_REGISTER_BUFFERS, _FILES, _EVENTFD, _FILES_UPDATE, _EVENTFD_ASYNC, _PROBE,
///   _PERSONALITY, _RESTRICTIONS, _ENABLE_RINGS, _FILES2, _FILES_UPDATE2, _BUFFERS2,
///   _BUFFERS_UPDATE, _IOWQ_AFF, _IOWQ_MAX_WORKERS, _RING_FDS, _PBUF_RING, _SYNC_CANCEL,
///   _FILE_ALLOC_RANGE, _PBUF_STATUS, and those that undo them; EINVAL for others
/// linux: The kernel does not pin registered buffers: an operation accesses the memory that its
///   thread has at the buffer's address then. The memory of a ring of buffers is that of the thread
///   that submits. There are no workers, so their number and affinity have no effect.
trap::Answer<Result<int>> io_uring_register(Thread& self, std::uint32_t fd, std::uint32_t opcode,
                                            std::uintptr_t argument, std::uint32_t count) {
  const bool is_registered = (opcode & abi::uring::register_use_registered_ring) != 0;
  opcode &= ~abi::uring::register_use_registered_ring;
  if (opcode >= abi::uring::register_count) return fail(Errno::einval);
  const auto ring = find_ring(self, fd, is_registered);
  if (!ring) return fail(ring.error());
  return uring::do_register(**ring, self, static_cast<abi::uring::Register>(opcode), argument,
                            count);
}

}  // namespace sys

KERNEL_CALL(io_uring_setup, sys::io_uring_setup);
KERNEL_CALL(io_uring_register, sys::io_uring_register);

}  // namespace kernel
