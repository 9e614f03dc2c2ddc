#include "process/accounts.h"

#include <fmt/format.h>
#include <trap/router.h>
#include <trap/run_user.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>

#include "base/machine_facts.h"
#include "devices/interrupts.h"
#include "memory/tlb_tag.h"
#include "process/thread.h"
#include "sched/policies.h"
#include "sched/running.h"
#include "sched/stack_pool.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

/// Writes a row with value(hart) for each hart.
template <class Value>
void row(PagedText& out, std::string_view name, std::string_view what, Value&& value) {
  fmt::format_to(std::back_inserter(out), "{:>18}:", name);
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    fmt::format_to(std::back_inserter(out), " {:>10}", value(hart));
  }
  fmt::format_to(std::back_inserter(out), "  {}\n", what);
}

/// The driver of a line, the number of interrupts without a cause, and how often the driver masked
/// the line for a while because of those.
std::string about_line(hal::Irq irq) {
  const LineDriver driver = line_driver(irq);
  if (driver.name.empty()) return std::string{hal::interrupt_controller(irq)};
  if (driver.backoff == nullptr)
    return fmt::format("{} {}", hal::interrupt_controller(irq), driver.name);
  return fmt::format("{} {}, {} useless, {} pauses", hal::interrupt_controller(irq), driver.name,
                     driver.backoff->useless(), driver.backoff->pauses());
}

/// Idle time up to now, in ns.
std::uint64_t idle_ns(const CurrentThread& current) {
  const auto since = current.idle_since.load(std::memory_order_relaxed);
  const std::uint64_t now = since != 0 ? hal::clock_ticks() - since : 0;
  return (current.idle_ticks.value() + now) * hal::clock_period_ns();
}

}  // namespace

std::uint64_t idle_time(unsigned hart) {
  return idle_ns(*current_thread_of(hart));
}

void list_uptime(PagedText& out) {
  async::Duration idle_time{};
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    if (const CurrentThread* const current = current_thread_of(hart))
      idle_time += async::Duration{idle_ns(*current)};
  }
  using Centiseconds = std::chrono::duration<std::int64_t, std::centi>;
  const auto up = std::chrono::duration_cast<Centiseconds>(async::now().time_since_epoch()).count();
  const auto idle = std::chrono::duration_cast<Centiseconds>(idle_time).count();
  fmt::format_to(std::back_inserter(out), "{}.{:02} {}.{:02}\n", up / 100, up % 100, idle / 100,
                 idle % 100);
}

Result<> change_policy(std::string_view name) {
  const auto changed = use_policy(name);
  if (changed) {
    for (Thread& thread : threads()) thread.note_new_policy();
  }
  return changed;
}

void list_deadlines(PagedText& out) {
  std::array<std::uint64_t, abi::work_classes> under_way{}, overdue{};
  const async::Instant now = async::now();
  for (const Thread& thread : threads()) {
    const Thread::Work& work = thread.work();
    under_way[work.work_class] += work.is_counted();
    overdue[work.work_class] += work.is_counted() && now > work.due;
  }
  out += "class\tended\tmissed\tunder_way\toverdue\n";
  for (std::size_t each = 0; each < work_counts.size(); ++each) {
    const auto [ended, missed] = work_counts[each];
    if (ended + under_way[each] == 0) continue;
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\n", each, ended, missed,
                   under_way[each], overdue[each]);
  }
}

std::uint64_t syscalls_on(unsigned hart) {
  const CurrentThread* const current = current_thread_of(hart);
  if (current == nullptr) return 0;
  std::uint64_t count = current->syscalls;
  for (const Thread& thread : threads()) {
    if (thread.hart == hart) count += thread.syscalls.value() - thread.syscalls_counted;
  }
  return count;
}

namespace {

std::string_view name_of_cause(std::uint64_t cause) {
  const std::uint64_t simulated =
      cause - static_cast<std::uint64_t>(trap::Cause::first_instruction);
  if (simulated < trap::simulated_traps.size()) return trap::simulated_traps[simulated].name;
  return trap::name(trap::kind_of_cause(cause));
}

/// Writes `heading`, and a row for each of `all`. Adds `rest`, with the number of those left out,
/// instead of rows that would take too long for one step.
template <class All, class Row>
void list(PagedText& out, std::string_view heading, All&& all, std::string_view rest, Row&& row) {
  constexpr std::size_t longest = 15'000;  // bytes
  out += heading;
  std::size_t left = all.size();
  for (auto& each : all) {
    if (out.size() > longest) {
      fmt::format_to(std::back_inserter(out), "{}(and {} more)\n", rest, left);
      break;
    }
    row(each);
    --left;
  }
}

void list_process(PagedText& out, Process& process) {
  int threads = 0;
  unsigned level = async::priorities - 1;
  for (const Thread& thread : process.threads()) {
    ++threads;
    level = std::min<unsigned>(level, thread.level());
  }
  fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", process.id(),
                 process.parent_id(), threads, level, process.state(),
                 process.start_time().time_since_epoch().count(), process.cpu_time().count(),
                 process.syscall_count(), process.name().substr(0, 64));
}

}  // namespace

