// Signals that come while a system call waits for a page-in.
#include <abi/events.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/thread.h>

#include <atomic>

#include "disk.h"

using namespace user;

namespace disk {
namespace {

std::atomic<int> handled = 0;

void handle(int) {
  ++handled;
}

/// Calls `make()` in a thread, `meanwhile()` when the thread waits, and then sends the thread a
/// signal with a handler.
template <class Make, class Meanwhile>
void interrupt(Make make, Meanwhile meanwhile) {
  const int before = handled;
  Thread caller{make};
  must(sleep_for(50ms), "sleeping");
  meanwhile(caller);
  must(sleep_for(100ms), "sleeping");
  must(call(Call::tgkill, process_id(), caller.id(), abi::Signal::sigusr2), "a signal");
  caller.join();
  check(handled == before + 1, "the handler has run once");
}

/// Puts a page of the slow disk in the place of the memory at `page`.
void put_disk_at(std::byte* page) {
  must(call<std::byte*>(Call::mmap, page, page_size, abi::prot_read | abi::prot_write,
                        abi::map_private | abi::map_fixed, file, 0),
       "a page of the disk in its place");
}

/// A page of memory, which put_disk_at() replaces.
template <class T>
T& in_own_page() {
  return *reinterpret_cast<T*>(
      must(map_memory(page_size, abi::prot_read | abi::prot_write), "a page"));
}
template <class T>
std::byte* page_of(T& object) {
  return reinterpret_cast<std::byte*>(&object);
}

void await_signal() {
  auto& info = in_own_page<abi::PaddedSignalInfo>();
  const abi::SignalSet awaited = abi::set_of(abi::Signal::sigusr1);
  must(call(Call::rt_sigprocmask, abi::sig_block, &awaited, nullptr, sizeof awaited), "blocking");
  interrupt(
      [&] {
        constexpr abi::Timespec limit{.seconds = 50, .nanoseconds = 0};
        const auto taken =
            call<int>(Call::rt_sigtimedwait, &awaited, &info, &limit, sizeof awaited);
        check(taken == static_cast<int>(abi::Signal::sigusr1), "the awaited signal is not lost");
        check(info.info.signal == *taken, "… and its information is written");
      },
      [&](const Thread& caller) {
        put_disk_at(page_of(info));
        must(call(Call::tgkill, process_id(), caller.id(), abi::Signal::sigusr1), "a signal");
      });
}

void write_much() {
  constexpr std::size_t much = 100'000;  // more than one step
  const std::byte* const absent =
      must(map_file(file, much, abi::prot_read, 0), "pages that the slow disk has");
  const Fd copy = must(open("/tmp/copy", abi::o_rdwr | abi::o_creat), "a file");
  interrupt([&] { check(write(copy, std::span{absent, much}) == much, "a long write is whole"); },
            [](const Thread&) {});
}

/// A byte comes for a reader whose page is absent.
void read_pipe() {
  const auto pipe = must(make_pipe(), "a pipe");
  auto& byte = in_own_page<std::byte>();
  interrupt(
      [&] {
        check(read(pipe.read_end, std::span{&byte, 1}) == 1, "a read returns the byte");
        check(byte == std::byte{7}, "… and stores it");
      },
      [&](const Thread&) {
        put_disk_at(page_of(byte));
        constexpr std::byte sent{7};
        check(write(pipe.write_end, std::span{&sent, 1}) == 1, "a byte is written");
      });
}

/// The same for events of files.
void await_events() {
  const auto pipe = must(make_pipe(), "a pipe");
  const Fd epoll = must(call<Fd>(Call::epoll_create1, 0), "an epoll file");
  const abi::EpollEvent wanted{.events = abi::epollin, .padding = 0, .data = 42};
  must(call(Call::epoll_ctl, epoll, abi::epoll_ctl_add, pipe.read_end, &wanted), "an item");
  auto& event = in_own_page<abi::EpollEvent>();
  constexpr std::byte sent{7};
  const auto send = [&] {
    check(write(pipe.write_end, std::span{&sent, 1}) == 1, "a byte is written");
  };
  interrupt(
      [&] {
        check(call<int>(Call::epoll_pwait, epoll, &event, 1, -1, nullptr, 8) == 1,
              "epoll_wait returns an event");
        check(event.data == 42, "… and writes it");
      },
      [&](const Thread&) {
        put_disk_at(page_of(event));
        send();
      });
  std::byte taken{};
  check(read(pipe.read_end, std::span{&taken, 1}) == 1, "the byte is read");
  auto& polled = in_own_page<abi::PollFd>();
  polled = {.fd = pipe.read_end, .events = abi::pollin, .returned = 0};
  interrupt(
      [&] {
        check(call<int>(Call::ppoll, &polled, 1, nullptr, nullptr, 8) == 1, "ppoll returns 1");
        check(polled.returned == abi::pollin, "… and writes the event");
      },
      [&](const Thread&) {
        put_disk_at(page_of(polled));
        send();
      });
}

void await_child() {
  const auto pipe = must(make_pipe(), "a pipe");
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    std::byte end{};
    must(close(pipe.write_end), "closing");
    static_cast<void>(read(pipe.read_end, std::span{&end, 1}));
    exit(3);
  }
  auto& status = in_own_page<int>();
  interrupt(
      [&] {
        check(call<Pid>(Call::wait4, child, &status, 0, nullptr) == child, "wait4 reaps the child");
        check(status == 3 << 8, "… and writes its status");
      },
      [&](const Thread&) {
        put_disk_at(page_of(status));
        must(close(pipe.write_end), "closing");
      });
}

/// The descriptor of the process is closed during the page-in of `info`.
void await_child_by_file() {
  const auto pipe = must(make_pipe(), "a pipe");
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    std::byte end{};
    must(close(pipe.write_end), "closing");
    static_cast<void>(read(pipe.read_end, std::span{&end, 1}));
    exit(3);
  }
  const Fd child_file = must(call<Fd>(Call::pidfd_open, child, 0), "a file of the process");
  auto& info = in_own_page<abi::SignalInfo>();
  interrupt(
      [&] {
        check(
            call(Call::waitid, abi::p_pidfd, child_file, &info, abi::wexited, nullptr).has_value(),
            "waitid reaps the child");
        check(info.sender.status == 3, "… and writes its status");
      },
      [&](const Thread&) {
        put_disk_at(page_of(info));
        must(close(pipe.write_end), "closing");
        must(sleep_for(50ms), "sleeping");
        must(close(child_file), "closing");
      });
}

