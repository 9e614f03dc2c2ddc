// The system calls of upcalls.
#include "memory/user_memory.h"
#include "process/thread.h"
#include "rings/calls.h"
#include "rings/upcalls.h"
#include "syscalls/registered_calls.h"

namespace kernel::sys {
namespace {

/// Null if the thread takes no upcalls.
Upcalls* upcalls_of(Thread& thread) {
  return ring_of(thread) != nullptr ? ring_of(thread)->upcalls() : nullptr;
}

}  // namespace

Result<> upcall_set_up(Thread& self, std::uintptr_t header, std::uintptr_t entry, unsigned contexts,
                       std::uint64_t user_data) {
  if (ring_of(self) == nullptr) return fail(Errno::enxio);
  if (ring_of(self)->upcalls() != nullptr) return fail(Errno::ebusy);
  if (header % sizeof(abi::UpcallHeader) != 0 || contexts == 0 || contexts > abi::most_contexts ||
      !self.space().user_range().may_have(entry)) {
    return fail(Errno::einval);
  }
  const auto there = self.space().fault_in(header, hal::Access::write);
  if (!there) return fail(there.error());
  if (!memory::can_allocate_contiguous(Upcalls::bytes(contexts)) ||
      !memory::can_allocate(Upcalls::bytes(contexts) + Upcalls::most_bytes(contexts))) {
    return fail(Errno::enomem);
  }
  ring_of(self)->set_upcalls(
      std::make_unique<Upcalls>(self, UpcallShape{header, entry, contexts, user_data}));
  return {};
}

/// Loads the registers of the saved context. The caller writes the result of this function to the
/// result register, so on success the result is the value that the context has there.
trap::Register upcall_resume(Thread& self, std::uint64_t context, std::uint32_t open) {
  Upcalls* const upcalls = upcalls_of(self);
  const Result<> resumed = upcalls != nullptr ? upcalls->resume(context, open) : fail(Errno::enxio);
  return resumed ? self.context().syscall_result() : trap::ToRegister<Result<>>::encode(resumed);
}

trap::Register upcall_resume_of(Thread& self, int thread, std::uint64_t context,
                                std::uint32_t open) {
  const auto resume = [&]() -> Result<> {
    Thread* const owner = threads().find(thread);
    if (owner == nullptr || owner->is_ending() || &owner->process() != &self.process())
      return fail(Errno::esrch);
    Upcalls* const upcalls = upcalls_of(self);
    if (upcalls == nullptr || upcalls_of(*owner) == nullptr) return fail(Errno::enxio);
    return upcalls->resume_of(*upcalls_of(*owner), context, open);
  };
  const Result<> resumed = resume();
  return resumed ? self.context().syscall_result() : trap::ToRegister<Result<>>::encode(resumed);
}

Result<> upcall_exception(Thread& self, std::uint64_t context, UserPtr<abi::UpcallException> out) {
  Upcalls* const upcalls = upcalls_of(self);
  if (upcalls == nullptr) return fail(Errno::enxio);
  const auto exception = upcalls->exception(context);
  return exception ? out.write(self.space(), *exception) : fail(exception.error());
}

Result<> upcall_drop(Thread& self, std::uint64_t context) {
  Upcalls* const upcalls = upcalls_of(self);
  return upcalls != nullptr ? upcalls->drop(context) : fail(Errno::enxio);
}

Result<> upcall_die(Thread& self, std::uint64_t context) {
  Upcalls* const upcalls = upcalls_of(self);
  return upcalls != nullptr ? upcalls->die(context) : fail(Errno::enxio);
}

Result<> notify(Thread& self, int thread, std::uint64_t bits) {
  Thread* const receiver = threads().find(thread);
  if (receiver == nullptr || receiver->is_ending()) return fail(Errno::esrch);
  Upcalls* const upcalls = upcalls_of(*receiver);
  if (upcalls == nullptr) return fail(Errno::enxio);
  if (bits != 0) {
    upcalls->notify(bits);
  } else if (receiver == &self) {
    upcalls->interrupt();
  }
  return {};
}

Result<> notify_when(Thread& self, int fd, std::uint64_t bits) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  Upcalls* const upcalls = upcalls_of(self);
  if (upcalls == nullptr) return fail(Errno::enxio);
  const hal::Irq line = file->interrupt_line();
  if (line == hal::Irq::none) return fail(Errno::enodev);
  return upcalls->notify_when(line, bits);
}

}  // namespace kernel::sys

namespace kernel {

KERNEL_PRIVATE_CALL(17, upcall_resume_of, sys::upcall_resume_of);

}  // namespace kernel
