// io_uring_register(2).
#include <bit>
#include <optional>
#include <utility>

#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "rings/uring.h"

namespace kernel::uring {

using abi::uring::Op;

namespace {

using Answer = Result<int>;

template <class T>
Result<T> read_from(Thread& self, std::uintptr_t from) {
  return UserPtr<const T>{from}.read(self.space());
}

// ── Files ──

/// A file that a program registers. EBADF: there is none, or it is a ring.
Result<Ref<File>> registrable(Thread& self, std::int32_t fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr || RingFile::from(file) != nullptr) return fail(Errno::ebadf);
  file->note_other_table();  // of another process that uses the ring
  return Ref<File>::share(*file);
}

Result<std::uint64_t> tag_at(Thread& self, std::uintptr_t tags, std::uint32_t index) {
  if (tags == 0) return 0;
  return read_from<std::uint64_t>(self, tags + index * sizeof(std::uint64_t));
}

/// How many files a step registers.
constexpr std::uint32_t files_in_step = 256;

/// A registration of files, which may take several steps.
struct RegisteredFiles {
  std::uintptr_t fds;
  std::uintptr_t tags;
  std::uint32_t count;
  bool is_sparse;
  std::uint32_t next = 0;

  /// Registers as many as a step can. Returns whether none is left.
  Result<bool> do_some(Context& context, Thread& self) {
    for (std::uint32_t done = 0; next < count; ++next, ++done) {
      if (done == files_in_step) return false;
      // Another thread may have ended the table meanwhile.
      if (next >= context.files.count()) return fail(Errno::enxio);
      const auto tag = tag_at(self, tags, next);
      if (!tag) return fail(tag.error());
      const auto fd = is_sparse ? Result<std::int32_t>{-1}
                                : read_from<std::int32_t>(self, fds + next * sizeof(std::int32_t));
      if (!fd) return fail(fd.error());
      if (*fd == -1) {
        if (*tag != 0) return fail(Errno::einval);
        continue;
      }
      auto file = registrable(self, *fd);
      if (!file) return fail(file.error());
      context.drop_file(next);
      context.files.put(next, {.file = std::move(*file), .tag = *tag});
    }
    return context.files.set_range(0, count).transform([] { return true; });
  }
};

async::Task<Answer> register_in_steps(Ref<Context> context, Thread& self, RegisteredFiles files) {
  for (;;) {
    co_await sys::cond_resched(self);
    auto done = co_await with_page_ins(self, [&] { return files.do_some(*context, self); });
    if (done && *done) co_return 0;
    if (done && async::is_cancelled()) done = fail(Errno::eintr);
    if (done) continue;
    context->files.clear();
    co_return fail(done.error());
  }
}

trap::Answer<Answer> register_files(Context& context, Thread& self, std::uintptr_t fds,
                                    std::uint32_t count, std::uintptr_t tags, bool is_sparse) {
  if (context.files.exists()) return fail(Errno::ebusy);
  if (count == 0) return fail(Errno::einval);
  if (count > abi::uring::most_fixed_files) return fail(Errno::emfile);
  if (count > self.process().limits()[abi::rlimit_nofile].soft) return fail(Errno::emfile);
  if (auto made = context.files.make(count); !made) return fail(made.error());
  RegisteredFiles files{.fds = fds, .tags = tags, .count = count, .is_sparse = is_sparse};
  const Result<bool> done = files.do_some(context, self);
  if (!done) {
    context.files.clear();
    return fail(done.error());
  }
  if (*done) return 0;
  return self.wait([&] { return register_in_steps(Ref<Context>::share(context), self, files); });
}

/// Changes of slots, which may take several steps. The answer is the number of slots that have been
/// changed, or the error if that is 0.
struct UpdatedFiles {
  std::uint32_t offset;
  std::uintptr_t fds;
  std::uintptr_t tags;
  std::uint32_t count;
  std::uint32_t next = 0;

