// Calls that change data of the strand (docs/harts.md), while other harts share the strand. In
// debug builds the kernel stops if a hart makes such a change while it only shares the strand.
#include <user/ring.h>

#include "harts.h"

namespace harts {
namespace {

/// The action of `changed` becomes SIG_DFL, and then SIG_IGN.
void change_action() {
  constexpr auto changed = abi::Signal::sigusr1;
  for (const std::uintptr_t handler : {abi::sig_dfl, abi::sig_ign}) {
    const abi::SignalAction wanted{.handler = handler, .flags = 0, .mask = 0};
    abi::SignalAction before{};
    const long done =
        syscall(Call::rt_sigaction, changed, &wanted, &before, sizeof(abi::SignalSet));
    check(done == 0 && before.handler <= abi::sig_ign, "rt_sigaction: {}", done);
  }
}

// All threads block this signal. It stays pending for the process and for each thread, until it is
// ignored and a thread unblocks it.
constexpr auto blocked = abi::Signal::sigusr2;

void block(int how) {
  const abi::SignalSet set = abi::set_of(blocked);
  check(syscall(Call::rt_sigprocmask, how, &set, nullptr, sizeof set) == 0, "a mask");
}

void send_signals() {
  const auto own = static_cast<Pid>(syscall(Call::getpid));
  must(kill(own, blocked), "kill");
  const long sent = syscall(Call::tgkill, own, syscall(Call::gettid), blocked);
  check(sent == 0, "tgkill: {}", sent);
}

void drop_signals() {
  const abi::SignalAction ignores{.handler = abi::sig_ign, .flags = 0, .mask = 0};
  const long done = syscall(Call::rt_sigaction, blocked, &ignores, nullptr, sizeof(abi::SignalSet));
  check(done == 0, "rt_sigaction: {}", done);
  block(abi::sig_unblock);
}

void change_limit(std::uint64_t soft) {
  const abi::ResourceLimit limit{.soft = soft, .hard = abi::unlimited};
  abi::ResourceLimit now{};
  check(syscall(Call::prlimit64, 0, abi::rlimit_core, &limit, nullptr) == 0, "a new limit");
  check(syscall(Call::prlimit64, 0, abi::rlimit_core, nullptr, &now) == 0, "the limit");
  check(now.soft < count * 1000 && now.hard == abi::unlimited, "the limit is {}", now.soft);
}

void change_file(const Pipe& pipe) {
  for (const int flags : {abi::o_nonblock, 0}) {
    check(syscall(Call::fcntl, pipe.read_end, abi::f_setfl, flags) == 0, "F_SETFL");
    const long now = syscall(Call::fcntl, pipe.read_end, abi::f_getfl);
    check((now & abi::o_nonblock) == flags, "the flags are {}", now);
  }
  std::byte byte{1};
  must(write(pipe.write_end, {&byte, 1}), "writing");
  check(must(read(pipe.read_end, {&byte, 1}), "reading") == 1, "a byte");
}

/// The program and a call use memory that other processes may share.
void use_shared_memory(std::uint64_t value) {
  constexpr int flags = abi::map_shared | abi::map_anonymous;
  constexpr int rights = abi::prot_read | abi::prot_write;
  std::byte* const page =
      must(call<std::byte*>(Call::mmap, 0, page_size, rights, flags, -1, 0), "shared memory");
  auto& word = *reinterpret_cast<std::atomic<std::uint64_t>*>(page);
  check(word == 0, "new memory holds {}", word.load());
  word = value;
  check(word == value, "shared memory holds {}", word.load());
  auto& name = *reinterpret_cast<abi::Utsname*>(page);
  check(syscall(Call::uname, &name) == 0 && std::string_view{name.system} == "Cotrap", "uname");
  must(unmap_memory(page, page_size), "unmapping");
}

void use_ring() {
  Ring ring = must(Ring::make({.submissions = 4}), "a ring");
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::byte read{0};
  const std::byte written{7};
  check(ring.add(read_at(pipe.read_end, {&read, 1}, abi::ring_current_place, 1)), "a full ring");
  must(ring.enter(), "a read that waits");
  must(write(pipe.write_end, {&written, 1}), "writing");
  const auto done = ring.wait();
  check(done && done->result == 1 && read == written, "the read gets the byte");
  must(close(pipe.read_end), "closing");
  must(close(pipe.write_end), "closing");
}

void make_changes(unsigned hart, unsigned rounds) {
  move_to(hart);
  const Pipe pipe = must(make_pipe(), "a pipe");
  for (unsigned i = 0; i < rounds; ++i) {
    change_action();
    send_signals();
    change_limit(hart * 1000 + i);
    change_file(pipe);
    use_shared_memory(hart * 1000 + i);
    use_ring();
    check(syscall(Call::umask, 022) == 022, "the umask");
    must(change_directory(i % 2 == 0 ? "/tmp" : "/"), "chdir");
    check(syscall(Call::getpriority, abi::prio_process, 0) == 20, "the nice value");
  }
  drop_signals();
}

void change_on_all() {
  const unsigned rounds = rounds_of_each(50);
  block(abi::sig_block);
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart)
    threads.emplace_back([=] { make_changes(hart, rounds); });
}

}  // namespace

std::span<const Part> strand() {
  static constexpr Part parts[] = {{"changes", change_on_all}};
  return parts;
}

}  // namespace harts
