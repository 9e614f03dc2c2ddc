#include "syscalls/readiness_signals.h"

#include <abi/events.h>
#include <abi/flags.h>
#include <abi/signal.h>
#include <async/executor.h>
#include <async/multi_wait.h>
#include <async/timer.h>

#include <limits>
#include <utility>

#include "files/directory.h"
#include "files/file.h"
#include "files/inotify.h"
#include "memory/frames.h"
#include "memory/user_memory.h"
#include "process/end_watch.h"
#include "process/job_control.h"
#include "process/signals.h"
#include "process/thread.h"

namespace kernel::sys {
namespace {

using memory::UserPtr;

/// What F_SETOWN_EX and F_GETOWN_EX pass (struct f_owner_ex).
struct OwnerArgument {
  enum Type : int { thread, process, group };
  int type;
  int id;
};

/// The signal of one file, and its receiver.
///
///   wake of a list ──▶ notify() arms the timer ──▶ fire() watches the lists again, and sends
///
/// A wake may hold locks that a signal needs, so the timer sends it. The timer is due at once: it
/// fires before the hart runs a program. Wakes until then send one signal.
class OwnerSignal final : public ReadinessSignal, async::Watcher, async::Timer {
 public:
  explicit OwnerSignal(File& file) : Watcher{&notify}, Timer{&fire}, file_{file} {}
  ~OwnerSignal() override { drop_notices(); }

  void start(int fd) {
    fd_ = fd;
    watch_lists();
  }
  void stop() {
    reading_.stop();
    writing_.stop();
    async::Executor::disarm(*this);
  }

  /// ESRCH: no process, thread or group has the number; ENOMEM.
  Result<> set_owner(Thread& self, OwnerArgument wanted);
  /// Its number is 0 if there is no owner, or it has ended.
  OwnerArgument owner() const;

  /// F_NOTIFY: sends the signal when something happens in the directory `node`. ENOMEM.
  Result<> note_changes(Thread& self, int fd, Node& node, unsigned changes);

  int signal() const { return signal_; }
  void set_signal(int signal) { signal_ = signal; }

 private:
  static void notify(Watcher& watcher) noexcept {
    auto& self = static_cast<OwnerSignal&>(watcher);
    if (!self.armed()) async::current_executor().arm(self, async::now());
  }
  static void fire(Timer& timer) noexcept;
  void watch_lists();
  void report_change();
  /// Ends notices_. An observer must leave a list before the list ends.
  void drop_notices() {
    stop();
    notices_ = {};
  }
  void send(int code);
  void send_to_group(const abi::SignalInfo& info);
  Thread* thread() const;