  /// Changes a slot.
  Result<> do_one(Context& context, Thread& self) const {
    const std::uint32_t slot = offset + next;
    if (slot >= context.files.count()) return fail(Errno::enxio);  // another thread has ended it
    const auto tag = tag_at(self, tags, next);
    if (!tag) return fail(tag.error());
    const auto fd = read_from<std::int32_t>(self, fds + next * sizeof(std::int32_t));
    if (!fd) return fail(fd.error());
    const bool keeps = *fd == abi::uring::register_files_skip;
    if ((keeps || *fd == -1) && *tag != 0) return fail(Errno::einval);
    if (keeps) return {};
    if (*fd == -1) {
      context.drop_file(slot);
      return {};
    }
    auto found = registrable(self, *fd);
    context.drop_file(slot);
    if (!found) return fail(found.error());
    context.files.put(slot, {.file = std::move(*found), .tag = *tag});
    return {};
  }
};

/// The same for IORING_OP_FILES_UPDATE with IORING_FILE_INDEX_ALLOC: chooses the slots, and writes
/// them.
struct AllocatedFiles {
  std::uintptr_t fds;
  std::uint32_t count;
  std::uint32_t next = 0;

  Result<> do_one(Context& context, Thread& self) const {
    const UserPtr<std::int32_t> place{fds + next * sizeof(std::int32_t)};
    const auto fd = place.read(self.space());
    if (!fd) return fail(fd.error());
    auto file = registrable(self, *fd);
    if (!file) return fail(file.error());
    const auto slot =
        context.install(std::move(*file), static_cast<std::int32_t>(abi::uring::file_index_alloc));
    if (!slot) return fail(slot.error());
    auto written = place.write(self.space(), *slot);
    if (!written) context.drop_file(static_cast<std::uint32_t>(*slot));
    return written;
  }
};

/// Changes as many slots as a step can. Returns whether none is left.
template <class Changes>
Result<bool> change_some(Changes& changes, Context& context, Thread& self) {
  for (std::uint32_t done = 0; changes.next < changes.count; ++changes.next, ++done) {
    if (done == files_in_step) return false;
    if (auto changed = changes.do_one(context, self); !changed) return fail(changed.error());
  }
  return true;
}

template <class Changes>
Answer answer_of(const Changes& changes, const Result<bool>& done) {
  if (done || changes.next != 0) return static_cast<int>(changes.next);
  return fail(done.error());
}

template <class Changes>
async::Task<Answer> change_in_steps(Ref<Context> context, Thread& self, Changes changes) {
  for (;;) {
    co_await sys::cond_resched(self);
    auto done = co_await with_page_ins(self, [&] { return change_some(changes, *context, self); });
    if (done && !*done && async::is_cancelled()) done = fail(Errno::eintr);
    if (!done || *done) co_return answer_of(changes, done);
  }
}

/// If not `may_wait`, `changes` must fit into a step.
template <class Changes>
trap::Answer<Answer> change_files(Context& context, Thread& self, Changes changes,
                                  bool may_wait = true) {
  const Result<bool> done = change_some(changes, context, self);
  const bool needs_page = blocks(done) && changes.next != 0;
  if (may_wait && (needs_page || (done && !*done)))
    return self.wait([&] { return change_in_steps(Ref<Context>::share(context), self, changes); });
  return answer_of(changes, done);
}

trap::Answer<Answer> update_files(Context& context, Thread& self, const UpdatedFiles& files,
                                  bool may_wait = true) {
  std::uint32_t end;
  if (__builtin_add_overflow(files.offset, files.count, &end)) return fail(Errno::eoverflow);
  if (!context.files.exists()) return fail(Errno::enxio);
  if (end > context.files.count()) return fail(Errno::einval);
  return change_files(context, self, files, may_wait);
}

// ── Buffers ──

/// EFAULT: the range is no memory of a program, or has no bytes; EOVERFLOW; EINVAL.
Result<> check_buffer(const abi::IoVector& buffer) {
  constexpr std::size_t longest = std::size_t{1} << 30;
  if (buffer.base == 0) return buffer.length == 0 ? Result<>{} : fail(Errno::efault);
  if (buffer.length == 0 || buffer.length > longest) return fail(Errno::efault);
  return UserSpan<std::byte>{buffer.base, buffer.length}.in_range() ? Result<>{}
                                                                    : fail(Errno::efault);
}

/// Fills a slot. EFAULT: the program has no such memory.
Result<> set_buffer(Thread& self, FixedBuffers::Slot& slot, const abi::IoVector& buffer,
                    std::uint64_t tag) {
  if (auto valid = check_buffer(buffer); !valid) return valid;
  if (buffer.base == 0 && tag != 0) return fail(Errno::einval);
  const std::uintptr_t end = hal::page_up(buffer.base + buffer.length);
  if (buffer.length != 0 && !self.space().is_mapped(hal::page_down(buffer.base), end))
    return fail(Errno::efault);
  slot = {.address = buffer.base, .length = buffer.length, .tag = tag};
  return {};
}

Answer register_buffers(Context& context, Thread& self, std::uintptr_t buffers, std::uint32_t count,
                        std::uintptr_t tags, bool is_sparse) {
  if (context.buffers.exists()) return fail(Errno::ebusy);
  if (count == 0 || count > abi::uring::most_buffers) return fail(Errno::einval);
  if (auto made = context.buffers.make(count); !made) return fail(made.error());
  const auto fill = [&]() -> Result<> {
    for (std::uint32_t i = 0; i < count && !is_sparse; ++i) {
      const auto tag = tag_at(self, tags, i);
      if (!tag) return fail(tag.error());
      const auto buffer = read_from<abi::IoVector>(self, buffers + i * sizeof(abi::IoVector));
      if (!buffer) return fail(buffer.error());
      if (auto set = set_buffer(self, context.buffers[i], *buffer, *tag); !set) return set;
    }
    return {};
  };
  if (auto filled = fill(); !filled) {
    context.buffers.clear();
    return fail(filled.error());
  }
  return 0;
}

Answer update_buffers(Context& context, Thread& self, const abi::uring::RsrcUpdate& update) {
  std::uint32_t end;
  if (__builtin_add_overflow(update.offset, update.count, &end)) return fail(Errno::eoverflow);
  if (!context.buffers.exists()) return fail(Errno::enxio);
  if (end > context.buffers.count()) return fail(Errno::einval);
  std::uint32_t done = 0;
  Result<> result;
  for (; done < update.count; ++done) {
    const auto tag = tag_at(self, update.tags, done);
    const auto buffer = read_from<abi::IoVector>(self, update.data + done * sizeof(abi::IoVector));
    if (!tag || !buffer) {
      result = fail(tag ? buffer.error() : tag.error());
      break;
    }
    FixedBuffers::Slot fresh;
    if (result = set_buffer(self, fresh, *buffer, *tag); !result) break;
    FixedBuffers::Slot& slot = context.buffers[update.offset + done];
    if (slot.tag != 0) context.post(slot.tag, 0, 0);
    slot = fresh;
  }
  if (done != 0) return static_cast<int>(done);
  return result.transform([] { return 0; });
}

// ── Groups of buffers ──

Answer register_buffer_ring(Context& context, Thread& self, std::uintptr_t argument) {
  const auto wanted = read_from<abi::uring::BufferRing>(self, argument);
  if (!wanted) return fail(wanted.error());
  const bool is_mapped = (wanted->flags & abi::uring::pbuf_ring_mmap) != 0;
  if (wanted->reserved[0] != 0 || wanted->reserved[1] != 0 || wanted->reserved[2] != 0 ||
      (wanted->flags & ~abi::uring::pbuf_ring_mmap) != 0)
    return fail(Errno::einval);
  if (!is_mapped) {
    if (wanted->ring_addr == 0) return fail(Errno::efault);
    if (!hal::page_aligned(wanted->ring_addr)) return fail(Errno::einval);
  } else if (wanted->ring_addr != 0) {
    return fail(Errno::einval);
  }
  if (!std::has_single_bit(wanted->ring_entries)) return fail(Errno::einval);
  if (wanted->ring_entries >= 65'536) return fail(Errno::einval);
  if (!is_mapped) {
    const std::size_t bytes = wanted->ring_entries * sizeof(abi::uring::Buffer);
    const UserSpan<std::byte> ring{wanted->ring_addr, bytes};
    if (!ring.in_range() ||
        !self.space().is_mapped(wanted->ring_addr, wanted->ring_addr + hal::page_up(bytes)))
      return fail(Errno::efault);
  }
  if (BufferGroup* const there = context.groups.find(wanted->bgid)) {
    if (there->is_ring() || there->peek(self.space())) return fail(Errno::eexist);
    context.groups.remove(*there);
  }
  const auto group = context.groups.make(wanted->bgid);
  if (!group) return fail(group.error());
  if (auto made = (*group)->become_ring(wanted->ring_addr, wanted->ring_entries); !made) {
    context.groups.remove(**group);
    return fail(made.error());
  }
  return 0;
}

Answer unregister_buffer_ring(Context& context, Thread& self, std::uintptr_t argument) {
  const auto named = read_from<abi::uring::BufferRing>(self, argument);
  if (!named) return fail(named.error());
  if (named->reserved[0] != 0 || named->reserved[1] != 0 || named->reserved[2] != 0 ||
      named->flags != 0)
    return fail(Errno::einval);
  BufferGroup* const group = context.groups.find(named->bgid);
  if (group == nullptr) return fail(Errno::enoent);
  if (!group->is_ring()) return fail(Errno::einval);
  context.groups.remove(*group);
  return 0;
}

Answer buffer_status(Context& context, Thread& self, std::uintptr_t argument) {
  const auto asked = read_from<abi::uring::BufferStatus>(self, argument);
  if (!asked) return fail(asked.error());
  for (const std::uint32_t word : asked->reserved) {
    if (word != 0) return fail(Errno::einval);
  }
  BufferGroup* const group = context.groups.find(static_cast<std::uint16_t>(asked->buf_group));
  if (group == nullptr || asked->buf_group > 0xffff) return fail(Errno::enoent);
  if (!group->is_ring()) return fail(Errno::einval);
  abi::uring::BufferStatus answer = *asked;
  answer.head = group->head();
  return UserPtr<abi::uring::BufferStatus>{argument}.write(self.space(), answer).transform([] {
    return 0;
  });
}

// ── Others ──

Answer register_eventfd(Context& context, Thread& self, std::uintptr_t argument, bool is_async) {
  if (context.eventfd) return fail(Errno::ebusy);
  const auto fd = read_from<std::int32_t>(self, argument);
  if (!fd) return fail(fd.error());
  File* const file = self.process().files().find_open(*fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->unnamed_kind() != "[eventfd]") return fail(Errno::einval);
  context.eventfd = Ref<File>::share(*file);
  context.eventfd_is_async = is_async;
  return 0;
}

Answer probe(Thread& self, std::uintptr_t argument, std::uint32_t count) {
  using namespace abi::uring;
  if (count > 256) return fail(Errno::einval);
  count = std::min<std::uint32_t>(count, op_count);
  const UserPtr<ProbeHeader> at{argument};
  const auto given = at.read(self.space());
  if (!given) return fail(given.error());
  if (given->last_op != 0 || given->count != 0) return fail(Errno::einval);
  const auto operation_at = [&](std::uint32_t i) {
    return UserPtr<ProbeOp>{argument + sizeof(ProbeHeader) + i * sizeof(ProbeOp)};
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint16_t flags = is_supported(i) ? op_supported : 0;
    const ProbeOp operation{
        .op = static_cast<std::uint8_t>(i), .reserved = 0, .flags = flags, .reserved2 = 0};
    if (auto written = operation_at(i).write(self.space(), operation); !written)
      return fail(written.error());
  }
  const ProbeHeader header{.last_op = op_count - 1,
                           .count = static_cast<std::uint8_t>(count),
                           .reserved = 0,
                           .reserved2 = {}};
  return at.write(self.space(), header).transform([] { return 0; });
}

Answer register_restrictions(Context& context, Thread& self, std::uintptr_t argument,
                             std::uint32_t count) {
  using namespace abi::uring;
  if (!context.is_disabled) return fail(Errno::ebadfd);
  if (context.restrictions) return fail(Errno::ebusy);
  if (argument == 0 || count > 58 + 31 + 2) return fail(Errno::einval);
  Restrictions wanted;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto one = read_from<Restriction>(self, argument + i * sizeof(Restriction));
    if (!one) return fail(one.error());
    switch (one->opcode) {
      case restriction_register_op:
        if (one->value >= register_count) return fail(Errno::einval);
        wanted.registers |= 1u << one->value;
        break;
      case restriction_sqe_op:
        if (one->value >= op_count) return fail(Errno::einval);
        wanted.operations |= std::uint64_t{1} << one->value;
        break;
      case restriction_sqe_flags_allowed: wanted.flags_allowed = one->value; break;
      case restriction_sqe_flags_required: wanted.flags_required = one->value; break;
      default: return fail(Errno::einval);
    }
  }
  if (!memory::can_allocate(sizeof(Restrictions))) return fail(Errno::enomem);
  context.restrictions = std::make_unique<Restrictions>(wanted);
  return 0;
}

Answer enable_rings(Context& context, Thread& self) {
  if (!context.is_disabled) return fail(Errno::ebadfd);
  if (context.shape().has(abi::uring::setup_single_issuer) && context.submitter == 0)
    context.submitter = self.id();
  context.is_disabled = false;
  context.wake_poller();
  return 0;
}

Answer register_personality(Context& context) {
  const int number = std::countr_one(context.personalities);
  if (number == 64) return fail(Errno::enomem);
  context.personalities |= std::uint64_t{1} << number;
  return number + 1;
}

Answer unregister_personality(Context& context, std::uint32_t number) {
  if (number == 0 || number > 64) return fail(Errno::einval);
  const std::uint64_t bit = std::uint64_t{1} << (number - 1);
  if ((context.personalities & bit) == 0) return fail(Errno::einval);
  context.personalities &= ~bit;
  return 0;
}

Answer register_ring_fds(Thread& self, std::uintptr_t argument, std::uint32_t count) {
  using namespace abi::uring;
  if (count == 0 || count > most_ring_fds) return fail(Errno::einval);
  const auto submitter = Submitter::of(self);
  if (!submitter) return fail(submitter.error());
  auto& rings = (*submitter)->rings;
  int done = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const UserPtr<RsrcUpdate> at{argument + i * sizeof(RsrcUpdate)};
    auto one = at.read(self.space());
    const auto add = [&]() -> Result<> {
      if (!one) return fail(one.error());
      if (one->reserved != 0) return fail(Errno::einval);
      std::uint32_t slot = one->offset;
      if (slot == ~0u) {
        slot = 0;
        while (slot < most_ring_fds && rings[slot]) ++slot;
        if (slot == most_ring_fds) return fail(Errno::ebusy);
      } else if (slot >= most_ring_fds) {
        return fail(Errno::einval);
      }
      if (rings[slot]) return fail(Errno::ebusy);
      File* const file = self.process().files().find_open(static_cast<int>(one->data));
      if (file == nullptr) return fail(Errno::ebadf);
      if (RingFile::from(file) == nullptr) return fail(Errno::enotsup);
      one->offset = slot;
      if (auto written = at.write(self.space(), *one); !written) return written;
      rings[slot] = Ref<File>::share(*file);
      return {};
    };
    if (auto added = add(); !added) return done != 0 ? Answer{done} : fail(added.error());
    ++done;
  }
  return done;
}

