#include "files/socket.h"

#include <cstring>

#include "files/unix_socket.h"

namespace kernel {
namespace {

constinit abi::Credentials (*present_caller)() = nullptr;

}  // namespace

ASYNC_DEFINE_REGISTRY(socket_families, cotrap_socket_families, SocketFamily);

Destination::Destination() = default;
Destination::Destination(Destination&&) noexcept = default;
Destination::~Destination() = default;

Result<int> Socket::control(memory::AddressSpace& space, unsigned long request,
                            std::uintptr_t argument) {
  const SocketFamily* const family = socket_families().find(
      [](const SocketFamily& entry) { return entry.control_devices != nullptr; });
  if (family == nullptr) return fail(Errno::enotty);
  return family->control_devices(space, request, argument);
}

int family_of(const SocketAddress& address) {
  std::uint16_t family = 0;
  if (address.length >= sizeof family) std::memcpy(&family, address.bytes.data(), sizeof family);
  return family;
}

void set_socket_caller(abi::Credentials (*caller)()) {
  if (present_caller != caller) present_caller = caller;  // harts read the line
}
abi::Credentials socket_caller() {
  return present_caller();
}

}  // namespace kernel
