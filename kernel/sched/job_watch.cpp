#include "sched/job_watch.h"

#include <async/deadlock.h>
#include <async/graph.h>
#include <hal/interrupts.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace kernel {
namespace {

using async::Job;
using async::TraceEvent;

/// The state of a job, from its trace points.
struct Watched {
  enum class State : std::uint8_t { ready, running, waiting };

  const Job* job = nullptr;  // null: the entry is free
  async::Instant since{};    // time of the last change of state
  State state = State::ready;
  // Ready for too long, and reported; or the last check has found it waiting in vain.
  bool is_late = false;
};

/// The jobs of the strand. The address of a job selects a group of eight entries. If all of them
/// are taken, the job is not watched.
class Table {
 public:
  /// Null if the job is not watched.
  Watched* find(const Job& job) {
    const auto found = std::ranges::find(places(job), &job, &Watched::job);
    return found != places(job).end() ? &*found : nullptr;
  }
  /// Null if there is no room.
  Watched* add(const Job& job) {
    Watched* const known = find(job);
    if (known != nullptr) return known;
    const auto free = std::ranges::find(places(job), nullptr, &Watched::job);
    if (free == places(job).end()) return nullptr;
    *free = {.job = &job};
    return &*free;
  }
  /// Calls each(entry) for every entry, also for free ones, whose state is `ready`.
  template <class Each>
  void for_each(Each&& each) {
    for (auto& group : groups_) {
      for (Watched& watched : group) each(watched);
    }
  }

 private:
  static constexpr std::size_t group_count = 128;
  using Group = std::array<Watched, 8>;

  Group& places(const Job& job) {
    return groups_[reinterpret_cast<std::uintptr_t>(&job) / sizeof(Job) % group_count];
  }

  std::array<Group, group_count> groups_;
};

/// Collects pieces of text into lines of the log. A line longer than the buffer is cut off.
struct LogLines {
  std::array<char, 200> line;
  std::size_t length = 0;

