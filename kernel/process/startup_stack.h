// The stack that a program finds when it starts.
#pragma once

#include <kernel/result.h>

#include <string_view>

#include "formats/elf.h"
#include "memory/address_space.h"
#include "process/program.h"

namespace kernel {

/// Writes argc, argv, envp, the auxiliary vector and what they point to below `top`, laid out as
/// Linux does; returns the stack pointer, 16-aligned. (System V ABI, "Process Initialization";
/// getauxval(3) for the tags.) ENOMEM, EFAULT.
Result<hal::VirtAddr> build_startup_stack(memory::AddressSpace& space, hal::VirtAddr top,
                                          const formats::ElfPlan& plan, std::string_view path,
                                          const ProgramArguments& arguments);

}  // namespace kernel
