// Signals that come while a system call waits for a page-in.
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

void await_signal() {
  std::byte* const page =
      must(map_memory(page_size, abi::prot_read | abi::prot_write), "a page for the information");
  auto* const info = reinterpret_cast<abi::PaddedSignalInfo*>(page);
  const abi::SignalSet awaited = abi::set_of(abi::Signal::sigusr1);
  must(call(Call::rt_sigprocmask, abi::sig_block, &awaited, nullptr, sizeof awaited), "blocking");
  interrupt(
      [&] {
        constexpr abi::Timespec limit{.seconds = 50, .nanoseconds = 0};
        const auto taken = call<int>(Call::rt_sigtimedwait, &awaited, info, &limit, sizeof awaited);
        check(taken == static_cast<int>(abi::Signal::sigusr1), "the awaited signal is not lost");
        check(info->info.signal == *taken, "… and its information is written");
      },
      [&](const Thread& caller) {
        must(call<std::byte*>(Call::mmap, page, page_size, abi::prot_read | abi::prot_write,
                              abi::map_private | abi::map_fixed, file, 0),
             "a page of the disk in its place");
        must(call(Call::tgkill, process_id(), caller.id(), abi::Signal::sigusr1), "a signal");
      });
}

void write_much() {
  constexpr std::size_t much = 100'000;  // more than one step
  const std::byte* const absent =
      must(map_file(file, much, abi::prot_read, 0), "pages that the slow disk has");
  const Fd copy = must(open("/tmp/copy", abi::o_rdwr | abi::o_creat), "a file");
  interrupt(
      [&] {
        const auto written = write(copy, std::span{absent, much});
        check(written || written.error() == Errno::eintr, "a long write is no fault");
      },
      [](const Thread&) {});
}

}  // namespace

int be_interrupted() {
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(&handle)};
  must(call(Call::rt_sigaction, abi::Signal::sigusr2, &action, nullptr, sizeof(abi::SignalSet)),
       "a handler, without SA_RESTART");
  await_signal();
  write_much();
  return 0;
}

}  // namespace disk
