// Pages that a disk writes to while their processes end, fork or call execve.
#include <abi/events.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/ring.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {
namespace {

/// Bytes that each thread of a child reads; the child is killed meanwhile.
constexpr std::size_t killed_bytes = 64 * 1024;

}  // namespace

int read_and_wait() {
  constexpr int readers = 8;
  std::vector<Thread> threads;
  std::vector<char> buffers(readers * killed_bytes);
  for (int i = 0; i < readers; ++i) {
    threads.emplace_back(
        [&buffers, i] { (void)read_at(0, &buffers[i * killed_bytes], killed_bytes); });
  }
  threads.clear();
  // If the host delays the kill, the reads end before it.
  for (;;) static_cast<void>(sleep_for(1000s));
}

int be_killed() {
  constexpr int children = 4;
  constexpr std::size_t each = killed_bytes;
  std::size_t before = 0;
  for (int round = 0; round < 4; ++round) {
    if (round == 1) before = free_memory();  // the kernel's pools are filled by now
    Pid pids[children];
    for (Pid& pid : pids) {
      const char* const arguments[] = {"disk", "read-and-wait", nullptr};
      pid = must(spawn(program_path(), arguments), "a child");
    }
    // Afterwards the reads are still in flight: the disk takes longer than 50 ms.
    must(sleep_for(50ms), "sleeping");
    const auto start = now();
    for (const Pid pid : pids) must(kill(pid, abi::Signal::sigkill), "kill");
    // Allocates and fills memory that is freed now, and checks it when the disk has written.
    std::vector<std::byte*> taken;
    for (int i = 0; i < 64; ++i) {
      taken.push_back(must(map_memory(each, abi::prot_read | abi::prot_write), "memory"));
      std::memset(taken.back(), 0x55, each);
    }
    for (const Pid pid : pids) {
      const auto ended = must(wait(pid), "wait");
      check(ended.status.word() == static_cast<int>(abi::Signal::sigkill),
            "SIGKILL ends the child");
    }
    if (round == 0) println("killed, and gone after {:.0f} ms", milliseconds(now() - start));
    for (std::byte* const memory : taken) {
      check(std::all_of(memory, memory + each, [](std::byte b) { return b == std::byte{0x55}; }),
            "memory of another process stays unchanged");
      must(unmap_memory(memory, each), "munmap");
    }
  }
  // Leaked pages would be megabytes; the kernel's pools may grow by less, on every hart.
  const bool all_back = eventually([&] { return free_memory() + 256 * 1024 >= before; });
  check(all_back, "{} bytes are missing", before - free_memory());
  return 0;
}

int fork_meanwhile() {
  alignas(4096) static char page[4096];
  std::vector<char> expected(1024);
  check(must(read_at(512, expected.data(), 1024), "reading") == 1024, "read");
  std::memset(page, 'p', sizeof page);
  Thread reader{[] { check(must(read_at(512, page + 1024, 1024), "reading") == 1024, "read"); }};
  must(sleep_for(5ms), "sleeping");
  const Pid child = must(fork(), "fork");
  if (child == 0) {
    page[0] = 'c';
    must(sleep_for(100ms), "sleeping");
    exit(page[0] == 'c' && page[4095] == 'p' ? 0 : 1);
  }
  page[1] = 'w';
  reader.join();
  check(std::equal(expected.begin(), expected.end(), page + 1024),
        "the parent has the bytes of the read");
  check(page[0] == 'p' && page[1] == 'w' && page[4095] == 'p', "… and its other bytes");
  check(must(wait(child), "wait").status.word() == 0, "the child has its own copy of the page");
  return 0;
}

namespace {

enum Attempt : int { executed, failed, failed_alone };

// Calls execve while another thread is in a read, for which execve waits. The descriptor table is
// large and shared with another process, so execve must copy it.
Attempt execute_beside_read(Fd ready) {
  for (int i = 0; i < 900; ++i) must(dup(standard_error), "a descriptor");
  constexpr auto flags = abi::clone_files | static_cast<unsigned long>(abi::Signal::sigchld);
  if (must(call<Pid>(Call::clone, flags, 0, 0, 0, 0, 0), "clone") == 0) {
    for (;;) static_cast<void>(sleep_for(1000s));
  }
  std::array<char, 512> buffer;
  std::atomic<bool> has_read = false;  // stays false if execve ends the reader
  const Thread reader{[&] {
    (void)read_at(0, buffer.data(), buffer.size());
    has_read = true;
  }};
  must(sleep_for(100ms), "sleeping");  // the read is in flight: the disk takes longer
  const std::array<std::byte, 1> byte{};
  must(write(ready, byte), "writing");
  const char* const arguments[] = {"true", nullptr};
  const auto error = call(Call::execve, "/bin/true", arguments, arguments + 1).error();
  check(error == Errno::enomem, "execve fails with ENOMEM, not {}", abi::name(error));
  const bool is_alone = !call(Call::tgkill, process_id(), reader.id(), 0);
  // If the host delays the execve, the read ends before it, and so does the reader.
  return is_alone && !has_read ? failed_alone : failed;
}

// Takes all memory a while after execve has begun. `ready` has a byte just before that.
[[noreturn]] void take_memory(Fd ready) {
  std::array<std::byte, 1> byte{};
  must(read(ready, byte), "reading");
  must(sleep_for(400ms), "sleeping");
  for (std::size_t size = std::size_t{4} << 20; size >= page_size;) {
    if (!map_memory(size, abi::prot_read | abi::prot_write, abi::map_populate)) size /= 2;
  }
  for (;;) static_cast<void>(sleep_for(1000s));
}

}  // namespace