Answer unregister_ring_fds(Thread& self, std::uintptr_t argument, std::uint32_t count) {
  using namespace abi::uring;
  if (count == 0 || count > most_ring_fds) return fail(Errno::einval);
  Submitter* const submitter = Submitter::find(self);
  if (submitter == nullptr) return 0;
  int done = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto one = read_from<RsrcUpdate>(self, argument + i * sizeof(RsrcUpdate));
    if (!one) return done != 0 ? Answer{done} : fail(one.error());
    if (one->reserved != 0 || one->data != 0 || one->offset >= most_ring_fds)
      return done != 0 ? Answer{done} : fail(Errno::einval);
    submitter->rings[one->offset] = nullptr;
    ++done;
  }
  return done;
}

trap::Answer<Answer> sync_cancel(Context& context, Thread& self, std::uintptr_t argument) {
  using namespace abi::uring;
  const auto wanted = read_from<SyncCancel>(self, argument);
  if (!wanted) return fail(wanted.error());
  constexpr std::uint32_t known =
      cancel_all | cancel_fd | cancel_any | cancel_fd_fixed | cancel_user_data | cancel_op;
  if ((wanted->flags & ~known) != 0) return fail(Errno::einval);
  for (const std::uint8_t byte : wanted->padding) {
    if (byte != 0) return fail(Errno::einval);
  }
  for (const std::uint64_t word : wanted->padding2) {
    if (word != 0) return fail(Errno::einval);
  }
  const File* file = nullptr;
  if ((wanted->flags & cancel_fd) != 0) {
    file = (wanted->flags & cancel_fd_fixed) != 0 ? context.files.find(wanted->fd)
                                                  : self.process().files().find(wanted->fd);
    if (file == nullptr) return fail(Errno::ebadf);
  }
  const CancelQuery query{.user_data = wanted->addr,
                          .file = file,
                          .flags = wanted->flags,
                          .operation = static_cast<Op>(wanted->opcode)};
  if (!is_long(context, query)) return cancel_matching(context, query);
  return self.wait([&] { return cancel_in_steps(Ref<Context>::share(context), self, query); });
}