/// The signal ends the sleep. Then the time left is written into an absent page.
void sleep_long() {
  auto& left = in_own_page<abi::Timespec>();
  interrupt(
      [&] {
        constexpr abi::Timespec length{.seconds = 1000, .nanoseconds = 0};
        check(call(Call::nanosleep, &length, &left).error() == Errno::eintr,
              "the signal ends the sleep");
        check(left.seconds > 900 && left.seconds < 1000, "… and the time left is written");
      },
      [&](const Thread&) { put_disk_at(page_of(left)); });
}

/// The same, but the time of the sleep passes during the page-in.
void sleep_shortly() {
  auto& left = in_own_page<abi::Timespec>();
  interrupt(
      [&] {
        constexpr abi::Timespec length{.seconds = 0, .nanoseconds = 300'000'000};
        const auto slept = call(Call::nanosleep, &length, &left);
        // A host that delays the signal lets the sleep end first.
        check(slept || slept.error() == Errno::eintr, "the signal ends a short sleep");
        check(slept || (left.seconds == 0 && left.nanoseconds < length.nanoseconds),
              "… and the time left is written");
      },
      [&](const Thread&) { put_disk_at(page_of(left)); });
}

}  // namespace

int be_interrupted() {
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(&handle)};
  must(call(Call::rt_sigaction, abi::Signal::sigusr2, &action, nullptr, sizeof(abi::SignalSet)),
       "a handler, without SA_RESTART");
  await_signal();
  write_much();
  read_pipe();
  await_events();
  await_child();
  await_child_by_file();
  sleep_long();
  sleep_shortly();
  return 0;
}

}  // namespace disk
