#include "files/socket.h"

#include <cstring>

#include "files/unix_endpoint.h"

namespace kernel {
namespace {

constinit abi::Credentials (*present_caller)() = nullptr;

}  // namespace

ASYNC_DEFINE_REGISTRY(socket_families, cotrap_socket_families, SocketFamily);

Destination::Destination() = default;
Destination::Destination(Destination&&) noexcept = default;
Destination::~Destination() = default;

Result<std::size_t> Socket::move_nothing(Direction direction) {
  if (direction == Direction::read) return 0;
  Outgoing message;
  IoBuffer none{std::span<std::byte>{}};
  const auto sent = send(none, message);
  return blocks(sent) ? fail(Errno::eagain) : sent;
}

abi::Stat Socket::status() {
  return {
      .device = 1,
      .inode = reinterpret_cast<std::uintptr_t>(this) >> 3 & 0xffff'ffff,
      .mode = abi::s_ifsock | 0777,
      .links = 1,
      .block_size = hal::page_size,
  };
}

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