  /// An async::GraphSink; `context` is a LogLines.
  static void write(void* context, std::string_view piece) {
    auto& self = *static_cast<LogLines*>(context);
    const bool ends = piece.ends_with('\n');
    if (ends) piece.remove_suffix(1);
    const std::size_t room = std::min(piece.size(), self.line.size() - self.length);
    std::copy_n(piece.data(), room, self.line.data() + self.length);
    self.length += room;
    if (ends) log("{}", std::string_view{self.line.data(), std::exchange(self.length, 0)});
  }
};

constinit Table* table = nullptr;
constinit async::SpinLock table_lock;  // other harts reach trace points outside the strand
constinit async::Duration limit{};
constinit async::TraceHook next_hook = nullptr;
using Ignored = async::Executor::Ignored;
// The result of Executor::ignored() at the last check, by hart.
constinit std::array<Ignored, async::platform::max_harts> ignored{};

void report_job(const char* kind, const char* what, const Job& job) {
  log("{}: '{}' {}", kind, job.name(), what);
  LogLines lines;
  async::print_job(job, &LogLines::write, &lines);
}

void report_deadlock(const async::Job& job) {
  log("deadlock: '{}' waits for itself", job.name());
  LogLines lines;
  async::visit_circle(
      job, [](void* context, const async::Job& job) { print_job(job, &LogLines::write, context); },
      &lines);
}

/// Reports a circle that the wait of `job` for another job's end has closed, if it has.
void report_deadlock_by_join(const async::Job& job) {
  const async::Job* const other = async::awaited(job);
  if (other == nullptr || job.waits_for() != other) return;
  if (async::visit_circle(job, [](void*, const async::Job&) {}, nullptr)) report_deadlock(job);
}

/// The bug that `event` shows; null if none.
const char* mistake(const Watched& watched, TraceEvent event) {
  const bool is_ready = watched.state == Watched::State::ready;
  if (event == TraceEvent::wake && is_ready) return "was woken while already ready";
  if (event == TraceEvent::run && !is_ready) return "runs while not ready";
  return nullptr;
}

Watched::State state_after(TraceEvent event) {
  switch (event) {
    case TraceEvent::run: return Watched::State::running;
    case TraceEvent::wait: return Watched::State::waiting;
    default: return Watched::State::ready;
  }
}

/// Records the event. Returns the bug that it shows; null if none.
const char* observe(TraceEvent event, const Job& job) {
  const async::SpinLock::Guard guard{table_lock};
  if (event == TraceEvent::done) {
    if (Watched* const watched = table->find(job)) *watched = {};
    return nullptr;
  }
  Watched* const known = event == TraceEvent::spawn ? nullptr : table->find(job);
  const char* const wrong = known != nullptr ? mistake(*known, event) : nullptr;
  if (Watched* const watched = table->add(job)) {
    *watched = {.job = &job, .since = async::now(), .state = state_after(event)};
  }
  return wrong;
}

void note(TraceEvent event, const Job& job) {
  if (next_hook != nullptr) next_hook(event, job);
  // Events of preemptible jobs can come here out of order.
  if (job.is_preemptible() || event == TraceEvent::migrate) return;
  if (const char* const wrong = observe(event, job)) report_job("double enqueue", wrong, job);
  if (event == TraceEvent::wait) report_deadlock_by_join(job);
}

/// The next job that has been ready for too long and is not yet reported; null if none.
const Job* next_late() {
  const async::SpinLock::Guard guard{table_lock};
  const Job* late = nullptr;
  table->for_each([&](Watched& watched) {
    if (late != nullptr || watched.job == nullptr || watched.is_late) return;
    if (watched.state != Watched::State::ready) return;
    if (async::now() - watched.since <= limit) return;
    watched.is_late = true;
    late = watched.job;
  });
  return late;
}

/// The job of this entry if two checks in a row find it in the same wait although its condition is
/// true; null otherwise. The caller is in the strand, so a waiting job of the table keeps waiting.
const Job* lost_waiter(Watched& watched) {
  const Job* job = nullptr;
  {
    const async::SpinLock::Guard guard{table_lock};
    if (watched.state == Watched::State::waiting) job = watched.job;
  }
  if (job == nullptr) return nullptr;
  const bool is_in_vain = async::waits_in_vain(*job);
  const async::SpinLock::Guard guard{table_lock};
  return std::exchange(watched.is_late, is_in_vain) && is_in_vain ? job : nullptr;
}

/// Reports jobs that wait although their condition is true, and wakes them. It reads only jobs of
/// the table, which are in the strand: other harts change jobs outside the strand at any time.
[[maybe_unused]] void find_lost_wakes() {
  table->for_each([](Watched& watched) {
    const Job* const job = lost_waiter(watched);
    if (job == nullptr) return;
    report_job("lost wake", "waits, although its condition is true: its wake was not sent", *job);
    static_cast<async::WaitList*>(job->waits_for())->wake_again();
  });
}

/// Reports harts that idle although they have entries in their inboxes, and sends their IPIs again.
[[maybe_unused]] void find_lost_ipis() {
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    const async::Executor* const executor = async::Executor::of(hart);
    const Ignored now = executor != nullptr ? executor->ignored() : Ignored{};
    const bool is_same = std::exchange(ignored[hart], now) == now;
    const async::Node* const entry = now.newest;
    if (!is_same || entry == nullptr) continue;
    log("lost IPI: hart {} idles, although its inbox has entries", hart);
    const bool is_job = entry->kind == async::Kind::ready || entry->kind == async::Kind::waiting;
    if (is_job) report_job("lost IPI", "is in that inbox", static_cast<const Job&>(*entry));
    hal::send_ipi(hart);
  }
}

/// Whether all harts are idle, apart from the job that calls this.
bool all_harts_idle() {
  const async::HartMask here = async::hart_mask(async::current_executor().hart());
  const bool others_idle =
      ((async::Executor::idle_harts() | here) & async::Executor::all()) == async::Executor::all();
  return others_idle && async::current_executor().is_idle();
}

}  // namespace

void report_deadlocks() {
  async::set_deadlock_hook(report_deadlock);
}

void watch_jobs(async::Duration longest_ready) {
  table = new Table;
  limit = longest_ready;
  next_hook = async::trace_hook;
  async::set_trace_hook(note);
}

bool jobs_are_watched() {
  return limit != async::Duration{};
}

async::Task<> look_at_ready_jobs() {
  while (co_await async::sleep_for(limit / 2, "the next check of ready jobs") ==
         async::WaitResult::woken) {
    if constexpr (async::platform::injects_faults) {
      find_lost_ipis();
      find_lost_wakes();
    }
    const bool all_idle = all_harts_idle();
    while (const Job* const late = next_late()) {
      if (all_idle) {
        report_job("lost wake", "was woken, but does not run although all harts are idle", *late);
      } else {
        report_job("starvation", "has been ready for too long", *late);
      }
    }
  }
}

}  // namespace kernel
