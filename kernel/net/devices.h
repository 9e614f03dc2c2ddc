// The network devices of the machine, as programs see them (netdevice(7)).
#pragma once

#include <kernel/result.h>

#include <cstdint>
#include <string>

#include "memory/address_space.h"

struct netif;

namespace kernel::net {

/// `lo`, or `eth` with a number.
std::string device_name(const netif& device);
/// ioctl(2) on a socket. ENODEV; ENXIO; EFAULT; ENOTTY: no such request; EOPNOTSUPP: it would
/// change a device.
Result<int> control_devices(memory::AddressSpace& space, unsigned long request,
                            std::uintptr_t argument);

}  // namespace kernel::net
