// The kernel's entry point: initializes all parts and starts the first process.

#include <async/async.h>
#include <async/job_page.h>
#include <fmt/format.h>
#include <hal/boot.h>
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/kernel_map.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <trap/kernel_trap.h>

#include <array>

#include "base/machine_facts.h"
#include "base/random.h"
#include "boot/boot_option.h"
#include "boot/parts.h"
#include "devices/virtio_drivers.h"
#include "dispatch/counted_calls.h"
#include "dispatch/dispatch.h"
#include "files/root.h"
#include "formats/boot_options.h"
#include "memory/address_space.h"
#include "memory/asid.h"
#include "memory/frames.h"
#include "process/accounts.h"
#include "process/process.h"
#include "process/process_files.h"
#include "process/process_texts.h"
#include "sched/harts.h"
#include "sched/job_watch.h"
#include "sched/policies.h"

namespace kernel {

ASYNC_DEFINE_REGISTRY(boot_options, cotrap_boot_options, BootOption);

void apply_boot_options(const formats::BootOptions& options, BootOption::Stage stage) {
  (void)boot_options().find([&](const BootOption& option) {
    if (option.stage != stage) return false;
    if (const auto value = options.value(option.name)) option.apply(options, *value);
    return false;
  });
}

namespace {

constexpr Account accounts[] = {
    {"processes", list_processes},   {"harts", list_harts},
    {"interrupts", list_interrupts}, {"stacks", list_stacks},
    {"traps", list_traps},           {"policy", list_policies, change_policy},
    {"uptime", list_uptime},         {"syscalls", list_all_syscalls, count_syscalls},
    {"deadlines", list_deadlines},   {"threads", list_threads},
    {"stat", write_times},           {"loadavg", write_load},
};

/// The kernel's reserve of memory, in bytes, but at most an eighth of memory. Each thread adds to
/// it.
constexpr std::ptrdiff_t base_reserve = 1 << 20;
/// The same for each hart but the first. The pools of a hart keep free blocks that others lack.
constexpr std::ptrdiff_t hart_reserve = 32 * 1024;

[[noreturn]] void panic_unmapped(const hal::KernelMapError& error) {
  std::array<char, 160> text;
  const auto end = fmt::format_to_n(text.data(), text.size(),
                                    "the kernel's memory from {:#x} to {:#x} cannot be mapped: {}",
                                    error.from, error.to, hal::description(error.cause));
  panic({text.data(), end.out});
}

void start_memory(const hal::BootInfo& info) {
  if (!memory::frames.initialize(info.memory, info.reserved))
    panic("the machine has no usable memory");
  const auto eighth =
      static_cast<std::ptrdiff_t>(memory::frames.total_count() * hal::page_size / 8);
  memory::frames.grow_reserve(std::min(base_reserve, eighth) +
                              (info.hart_count - 1) * hart_reserve);
  if (const auto entered = hal::enter_kernel_space(info); !entered) panic_unmapped(entered.error());
}

RootParts::SharedRoot shared_root_from(const formats::BootOptions& options) {
  using SharedRoot = RootParts::SharedRoot;
  const auto given = options.value("root");
  if (!given) return SharedRoot::none;
  return *given == "ro" ? SharedRoot::read_only : SharedRoot::writable;
}

}  // namespace
}  // namespace kernel

void kernel_main(const hal::BootInfo& info) {
  using namespace kernel;
  start_memory(info);
  if (info.hart_count > 1) async::JobPage::space_out();
  trap::install();
  memory::asids.initialize(hal::highest_asid());
  const formats::BootOptions options{info.command_line};
  remember_machine(info);
  using Stage = BootOption::Stage;
  apply_boot_options(options, Stage::log);
  if (console_is_terminal(options)) end_log_lines_with_return();
  apply_boot_options(options, Stage::events);
  seed_random(info.random_seed);
  log("cotrap: {} hart{}, {} MiB free of {} MiB", info.hart_count, info.hart_count == 1 ? "" : "s",
      memory::frames.free_count() / 256, memory::frames.total_count() / 256);
  if constexpr (!hal::translates_addresses) log("no MMU: {}", memory::protection());
  apply_boot_options(options, Stage::scheduling);
  report_deadlocks();
  install_timer_handlers();
  begin_hart(info.hart_count > 1);
  start_system_calls(info.hart_count > 1);
  // Each started hart enters the strand before it runs jobs. This hart holds the strand until boot
  // is done, so the others wait until then.
  async::Strand::enter();
  start_other_harts(info.hart_count);
  const ConsoleTerminals consoles = start_console(options);
  const RootParts::SharedRoot shared_root = shared_root_from(options);
  start_virtio_devices();
  build_root({.archive = info.initrd,
              .command_line = info.command_line,
              .terminal = consoles.terminal,
              .terminal_users = &job_control::terminal_users(),
              .accounts = accounts,
              .find_process = find_process_directory,
              .next_process = next_process,
              .limits = {.process_numbers = IdSlots::limit, .most_threads = most_threads},
              .fill_random = fill_random,
              .shares_are_read_only = options.value("share") == "ro",
              .shared_root = shared_root,
              .write_name_servers = name_server_writer()});
  const bool uses_archive = shared_root == RootParts::SharedRoot::none;
  if (uses_archive && (info.initrd_is_builtin || info.initrd.empty())) {
    log("boot archive: {}", info.initrd_is_builtin
                                ? "the programs that are built into the kernel"
                                : "none from the firmware, and no programs are built into the "
                                  "kernel: pass one with -initrd, or build with COTRAP_BUILTIN");
  }
  start_network(options);
  apply_boot_options(options, Stage::jobs);
  if (jobs_are_watched()) {
    // On the boot hart only: with a lost IPI its own wake could be lost.
    async::spawn(look_at_ready_jobs(), {.name = "job watch", .priority = 0, .harts = 1}).detach();
  }
  async::spawn(run_first_process(options, consoles.errors),
               {.name = "first process", .priority = 1})
      .detach();
  async::Strand::leave();
  run_hart();
}
