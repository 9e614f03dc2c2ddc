#include <abi/events.h>
#include <abi/socket.h>
#include <user/process.h>
#include <user/ring.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {
namespace {

constexpr std::size_t page_bytes = 4096;

std::byte* map_all(int protection = abi::prot_read | abi::prot_write) {
  return must(map_file(file, bytes, protection, 0), "the disk as memory");
}

std::vector<std::byte> read_all() {
  std::vector<std::byte> all(bytes);
  check(read_at(0, all.data(), bytes) == bytes, "the whole disk is read");
  return all;
}

bool same(const std::byte* mapped, const std::vector<std::byte>& all, std::size_t offset,
          std::size_t size) {
  return std::memcmp(mapped + offset, all.data() + offset, size) == 0;
}

void by_touching(const std::vector<std::byte>& all) {
  const std::byte* const mapped = map_all(abi::prot_read);
  check(same(mapped, all, 0, bytes), "a mapping has the bytes of reads");
  const std::size_t rest = page_bytes - bytes % page_bytes;
  check(std::all_of(mapped + bytes, mapped + bytes + rest,
                    [](auto byte) { return byte == std::byte{}; }),
        "the page is zero behind the disk's end");
  const auto second =
      must(map_file(file, page_bytes, abi::prot_read, page_bytes), "a mapping of the second page");
  check(std::memcmp(second, all.data() + page_bytes, page_bytes) == 0, "the second page");
}

// Transfers that begin in a present page and end in pages that need a page-in are complete.
void over_borders(const std::vector<std::byte>& all) {
  const Fd copy = must(open("/tmp/copy", abi::o_rdwr | abi::o_creat), "a file");
  const auto over_border = [&](std::size_t size) {
    std::byte* const mapped = map_all();
    static_cast<void>(*static_cast<volatile std::byte*>(mapped));
    return std::span{mapped + page_bytes - 500, size};
  };
  const auto as_on_disk = [&](std::size_t size) {
    std::vector<std::byte> got(size);
    must(call<std::size_t>(Call::pread64, copy, got.data(), size, 0), "reading");
    return std::memcmp(got.data(), all.data() + page_bytes - 500, size) == 0;
  };
  for (const std::size_t size : {1'000, 100'000}) {
    const auto out = over_border(size);
    check(must(call<std::size_t>(Call::pwrite64, copy, out.data(), size, 0), "writing") == size &&
              as_on_disk(size),
          "{} bytes are written at an offset", size);
    must(seek(copy, 0, abi::seek_set), "seek");
    const auto next = over_border(size);
    check(must(call<std::size_t>(Call::write, copy, next.data(), size), "writing") == size &&
              as_on_disk(size),
          "… and at the file's position", size);
    must(seek(copy, 0, abi::seek_set), "seek");
    const auto in = over_border(size);
    check(must(call<std::size_t>(Call::read, copy, in.data(), size), "reading") == size,
          "{} bytes are read", size);
    const auto there = over_border(size);
    check(must(call<std::size_t>(Call::pread64, copy, there.data(), size, 0), "reading") == size,
          "… also at an offset", size);
  }
  const auto pipe = must(make_pipe(), "a pipe");
  check(write(pipe.write_end, over_border(1'000)) == 1'000, "a pipe takes 1,000 bytes at once");
  check(read(pipe.read_end, over_border(1'000)) == 1'000, "… and returns them");
}

// Each of these calls touches pages that are not in memory yet.
void by_calls(const std::vector<std::byte>& all) {
  std::byte* const mapped = map_all();
  const auto pipe = must(make_pipe(), "a pipe");
  std::array<std::byte, page_bytes> got;
  check(write(pipe.write_end, std::span{mapped, 100}) == 100,
        "a write from an absent page is complete");
  check(read(pipe.read_end, std::span{got}.first(100)) == 100 && same(got.data(), all, 0, 100),
        "… and has the disk's bytes");
  check(write(pipe.write_end, std::span{got}.first(8)) == 8, "eight bytes");
  check(read(pipe.read_end, std::span{mapped + page_bytes + 8, 8}) == 8,
        "a read to an absent page is complete");
  check(
      same(mapped, all, page_bytes, 8) && std::memcmp(mapped + page_bytes + 8, got.data(), 8) == 0,
      "… and changes only the bytes read");

  // The reader waits for data first, and then faults on the page.
  std::byte* const later = mapped + 2 * page_bytes;
  Thread reader{[&] {
    check(read(pipe.read_end, std::span{later, 4}) == 4,
          "a waiting read to an absent page is complete");
  }};
  sleep_for(5ms);
  check(write(pipe.write_end, std::span{got}.first(4)) == 4, "four bytes");
  reader.join();
  check(std::memcmp(later, got.data(), 4) == 0, "… and has the bytes");
  check(same(mapped, all, 2 * page_bytes + 4, page_bytes - 4),
        "… and keeps the disk's other bytes");

  const auto name = reinterpret_cast<const char*>(mapped + 3 * page_bytes);
  const auto opened = call<Fd>(Call::openat, abi::at_fdcwd, name, abi::o_rdonly, 0);
  check(!opened && opened.error() != Errno::efault, "a path in an absent page is not EFAULT");

  auto ring = must(Ring::make(), "a ring");
  check(ring.add(write_next(pipe.write_end, std::span{mapped + 4 * page_bytes, 64}, 1)) &&
            ring.add(read_next(pipe.read_end, std::span{mapped + 5 * page_bytes, 64}, 2)),
        "two submissions");
  check(must(ring.enter(2), "a ring") == 2, "the kernel takes submissions for absent pages");
  const auto first = ring.take(), second = ring.take();
  check(first && first->result == 64 && second && second->result == 64,
        "both submissions are complete");
  check(std::memcmp(mapped + 5 * page_bytes, all.data() + 4 * page_bytes, 64) == 0,
        "the bytes moved from one page to the other");
  check(read_at(0, mapped + 6 * page_bytes, 16) == 16,
        "a read from the disk to a page of its mapping");
  check(std::memcmp(mapped + 6 * page_bytes, all.data(), 16) == 0, "… stores the bytes");
  check(same(mapped, all, 6 * page_bytes + 16, 64), "… and keeps the others");
}

// Returns an object in page `page`.
template <class T>
T* at(std::byte* mapped, std::size_t page) {
  return reinterpret_cast<T*>(mapped + page * page_bytes + 64);
}

// Calls that return results in untouched pages: they take effect once, although the kernel restarts
// them after the page-in.
void by_answers() {
  std::byte* const mapped = map_all();
  auto* const mask = at<abi::SignalSet>(mapped, 0);
  const abi::SignalSet hangup = abi::set_of(abi::Signal::sighup);
  must(call(Call::rt_sigprocmask, abi::sig_block, &hangup, mask, sizeof *mask), "blocking");
  check(*mask == 0, "the old mask is returned");

  auto* const action = at<abi::SignalAction>(mapped, 1);
  const abi::SignalAction ignored{.handler = abi::sig_ign};
  must(call(Call::rt_sigaction, abi::Signal::sighup, &ignored, action, sizeof *mask), "ignoring");
  check(action->handler == abi::sig_dfl, "the old action is returned");

  auto* const limit = at<abi::ResourceLimit>(mapped, 2);
  abi::ResourceLimit fewer{};
  must(call(Call::prlimit64, 0, abi::rlimit_nofile, nullptr, &fewer), "the limit");
  const std::uint64_t before = fewer.soft--;
  must(call(Call::prlimit64, 0, abi::rlimit_nofile, &fewer, limit), "a lower limit");
  check(limit->soft == before, "the old limit is returned");

  auto* const ends = at<int>(mapped, 3);
  must(call(Call::pipe2, ends, 0), "a pipe");
  const int next = must(dup(standard_error), "the next descriptor");
  check(next == std::max(ends[0], ends[1]) + 1, "only one pipe was made");
  for (const Fd fd : {ends[0], ends[1], next}) must(close(fd), "closing");

  auto* const id = at<int>(mapped, 4);
  const auto forked = call<Pid>(Call::clone, abi::clone_parent_settid, 0, id, 0, 0);
  if (!forked && forked.error() == Errno::enosys) return;  // a machine without an MMU
  const Pid child = must(forked, "a child");
  if (child == 0) exit(7);
  check(*id == child, "clone stores the child's pid: {} is {}", *id, child);
  auto* const status = at<int>(mapped, 5);
  // __WALL, because the child sends no signal at its end.
  constexpr unsigned long any_child = 0x4000'0000;
  check(must(call<Pid>(Call::wait4, child, status, any_child, 0), "wait") == child,
        "wait4 returns the child");
  check(*status == 7 << 8, "… and its status {:#x}", *status);
}

// Maps a page of the disk, which needs a page-in, in place of `page`. The page
// begins with a word that is not negative: ppoll ignores negative descriptors.
void replace(std::byte* page, const std::vector<std::byte>& all) {
  std::size_t offset = 0;
  while ((all[offset + 3] & std::byte{0x80}) != std::byte{}) offset += page_bytes;
  must(call<std::byte*>(Call::mmap, page, page_bytes, abi::prot_read | abi::prot_write,
                        abi::map_private | abi::map_fixed, file, offset),
       "a page of the disk");
}

// Calls that miss a page at the end of their wait end, or wait again, without being made again.
// Then futex calls that miss a page before they wait.
void by_waits(const std::vector<std::byte>& all) {
  std::byte* const mapped = map_all();
  const auto pipe = must(make_pipe(), "a pipe"), other = must(make_pipe(), "another pipe");
  const auto text = std::as_bytes(std::span{"one two"});
  check(write(other.write_end, text.subspan(4, 3)) == 3, "three bytes for another file");
  const Fd fd = must(dup(pipe.read_end), "a descriptor");
  Thread reader{[&] {
    check(read(fd, std::span{mapped, 3}) == 3, "three bytes are read");
    check(std::memcmp(mapped, text.data(), 3) == 0, "… from the file that the call began with");
  }};
  sleep_for(5ms);
  must(dup_to(other.read_end, fd), "another file for the descriptor");
  check(write(pipe.write_end, text.first(3)) == 3, "three bytes");
  reader.join();

  constexpr abi::Timespec time{.seconds = 0, .nanoseconds = 300'000'000};
  const auto list =
      must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a list for ppoll");
  const abi::PollFd entry{.fd = pipe.read_end, .events = abi::pollin, .returned = 0};
  std::memcpy(list, &entry, sizeof entry);
  Thread poller{[&] {
    abi::Timespec rest = time;
    const auto ready = call<int>(Call::ppoll, list, 1, &rest, nullptr, 0);
    check(ready == 0, "ppoll ends by its time, and does not read its list again");
  }};
  const auto set =
      must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a set for pselect6");
  set[pipe.read_end / 8] |= std::byte{1} << pipe.read_end % 8;
  Thread selector{[&] {
    abi::Timespec rest = time;
    const auto ready =
        call<int>(Call::pselect6, pipe.read_end + 1, set, nullptr, nullptr, &rest, nullptr);
    check(ready == 0, "pselect6 ends by its time, and does not read its set again");
  }};
  sleep_for(100ms);
  replace(list, all);
  replace(set, all);
  poller.join();
  selector.join();

  const Fd epoll = must(call<Fd>(Call::epoll_create1, 0), "an epoll file");
  const abi::EpollEvent wanted{.events = abi::epollin, .padding = 0, .data = 42};
  must(call(Call::epoll_ctl, epoll, abi::epoll_ctl_add, pipe.read_end, &wanted), "an item");
  const abi::SignalSet no_signals = 0;
  const abi::SignalSet* const masks[] = {nullptr, &no_signals};
  for (std::size_t page = 1; const abi::SignalSet* mask : masks) {
    auto* const event = at<abi::EpollEvent>(mapped, page++);
    Thread waiter{[&] {
      const auto ready = call<int>(Call::epoll_pwait, epoll, event, 1, 10'000, mask, 8);
      check(ready == 1 && event->data == 42, "epoll_pwait writes an event to an absent page");
    }};
    sleep_for(5ms);
    check(write(pipe.write_end, text.first(1)) == 1, "a byte");
    waiter.join();
    std::byte byte{};
    check(read(pipe.read_end, std::span{&byte, 1}) == 1, "… is read");
  }

  auto* const word = at<std::uint32_t>(mapped, 4);
  std::uint32_t value = 0;
  std::memcpy(&value, &all[4 * page_bytes + 64], sizeof value);
  refused(call(Call::futex, word, abi::futex_wait, value, &time, nullptr, 0), Errno::etimedout,
          "a wait for a word in an absent page");
  auto* const changed = at<std::uint32_t>(mapped, 5);
  std::memcpy(&value, &all[5 * page_bytes + 64], sizeof value);
  refused(call(Call::futex, changed, abi::futex_wait, value + 1, &time, nullptr, 0), Errno::eagain,
          "a wait for another value of such a word");
  auto* const shared = at<std::uint32_t>(mapped, 6);
  std::memcpy(&value, &all[6 * page_bytes + 64], sizeof value);
  constexpr int wait_private = abi::futex_wait | abi::futex_private_flag;
  Thread sleeper{[&] {
    check(call<int>(Call::futex, shared, wait_private, value, nullptr, nullptr, 0) == 0,
          "a wait for such a word ends with a wake");
  }};
  while (must(call<int>(Call::futex, shared, abi::futex_wake | abi::futex_private_flag, 1, nullptr,
                        nullptr, 0),
              "a wake") == 0)
    sleep_for(1ms);
  sleeper.join();

  const auto child = fork();
  if (!child) return;  // a machine without an MMU
  if (*child == 0) {
    sleep_for(5ms);
    exit(9);
  }
  auto* const status = at<int>(mapped, 7);
  check(must(call<Pid>(Call::wait4, *child, status, 0, nullptr), "wait") == *child &&
            *status == 9 << 8,
        "a waiting wait4 writes the status to an absent page");
}

// Several threads touch the pages of a mapping at the same time, and a child touches them later:
// all see the same bytes.
void by_many(const std::vector<std::byte>& all) {
  std::byte* const mapped = map_all();
  std::vector<Thread> threads;
  std::atomic<int> right = 0;
  for (int who = 0; who < 8; ++who) {
    threads.emplace_back([&] { right += same(mapped, all, 0, bytes); });
  }
  threads.clear();
  check(right == 8, "eight threads see the same bytes");
  mapped[0] ^= std::byte{0xff};
  const auto child = fork();
  if (child && *child == 0) {
    exit(mapped[0] == (all[0] ^ std::byte{0xff}) && same(mapped, all, 1, bytes - 1) ? 0 : 1);
  }
  if (child) check(must(wait(*child), "wait").status.exit_code() == 0, "… and so does a child");
  check(same(read_all().data(), all, 0, bytes), "the disk is unchanged");

  // This thread unmaps the page while the other thread's call waits for the page-in.
  for (int i = 0; i < 20; ++i) {
    std::byte* const gone = map_all();
    Thread toucher{[&] {
      const Result<std::size_t> written = write(standard_error, std::span{gone, 0});
      static_cast<void>(written);
      static_cast<void>(call<Fd>(Call::openat, abi::at_fdcwd, gone, abi::o_rdonly, 0));
    }};
    must(unmap_memory(gone, bytes), "unmapping");
  }
}

int status_of_touching(std::size_t offset) {
  std::array<char, 24> text{};
  std::to_chars(text.begin(), text.end() - 1, offset);
  const char* const arguments[] = {program_path(), "touch", text.data(), nullptr};
  const auto child = must(spawn(program_path(), arguments), "a child");
  return must(wait(child), "wait").status.signal() == abi::Signal::sigbus;
}

/// The device itself moves the bytes of pages that need a page-in.
void by_the_device(const std::vector<std::byte>& all) {
  constexpr std::size_t start = 3 * page_bytes + 100, count = 5 * page_bytes;
  std::byte* const to = map_all();
  check(read_at(start, to + 700, count) == count, "a read of a disk into absent pages is whole");
  check(std::memcmp(to + 700, &all[start], count) == 0, "… and has the bytes");
  const std::byte* const same_bytes = map_all() + start;
  check(write_at(start, same_bytes, count) == count, "a write of absent pages to a disk is whole");
  must(seek(file, start, abi::seek_set), "a position");
  std::byte* const again = map_all();
  check(read(file, std::span{again, count}) == count, "a read at the position is whole");
  check(std::memcmp(again, &all[start], count) == 0, "… and has the bytes, too");
  check(seek(file, 0, abi::seek_cur) == start + count, "the position is behind them");
}

/// Appends by two threads do not overwrite each other, although one waits for page-ins.
void by_appending(const std::vector<std::byte>& all) {
  constexpr std::int64_t many = 150'000, few = 100, rounds = 200;
  constexpr int appends = 16;  // RWF_APPEND
  const Fd copy = must(open("/tmp/appended", abi::o_rdwr | abi::o_creat), "a file");
  const auto append = [copy](const std::byte* from, std::size_t size, std::int64_t offset) {
    const abi::IoVector part{.base = reinterpret_cast<std::uintptr_t>(from), .length = size};
    return call<std::size_t>(Call::pwritev2, copy, &part, 1, offset, 0, appends);
  };
  for (const std::int64_t offset : {0, -1}) {
    const std::int64_t before = must(seek(copy, 0, abi::seek_end), "the size");
    std::byte* const absent = map_all();
    Thread slow{[&] { check(append(absent, many, offset) == many, "a long append is whole"); }};
    for (int i = 0; i < rounds; ++i) {
      check(append(all.data(), few, offset) == few, "a short append");
    }
    slow.join();
    check(must(seek(copy, 0, abi::seek_end), "the size") == before + many + rounds * few,
          "the file has the bytes of all appends");
  }
}

}  // namespace

int map() {
  const auto all = read_all();
  by_touching(all);
  by_calls(all);
  over_borders(all);
  by_answers();
  by_waits(all);
  by_many(all);
  by_the_device(all);
  by_appending(all);
  refused(map_file(file, page_bytes, abi::prot_read, 0, abi::map_shared), Errno::enodev,
          "a shared mapping");
  refused(map_file(file, page_bytes, abi::prot_read, 1), Errno::einval, "an odd offset");
  check(status_of_touching((bytes / page_bytes + 1) * page_bytes),
        "an access behind the end is SIGBUS");
  return 0;
}

namespace {

/// Calls that write a socket's address to a page that cannot be read.
void for_addresses_on(std::byte* bad) {
  struct {
    std::uint16_t family = abi::af_unix;
    char name[10] = "\0bad page";
  } address;
  const auto bound = [&](int type) {
    const Fd made = must(call<Fd>(Call::socket, abi::af_unix, type, 0), "a socket");
    must(call(Call::bind, made, &address, sizeof address), "a name");
    return made;
  };
  int length = 100;
  const Fd listener = bound(abi::sock_stream);
  must(call(Call::listen, listener, 1), "listening");
  const Fd client = must(call<Fd>(Call::socket, abi::af_unix, abi::sock_stream, 0), "a socket");
  must(call(Call::connect, client, &address, sizeof address), "a connection");
  refused(call<Fd>(Call::accept, listener, bad, &length), Errno::efault, "accept");
  must(close(listener), "closing");

  const Fd receiver = bound(abi::sock_dgram);
  const Fd sender = must(call<Fd>(Call::socket, abi::af_unix, abi::sock_dgram, 0), "a socket");
  std::byte byte{};
  must(call<std::size_t>(Call::sendto, sender, &byte, 1, 0, &address, sizeof address), "a message");
  refused(call<std::size_t>(Call::recvfrom, receiver, &byte, 1, 0, bad, &length), Errno::efault,
          "recvfrom");
}

}  // namespace

int map_bad(std::size_t bad_offset) {
  std::byte* const mapped = map_all();
  const auto pipe = must(make_pipe(), "a pipe");
  refused(write(pipe.write_end, std::span{mapped + bad_offset, 1}), Errno::efault, "a bad sector");
  check(write(pipe.write_end, std::span{mapped, 1}) == 1, "a good sector is read");

  // Calls that may wait, or that the kernel executes in steps because they are long.
  constexpr std::size_t much = 100'000;
  const Fd copy = must(open("/tmp/copy", abi::o_rdwr | abi::o_creat), "a file");
  const auto bad = mapped + bad_offset;
  refused(write(copy, std::span{bad, much}), Errno::efault, "a long write");
  refused(write(pipe.write_end, std::span{bad, 5'000}), Errno::efault, "a long write to a pipe");
  refused(read(pipe.read_end, std::span{bad, much}), Errno::efault, "a long read from a pipe");
  refused(call(Call::nanosleep, bad, nullptr), Errno::efault, "a sleep of that length");
  refused(call<Pid>(Call::wait4, -1, bad, 0, nullptr), Errno::echild, "a wait without children");

  // A call that would block for the file, too, reads no page first.
  const auto full = must(make_pipe(abi::o_nonblock), "a pipe");
  refused(read(full.read_end, std::span{bad, 1}), Errno::eagain, "a read from an empty pipe");
  const std::array<std::byte, page_bytes> block{};
  while (write(full.write_end, block)) {
  }
  refused(write(full.write_end, std::span{bad, 1}), Errno::eagain, "a write to a full pipe");

  for_addresses_on(bad);

  auto ring = must(Ring::make(), "a ring");
  check(ring.add(linked(read_next(pipe.read_end, {bad, much}, 1))), "the ring has room");
  check(ring.add(link_timeout(1h, 2)), "the ring has room");
  const auto done = ring.wait();
  check(done && done->result == -static_cast<int>(Errno::efault), "a ring's long read is EFAULT");
  check(status_of_touching(bad_offset), "an access to a bad sector is SIGBUS");
  return 0;
}

int touch(std::size_t offset) {
  const auto mapped = must(map_file(file, offset + page_bytes, abi::prot_read, 0), "the disk");
  return std::to_integer<int>(*static_cast<const volatile std::byte*>(mapped + offset)) & 0;
}

}  // namespace disk
