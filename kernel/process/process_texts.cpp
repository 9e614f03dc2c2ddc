#include "process/process_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "base/machine_facts.h"
#include "files/terminal.h"
#include "memory/address_space.h"
#include "process/accounts.h"
#include "process/process.h"
#include "process/thread.h"
#include "process/vdso.h"
#include "sched/running.h"

namespace kernel {
namespace {

using memory::Area;
using memory::Backing;

constexpr std::int64_t ns_per_hundredth = 10'000'000;

std::int64_t hundredths(async::Duration time) {
  return time.count() / ns_per_hundredth;
}

/// The name of the thread, or that of the first one that is left. At most TASK_COMM_LEN bytes, with
/// a zero, as on Linux.
std::string_view shown_name(Process& process, const Thread* thread = nullptr) {
  if (thread == nullptr && !process.threads().empty()) thread = &process.threads().front();
  return thread != nullptr ? thread->name() : process.name().substr(0, Thread::name_bytes - 1);
}

AddressSpace* space_of(Process& process) {
  return process.parts().space.get();
}

hal::VirtAddr end_of_stack(const AddressSpace& space) {
  return space.stack_top() - vdso::bytes;
}

/// The memory of a process, in pages.
struct MemoryUse {
  std::size_t mapped = 0, resident = 0, shared = 0, code = 0, data = 0, stack = 0;
};
MemoryUse memory_of(Process& process) {
  MemoryUse use;
  AddressSpace* const space = space_of(process);
  if (space == nullptr) return use;
  use.mapped = space->areas().bytes() / hal::page_size;
  use.resident = space->resident();
  for (const Area* area = space->areas().first(); area != nullptr; area = area->next) {
    const std::size_t pages = area->bytes() / hal::page_size;
    if (allows(area->access, hal::Access::execute)) {
      use.code += pages;
    } else if (area->backing.is_shared()) {
      use.shared += pages;
    } else if (allows(area->access, hal::Access::write)) {
      (area->end == end_of_stack(*space) ? use.stack : use.data) += pages;
    }
  }
  return use;
}

/// The state of the thread, or of the first one that is left. Default values for a zombie.
Schedule schedule_of(Process& process, const Thread* thread) {
  if (thread != nullptr) return thread->schedule();
  return process.threads().empty() ? process.first_schedule()
                                   : process.threads().front().schedule();
}

/// The letter of the state, as in proc(5).
char state_of(Process& process, const Thread* thread) {
  if (thread == nullptr) return process.state();
  return thread->is_ready() ? 'R' : process.is_stopped() ? 'T' : 'S';
}

std::size_t thread_count(Process& process) {
  std::size_t count = 0;
  for ([[maybe_unused]] const Thread& thread : process.threads()) ++count;
  return count;
}

/// The signals of a process, as sets.
struct SignalSets {
  abi::SignalSet pending = 0, blocked = 0, ignored = 0, caught = 0;
};
SignalSets signals_of(Process& process) {
  SignalSets sets{.pending = process.pending_signals()};
  if (process.is_zombie()) return sets;
  if (!process.threads().empty()) sets.blocked = process.threads().front().signal_mask();
  for (unsigned number = 1; number <= abi::signal_limit; ++number) {
    const auto signal = static_cast<abi::Signal>(number);
    const auto& actions = process.signal_actions();
    if (actions[signal].handler == abi::sig_ign) sets.ignored |= abi::set_of(signal);
    if (actions.has_handler(signal)) sets.caught |= abi::set_of(signal);
  }
  return sets;
}

/// The kernel's view of a word of a program, or null if its page is not in memory.
const std::uintptr_t* word_at(AddressSpace& space, std::uintptr_t address) {
  if (address % sizeof(std::uintptr_t) != 0) return nullptr;
  return reinterpret_cast<const std::uintptr_t*>(space.translate(address, hal::Access::read));
}

std::array<char, 4> rights_of(const Area& area) {
  const auto letter = [&](hal::Access access, char name) {
    return allows(area.access, access) ? name : '-';
  };
  return {letter(hal::Access::read, 'r'), letter(hal::Access::write, 'w'),
          letter(hal::Access::execute, 'x'), area.backing.is_shared() ? 's' : 'p'};
}

std::string_view name_of_area(const Process& process, AddressSpace& space, const Area& area) {
  if (area.start == end_of_stack(space)) return "[vdso]";
  if (area.backing.kind == Backing::Kind::segment) return process.path();
  if (area.end == end_of_stack(space)) return "[stack]";
  return space.is_heap(area) ? "[heap]" : "";
}

/// `thread`: null for the text of the process.
void write_stat(PagedText& out, Process* process, const Thread* thread) {
  if (process == nullptr) return;
  const MemoryUse use = memory_of(*process);
  const Schedule schedule = schedule_of(*process, thread);
  const SignalSets signals = signals_of(*process);
  const int priority = schedule.is_real_time() ? -1 - schedule.priority : 20 + schedule.nice;
  const auto to = std::back_inserter(out);
  // The fields of proc(5), by number: 1 to 8, 9 to 13, 14 to 22, 23 to 30, 31 to 40, 41 to 52.
  const Terminal* const terminal = Terminal::of_session(process->session());
  fmt::format_to(to, "{} ({}) {} {} {} {} {} {} ", thread != nullptr ? thread->id() : process->id(),
                 shown_name(*process, thread), state_of(*process, thread), process->parent_id(),
                 process->group(), process->session(),
                 terminal != nullptr ? terminal->device().major << 8 | terminal->device().minor : 0,
                 terminal != nullptr ? terminal->foreground_group() : -1);
  fmt::format_to(to, "0 0 0 0 0 ");
  fmt::format_to(to, "{} 0 {} 0 {} {} {} 0 {} ",
                 hundredths(thread != nullptr ? thread->cpu_time() : process->cpu_time()),
                 hundredths(process->children_cpu_time()), priority, schedule.nice,
                 thread_count(*process), hundredths(process->start_time().time_since_epoch()));
  fmt::format_to(to, "{} {} {} 0 0 {} 0 0 ", use.mapped * hal::page_size, use.resident,
                 abi::unlimited, process->start_stack());
  fmt::format_to(to, "{} {} {} {} 0 0 0 17 {} ", signals.pending & 0x7fff'ffff,
                 signals.blocked & 0x7fff'ffff, signals.ignored & 0x7fff'ffff,
                 signals.caught & 0x7fff'ffff,
                 process->threads().empty() ? 0 : process->threads().front().hart);
  fmt::format_to(to, "{} {} 0 0 0 0 0 0 0 0 0 0 {}\n",
                 schedule.is_real_time() ? schedule.priority : 0, schedule.policy,
                 process->status().word());
}

/// The process that traces the thread, or the first thread; 0: none.
int tracer_of(Process& process, const Thread* thread) {
  if (thread == nullptr && !process.threads().empty()) thread = &process.threads().front();
  return thread != nullptr && thread->tracee() != nullptr ? thread->tracee()->tracer().id() : 0;
}

void write_status(PagedText& out, Process* process, const Thread* thread) {
  if (process == nullptr) return;
  constexpr std::size_t per_page = hal::page_size / 1024;
  const auto to = std::back_inserter(out);
  const char state = state_of(*process, thread);
  const bool is_zombie = state == 'Z';
  fmt::format_to(to, "Name:\t{}\n", shown_name(*process, thread));
  if (!is_zombie) fmt::format_to(to, "Umask:\t{:04o}\n", process->fs().umask());
  fmt::format_to(to, "State:\t{} ({})\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t{}\n",
                 state,
                 state == 'R'   ? "running"
                 : is_zombie    ? "zombie"
                 : state == 'T' ? "stopped"
                 : state == 't' ? "tracing stop"
                                : "sleeping",
                 process->id(), thread != nullptr ? thread->id() : process->id(),
                 process->parent_id(), tracer_of(*process, thread));
  fmt::format_to(to, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
  if (!is_zombie) {
    const MemoryUse use = memory_of(*process);
    fmt::format_to(to, "FDSize:\t64\nGroups:\t \n");
    const auto line = [&](std::string_view name, std::size_t pages) {
      fmt::format_to(to, "{}:\t{:>8} kB\n", name, pages * per_page);
    };
    line("VmSize", use.mapped);
    line("VmRSS", use.resident);
    line("VmData", use.data);
    line("VmStk", use.stack);
    line("VmExe", use.code);
  }
  const SignalSets signals = signals_of(*process);
  fmt::format_to(to, "Threads:\t{}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\n", thread_count(*process),
                 signals.pending, signals.blocked);
  fmt::format_to(to, "SigIgn:\t{:016x}\nSigCgt:\t{:016x}\n", signals.ignored, signals.caught);
  const Capabilities& capabilities = process->capabilities();
  fmt::format_to(to, "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\n",
                 capabilities.inheritable, capabilities.permitted, capabilities.effective);
  fmt::format_to(to, "CapBnd:\t{:016x}\nCapAmb:\t{:016x}\nNoNewPrivs:\t{:d}\nSeccomp:\t0\n",
                 capabilities.bounding, capabilities.ambient,
                 process->settings().has_no_new_privileges);
}

}  // namespace

void write_process_stat(PagedText& out, int id) {
  write_stat(out, processes().find(id), nullptr);
}

void write_thread_stat(PagedText& out, int id) {
  Thread* const thread = threads().find(id);
  if (thread != nullptr) write_stat(out, &thread->process(), thread);
}

void write_process_status(PagedText& out, int id) {
  write_status(out, processes().find(id), nullptr);
}

void write_thread_status(PagedText& out, int id) {
  Thread* const thread = threads().find(id);
  if (thread != nullptr) write_status(out, &thread->process(), thread);
}

void write_thread_name(PagedText& out, int id) {
  const Thread* const thread = threads().find(id);
  if (thread == nullptr) return;
  out += thread->name();
  out += '\n';
}

void write_process_statm(PagedText& out, int id) {
  Process* const process = processes().find(id);
  if (process == nullptr) return;
  const MemoryUse use = memory_of(*process);
  fmt::format_to(std::back_inserter(out), "{} {} {} {} 0 {} 0\n", use.mapped, use.resident,
                 std::min(use.shared, use.resident), use.code, use.data + use.stack);
}

void write_process_name(PagedText& out, int id) {
  Process* const process = processes().find(id);
  if (process == nullptr) return;
  out += shown_name(*process);
  out += '\n';
}

namespace {

/// The strings at the start of the program's stack: the number of arguments, the pointers to them,
/// a null, the pointers to the environment, a null. The strings lie one behind the other.
class StartStrings {
 public:
  explicit StartStrings(int id) {
    Process* const process = processes().find(id);
    space_ = process != nullptr ? space_of(*process) : nullptr;
    const std::uintptr_t start = process != nullptr ? process->start_stack() : 0;
    if (space_ == nullptr || start == 0) return;
    const std::uintptr_t* const shared = word_at(*space_, start);
    if (shared == nullptr) return;
    const std::uintptr_t count = read_once(*shared);  // the program may change it
    if (count > longest) return;
    arguments_ = start + word;
    environment_ = arguments_ + (count + 1) * word;
    count_ = count;
  }

