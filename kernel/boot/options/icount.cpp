// icount: the clock counts instructions, of all harts together. So the kernel reports steps that
// stall.
#include "boot/boot_option.h"
#include "sched/step_watch.h"

namespace kernel {
namespace {

void watch_instructions(const formats::BootOptions&, std::string_view) {
  watch_stalls(StallClock::shared);
}

}  // namespace

KERNEL_BOOT_OPTION(icount_option, "icount", events, watch_instructions);

}  // namespace kernel
