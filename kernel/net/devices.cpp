#include "net/devices.h"

#include <abi/socket.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "lwip/netif.h"
#include "memory/user_memory.h"
#include "net/inet_address.h"
#include "net/loopback.h"
#include "net/stack.h"

namespace kernel::net {
namespace {

// net_device_flags
constexpr std::uint16_t flag_up = 1, flag_broadcast = 2, flag_loopback = 8, flag_running = 0x40,
                        flag_multicast = 0x1000;
// ARPHRD_*
constexpr std::uint16_t kind_ethernet = 1, kind_loopback = 772;

bool is_loopback(const netif& device) {
  return &device == &loopback();
}

netif* find_device(std::string_view name) {
  for (netif* device = next_device(nullptr); device != nullptr; device = next_device(device)) {
    if (device_name(*device) == name) return device;
  }
  return nullptr;
}

/// An address of a device, in the form of AF_INET.
SocketAddress shown(const ip4_addr_t& ip) {
  InetName name;
  ip_addr_copy_from_ip4(name.ip, ip);
  return shown_address(name, abi::af_inet);
}
template <class T>
void put(abi::InterfaceRequest& request, const T& value) {
  std::ranges::fill(request.value, 0);
  std::memcpy(request.value, &value, sizeof value);
}
void put(abi::InterfaceRequest& request, const SocketAddress& address) {
  std::ranges::fill(request.value, 0);
  std::memcpy(request.value, address.bytes.data(), address.length);
}
void put_name(abi::InterfaceRequest& request, const netif& device) {
  const std::string name = device_name(device);
  std::ranges::fill(request.name, 0);
  std::ranges::copy(std::string_view{name}.substr(0, sizeof request.name - 1), request.name);
}

Result<int> list_devices(memory::AddressSpace& space, std::uintptr_t argument) {
  const UserPtr<abi::InterfaceList> at{argument};
  auto list = at.read(space);
  if (!list) return fail(list.error());
  std::int32_t done = 0;

  for (const netif* device = next_device(nullptr); device != nullptr;
       device = next_device(device)) {
    if (ip4_addr_isany_val(*netif_ip4_addr(device))) continue;
    constexpr std::int32_t size = sizeof(abi::InterfaceRequest);
    if (list->requests != 0) {
      if (list->length - done < size) break;
      abi::InterfaceRequest request{};
      put_name(request, *device);
      put(request, shown(address_of(*device)));
      const UserPtr<abi::InterfaceRequest> to{list->requests + static_cast<unsigned>(done)};
      if (auto written = to.write(space, request); !written) return fail(written.error());
    }
    done += size;
  }
  list->length = done;
  if (auto written = at.write(space, *list); !written) return fail(written.error());
  return 0;
}

}  // namespace

ip4_addr_t address_of(const netif& device) {
  ip4_addr_t ip = *netif_ip4_addr(&device);
  if (is_loopback(device)) IP4_ADDR(&ip, 127, 0, 0, 1);  // it has that of the last packet
  return ip;
}

std::uint16_t flags_of(const netif& device) {
  std::uint16_t flags = netif_is_up(&device) ? flag_up : 0;
  if (netif_is_link_up(&device)) flags |= flag_running;
  return flags | (is_loopback(device) ? flag_loopback : flag_broadcast | flag_multicast);
}

std::uint16_t kind_of(const netif& device) {
  return is_loopback(device) ? kind_loopback : kind_ethernet;
}

netif* next_device(const netif* device) {
  return netif_get_by_index(device == nullptr ? 1 : static_cast<u8_t>(netif_get_index(device) + 1));
}

std::string device_name(const netif& device) {
  if (is_loopback(device)) return "lo";
  return fmt::format("eth{}", netif_get_index(&device) - netif_get_index(&loopback()) - 1);
}

Result<int> control_devices(memory::AddressSpace& space, unsigned long request,
                            std::uintptr_t argument) {
  // Other requests with these numbers change devices or are of other protocols.
  constexpr unsigned long first = 0x8910, last = 0x894f;
  if (request < first || request > last) return fail(Errno::enotty);
  if (auto started = start(); !started) return fail(started.error());
  if (request == abi::siocgifconf) return list_devices(space, argument);
  const UserPtr<abi::InterfaceRequest> at{argument};
  auto given = at.read(space);
  if (!given) return fail(given.error());
  if (request == abi::siocgifname) {
    std::int32_t index;
    std::memcpy(&index, given->value, sizeof index);
    const netif* const device =
        index > 0 && index < 256 ? netif_get_by_index(static_cast<u8_t>(index)) : nullptr;
    if (device == nullptr) return fail(Errno::enodev);
    put_name(*given, *device);
  } else {
    const std::string_view name{given->name, strnlen(given->name, sizeof given->name)};
    const netif* const device = find_device(name);
    if (device == nullptr) return fail(Errno::enodev);
    switch (request) {
      case abi::siocgifindex: put(*given, std::int32_t{netif_get_index(device)}); break;
      case abi::siocgifflags: put(*given, flags_of(*device)); break;
      case abi::siocgifmtu: put(*given, std::int32_t{device->mtu}); break;
      case abi::siocgifaddr:
        if (ip4_addr_isany_val(*netif_ip4_addr(device))) return fail(Errno::eaddrnotavail);
        put(*given, shown(address_of(*device)));
        break;
      case abi::siocgifnetmask: put(*given, shown(*netif_ip4_netmask(device))); break;
      case abi::siocgifbrdaddr: {
        ip4_addr_t ip{};
        if (!is_loopback(*device))
          ip.addr = netif_ip4_addr(device)->addr | ~netif_ip4_netmask(device)->addr;
        put(*given, shown(ip));
        break;
      }
      case abi::siocgifhwaddr: {
        struct {
          std::uint16_t kind;
          std::uint8_t address[14];
        } hardware{kind_of(*device), {}};
        std::ranges::copy(std::span{device->hwaddr}.first(device->hwaddr_len), hardware.address);
        put(*given, hardware);
        break;
      }
      default: return fail(Errno::enotsup);
    }
  }
  if (auto written = at.write(space, *given); !written) return fail(written.error());
  return 0;
}

}  // namespace kernel::net
