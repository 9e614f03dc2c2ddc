#include "process/process.h"

#include <algorithm>
#include <utility>

#include "process/job_control.h"
#include "process/thread.h"

namespace kernel {

constinit IdTable<Process> process_table;

namespace {

constexpr int first_id = 1;

}  // namespace

constinit async::SharedWord<unsigned> Process::stopped_count_ = 0;

Process& first_process() {
  return *process_table.find(first_id);
}

async::WaitList& first_process_ended() {
  static async::WaitList ended;
  return ended;
}

Process* process_of(int id) {
  if (Process* const process = processes().find(id); process != nullptr) return process;
  Thread* const thread = threads().find(id);
  return thread != nullptr ? &thread->process() : nullptr;
}

Process::~Process() = default;

void Process::destroy(const Process* process) {
  if (async::Strand::is_held()) {
    delete process;
  } else {
    async::Retired::add(const_cast<Process*>(process));
  }
}

std::string_view Process::name() const {
  const std::string_view text = path_;
  return text.substr(text.find_last_of(std::string_view{"/\0", 2}) + 1);  // npos + 1 is 0
}

// ── Family ──

void Process::set_parent(Process* parent) {
  parent_ = parent;
  parent_id_ = parent != nullptr ? parent->id_ : 0;
}

void Process::add_child(Ref<Process> child) {
  const async::LeafLock::SharingGuard lock{family_lock_};
  child->set_parent(this);
  children_.push_back(*child.leak());  // the list of children owns this Ref until reap()
}

Process* Process::child(int id) {
  Process* const process = processes().find(id);
  return process != nullptr && process->parent_ == this ? process : nullptr;
}

void Process::remove_zombie(Process& zombie) {
  family_lock_.check_access();
  zombies_.remove(zombie);
  zombie.set_parent(nullptr);
  children_cpu_time_ += zombie.ended_cpu_time_ + zombie.children_cpu_time_;
}

void Process::leave_table() {
  processes().remove(*this);
  if (observed_ != nullptr) [[unlikely]]
    end_observed();
}

Result<Process::Observed*> Process::observe() {
  async::Strand::check_access();
  if (observed_ == nullptr) {
    if (!memory::can_allocate(sizeof(Observed))) return fail(Errno::enomem);
    observed_ = new Observed;
  }
  return observed_;
}

Result<Ref<EndWatch>> Process::watch_end() {
  const auto observed = observe();
  if (!observed) return fail(observed.error());
  auto& watch = (*observed)->end_watch;
  if (!watch) {
    watch = make_ref<EndWatch>();
    watch->begin(*this);
  }
  return watch;
}

Result<> Process::begin_watch(Ref<EndWatch> watch) {
  const auto observed = observe();
  if (!observed) return fail(observed.error());
  watch->begin(*this);
  (*observed)->end_watch = std::move(watch);
  return {};
}

void Process::end_observed() {
  async::Strand::check_access();
  const std::unique_ptr<Observed> observed{std::exchange(observed_, nullptr)};
  if (observed->end_watch) observed->end_watch->note_reaped();
  if (observed->directory != nullptr) Directory::remove_unlisted(std::move(observed->directory));
}

void Process::reap(Process& zombie) {
  remove_zombie(zombie);
  zombie.leave_table();
  zombie.release();
}

Ref<Process> Process::reap_sharing(int id) {
  Process* found;
  {
    const async::LeafLock::Guard lock{family_lock_};
    found = id > 0 ? child(id) : first_zombie();
    if (found == nullptr || !found->is_zombie() || found->observed_ != nullptr) return {};
    remove_zombie(*found);
  }
  processes().remove(*found);
  return Ref<Process>::adopt(found);
}

Process* Process::heir() {
  for (Process* above = parent_; above != nullptr; above = above->parent_)
    if (above->settings_.is_subreaper && !above->is_ending()) return above;
  Process& first = first_process();
  return &first == this || first.is_ending() ? nullptr : &first;
}

void Process::leave_children() {
  async::Strand::check_access();  // the children get another family
  if (!has_children()) return;
  Process* const heir = this->heir();
  for (Process& child : children_) {
    children_.remove(child);
    child.set_parent(heir);
    child.is_orphan_ = heir == &first_process();
    if (heir != nullptr) heir->children_.push_back(child);
    if (const int signal = child.settings_.death_signal; signal != 0) [[unlikely]]
      child.post_signal({.signal = signal, .code = abi::si_user, .sender = {.process = id_}});
  }
  for (Process& child : zombies_) {
    zombies_.remove(child);
    child.set_parent(heir);
    if (heir == nullptr) {
      [[clang::noinline]] child.leave_table();  // seldom called, so not inlined
      child.release();
    } else {
      heir->zombies_.push_back(child);
      if (heir->takes_child_signals()) [[unlikely]] {
        child.notify_parent();
      } else {
        heir->child_ended_.wake_all();
      }
    }
  }
}

// ── Life ──

void Process::add_thread(Thread& thread) {
  const async::LeafLock::SharingGuard lock{family_lock_};
  threads_.push_back(thread);
  parts_.space->note_threads(1);
  thread_count_ = thread_count_ + 1;
}

void Process::take_accounts(Thread& thread) {
  if (thread.syscall_counts() != nullptr) [[unlikely]]
    thread.end_counts();
  ended_syscalls_ += thread.syscalls.value();
  ended_cpu_time_ += thread.cpu_time();
  if (thread.id() == id_) first_schedule_ = thread.schedule();
}

void Process::remove_thread(Thread& thread) {
  async::Strand::check_access();
  if (thread.tracee() != nullptr) [[unlikely]]
    thread.tracee()->note_end(status_.value_or(abi::WaitStatus::exited(exit_code_)));
  take_accounts(thread);
  kernel::threads().remove(thread);
  threads_.remove(thread);
  parts_.space->note_threads(-1);
  thread_count_ = thread_count_ - 1;
  if (is_zombie()) {
    become_zombie();
  } else {
    thread_ended_.wake_all();
    if (is_stopped()) [[unlikely]]
      report_stop_if_complete();
    if (has_pending_signals()) [[unlikely]]
      choose_takers();  // the thread may have been chosen
  }
}

bool Process::remove_thread_sharing(Thread& thread) {
  if (has_one_thread()) {
    // The parent may see the zombie at once, so all files must be closed before.
    if (!may_end_sharing() || !parts_.files->release_shared()) return false;
    take_accounts(thread);
    kernel::threads().remove(thread);
    threads_.remove(thread);
    parts_.space->note_threads(-1);
    become_zombie_sharing();
    return true;
  }
  {
    const async::LeafLock::Guard lock{family_lock_};
    // Before this hart acquired the lock, others may have removed all other threads. Then this
    // thread is the last one, and must also end the process. A thread in execve may wait in
    // thread_ended_ for the end of this one: only a hart in the strand wakes it.
    if (has_one_thread() || !thread_ended_.empty() || has_pending_signals() || is_stopped())
      return false;
    take_accounts(thread);
    threads_.remove(thread);
    parts_.space->note_threads(-1);
    thread_count_ = thread_count_ - 1;
  }
  kernel::threads().remove(thread);
  return true;
}

void Process::inherit(const Process& parent) {
  limits_.inherit(parent.limits_);
  path_ = parent.path_;
  has_canonical_path_ = parent.has_canonical_path_;
  signal_return_ = parent.signal_return_;
  group_ = parent.group();
  session_ = parent.session();
  settings_.is_dumpable = parent.settings_.is_dumpable;
  settings_.has_no_new_privileges = parent.settings_.has_no_new_privileges;
  if (parent.rare_ != nullptr) [[unlikely]] {
    rare_ = std::make_unique<Rare>(parent.rare_->capabilities);
    if (parent.has_cpu_limit()) (void)limit_cpu_time();
  }
  start_stack_ = parent.start_stack_;
}

/// Makes rare_, if there is none. False: no memory.
bool Process::make_rare() {
  async::Strand::check_access();
  if (rare_ != nullptr) return true;
  if (!memory::can_allocate(sizeof(Rare))) return false;
  rare_ = std::make_unique<Rare>();
  return true;
}

Result<Capabilities*> Process::change_capabilities() {
  if (!make_rare()) return fail(Errno::enomem);
  return &rare_->capabilities;
}

Result<> Process::set_semaphore_undo(std::unique_ptr<AtEnd> undo) {
  if (!make_rare()) return fail(Errno::enomem);
  rare_->semaphore_undo = std::move(undo);
  return {};
}

bool Process::limit_cpu_time() {
  if (!make_rare()) return false;
  if (!rare_->cpu_limit) {
    if (!memory::can_allocate(sizeof(CpuLimit))) return false;
    rare_->cpu_limit = std::make_unique<CpuLimit>(*this);
  }
  rare_->cpu_limit->update();
  return true;
}

void Process::notify_parent() {
  Process& parent = *parent_;
  const abi::SignalInfo info = change();  // before the process may be gone
  const abi::SignalAction& action = parent.signal_actions()[abi::Signal::sigchld];
  if (action.handler == abi::sig_ign || (action.flags & abi::sa_nocldwait) != 0) parent.reap(*this);
  // The waiters come first: one that finds the zombie is not interrupted by the signal.
  parent.child_ended_.wake_all();
  parent.post_signal(info);
}

inline bool Process::takes_child_signals() {
  constexpr abi::SignalSet bit = abi::set_of(abi::Signal::sigchld);
  const abi::SignalAction& action = signal_actions()[abi::Signal::sigchld];
  if (action.handler != abi::sig_dfl || (action.flags & abi::sa_nocldwait) != 0) return true;
  for (const Thread& thread : threads_) {
    if ((thread.signal_mask() & bit) != 0 || thread.tracee() != nullptr) return true;
  }
  return false;
}

bool Process::may_end_sharing() {
  Process* const parent = parent_;
  if (id_ == first_id || parent == nullptr) return false;
  if (stopped_count() != 0 || leads_session()) return false;  // leave_job_control()
  if (signal_timers_ != nullptr || has_cpu_limit() || semaphore_undo() != nullptr) return false;
  if (has_tracees()) return false;
  if (parts_.space->owners() != 1 || parts_.space->is_current_elsewhere()) return false;
  if (parts_.files->owners() != 1 || parts_.files->has_locks()) return false;
  if (parts_.files->is_large()) return false;
  if (has_end_watch() || !signal_arrivals_.empty()) [[unlikely]]
    return false;
  // A parent with a child cannot end while the strand is shared. So parent_ stays as it is.
  {
    const async::LeafLock::Guard lock{parent->family_lock_};
    if (parent->takes_child_signals()) return false;
  }
  const async::LeafLock::Guard lock{family_lock_};
  return !has_children();
}

void Process::become_zombie_sharing() {
  if (!status_) status_ = abi::WaitStatus::exited(exit_code_);
  parts_.files = nullptr;
  parts_.space = nullptr;
  Process& parent = *parent_;
  async::Job* waiter = nullptr;
  bool others_wait = false;
  {
    const async::LeafLock::Guard lock{parent.family_lock_};
    parent.children_.remove(*this);
    parent.zombies_.push_back(*this);
    thread_count_ = 0;
    waiter = parent.child_ended_.take_first();
    others_wait = !parent.child_ended_.empty();
  }
  if (waiter != nullptr) waiter->complete_sharing();
  if (!others_wait) return;
  async::Strand::stop_sharing();
  if (Process* const now = parent_) now->child_ended_.wake_all();
}

bool Process::wait_sharing(int id, std::coroutine_handle<> waiter) {
  async::Job& job = async::current_job();
  const async::LeafLock::Guard lock{family_lock_};
  if (!zombies_.empty() || children_.empty() || job.is_stopped() || has_tracees()) return false;
  if (id > 0 && child(id) == nullptr) return false;
  job.prepare(&child_ended_, "child");
  child_ended_.insert(job);
  job.share_next_step();
  job.suspend(waiter);
  return true;
}

/// The process is about to drop its space.
void Process::leave_space() {
  memory::AddressSpace& space = *parts_.space;
  if (hal::smp_active()) keep_for_harts(space);
  if (!space.has_tracked_areas()) [[likely]]
    return;
  if (space.owners() > 1 + harts_that_own(space)) return;  // another process uses it
  const memory::TrackedObject::ActsFor actor{id_};
  space.end_tracked_areas();
}

void Process::become_zombie() {
  if (!status_) status_ = abi::WaitStatus::exited(exit_code_);
  parts_.files = nullptr;
  leave_space();
  parts_.space = nullptr;
  signal_timers_.reset();
  if (rare_ != nullptr) [[unlikely]] {
    rare_->cpu_limit.reset();
    rare_->semaphore_undo.reset();
    Tracee::end_all(*this);
  }
  signal_arrivals_.wake_all();
  if (stopped_count() != 0 || leads_session()) [[unlikely]]
    leave_job_control();
  leave_children();
  if (has_end_watch()) [[unlikely]]
    observed_->end_watch->note_end();
  if (parent_ == nullptr) {
    if (id_ == first_id) {  // the machine stops
      first_process_ended().wake_all();
      return;
    }
    [[clang::noinline]] leave_table();
    return release();
  }
  Process& parent = *parent_;
  parent.children_.remove(*this);
  parent.zombies_.push_back(*this);
  if (parent.takes_child_signals()) [[unlikely]]
    return notify_parent();
  parent.child_ended_.wake_all();
}

Result<> Process::own_files() {
  async::Strand::check_access();
  if (parts_.files->owners() > 1) {
    auto copy = parts_.files->copy();
    if (!copy) return fail(copy.error());
    parts_.files = std::move(*copy);
  }
  return {};
}

Result<> Process::own_fs() {
  async::Strand::check_access();
  if (parts_.fs->owners() > 1) {
    if (!memory::can_allocate(sizeof(FsContext))) return fail(Errno::enomem);
    parts_.fs = make_ref<FsContext>(*parts_.fs);
  }
  return {};
}

Result<> Process::own_parts() {
  if (auto own = own_files(); !own) return own;
  if (parts_.actions->owners() > 1) {
    if (!memory::can_allocate(sizeof(SignalActions))) return fail(Errno::enomem);
    parts_.actions = make_ref<SignalActions>(*parts_.actions);
  }
  return {};
}

void Process::become(Ref<memory::AddressSpace> space, std::string path, bool has_canonical_path) {
  async::Strand::check_access();
  leave_space();
  parts_.space->note_threads(-static_cast<int>(thread_count_));
  parts_.space = std::move(space);
  parts_.space->note_threads(static_cast<int>(thread_count_));
  for (Thread& thread : threads_) thread.set_space(*parts_.space);
  path_ = std::move(path);
  has_canonical_path_ = has_canonical_path;
  signal_return_ = 0;
  has_executed_ = true;
  if (signal_timers_ != nullptr) signal_timers_->remove_created();
  settings_.is_dumpable = true;
}

void Process::terminate(abi::WaitStatus status) {
  async::Strand::check_access_unless([this] {
    return has_one_thread() && threads_.front().is_current_job();  // exit_group
  });
  if (!status_) status_ = status;
  report_ = abi::WaitStatus{};
  for (Thread& thread : threads_) thread.end();
}

void Process::terminate_others(Thread& survivor) {
  async::Strand::check_access();
  for (Thread& thread : threads_) {
    if (&thread != &survivor) thread.end();
  }
}

bool Process::post_signal(const abi::SignalInfo& info) {
  async::Strand::check_access();
  if (is_ending() || is_zombie()) return false;
  const auto signal = static_cast<abi::Signal>(info.signal);
  const abi::SignalSet bit = abi::set_of(signal);
  Thread* const taker = taker_of(bit);
  if (!keeps_signal(signal, taker != nullptr && !taker->awaits(bit))) return false;
  const bool is_added = pending_.add(info);
  if (!signal_arrivals_.empty()) [[unlikely]]
    signal_arrivals_.wake_all();
  if (taker != nullptr) taker->request_signals();
  return is_added;
}

bool Process::keeps_signal(abi::Signal signal, bool is_taken) {
  if ((abi::set_of(signal) & job_control_signals) != 0) [[unlikely]]
    return keeps_job_control_signal(signal, is_taken);
  return !is_taken || signal_actions().has_handler(signal) || keeps_without_handler(signal);
}

[[gnu::cold, gnu::noinline]] bool Process::keeps_job_control_signal(abi::Signal signal,
                                                                    bool is_taken) {
  if (signal == abi::Signal::sigcont) {
    discard_pending(stop_signals);
    resume();
    for (Thread& thread : threads_)
      if (thread.tracee() != nullptr) thread.tracee()->note_continue();
  } else {
    discard_pending(abi::set_of(abi::Signal::sigcont));
  }
  return !is_taken || keeps_without_handler(signal);
}

[[gnu::noinline]] bool Process::keeps_without_handler(abi::Signal signal) {
  if (signal != abi::Signal::sigkill && is_traced(*this)) return true;
  switch (signal_actions().effect(signal)) {
    case SignalActions::Effect::none: return false;
    case SignalActions::Effect::end:
      if (is_stopped() && signal != abi::Signal::sigkill) return true;
      terminate(abi::WaitStatus::killed(signal));
      return false;
    default: return true;
  }
}

void Process::discard_pending(abi::SignalSet signals) {
  pending_.discard(signals);
  for (Thread& thread : threads_) thread.discard_pending(signals);
}

Thread* Process::taker_of(abi::SignalSet bit) {
  Thread* found = nullptr;
  for (Thread& thread : threads_) {
    if (!thread.may_take(bit)) continue;
    if (!thread.takes_signals_soon()) return &thread;
    found = &thread;
  }
  return found;
}

void Process::choose_takers() {
  for_each_signal(pending_.set(), [this](abi::Signal signal) {
    Thread* const taker = taker_of(abi::set_of(signal));
    if (taker != nullptr && !taker->takes_signals_soon()) taker->request_signals();
  });
}

Result<> Process::set_signal_action(abi::Signal signal, const abi::SignalAction& action) {
  if (auto set = signal_actions().set(signal, action); !set) return set;
  if (!signal_actions().ignores(signal)) return {};
  discard_pending(abi::set_of(signal));
  return {};
}

Result<> Process::map_signal_return() {
  if (signal_return_ != 0) return {};
  const auto instructions = trap::signal_return_code();
  const auto code = std::as_bytes(std::span{instructions});
  AddressSpace& space = this->space();
  const auto page =
      space.map({.bytes = hal::page_size, .access = hal::Access::read | hal::Access::write});
  if (!page) return fail(page.error());
  const auto written = memory::copy_to_user(space, *page, code.data(), code.size());
  if (!written) {
    (void)space.unmap(*page, hal::page_size);
    return written;
  }
  if (auto done = space.protect(*page, hal::page_size, hal::Access::read | hal::Access::execute);
      !done) {
    return done;
  }
  if (space.code_written()) space.synchronize_code();
  signal_return_ = *page;
  return {};
}

// ── Job control ──

void Process::stop(abi::Signal signal, const Thread& taker) {
  async::Strand::check_access();
  if (is_stopped()) return;
  stopped_by_ = static_cast<std::uint8_t>(signal);
  stopped_threads_ = 0;
  stop_is_reported_ = false;
  stopped_count_ = stopped_count_ + 1;
  for (Thread& thread : threads_) {
    if (&thread == &taker) continue;
    if (thread.waits_for_resume()) {  // since the last stop
      ++stopped_threads_;
    } else {
      thread.request_signals();
    }
    if (thread.tracee() != nullptr) thread.tracee()->stop_with_process();
  }
}

void Process::note_stopped_thread() {
  ++stopped_threads_;
  report_stop_if_complete();
}

void Process::report_stop_if_complete() {
  if (stopped_threads_ < thread_count_ || is_ending()) return;
  if (std::exchange(stop_is_reported_, true)) return;
  const std::uint8_t signal = stopped_by_;
  report_to_parent(abi::WaitStatus::stopped(static_cast<abi::Signal>(signal)));
}

void Process::resume() {
  async::Strand::check_access();
  if (!is_stopped()) return;
  stopped_by_ = 0;
  stopped_count_ = stopped_count_ - 1;
  for (Thread& thread : threads_) thread.resume();
  report_to_parent(abi::WaitStatus::continued());
}

void Process::report_to_parent(abi::WaitStatus report) {
  report_ = report;
  if (parent_ == nullptr) return;
  Process& parent = *parent_;
  parent.child_ended_.wake_all();
  const abi::SignalAction action = parent.signal_actions()[abi::Signal::sigchld];
  if ((action.flags & abi::sa_nocldstop) != 0) return;
  parent.post_signal(change());
}

abi::SignalInfo Process::change() const {
  return child_signal(id_, is_zombie() ? status() : report_);
}

void Process::leave_job_control() {
  if (is_stopped()) {
    stopped_by_ = 0;
    stopped_count_ = stopped_count_ - 1;
  }
  report_ = abi::WaitStatus{};
  if (stopped_count() != 0) job_control::wake_orphans_of(*this);
  if (leads_session()) job_control::end_session(*this);
}

Result<SignalTimers*> Process::make_signal_timers() {
  async::Strand::check_access();
  if (signal_timers_ == nullptr) {
    if (!memory::can_allocate(sizeof(SignalTimers))) return fail(Errno::enomem);
    signal_timers_ = std::make_unique<SignalTimers>(*this);
  }
  return signal_timers_.get();
}

// ── Accounting ──

char Process::state() {
  if (is_zombie()) return 'Z';
  for (const Thread& thread : threads_) {
    if (thread.is_ready()) return 'R';
  }
  if (!threads_.empty() && threads_.front().waits_for_tracer()) return 't';
  return is_stopped() ? 'T' : 'S';
}

std::uint64_t Process::syscall_count() {
  std::uint64_t count = ended_syscalls_;
  for (const Thread& thread : threads_) count += thread.syscalls.value();
  return count;
}

async::Duration Process::cpu_time() {
  async::Duration time = ended_cpu_time_;
  for (const Thread& thread : threads_) time += thread.cpu_time();
  return time;
}

}  // namespace kernel