Answer max_workers(Context& context, Thread& self, std::uintptr_t argument, std::uint32_t count) {
  if (argument == 0 || count != 2) return fail(Errno::einval);
  const UserPtr<std::array<std::uint32_t, 2>> at{argument};
  const auto given = at.read(self.space());
  if (!given) return fail(given.error());
  // There are no workers: the numbers have no effect. The answer has the earlier numbers.
  if (auto written = at.write(self.space(), context.workers); !written)
    return fail(written.error());
  for (std::size_t i = 0; i < 2; ++i)
    if ((*given)[i] != 0) context.workers[i] = (*given)[i];
  return 0;
}

/// IORING_REGISTER_FILES2 and _BUFFERS2.
trap::Answer<Answer> register_resources(Context& context, Thread& self, std::uintptr_t argument,
                                        std::uint32_t size, bool are_files) {
  using namespace abi::uring;
  if (size != sizeof(RsrcRegister)) return fail(Errno::einval);
  const auto wanted = read_from<RsrcRegister>(self, argument);
  if (!wanted) return fail(wanted.error());
  const bool is_sparse = (wanted->flags & rsrc_register_sparse) != 0;
  if (wanted->count == 0 || wanted->reserved != 0 || (wanted->flags & ~rsrc_register_sparse) != 0 ||
      (is_sparse && wanted->data != 0))
    return fail(Errno::einval);
  if (are_files)
    return register_files(context, self, wanted->data, wanted->count, wanted->tags, is_sparse);
  return register_buffers(context, self, wanted->data, wanted->count, wanted->tags, is_sparse);
}

