// quiet: the kernel logs nothing but a panic.
#include <kernel/log.h>

#include "boot/boot_option.h"

namespace kernel {
namespace {

void be_quiet(const formats::BootOptions&, std::string_view) {
  silence_log();
}

}  // namespace

KERNEL_BOOT_OPTION(quiet_option, "quiet", log, be_quiet);

}  // namespace kernel
