#include "process/executable.h"

#include <abi/elf.h>

#include <algorithm>
#include <cstring>

#include "files/io_buffer.h"
#include "files/root.h"
#include "formats/script.h"

namespace kernel {
namespace {

/// The most scripts in a row: Linux makes as many attempts (fs/exec.c, exec_binprm()).
constexpr int most_scripts = 5;

bool is_elf(std::span<const std::byte> bytes) {
  constexpr auto& magic = abi::elf::magic;
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// The contents of an ELF file. Without bytes: it is no such file, or its contents could change.
/// Errors as in program_file().
Result<ProgramFile> elf_contents(const PathLookup& lookup, const Ref<File>& file) {
  auto contents = program_file(lookup, file);
  if (!contents && contents.error() != Errno::eacces) return contents;
  return contents && is_elf(contents->bytes.first(contents->present)) ? std::move(*contents)
                                                                      : ProgramFile{};
}

/// The first bytes of a script. ENOEXEC: it is none. EACCES: it is a program whose code could
/// change while it runs.
Result<formats::FileStart> read_script(const PathLookup& lookup, const Ref<File>& file) {
  formats::FileStart start{};
  const auto room = std::as_writable_bytes(std::span{start});
  if (const auto contents = program_file(lookup, file); contents && contents->paged) {
    std::ranges::copy(contents->bytes.first(std::min(contents->present, room.size())),
                      room.begin());
  } else {
    IoBuffer buffer{room};
    if (auto read = file->read_at(0, buffer); !read) return fail(read.error());
  }
  if (formats::is_script({start.data(), start.size()})) return start;
  return fail(is_elf(std::as_bytes(std::span{start})) ? Errno::eacces : Errno::enoexec);
}

/// find_program() for a file that is no ELF file, or whose contents could change.
[[gnu::noinline]] Result<Executable> find_interpreter_of_script(const PathLookup& lookup,
                                                                Ref<File> file,
                                                                std::string_view path,
                                                                ProgramArguments& arguments) {
  std::string name{path};
  for (int scripts = 0; scripts < most_scripts; ++scripts) {
    const auto start = read_script(lookup, file);
    if (!start) return fail(start.error());
    const auto line = formats::read_script_line(*start);
    if (!line) return fail(line.error());
    if (!arguments.replace_first(line->interpreter, line->argument, name))
      return fail(Errno::e2big);
    // Linux finds the working directory under an empty name.
    if (line->interpreter.empty()) return fail(Errno::eacces);
    name = line->interpreter;
    auto interpreter = open_executable(lookup, name);
    if (!interpreter) return fail(interpreter.error());
    file = std::move(*interpreter);
    auto program = elf_contents(lookup, file);
    if (!program) return fail(program.error());
    if (!program->bytes.empty()) return Executable{std::move(*program), std::move(name)};
  }
  if (const auto start = read_script(lookup, file); !start) return fail(start.error());
  return fail(Errno::eloop);
}

}  // namespace

Result<Executable> find_program(const PathLookup& lookup, Ref<File> file, std::string_view path,
                                ProgramArguments& arguments) {
  arguments.restore_first();
  auto program = elf_contents(lookup, file);
  if (!program) return fail(program.error());
  if (!program->bytes.empty()) return Executable{std::move(*program), {}};
  return find_interpreter_of_script(lookup, std::move(file), path, arguments);
}

}  // namespace kernel
