#include <abi/flags.h>
#include <trap/fpu.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "files/root.h"
#include "memory/frames.h"
#include "process/executable.h"
#include "process/program.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/paths.h"

namespace kernel::sys {
namespace {

/// Copies a null-terminated array of strings into `all`; a null array is an empty one, as on Linux.
Result<> read_strings(Thread& self, std::uintptr_t array, ProgramArguments& all,
                      void (ProgramArguments::*take)(std::size_t length)) {
  if (array == 0) return {};
  for (;; array += sizeof(std::uintptr_t)) {
    const auto pointer = UserPtr<const std::uintptr_t>{array}.read(self.space());
    if (!pointer) return fail(pointer.error());
    if (*pointer == 0) return {};
    const auto text = memory::string_from_user(self.space(), *pointer, all.room());
    if (!text) return fail(text.error() == Errno::enametoolong ? Errno::e2big : text.error());
    (all.*take)(text->size());
  }
}

Result<ProgramArguments> read_arguments(Thread& self, std::uintptr_t arguments,
                                        std::uintptr_t environment) {
  ProgramArguments all;
  if (auto done = read_strings(self, arguments, all, &ProgramArguments::take_argument); !done) {
    return fail(done.error());
  }
  if (all.argument_count() == 0) all.add_argument("");  // as Linux does since 5.18
  if (auto done = read_strings(self, environment, all, &ProgramArguments::take_environment);
      !done) {
    return fail(done.error());
  }
  return all;
}

/// Copies the path into a string that the process can keep.
Result<std::string> read_path(Thread& self, UserPtr<const char> from) {
  const Path path{self, from};
  if (!path) return fail(path.error());
  return std::string{*path};
}

/// The argument of Process::become() for a program whose path does not end in its name: a script,
/// or a link. `given`: the argument of execve.
std::string path_with_name(std::string path, std::string_view given) {
  path += '\0';
  return path += given.substr(given.rfind('/') + 1);  // npos + 1 is 0: the whole path
}

/// The path of a program from the root, as for Process::become(). /proc/self/exe shows it: C
/// libraries refuse to start without it. `node`: of the file that `path` has named; null: not
/// known.
Result<std::string> absolute(Thread& self, const Node* node, std::string path) {
  if (node != nullptr && path.starts_with("/proc/")) {  // a link that may soon be another one
    if (auto known = node->path()) return path_with_name(std::move(*known), path);
  }
  if (path.starts_with('/')) return path;
  auto directory = self.process().fs().directory()->path();
  if (!directory) return fail(directory.error());
  if (!directory->ends_with('/')) directory->push_back('/');
  return std::move(*directory) + path;
}

/// Ends all other threads, and waits for their end. The survivor gets the process's number.
async::Task<Result<>> become_only_thread(Thread& self) {
  Process& process = self.process();
  if (self.is_ending())
    co_return fail(Errno::eintr);  // another thread's execve, for example, was first
  process.terminate_others(self);
  while (!process.has_one_thread()) {
    if (co_await process.thread_ended().wait("execve") != async::WaitResult::woken) {
      co_return fail(Errno::eintr);
    }
  }
  self.take_first_id();
  co_return Result<>{};
}

struct NewProgram {
  Program program;
  std::string path;  ///< as for Process::become()
};

/// Everything of execve that can fail but leaves the caller as it is. Not a part of the coroutine,
/// whose frame would be larger.
[[gnu::noinline]] Result<NewProgram> make_program(Thread& self, UserPtr<const char> path,
                                                  std::uintptr_t arguments,
                                                  std::uintptr_t environment, Fetched& fetched) {
  if (!memory::can_allocate_contiguous(ProgramArguments::limit)) return fail(Errno::enomem);
  auto name = read_path(self, path);
  if (!name) return fail(name.error());
  const PathLookup lookup{
      .start = *self.process().fs().directory(),
      .reader = {.executable = self.process().path_and_name(), .process = self.process().id()},
      .fetched = &fetched};
  auto file = open_executable(lookup, *name);
  if (!file) return fail(file.error());
  const auto node = Ref<Node>::share(*(*file)->node());
  auto given = read_arguments(self, arguments, environment);
  if (!given) return fail(given.error());
  auto found = find_program(lookup, std::move(*file), *name, *given);
  if (!found) return fail(found.error());
  auto program =
      load_program(lookup, found->program, *name, *given, self.process().limits().stack_bytes());
  if (!program) return fail(program.error());
  const bool is_script = !found->path.empty();
  auto shown = absolute(self, is_script ? nullptr : node.get(), is_script ? found->path : *name);
  if (!shown) return fail(shown.error());
  if (is_script) shown = path_with_name(std::move(*shown), *name);
  return NewProgram{std::move(*program), std::move(*shown)};
}

}  // namespace

async::Task<Result<>> execve(Thread& self, UserPtr<const char> path, std::uintptr_t arguments,
                             std::uintptr_t environment) {
  Fetched fetched;
  auto made = make_program(self, path, arguments, environment, fetched);
  while (!made && made.error() == Errno::would_block && fetched.lacks_something()) {
    co_await fetched.fetch();
    if (async::is_cancelled()) co_return fail(Errno::eintr);
    made = make_program(self, path, arguments, environment, fetched);
  }
  if (!made) co_return fail(made.error());

  // The last call that can fail for want of memory. The other threads still run, so the caller can
  // continue after ENOMEM.
  if (auto own = self.process().own_parts(); !own) co_return own;
  if (auto alone = co_await become_only_thread(self); !alone) co_return alone;
  // Point of no return.
  if (self.ring() != nullptr) co_await self.close_ring();
  if (has_large_memory_alone(self)) co_await give_back_memory(self);
  self.process().become(std::move(made->program.space), std::move(made->path));
  self.process().files().close_for_exec();
  self.process().signal_actions().drop_handlers();
  auto start = made->program.start();
  self.start_program(start);
  co_return Result<>{};
}

}  // namespace kernel::sys
