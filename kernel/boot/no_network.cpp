// Kernels without the floor `net`: no program uses the network device.
#include <kernel/log.h>

#include "boot/parts.h"
#include "devices/network_device.h"

namespace kernel {

void start_network(const formats::BootOptions&) {
  if (network_device() != nullptr)
    log("eth0: not used, because this kernel was built without lwIP");
}

async::Task<> await_network() {
  co_return;
}

TextFile::Write name_server_writer() {
  return nullptr;
}

}  // namespace kernel