  std::uintptr_t arguments() const { return arguments_; }
  std::uintptr_t environment() const { return environment_; }
  std::uintptr_t argument_count() const { return count_; }
  /// The number of pointers to the environment; 0 if some of them are not in memory.
  std::uintptr_t environment_count() const {
    for (std::uintptr_t count = 0; environment_ != 0 && count < longest; ++count) {
      const std::uintptr_t* const pointer = word_at(*space_, environment_ + count * word);
      if (pointer == nullptr) return 0;
      if (*pointer == 0) return count;
    }
    return 0;
  }

  /// Writes the strings to which `count` pointers at `pointers` point, at most `longest` bytes.
  void write(PagedText& out, std::uintptr_t pointers, std::uintptr_t count) const {
    const std::uintptr_t* const first = count != 0 ? word_at(*space_, pointers) : nullptr;
    if (first == nullptr) return;
    const std::uintptr_t begin = *first;
    std::uintptr_t zeros = 0;
    for (std::uintptr_t at = begin; at - begin < longest && zeros < count; ++at) {
      const std::byte* const byte = space_->translate(at, hal::Access::read);
      if (byte == nullptr) return;
      zeros += *byte == std::byte{0};
      out += static_cast<char>(*byte);
    }
  }

 private:
  static constexpr std::uintptr_t word = sizeof(std::uintptr_t), longest = 32'768;

