// capget and capset: the capabilities of a process (process/capabilities.h).
#include "process/capabilities.h"

#include <abi/process.h>

#include <array>

#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;
using memory::UserSpan;

/// The number of structures of a version; 0: Linux does not know the version.
std::size_t data_count(std::uint32_t version) {
  switch (version) {
    case abi::capability_version_1: return 1;
    case abi::capability_version_2:
    case abi::capability_version_3: return 2;
    default: return 0;
  }
}

/// The header of a call. EFAULT. EINVAL: the version is unknown, and the header has got the
/// preferred one.
Result<abi::CapabilityHeader> read_header(Thread& self, UserPtr<abi::CapabilityHeader> from) {
  const auto header = from.read(self.space());
  if (!header || data_count(header->version) != 0) return header;
  auto preferred = *header;
  preferred.version = abi::capability_version_3;
  if (auto written = from.write(self.space(), preferred); !written) return fail(written.error());
  return fail(Errno::einval);
}

constexpr unsigned half = 32;
constexpr std::uint32_t low(CapabilitySet set) {
  return static_cast<std::uint32_t>(set);
}
constexpr CapabilitySet whole(std::uint32_t low, std::uint32_t high) {
  return (CapabilitySet{high} << half | low) & all_capabilities;
}
constexpr bool is_subset(CapabilitySet part, CapabilitySet of) {
  return (part & ~of) == 0;
}

}  // namespace

/// linux: All threads of a process have the same sets.
Result<> capget(Thread& self, UserPtr<abi::CapabilityHeader> from,
                UserPtr<abi::CapabilityData> to) {
  const auto header = read_header(self, from);
  if (!header && header.error() == Errno::einval && !to) return {};  // the caller has only asked
  if (!header) return fail(header.error());
  if (header->process < 0) return fail(Errno::einval);
  Process* const process = header->process == 0 ? &self.process() : process_of(header->process);
  if (process == nullptr) return fail(Errno::esrch);
  const Capabilities& sets = process->capabilities();
  const std::array<abi::CapabilityData, 2> data{
      {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
       {low(sets.effective >> half), low(sets.permitted >> half), low(sets.inheritable >> half)}}};
  const std::size_t count = data_count(header->version);
  return UserSpan<abi::CapabilityData>{to.address(), count}.write(self.space(),
                                                                  std::span{data}.first(count));
}

/// linux: As `capget`: the call changes the sets of all threads.
Result<> capset(Thread& self, UserPtr<abi::CapabilityHeader> from,
                UserPtr<const abi::CapabilityData> given) {
  const auto header = read_header(self, from);
  if (!header) return fail(header.error());
  if (header->process != 0 && header->process != self.id()) return fail(Errno::eperm);
  std::array<abi::CapabilityData, 2> data{};
  const std::size_t count = data_count(header->version);
  const UserSpan<const abi::CapabilityData> all{given.address(), count};
  if (auto read = all.read(self.space(), std::span{data}.first(count)); !read) return read;
  const CapabilitySet effective = whole(data[0].effective, data[1].effective);
  const CapabilitySet permitted = whole(data[0].permitted, data[1].permitted);
  const CapabilitySet inheritable = whole(data[0].inheritable, data[1].inheritable);
  const Capabilities& sets = self.process().capabilities();
  const bool inherits_any = sets.has(Capability::setpcap);
  if ((!inherits_any && !is_subset(inheritable, sets.inheritable | sets.permitted)) ||
      !is_subset(inheritable, sets.inheritable | sets.bounding) ||
      !is_subset(permitted, sets.permitted) || !is_subset(effective, permitted)) {
    return fail(Errno::eperm);
  }
  const auto changed = self.process().change_capabilities();
  if (!changed) return fail(changed.error());
  (*changed)->effective = effective;
  (*changed)->permitted = permitted;
  (*changed)->inheritable = inheritable;
  (*changed)->limit_ambient();
  return {};
}

}  // namespace sys

KERNEL_CALL(capget, sys::capget);
KERNEL_CALL(capset, sys::capset);

}  // namespace kernel
