#include "boot/parts.h"

#include <hal/power.h>
#include <kernel/log.h>
#include <trap/program_machine.h>

#include <algorithm>
#include <string>

#include "console/console.h"
#include "console/run_marks.h"
#include "devices/network_device.h"
#include "files/fetched.h"
#include "files/root.h"
#include "files/share.h"
#include "process/code_rewriting.h"
#include "process/executable.h"
#include "process/program.h"
#include "process/thread.h"
#include "process/vdso.h"
#include "sched/harts.h"
#include "sched/running.h"

namespace kernel {
namespace {

constexpr std::string_view default_program = "/bin/sh";
constexpr std::string_view default_environment[] = {"PATH=/bin", "HOME=/", "TERM=linux"};
constexpr int exit_code_not_found = 127;    // as in a shell: the program was not found
constexpr int exit_code_not_started = 126;  // as in a shell: the program cannot be executed

/// The path of the first program: `init=`, or the shell. A number stands for the built-in program
/// with this number, to which the boot archive has the link /builtin/NUMBER (cmake/builtin.cmake).
/// If there are built-in programs, number 0 replaces the shell.
std::string first_program(const formats::BootOptions& options) {
  const auto given = options.value("init");
  Node* const numbered = root_directory().find("builtin");
  Directory* const links = numbered != nullptr ? numbered->as_directory() : nullptr;
  Node* const link = links != nullptr ? links->find(given.value_or("0")) : nullptr;
  if (link != nullptr && link->is_symlink()) return link->target({});
  return std::string{given.value_or(default_program)};
}

ProgramArguments arguments_from(const formats::BootOptions& options, std::string_view path) {
  ProgramArguments arguments;
  (void)arguments.add_argument(path);
  for (const std::string_view argument : options.values("arg"))
    (void)arguments.add_argument(argument);
  const auto given = options.values("env");
  for (const std::string_view word : given) (void)arguments.add_environment(word);
  for (const std::string_view word : default_environment) {
    const auto name = word.substr(0, word.find('=') + 1);
    if (std::ranges::any_of(given, [&](auto other) { return other.starts_with(name); })) continue;
    (void)arguments.add_environment(word);
  }
  return arguments;
}

/// Opens standard input, output and error. All three are one open file of the console. But if
/// `errors` is not null, standard error is that terminal.
Result<> open_standard_files(FdTable& files, Terminal* errors) {
  const PathLookup lookup{.start = root_directory()};
  const auto console = find_node(lookup, "/dev/console");
  if (!console) return fail(console.error());
  const auto file = (*console)->open(abi::o_rdwr);
  if (!file) return fail(file.error());
  auto error_file = file;
  if (errors != nullptr) {
    constexpr DeviceNumber second_line{4, 65};  // Linux's ttyS1
    error_file = make_terminal_device(second_line, *errors)->open(abi::o_wronly);
    if (!error_file) return fail(error_file.error());
  }
  for (const auto& each : {*file, *file, *error_file}) {
    if (auto added = files.add(each, false); !added) return fail(added.error());
  }
  return {};
}

[[gnu::noinline]] Result<Ref<Process>> start(const std::string& path, ProgramArguments arguments,
                                             Terminal* errors, Fetched& fetched) {
  const PathLookup lookup{.start = root_directory(), .reader = {}, .fetched = &fetched};
  auto file = open_executable(lookup, path);
  if (!file) return fail(file.error());
  auto found = find_program(lookup, std::move(*file), path, arguments);
  if (!found) return fail(found.error());
  auto program = load_program(lookup, found->program, path, ResourceLimits{}.stack_bytes());
  if (!program) return fail(program.error());
  StartupStack stack{program->stack_top, program->facts};
  for (;;) {
    const auto is_written = stack.step(*program->space, path, arguments);
    if (!is_written) return fail(is_written.error());
    if (*is_written) break;
  }
  const int id = IdSlots::allocate();
  auto process = make_ref<Process>(id, Process::Parts{.space = program->space,
                                                      .files = make_ref<FdTable>(),
                                                      .fs = make_ref<FsContext>(),
                                                      .actions = make_ref<SignalActions>()});
  const auto opened = open_standard_files(process->files(), errors);
  if (!opened) return fail(opened.error());
  constexpr bool has_canonical_path = false;  // not known: the path may have links
  process->become(std::move(program->space), found->path.empty() ? path : std::move(found->path),
                  has_canonical_path);
  process->set_start_stack(stack.pointer());
  auto thread = make_ref<Thread>(id, process, program->start(stack.pointer()), Schedule{});
  start_share(*thread);
  Thread::start(std::move(thread));
  return process;
}

[[noreturn]] void power_off(int code, Errno refusal = Errno{}) {
  mark_exit(code, static_cast<int>(refusal));
  log_rewritten_code();
  if constexpr (async::platform::injects_faults) log_faults();
  log("power off, exit status {}", code);
  console.write_now({});  // sends the program's remaining output
  hal::power_off(static_cast<unsigned>(code));
}

}  // namespace

async::Task<> run_first_process(const formats::BootOptions& options, Terminal* errors) {
  co_await await_other_harts();
  if (const auto missing = trap::program_machine::missing_instructions(); !missing.empty())
    log("programs cannot use {}", missing);
  vdso::start();
  if (network_device() != nullptr) co_await await_network();
  const std::string path = first_program(options);
  mark_start();
  Fetched fetched;
  auto process = start(path, arguments_from(options, path), errors, fetched);
  while (blocks(process) && fetched.lacks_something()) {
    co_await fetched.fetch();
    process = start(path, arguments_from(options, path), errors, fetched);
  }
  if (!process) {
    const Errno error = process.error();
    log("cannot start {}: {} ({})", path, abi::description(error), abi::name(error));
    power_off(error == Errno::enoent ? exit_code_not_found : exit_code_not_started, error);
  }
  while (!(*process)->is_zombie()) (void)co_await first_process_ended().wait("first process");
  (void)co_await write_shares_back();
  power_off((*process)->status().shell_code());
}

}  // namespace kernel