  AddressSpace* space_ = nullptr;
  std::uintptr_t arguments_ = 0, environment_ = 0, count_ = 0;
};

}  // namespace

void write_process_arguments(PagedText& out, int id) {
  const StartStrings strings{id};
  strings.write(out, strings.arguments(), strings.argument_count());
}

void write_process_environment(PagedText& out, int id) {
  const StartStrings strings{id};
  strings.write(out, strings.environment(), strings.environment_count());
}

void write_process_limits(PagedText& out, int id) {
  struct Row {
    std::string_view name, unit;
  };
  // By number.
  constexpr std::array<Row, abi::rlimit_count> rows{{{"Max cpu time", "seconds"},
                                                     {"Max file size", "bytes"},
                                                     {"Max data size", "bytes"},
                                                     {"Max stack size", "bytes"},
                                                     {"Max core file size", "bytes"},
                                                     {"Max resident set", "bytes"},
                                                     {"Max processes", "processes"},
                                                     {"Max open files", "files"},
                                                     {"Max locked memory", "bytes"},
                                                     {"Max address space", "bytes"},
                                                     {"Max file locks", "locks"},
                                                     {"Max pending signals", "signals"},
                                                     {"Max msgqueue size", "bytes"},
                                                     {"Max nice priority", ""},
                                                     {"Max realtime priority", ""},
                                                     {"Max realtime timeout", "us"}}};
  Process* const process = processes().find(id);
  if (process == nullptr) return;
  const auto line = [&](std::string_view name, std::string_view soft, std::string_view hard,
                        std::string_view unit) {
    fmt::format_to(std::back_inserter(out), "{:<25} {:<20} {:<20} {:<10}\n", name, soft, hard,
                   unit);
  };
  const auto text = [](std::uint64_t limit) {
    return limit == abi::unlimited ? std::string{"unlimited"} : fmt::format("{}", limit);
  };
  line("Limit", "Soft Limit", "Hard Limit", "Units");
  for (int number = 0; number < abi::rlimit_count; ++number) {
    const abi::ResourceLimit& limit = process->limits()[number];
    const Row& row = rows[static_cast<std::size_t>(number)];
    line(row.name, text(limit.soft), text(limit.hard), row.unit);
  }
}

void write_process_areas(PagedText& out, int id) {
  constexpr std::size_t longest = 100'000;
  Process* const process = processes().find(id);
  AddressSpace* const space = process != nullptr ? space_of(*process) : nullptr;
  if (space == nullptr) return;
  for (const Area* area = space->areas().first(); area != nullptr && out.size() < longest;
       area = area->next) {
    const auto rights = rights_of(*area);
    const std::string_view name = name_of_area(*process, *space, *area);
    const bool has_object = static_cast<bool>(area->backing.object);
    fmt::format_to(std::back_inserter(out), "{:08x}-{:08x} {} {:08x} 00:00 0{:{}}{}\n", area->start,
                   area->end, std::string_view{rights.data(), rights.size()},
                   has_object ? area->backing.first_page * hal::page_size : 0, "",
                   name.empty() ? 0 : 26, name);
  }
}

void write_times(PagedText& out) {
  const std::int64_t up = hundredths(async::now().time_since_epoch());
  const auto to = std::back_inserter(out);
  std::int64_t busy = 0, idle = 0;
  std::uint64_t switches = 0;
  const auto line = [&](std::string_view name, std::int64_t user, std::int64_t left) {
    fmt::format_to(to, "{} {} 0 0 {} 0 0 0 0 0 0\n", name, user, left);
  };
  const auto each_hart = [&](auto use) {
    for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
      const CurrentThread* const current = current_thread_of(hart);
      if (current == nullptr) continue;
      const auto hart_idle =
          std::min(up, static_cast<std::int64_t>(idle_time(hart)) / ns_per_hundredth);
      use(hart, hart_idle, *current);
    }
  };
  each_hart([&](unsigned, std::int64_t hart_idle, const CurrentThread& current) {
    idle += hart_idle;
    busy += up - hart_idle;
    switches += current.switches.value();
  });
  line("cpu ", busy, idle);
  each_hart([&](unsigned hart, std::int64_t hart_idle, const CurrentThread&) {
    line(fmt::format("cpu{}", hart), up - hart_idle, hart_idle);
  });
  std::size_t ready = 0;
  for (const Thread& thread : threads()) ready += thread.is_ready();
  constexpr std::int64_t ns_per_second = 1'000'000'000;
  fmt::format_to(to, "ctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n",
                 switches, wall_clock_at_boot().count() / ns_per_second, processes().size(), ready);
}

void write_load(PagedText& out) {
  std::size_t ready = 0;
  int last = 0;
  for (const Thread& thread : threads()) {
    ready += thread.is_ready();
    last = std::max(last, thread.id());
  }
  fmt::format_to(std::back_inserter(out), "{0}.00 {0}.00 {0}.00 {0}/{1} {2}\n", ready,
                 threads().size(), last);
}

}  // namespace kernel
