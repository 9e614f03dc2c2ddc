// mark=NONCE: the kernel writes marks to the console.
#include "boot/boot_option.h"
#include "console/run_marks.h"

namespace kernel {
namespace {

void use_mark(const formats::BootOptions&, std::string_view nonce) {
  set_run_mark(nonce);
}

}  // namespace

KERNEL_BOOT_OPTION(mark_option, "mark", log, use_mark);

}  // namespace kernel
