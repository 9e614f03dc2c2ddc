// The network devices of the machine, as programs see them (netdevice(7)).
#pragma once

#include <kernel/result.h>

#include <cstdint>
#include <string>

#include "lwip/ip_addr.h"
#include "memory/address_space.h"

struct netif;

namespace kernel::net {

/// The next device in the order of the indices; the first one if `device` is null. Null: there is
/// none.
netif* next_device(const netif* device);
/// `lo`, or `eth` with a number.
std::string device_name(const netif& device);
// What ioctls, /proc/net and netlink report of a device.
ip4_addr_t address_of(const netif& device);
std::uint16_t flags_of(const netif& device);  ///< IFF_*
std::uint16_t kind_of(const netif& device);   ///< ARPHRD_*

/// ioctl(2) on a socket. ENODEV; ENXIO; EFAULT; ENOTTY: no such request; EOPNOTSUPP: it would
/// change a device.
Result<int> control_devices(memory::AddressSpace& space, unsigned long request,
                            std::uintptr_t argument);

}  // namespace kernel::net