void list_threads(PagedText& out) {
  list(out, "pid\ttid\tlevel\tstate\thart\tsyscalls\tcause\n", threads(), "0\t0\t0\t?\t0\t0\t",
       [&](Thread& thread) {
         fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                        thread.process().id(), thread.id(), thread.level(),
                        thread.is_ready() ? 'R' : 'S', thread.hart, thread.syscalls.value(),
                        name_of_cause(thread.context().last_cause()));
       });
}

void list_processes(PagedText& out) {
  list(out, "pid\tppid\tthreads\tpriority\tstate\tstart_ns\tcpu_ns\tsyscalls\tname\n", processes(),
       "0\t0\t0\t0\t?\t0\t0\t0\t", [&](Process& process) { list_process(out, process); });
}

void list_harts(PagedText& out) {
  out += "hart\tswitches\tmigrations\tipis\tshootdowns\tidle_ns\n";
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    const CurrentThread* const current = current_thread_of(hart);
    const async::Executor* const executor = async::Executor::of(hart);
    if (current == nullptr || executor == nullptr) continue;
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\n", hart,
                   current->switches.value(), executor->migrations(),
                   interrupt_counts[hart].ipis.value(), memory::TlbTag::shootdowns(hart),
                   idle_ns(*current));
  }
}

void list_interrupts(PagedText& out) {
  out += fmt::format("{:>19}", "");
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    fmt::format_to(std::back_inserter(out), " {:>10}", fmt::format("CPU{}", hart));
  }
  out += '\n';
  const auto& counts = interrupt_counts;
  for (std::uint32_t line = 1; line < hal::irq_limit; ++line) {
    const hal::Irq irq{line};
    const std::uint64_t claims = claims_of(irq);
    if (claims == 0) continue;
    row(out, fmt::format("{}", line), about_line(irq),
        [&](unsigned hart) { return hart == interrupt_line(irq).hart ? claims : 0; });
  }
  row(out, "TIM", "timer", [&](unsigned hart) { return counts[hart].timer.value(); });
  row(out, "IPI", "from other harts", [&](unsigned hart) { return counts[hart].ipis.value(); });
  row(out, "SPU", "spurious: gone when claimed", [&](unsigned hart) {
    return counts[hart].spurious.value() + hal::interrupt_faults(hart).spurious;
  });
  std::uint64_t lost = 0;
  for (unsigned hart = 0; hart < hart_count(); ++hart) lost += hal::interrupt_faults(hart).lost;
  if (lost != 0) {
    row(out, "ERR", "lost: reported by the controller",
        [](unsigned hart) { return hal::interrupt_faults(hart).lost; });
  }
  for (std::size_t i = 0; i < trap::routes.size(); ++i) {
    row(out, trap::routes[i].name, "router", [i](unsigned hart) {
      // The router does not count system calls: each thread counts its own.
      const bool calls = trap::routes[i].action == trap::Action::serve;
      return trap::route_counts_of(hart)[i] + (calls ? syscalls_on(hart) : 0);
    });
  }
}

void list_traps(PagedText& out) {
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    const trace::Numbers numbers = trace::numbers_of(hart);
    for (std::uint64_t number = numbers.begin; number != numbers.end; ++number) {
      const trace::Event& event = trace::event_of(hart, number);
      if (event.kind != trace::Kind::route) continue;
      fmt::format_to(std::back_inserter(out), "{} {} {}\n", trace::time_ns(event), hart,
                     trap::routes[event.detail].name);
    }
  }
}

void list_stacks(PagedText& out) {
  out += "hart\tfree\tfewest_free\trefused\tcame\tmost_bytes\n";
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    const StackPool::Usage usage = StackPool::usage_of(hart);
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}\t{}\n", hart, usage.free,
                   usage.fewest_free, usage.refused, usage.came, fmt::join(usage.most_bytes, ","));
  }
}

}  // namespace kernel