trap::Answer<Answer> update_resources(Context& context, Thread& self, std::uintptr_t argument,
                                      std::uint32_t size, bool are_files) {
  using namespace abi::uring;
  if (size != sizeof(RsrcUpdate)) return fail(Errno::einval);
  const auto update = read_from<RsrcUpdate>(self, argument);
  if (!update) return fail(update.error());
  if (update->count == 0 || update->reserved != 0 || update->reserved2 != 0)
    return fail(Errno::einval);
  if (!are_files) return update_buffers(context, self, *update);
  return update_files(context, self,
                      {.offset = update->offset,
                       .fds = update->data,
                       .tags = update->tags,
                       .count = update->count});
}

}  // namespace

trap::Answer<Answer> update_files_submitted(Context& context, Thread& self, const Sqe& sqe,
                                            bool may_wait) {
  if (!may_wait && sqe.len > files_in_step) return trap::would_block;
  const auto offset = static_cast<std::uint32_t>(sqe.off);
  if (offset != abi::uring::file_index_alloc)
    return update_files(context, self,
                        {.offset = offset, .fds = sqe.addr, .tags = 0, .count = sqe.len}, may_wait);
  if (!context.files.exists()) return fail(Errno::enxio);
  return change_files(context, self, AllocatedFiles{.fds = sqe.addr, .count = sqe.len}, may_wait);
}

