// From the file that execve opens to a program. Scripts (`#!`) stand for the program that runs
// them.
#pragma once

#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "files/file.h"
#include "files/path_lookup.h"
#include "process/program.h"

namespace kernel {

struct Executable {
  ProgramFile program;  ///< an ELF file
  std::string path;     ///< of a script's interpreter; empty: the given file is the program
};

/// Finds the program in `file`, which open_executable(lookup, path) has returned. If it is a
/// script, the arguments become those of its interpreter, also if an earlier attempt has changed
/// them: argument 0 is replaced by the interpreter's path, the argument in the script, and the
/// script's path. ENOEXEC: neither a script nor a program for this machine. ELOOP: too many scripts
/// are each other's interpreters. E2BIG: the new arguments have no room. EACCES: programs can
/// change the file. Errors of open_executable(), for interpreters.
Result<Executable> find_program(const PathLookup& lookup, Ref<File> file, std::string_view path,
                                ProgramArguments& arguments);

}  // namespace kernel
