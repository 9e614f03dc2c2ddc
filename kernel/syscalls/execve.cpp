#include <abi/flags.h>
#include <fmt/format.h>
#include <trap/fpu.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "files/root.h"
#include "memory/frames.h"
#include "process/executable.h"
#include "process/program.h"
#include "process/signal_delivery.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel::sys {
namespace {

/// Reads the arguments and the environment of the call, two null-terminated arrays of strings.
class ArgumentReader {
 public:
  /// A null array is an empty one, as on Linux.
  ArgumentReader(Thread& self, std::uintptr_t arguments, std::uintptr_t environment)
      : all_{self.process().limits().argument_bytes()},
        arguments_{arguments},
        environment_{environment} {}

  /// Reads on. would_block: it has paused() after a step, or a page is missing. EFAULT; E2BIG;
  /// ENOMEM.
  Result<ProgramArguments*> read(Thread& self) {
    left_in_step_ = step_bytes;
    paused_ = false;
    if (auto done = read_strings(self, arguments_, &ProgramArguments::take_argument); !done)
      return fail(done.error());
    if (all_.argument_count() == 0) {  // Linux adds an empty one since 5.18
      if (auto added = all_.add_argument(""); !added) return fail(added.error());
    }
    if (auto done = read_strings(self, environment_, &ProgramArguments::take_environment); !done)
      return fail(done.error());
    return &all_;
  }
  bool paused() const { return paused_; }
  const ProgramArguments& all() const { return all_; }

 private:
  /// `array` moves behind each string that was read, and is null at the end.
  Result<> read_strings(Thread& self, std::uintptr_t& array,
                        void (ProgramArguments::*take)(std::size_t length)) {
    for (; array != 0; array += sizeof(std::uintptr_t)) {
      const auto pointer = UserPtr<const std::uintptr_t>{array}.read(self.space());
      if (!pointer) return fail(pointer.error());
      if (*pointer == 0) break;
      paused_ = left_in_step_ == 0;
      if (paused_) return fail(Errno::would_block);
      const auto length = read_string(self, *pointer);
      if (!length) return fail(length.error());
      (all_.*take)(*length);
      left_in_step_ -= std::min(left_in_step_, *length + least_cost);
    }
    array = 0;
    return {};
  }
  Result<std::size_t> read_string(Thread& self, std::uintptr_t from) {
    for (;;) {
      const auto text = memory::string_from_user(self.space(), from, all_.room());
      if (text) [[likely]]
        return text->size();
      if (text.error() != Errno::enametoolong) return fail(text.error());
      if (auto made = all_.make_room(); !made) return fail(made.error());
    }
  }

  static constexpr std::size_t least_cost = 64;  // of a string, in bytes that are copied

