// Boot options that call a function: words of the kernel's command line. boot/options/ has a source
// for each word, which adds it with KERNEL_BOOT_OPTION. Other words, such as `init=`, set a value
// of one part of the kernel. That part reads them, and they have no entry.
#pragma once

#include <async/registry.h>

#include <string_view>

#include "formats/boot_options.h"

namespace kernel {

struct BootOption {
  enum class Stage {
    log,         ///< after memory and traps; the kernel has logged nothing yet
    events,      ///< before the first job runs and before the log's first line
    scheduling,  ///< before the first job runs, after the log's first line
    jobs,        ///< in the strand, before the first process; jobs can be spawned
  };

  const char* name;
  Stage stage;
  /// Called at boot in that stage, on the boot hart, if the command line has the word. `value` is
  /// that of the last such word; "" if it has none. `options` are never destroyed. In a stage the
  /// order of options is not defined.
  void (*apply)(const formats::BootOptions& options, std::string_view value);
};

/// Calls `apply` of each option of this stage that the command line has.
void apply_boot_options(const formats::BootOptions& options, BootOption::Stage stage);

/// Adds the word `option_name`, a literal, in namespace kernel. Two options of one name are an
/// error of the linker. `constant` is a name of your choice for the entry. The last argument is
/// BootOption::apply.
#define KERNEL_BOOT_OPTION(constant, option_name, stage_name, ...)                        \
  constexpr BootOption constant{option_name, BootOption::Stage::stage_name, __VA_ARGS__}; \
  ASYNC_REGISTER(cotrap_boot_options, option_name, constant)

}  // namespace kernel