int execute_meanwhile() {
  const Pipe ready = must(make_pipe(), "a pipe");
  const Pid taker = must(fork(), "fork");
  if (taker == 0) take_memory(ready.read_end);
  const Pid child = must(fork(), "fork");
  if (child == 0) exit(execute_beside_read(ready.write_end));
  const auto status = must(wait(child), "wait").status;
  static_cast<void>(kill(-1, abi::Signal::sigkill));  // the taker, and what the child has started
  check(status.has_exited(), "the child is not killed");
  check(status.exit_code() != failed_alone,
        "execve does not fail after the other threads have ended");
  return 0;
}

int leave_to_others() {
  constexpr std::size_t page_bytes = 4096;
  const auto absent = must(map_file(file, 2 * page_bytes, abi::prot_read | abi::prot_write, 0),
                           "two pages that the slow disk has");
  const auto pipe = must(make_pipe(), "a pipe");
  const std::uint64_t one = 1;
  const auto bytes_of_one = std::as_bytes(std::span{&one, 1});
  std::uint64_t present = 0;
  std::atomic<int> order = 0;
  std::array<int, 2> place{};
  const auto read_into = [&](void* to, int who) {
    check(read(pipe.read_end, std::span{static_cast<std::byte*>(to), sizeof one}) == sizeof one,
          "eight bytes are read");
    place[who] = ++order;
  };
  Thread first{[&] { read_into(absent, 0); }};
  must(sleep_for(5ms), "sleeping");
  Thread second{[&] { read_into(&present, 1); }};
  must(sleep_for(5ms), "sleeping");
  check(write(pipe.write_end, bytes_of_one) == sizeof one, "bytes for one reader");
  second.join();
  check(place[1] == 1 && present == one, "the second reader does not wait for the first one");
  check(write(pipe.write_end, bytes_of_one) == sizeof one, "more bytes");
  first.join();
  check(place[0] == 2 && std::memcmp(absent, &one, sizeof one) == 0, "… which the first one gets");

  // The waiter that came last is woken first.
  const Fd epoll = must(call<Fd>(Call::epoll_create1, 0), "an epoll file");
  const abi::EpollEvent wanted{
      .events = abi::epollin | abi::epolloneshot, .padding = 0, .data = 42};
  must(call(Call::epoll_ctl, epoll, abi::epoll_ctl_add, pipe.read_end, &wanted), "an item");
  abi::EpollEvent there{};
  auto* const far = reinterpret_cast<abi::EpollEvent*>(absent + page_bytes);
  const auto wait_into = [&](abi::EpollEvent* event, int timeout) {
    return call<int>(Call::epoll_pwait, epoll, event, 1, timeout, nullptr, 8);
  };
  Thread patient{[&] { check(wait_into(&there, -1) == 1, "the first waiter gets the event"); }};
  must(sleep_for(5ms), "sleeping");
  Thread last{[&] { check(wait_into(far, 1'000) == 0, "… and the last one none"); }};
  must(sleep_for(5ms), "sleeping");
  check(write(pipe.write_end, bytes_of_one) == sizeof one, "an event");
  patient.join();
  check(there.data == 42, "the event has the item's data");
  last.join();
  return 0;
}

int end_in_page_in() {
  constexpr std::size_t page_bytes = 4096;
  const auto absent = must(map_file(file, 2 * page_bytes, abi::prot_read | abi::prot_write, 0),
                           "two pages that the slow disk has");
  const auto pipe = must(make_pipe(), "a pipe");
  const std::byte byte{9};
  auto ring = must(Ring::make(), "a ring");
  const auto results = [&](unsigned count) {
    std::array<int, 4> all{};
    for (unsigned i = 0; i < count; ++i) {
      const auto done = ring.wait();
      check(done.has_value(), "a completion");
      all[done->user_data] = done->result;
    }
    return all;
  };
  const auto page = [&](std::size_t number) { return std::span{absent + number * page_bytes, 1}; };

  check(ring.add(linked(read_next(pipe.read_end, page(0), 1))) && ring.add(link_timeout(50ms, 2)),
        "the ring has room");
  check(must(ring.enter(), "entering") == 2, "a read with a limit");
  check(write(pipe.write_end, std::span{&byte, 1}) == 1, "a byte");
  const auto limited = results(2);
  const bool is_over = limited[1] == -static_cast<int>(Errno::ecanceled) &&
                       limited[2] == -static_cast<int>(Errno::etime);
  // A host that delays the timer lets the read end first.
  check(is_over || limited[1] == 1, "the limit ends the read: {}, {}", limited[1], limited[2]);
  if (!is_over) check(write(pipe.write_end, std::span{&byte, 1}) == 1, "another byte");

  check(ring.add(read_next(pipe.read_end, page(1), 1)), "the ring has room");
  check(must(ring.enter(), "entering") == 1, "a read of the byte");
  check(ring.add(cancel(1, 2)), "the ring has room");
  check(must(ring.enter(), "entering") == 1, "its cancellation");
  const auto cancelled = results(2);
  const bool has_read = cancelled[1] == 1;
  check(has_read || cancelled[1] == -static_cast<int>(Errno::ecanceled),
        "the cancellation ends the read: {}", cancelled[1]);
  std::byte got{};
  if (!has_read) {
    check(read(pipe.read_end, std::span{&got, 1}) == 1 && got == byte, "the byte is still there");
  }
  return 0;
}

}  // namespace disk