  ProgramArguments all_;
  std::uintptr_t arguments_, environment_;
  std::size_t left_in_step_ = 0;
  bool paused_ = false;
};

/// The program that a call names. `flags`: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
struct Target {
  int directory;
  UserPtr<const char> path;
  int flags = 0;
};

struct FoundTarget {
  PathLookup lookup;
  Node* node;
  std::string name;  ///< as the caller has given it, or a path in /dev/fd
  bool is_in_descriptor = false;
  bool names_file = false;  ///< the descriptor's own file
  bool has_canonical_path = false;
};

/// Finds the node. Errors of lookup_from() and find_node(); EACCES: it is a pipe; ELOOP: a link.
Result<FoundTarget> find_target(Thread& self, const Target& target, Fetched& fetched) {
  const Path path{self, target.path};
  if (!path) return fail(path.error());
  const bool names_file = (*path).empty() && (target.flags & abi::at_empty_path) != 0;
  auto lookup = lookup_from(self, names_file ? abi::at_fdcwd : target.directory, *path);
  if (!lookup) return fail(lookup.error());
  lookup->fetched = &fetched;
  bool is_canonical = true;
  lookup->is_canonical = &is_canonical;
  const auto node = names_file ? node_at(self, target.directory)
                               : kernel::find_node(*lookup, *path, last_link(target.flags));
  if (!node) return fail(node.error());
  if (*node == nullptr) return fail(Errno::eacces);
  if ((*node)->is_symlink()) return fail(Errno::eloop);
  lookup->is_canonical = nullptr;
  FoundTarget found{.lookup = *lookup, .node = *node, .name = std::string{*path}};
  if (target.directory == abi::at_fdcwd || (*path).starts_with('/')) {
    found.has_canonical_path = is_canonical;
    return found;
  }
  found.is_in_descriptor = true;
  found.names_file = names_file;
  found.name = fmt::format("/dev/fd/{}", target.directory);
  if (!names_file) (found.name += '/') += *path;
  return found;
}

/// The argument of Process::become() for a program whose path does not end in its name: a script,
/// or a link. `given`: the argument of execve.
std::string path_with_name(std::string path, std::string_view given) {
  path += '\0';
  return path += given.substr(given.rfind('/') + 1);  // npos + 1 is 0: the whole path
}

/// The path of a program from the root of the tree, as for Process::become(). /proc/self/exe shows
/// it: C libraries refuse to start without it. `node`: of the file that `path` has named; null: not
/// known.
Result<std::string> absolute(Thread& self, const Node* node, std::string path) {
  // A link may soon be another one.
  if (node != nullptr && (path.starts_with("/proc/") || path.starts_with("/dev/fd/"))) {
    if (auto known = node->path()) return path_with_name(std::move(*known), path);
  }
  if (path.starts_with('/')) {
    const Directory* const root = self.process().fs().root();
    if (root == nullptr) return path;
    auto start = root->path();
    if (!start) return fail(start.error());
    return std::move(*start) + path;
  }
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
  std::string name;  ///< as the caller has given it
  std::string path;  ///< as for Process::become()
  bool has_canonical_path;
};

/// Everything of execve that can fail but leaves the caller as it is. Not a part of the coroutine,
/// whose frame would be larger.
[[gnu::noinline]] Result<NewProgram> make_program(Thread& self, const Target& target,
                                                  ArgumentReader& reader, Fetched& fetched) {
  auto there = find_target(self, target, fetched);
  if (!there) return fail(there.error());
  const PathLookup& lookup = there->lookup;
  auto* const name = &there->name;
  const auto node = Ref<Node>::share(*there->node);
  auto file = open_executable(lookup, *node);
  if (!file) return fail(file.error());
  auto given = reader.read(self);
  if (!given) return fail(given.error());
  auto found = find_program(lookup, std::move(*file), *name, **given);
  if (!found) return fail(found.error());
  auto program = load_program(lookup, found->program, *name, self.process().limits().stack_bytes());
  if (!program) return fail(program.error());
  const bool is_script = !found->path.empty();
  // The interpreter could not open the script.
  if (is_script && there->is_in_descriptor &&
      self.process().files().close_on_exec(target.directory).value_or(false))
    return fail(Errno::enoent);
  auto shown = absolute(self, is_script ? nullptr : node.get(), is_script ? found->path : *name);
  if (!shown) return fail(shown.error());
  if (there->names_file) {  // the name is that of the file
    if (!is_script) shown = node->path().value_or(std::move(*shown));
  } else if (is_script) {
    shown = path_with_name(std::move(*shown), *name);
  }
  return NewProgram{std::move(*program), std::move(*name), std::move(*shown),
                    there->has_canonical_path && !is_script};
}

/// Reports that a traced thread has executed another program.
[[gnu::cold, gnu::noinline]] void report_exec(Thread& self) {
  if (self.tracee()->has(abi::option_of(abi::PtraceEvent::exec))) {
    self.tracee()->stop_soon(abi::PtraceEvent::exec, static_cast<unsigned>(self.id()));
  } else if (!self.tracee()->is_seized()) {
    self.post_signal(signal_from(self, static_cast<int>(abi::Signal::sigtrap), abi::si_user));
  }
}

/// `target` must be by value: the coroutine may outlive its caller's frame.
async::Task<Result<>> execute(Thread& self, Target target, std::uintptr_t arguments,
                              std::uintptr_t environment) {
  ArgumentReader reader{self, arguments, environment};
  Fetched fetched;
  auto made = make_program(self, target, reader, fetched);
  while (blocks(made)) {
    if (fetched.lacks_something()) {
      co_await fetched.fetch();
    } else if (reader.paused()) {
      co_await cond_resched(self);
    } else {
      break;
    }
    if (async::is_cancelled()) co_return fail(Errno::eintr);
    made = make_program(self, target, reader, fetched);
  }
  if (!made) co_return fail(made.error());
  StartupStack stack{made->program.stack_top, made->program.facts};
  for (;;) {
    const auto is_written = stack.step(*made->program.space, made->name, reader.all());
    if (!is_written) co_return fail(is_written.error());
    if (*is_written) break;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }

  // The last call that can fail for want of memory. The other threads still run, so the caller can
  // continue after ENOMEM.
  if (auto own = self.process().own_parts(); !own) co_return own;
  if (auto alone = co_await become_only_thread(self); !alone) co_return alone;
  // Point of no return.
  if (self.has_rings()) co_await self.close_rings();
  if (has_large_memory_alone(self)) co_await give_back_memory(self);
  while (!self.process().files().close_some_for_exec(FdTable::closed_in_step))
    co_await cond_resched(self);
  self.process().execute_with_capabilities();
  self.process().become(std::move(made->program.space), std::move(made->path),
                        made->has_canonical_path);
  self.process().signal_actions().drop_handlers();
  auto start = made->program.start(stack.pointer());
  self.start_program(start);
  if (self.tracee() != nullptr) [[unlikely]]
    report_exec(self);
  co_return Result<>{};
}

}  // namespace

async::Task<Result<>> execve(Thread& self, UserPtr<const char> path, std::uintptr_t arguments,
                             std::uintptr_t environment) {
  return execute(self, {.directory = abi::at_fdcwd, .path = path}, arguments, environment);
}

/// flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW; EINVAL for others
/// linux: As `execve`.
async::Task<Result<>> execveat(Thread& self, int directory, UserPtr<const char> path,
                               std::uintptr_t arguments, std::uintptr_t environment, int flags) {
  if ((flags & ~(abi::at_empty_path | abi::at_symlink_nofollow)) != 0)
    co_return fail(Errno::einval);
  co_return co_await execute(self, {directory, path, flags}, arguments, environment);
}

}  // namespace kernel::sys

namespace kernel {
KERNEL_CALL(execveat, sys::execveat);
}  // namespace kernel
