// Registering restartable sequences (sched/restartable.h).
#include <abi/restartable.h>
#include <hal/hart.h>

#include "process/thread.h"
#include "sched/restartable.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

// Before the last members of the area existed, its length was that with padding.
constexpr std::uint32_t first_bytes = 32;
constexpr std::uint32_t most_bytes = 0xffff;

/// EINVAL: it is another area. EPERM: the signature is wrong.
Result<> check_same(const Runnable::Sequences& registered, const Runnable::Sequences& given) {
  if (registered.area != given.area || registered.bytes != given.bytes) return fail(Errno::einval);
  if (registered.signature != given.signature) return fail(Errno::eperm);
  return {};
}

}  // namespace

Result<> rseq(Thread& self, std::uintptr_t area, std::uint32_t bytes, int flags,
              std::uint32_t signature) {
  if (bytes > most_bytes) return fail(Errno::einval);
  Runnable::Sequences given{
      .area = area, .signature = signature, .bytes = static_cast<std::uint16_t>(bytes)};
  const bool removes = static_cast<unsigned>(flags) == abi::rseq_unregister;
  if (flags != 0 && !removes) return fail(Errno::einval);
  if (self.has_sequences()) {
    if (auto checked = check_same(self.sequences(), given); !checked) return checked;
    if (!removes) return fail(Errno::ebusy);
    if (auto named = name_hart(self.space(), area, abi::no_hart); !named) return named;
    self.set_sequences({});
    return {};
  }
  const bool is_area = area != 0 && area % alignof(abi::SequenceArea) == 0 && bytes >= first_bytes;
  if (removes || !is_area) return fail(Errno::einval);
  given.hart = static_cast<std::uint8_t>(hal::hart_index());
  if (auto named = name_hart(self.space(), area, given.hart); !named) return named;
  self.set_sequences(given);
  return {};
}

}  // namespace kernel::sys