  File& file_;
  async::Observer reading_;
  async::Observer writing_;
  OwnerArgument owner_{OwnerArgument::thread, 0};
  Ref<EndWatch> process_;          // the owner, or the process of the owner; null for a group
  bool may_signal_first_ = false;  // the first process has set the owner
  int fd_ = -1;
  int signal_ = 0;        // F_SETSIG
  Ref<Inotify> notices_;  // of a directory with F_NOTIFY
  bool repeats_ = false;  // DN_MULTISHOT
};

void OwnerSignal::watch_lists() {
  if (notices_) return watch(reading_, *notices_->changes(Direction::read));
  async::WaitList* const readable = file_.changes(Direction::read);
  async::WaitList* const writable = file_.changes(Direction::write);
  if (readable != nullptr) watch(reading_, *readable);
  if (writable != nullptr && writable != readable) watch(writing_, *writable);
}

// Only sockets report a hang-up as POLL_HUP. When the last writer of a pipe ends, Linux sends
// POLL_IN.
void OwnerSignal::fire(Timer& timer) noexcept {
  auto& self = static_cast<OwnerSignal&>(timer);
  if (self.notices_) return self.report_change();
  File& file = self.file_;
  const bool has_one_list = file.changes(Direction::read) == file.changes(Direction::write);
  const bool reads = file.changes(Direction::read) != nullptr && self.reading_.alone();
  const bool writes = file.changes(Direction::write) != nullptr && self.writing_.alone();
  self.watch_lists();
  const short ready = file.readiness();
  if ((ready & abi::pollhup) != 0 && file.socket() != nullptr) return self.send(abi::poll_hup);
  if (has_one_list) {
    if (reads)
      self.send(file.can_write() && (ready & abi::pollin) == 0 ? abi::poll_out : abi::poll_in);
    return;
  }
  if (reads) self.send(abi::poll_in);
  if (writes) self.send(abi::poll_out);
}

void OwnerSignal::report_change() {
  notices_->drop_events();
  if (repeats_)
    watch_lists();
  else
    drop_notices();  // another hart may have called start() since the wake
  send(abi::poll_msg);
}

Result<> OwnerSignal::note_changes(Thread& self, int fd, Node& node, unsigned changes) {
  constexpr std::pair<unsigned, std::uint32_t> events[] = {
      {abi::dn_access, abi::in_access},
      {abi::dn_modify, abi::in_modify},
      {abi::dn_create, abi::in_create | abi::in_moved_to},
      {abi::dn_delete, abi::in_delete | abi::in_moved_from},
      {abi::dn_rename, abi::in_moved_from | abi::in_moved_to},
      {abi::dn_attrib, abi::in_attrib}};
  std::uint32_t mask = 0;
  for (const auto& [change, noted] : events)
    if ((changes & change) != 0) mask |= noted;
  if ((changes & ~abi::dn_multishot) == 0) {
    drop_notices();
    return {};
  }
  if (!notices_) {
    if (!memory::can_allocate(sizeof(Inotify))) return fail(Errno::enomem);
    notices_ = make_ref<Inotify>(0);
  }
  if (auto added = notices_->add(node, mask | abi::in_mask_add); !added) {
    drop_notices();
    return fail(added.error());
  }
  repeats_ = (changes & abi::dn_multishot) != 0;
  start(fd);
  if (owner_.id != 0) return {};
  return set_owner(self, {OwnerArgument::process, self.process().id()});
}

Thread* OwnerSignal::thread() const {
  Thread* const thread = threads().find(owner_.id);
  return thread != nullptr && &thread->process() == process_->process() ? thread : nullptr;
}

// F_SETOWN accepts any number that is in use, also that of a thread. Such an owner gets no signal.
Result<> OwnerSignal::set_owner(Thread& self, OwnerArgument wanted) {
  Ref<EndWatch> watch;
  if (wanted.type == OwnerArgument::group) {
    if (wanted.id != 0 && !job_control::session_of_group(wanted.id)) return fail(Errno::esrch);
  } else if (wanted.id != 0) {
    Process* process = processes().find(wanted.id);
    Thread* const thread = threads().find(wanted.id);
    if (process == nullptr && thread == nullptr) return fail(Errno::esrch);
    if (wanted.type == OwnerArgument::thread && thread != nullptr) process = &thread->process();
    if (process != nullptr) {
      if (!memory::can_allocate(sizeof(EndWatch))) return fail(Errno::enomem);
      auto made = process->watch_end();
      if (!made) return fail(made.error());
      watch = std::move(*made);
    }
  }
  process_ = std::move(watch);
  owner_ = wanted;
  may_signal_first_ = &self.process() == &first_process();
  return {};
}

OwnerArgument OwnerSignal::owner() const {
  const bool has_ended = owner_.type == OwnerArgument::group
                             ? !job_control::session_of_group(owner_.id)
                             : !process_ || process_->process() == nullptr;
  return {owner_.type, has_ended ? 0 : owner_.id};
}

void OwnerSignal::send_to_group(const abi::SignalInfo& info) {
  job_control::for_each_member(owner_.id, [&](Process& process) {
    if (&process != &first_process() || may_signal_first_) (void)process.post_signal(info);
  });
}

void OwnerSignal::send(int code) {
  if (owner().id == 0) return;
  abi::SignalInfo info{};
  if (signal_ == 0) {
    info.signal = static_cast<int>(abi::Signal::sigio);
    info.code = abi::si_kernel;
  } else {
    info.signal = signal_;
    info.code = code;
    info.ready.band = code == abi::poll_in    ? abi::pollin | abi::pollrdnorm
                      : code == abi::poll_msg ? abi::epollin | abi::epollrdnorm | abi::epollmsg
                      : code == abi::poll_out ? abi::pollout | abi::pollwrnorm | abi::pollwrband
                                              : abi::pollhup | abi::pollerr;
    info.ready.fd = fd_;
  }
  if (owner_.type == OwnerArgument::group) return send_to_group(info);
  Process& process = *process_->process();
  if (&process == &first_process() && !may_signal_first_) return;
  if (owner_.type == OwnerArgument::process) {
    (void)process.post_signal(info);
  } else if (Thread* const receiver = thread()) {
    (void)receiver->post_signal(info);
  }
}

// No other class derives from ReadinessSignal.
OwnerSignal* signal_of(const File& file) {
  return static_cast<OwnerSignal*>(file.readiness_signal());
}

Result<OwnerSignal*> make_signal(File& file) {
  if (file.readiness_signal() == nullptr) {
    if (!memory::can_allocate(sizeof(OwnerSignal))) return fail(Errno::enomem);
    auto added = file.add_readiness_signal([&] { return new OwnerSignal{file}; });
    if (!added) return fail(added.error());
  }
  return signal_of(file);
}

/// F_SETOWN: `id` is the number of a process, or the negative number of a group.
Result<int> name_owner(Thread& self, File& file, int id) {
  if (id == std::numeric_limits<int>::min()) return fail(Errno::einval);
  const auto signal = make_signal(file);
  if (!signal) return fail(signal.error());
  const OwnerArgument owner =
      id < 0 ? OwnerArgument{OwnerArgument::group, -id} : OwnerArgument{OwnerArgument::process, id};
  return (*signal)->set_owner(self, owner).transform([] { return 0; });
}

int owner_of(const File& file) {
  const OwnerSignal* const signal = signal_of(file);
  if (signal == nullptr) return 0;
  const OwnerArgument owner = signal->owner();
  return owner.type == OwnerArgument::group ? -owner.id : owner.id;
}

Result<int> exchange_owner(Thread& self, File& file, int command, UserPtr<OwnerArgument> at) {
  if (command == abi::f_getown_ex) {
    const OwnerSignal* const signal = signal_of(file);
    const auto owner = signal != nullptr ? signal->owner() : OwnerArgument{};
    return at.write(self.space(), owner).transform([] { return 0; });
  }
  const auto wanted = at.read(self.space());
  if (!wanted) return fail(wanted.error());
  if (wanted->type < OwnerArgument::thread || wanted->type > OwnerArgument::group)
    return fail(Errno::einval);
  const auto signal = make_signal(file);
  if (!signal) return fail(signal.error());
  return (*signal)->set_owner(self, *wanted).transform([] { return 0; });
}

}  // namespace

Result<> set_async(File& file, int fd, bool on) {
  const bool is_on = (file.flags() & abi::o_async) != 0;
  if (!file.may_send_signals() || (!on && !is_on)) return {};
  const auto signal = make_signal(file);
  if (!signal) return fail(signal.error());
  if (on != is_on) on ? (*signal)->start(fd) : (*signal)->stop();
  file.show_async(on);
  return {};
}

Result<int> control_signal(Thread& self, File& file, int command, std::uintptr_t argument) {
  const int number = static_cast<int>(argument);
  switch (command) {
    case abi::f_setown: return name_owner(self, file, number);
    case abi::f_getown: return owner_of(file);
    case abi::f_getsig: return signal_of(file) != nullptr ? signal_of(file)->signal() : 0;
    case abi::f_setsig: {
      if (number != 0 && !valid_signal(number)) return fail(Errno::einval);
      const auto signal = make_signal(file);
      if (!signal) return fail(signal.error());
      (*signal)->set_signal(number);
      return 0;
    }
    default: return exchange_owner(self, file, command, UserPtr<OwnerArgument>{argument});
  }
}

Result<int> note_changes(Thread& self, File& file, int fd, unsigned changes) {
  Node* const node = file.node();
  const bool stops = (changes & ~abi::dn_multishot) == 0;
  if (stops && signal_of(file) == nullptr) return 0;
  if (!stops && (node == nullptr || node->as_directory() == nullptr)) return fail(Errno::enotdir);
  const auto signal = make_signal(file);
  if (!signal) return fail(signal.error());
  if (stops && file.may_send_signals()) return 0;  // the signal is of O_ASYNC
  return (*signal)->note_changes(self, fd, *node, changes).transform([] { return 0; });
}

Result<int> control_socket_owner(Thread& self, File& file, unsigned long request,
                                 std::uintptr_t argument) {
  const UserPtr<int> at{argument};
  if (request == abi::fiogetown || request == abi::siocgpgrp)
    return at.write(self.space(), owner_of(file)).transform([] { return 0; });
  const auto id = at.read(self.space());
  if (!id) return fail(id.error());
  return name_owner(self, file, *id);
}

}  // namespace kernel::sys
