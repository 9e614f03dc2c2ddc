#include "boot/boot_option.h"

namespace kernel {

ASYNC_DEFINE_REGISTRY(boot_options, cotrap_boot_options, BootOption);

void apply_boot_options(const formats::BootOptions& options, BootOption::Stage stage) {
  (void)boot_options().find([&](const BootOption& option) {
    if (option.stage != stage) return false;
    if (const auto value = options.value(option.name)) option.apply(options, *value);
    return false;
  });
}

}  // namespace kernel