trap::Answer<Answer> do_register(RingFile& ring, Thread& self, abi::uring::Register opcode,
                                 std::uintptr_t argument, std::uint32_t count) {
  using enum abi::uring::Register;
  Context& context = ring.context();
  const auto number = static_cast<std::uint32_t>(opcode);
  if (context.shape().has(abi::uring::setup_single_issuer) && context.submitter != 0 &&
      context.submitter != self.id())
    return fail(Errno::eexist);
  if (context.restrictions && !context.is_disabled) {
    const bool is_allowed = (context.restrictions->registers >> number & 1) != 0;
    if (!is_allowed) return fail(Errno::eacces);
  }
  const bool has_nothing = argument == 0 && count == 0;
  switch (opcode) {
    case buffers:
      if (argument == 0) return fail(Errno::efault);
      return register_buffers(context, self, argument, count, 0, false);
    case unregister_buffers:
      if (!has_nothing) return fail(Errno::einval);
      if (!context.buffers.exists()) return fail(Errno::enxio);
      context.buffers.clear();
      return 0;
    case files:
      if (argument == 0) return fail(Errno::efault);
      return register_files(context, self, argument, count, 0, false);
    case unregister_files:
      if (!has_nothing) return fail(Errno::einval);
      if (!context.files.exists()) return fail(Errno::enxio);
      context.files.clear();
      return 0;
    case files_update: {
      if (count == 0) return fail(Errno::einval);
      const auto update = read_from<abi::uring::FilesUpdate>(self, argument);
      if (!update) return fail(update.error());
      if (update->reserved != 0) return fail(Errno::einval);
      return update_files(
          context, self, {.offset = update->offset, .fds = update->fds, .tags = 0, .count = count});
    }
    case eventfd:
    case eventfd_async:
      if (count != 1) return fail(Errno::einval);
      return register_eventfd(context, self, argument, opcode == eventfd_async);
    case unregister_eventfd:
      if (!has_nothing) return fail(Errno::einval);
      if (!context.eventfd) return fail(Errno::enxio);
      context.eventfd = nullptr;
      return 0;
    case abi::uring::Register::probe:
      if (argument == 0) return fail(Errno::einval);
      return uring::probe(self, argument, count);
    case personality:
      if (!has_nothing) return fail(Errno::einval);
      return register_personality(context);
    case abi::uring::Register::unregister_personality:
      if (argument != 0) return fail(Errno::einval);
      return uring::unregister_personality(context, count);
    case restrictions: return register_restrictions(context, self, argument, count);
    case abi::uring::Register::enable_rings:
      if (!has_nothing) return fail(Errno::einval);
      return uring::enable_rings(context, self);
    case files2: return register_resources(context, self, argument, count, true);
    case files_update2: return update_resources(context, self, argument, count, true);
    case buffers2: return register_resources(context, self, argument, count, false);
    case buffers_update: return update_resources(context, self, argument, count, false);
    case iowq_aff: return argument == 0 || count == 0 ? fail(Errno::einval) : Answer{0};
    case unregister_iowq_aff: return has_nothing ? Answer{0} : fail(Errno::einval);
    case iowq_max_workers: return max_workers(context, self, argument, count);
    case ring_fds: return register_ring_fds(self, argument, count);
    case abi::uring::Register::unregister_ring_fds:
      return uring::unregister_ring_fds(self, argument, count);
    case pbuf_ring:
      if (argument == 0 || count != 1) return fail(Errno::einval);
      return register_buffer_ring(context, self, argument);
    case unregister_pbuf_ring:
      if (argument == 0 || count != 1) return fail(Errno::einval);
      return unregister_buffer_ring(context, self, argument);
    case abi::uring::Register::sync_cancel:
      if (argument == 0 || count != 1) return fail(Errno::einval);
      return uring::sync_cancel(context, self, argument);
    case file_alloc_range: {
      if (argument == 0 || count != 0) return fail(Errno::einval);
      const auto range = read_from<abi::uring::FileRange>(self, argument);
      if (!range) return fail(range.error());
      if (range->reserved != 0) return fail(Errno::einval);
      return context.files.set_range(range->offset, range->length).transform([] { return 0; });
    }
    case pbuf_status:
      if (argument == 0 || count != 1) return fail(Errno::einval);
      return buffer_status(context, self, argument);
    default: return fail(Errno::einval);
  }
}

}  // namespace kernel::uring
