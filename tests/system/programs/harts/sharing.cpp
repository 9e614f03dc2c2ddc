// System calls that harts make at the same time, because they share the strand, beside others that
// exclude them (docs/harts.md).
#include <algorithm>
#include <array>

#include "harts.h"

namespace harts {
namespace {

/// Passes the numbers below `rounds` through a pipe and back, between a thread on `here` and one on
/// `there`.
void pass_numbers(unsigned here, unsigned there, std::uint64_t rounds) {
  const Pipe to = must(make_pipe(), "a pipe"), from = must(make_pipe(), "a pipe");
  Thread answering{[&] {
    move_to(there);
    std::uint64_t number;
    while (syscall(Call::read, to.read_end, &number, sizeof number) == sizeof number) {
      ++number;
      syscall(Call::write, from.write_end, &number, sizeof number);
    }
  }};
  move_to(here);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    std::uint64_t number = i;
    syscall(Call::write, to.write_end, &number, sizeof number);
    check(syscall(Call::read, from.read_end, &number, sizeof number) == sizeof number, "a read");
    check(number == i + 1, "a pipe gives {} back as {}", i, number);
  }
  must(close(to.write_end), "closing");
}

/// Two threads take turns `rounds` times; each waits for the other by a futex.
void take_turns(unsigned here, unsigned there, unsigned rounds) {
  std::atomic<std::uint32_t> turn = 0;
  const auto take = [&](std::uint32_t mine) {
    for (unsigned i = 0; i < rounds; ++i) {
      while (turn != mine) futex_wait(turn, 1 - mine);
      turn = 1 - mine;
      futex_wake(turn, 1);
    }
  };
  Thread other{[&] {
    move_to(there);
    take(1);
  }};
  move_to(here);
  take(0);
}

/// New pages hold zeros, also after they were dropped.
void touch_pages(unsigned hart, unsigned rounds) {
  constexpr std::size_t pages = 16;
  move_to(hart);
  std::byte* const memory =
      must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
  for (unsigned i = 0; i < rounds; ++i) {
    for (std::size_t page = 0; page < pages; ++page) {
      auto& word = *reinterpret_cast<volatile std::uint64_t*>(memory + page * page_size);
      check(word == 0, "a new page holds zeros");
      word = ~0ul - page;
    }
    syscall(Call::madvise, memory, pages * page_size, abi::madv_dontneed);
  }
  must(unmap_memory(memory, pages * page_size), "unmapping");
}

/// Several threads read a file through one descriptor: each byte is read once.
void read_together(unsigned rounds) {
  const Fd file = must(open("/tmp/numbers", abi::o_rdwr | abi::o_creat), "a file");
  std::vector<std::byte> bytes(rounds);
  must(write_all(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}), "writing");
  must(seek(file, 0, abi::seek_set), "seeking");
  std::atomic<unsigned> total = 0;
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart) {
      threads.emplace_back([&, hart] {
        move_to(hart);
        char byte;
        while (syscall(Call::read, file, &byte, 1) == 1) ++total;
      });
    }
  }
  check(total == rounds, "{} bytes are read as {}", rounds, total.load());
  must(close(file), "closing");
}

/// A writer on each hart and one reader: no record is lost, and none comes twice. A record consists
/// of equal bytes.
void write_together(unsigned rounds) {
  using Record = std::array<char, 64>;
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::atomic<unsigned> writing = count;
  std::vector<Thread> writers;
  for (unsigned hart = 0; hart < count; ++hart) {
    writers.emplace_back([&, hart] {
      move_to(hart);
      Record record;
      record.fill(static_cast<char>(hart));
      for (unsigned i = 0; i < rounds; ++i)
        syscall(Call::write, pipe.write_end, record.data(), record.size());
      if (--writing == 0) must(close(pipe.write_end), "closing");
    });
  }
  std::vector<unsigned> read(count);
  Record record;
  while (syscall(Call::read, pipe.read_end, record.data(), record.size()) == 64) {
    check(std::ranges::count(record, record[0]) == 64, "a record comes from one write");
    ++read.at(static_cast<unsigned>(record[0]));
  }
  for (const unsigned each : read) check(each == rounds, "{} records come as {}", rounds, each);
  must(close(pipe.read_end), "closing");
}

/// A thread waits for a byte while another one closes the file: the reader is its last owner.
void close_while_read(unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    const Pipe pipe = must(make_pipe(), "a pipe");
    std::atomic<long> moved = 0;
    std::atomic<bool> reads = false;
    move_to(i % count);
    Thread reader{[&] {
      move_to(i % count);
      must(set_realtime_priority(0, 50), "a real-time priority");
      reads = true;  // this thread sees that only when the more urgent reader waits
      char byte;
      moved = syscall(Call::read, pipe.read_end, &byte, 1);
    }};
    await("for the reader", [&] { return reads.load(); });
    must(close(pipe.read_end), "closing");
    char byte = 1;
    check(syscall(Call::write, pipe.write_end, &byte, 1) == 1, "writing to the last reader");
    reader.join();
    check(moved == 1, "the reader gets the byte: {}", moved.load());
    must(ignore_signal(abi::Signal::sigpipe, true), "ignoring SIGPIPE");
    const long refused = syscall(Call::write, pipe.write_end, &byte, 1);
    check(refused == -static_cast<long>(Errno::epipe), "without readers a write fails: {}",
          refused);
    must(close(pipe.write_end), "closing");
  }
}

/// Calls that need the strand for themselves, until `stop`.
void exclude(const std::atomic<bool>& stop) {
  for (unsigned i = 0; !stop; ++i) {
    move_to(i % count);
    const Pipe pipe = must(make_pipe(), "a pipe");
    std::byte* const memory =
        must(map_memory(page_size, abi::prot_read | abi::prot_write), "memory");
    *memory = std::byte{1};
    must(unmap_memory(memory, page_size), "unmapping");
    must(close(pipe.read_end), "closing");
    must(close(pipe.write_end), "closing");
    syscall(Call::sched_yield);
  }
}

void share() {
  const unsigned rounds = rounds_of_each(150);
  std::atomic<bool> stop = false;
  Thread excluding{[&] { exclude(stop); }};
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart) {
      const unsigned next = (hart + 1) % count;
      threads.emplace_back([=] { pass_numbers(hart, hart, rounds); });
      threads.emplace_back([=] { pass_numbers(hart, next, rounds); });
      threads.emplace_back([=] { take_turns(hart, hart, rounds); });
      threads.emplace_back([=] { take_turns(hart, next, rounds); });
      threads.emplace_back([=] { touch_pages(hart, rounds / 10); });
    }
  }
  read_together(20 * rounds);
  write_together(5 * rounds);
  close_while_read(rounds / 10);
  stop = true;
}

// Calls that only read what the kernel knows, beside calls that change it.

constexpr const char* asked_file = "/tmp/asked";

std::uint64_t file_limit() {
  abi::ResourceLimit limit{};
  syscall(Call::prlimit64, 0, abi::rlimit_nofile, nullptr, &limit);
  return limit.soft;
}

/// Changes what ask() asks for, between two states, until `stop`.
void change_asked(const std::atomic<bool>& stop) {
  const Fd file = must(open(asked_file, abi::o_rdwr | abi::o_creat), "a file");
  for (unsigned i = 0; !stop; ++i) {
    const bool first = i % 2 == 0;
    move_to(i % count);
    must(change_directory(first ? "/tmp" : "/"), "chdir");
    check(syscall(Call::ftruncate, file, first ? 4096 : 0) == 0, "ftruncate");
    const abi::ResourceLimit limit{.soft = first ? 100u : 200u, .hard = 200};
    check(syscall(Call::prlimit64, 0, abi::rlimit_nofile, &limit, nullptr) == 0, "prlimit64");
  }
  must(close(file), "closing");
}

/// Threads of one process ask at the same time. `shared` is an open file of all of them.
void ask(unsigned hart, Fd shared, unsigned rounds) {
  move_to(hart);
  const Pipe pipe = must(make_pipe(), "a pipe");
  std::byte* const pages =
      must(map_memory(2 * page_size, abi::prot_read | abi::prot_write), "memory");
  for (unsigned i = 0; i < rounds; ++i) {
    unsigned cpu = ~0u;
    check(syscall(Call::getcpu, &cpu, nullptr, nullptr) == 0 && cpu == hart, "the hart is {}", cpu);
    check(must(affinity(0), "affinity") == 1ul << hart, "the harts of the thread");
    check(syscall(Call::getpriority, abi::prio_process, 0) == 20, "the nice value");

    // The name crosses into a page that needs a fault first.
    auto& name = *reinterpret_cast<abi::Utsname*>(pages + page_size - sizeof(abi::Utsname) / 2);
    check(syscall(Call::uname, &name) == 0 && std::string_view{name.system} == "Cotrap", "uname");
    syscall(Call::madvise, pages, 2 * page_size, abi::madv_dontneed);

    char directory[64] = {};
    syscall(Call::getcwd, directory, sizeof directory);
    const std::string_view here = directory;
    check(here == "/" || here == "/tmp", "the working directory is '{}'", here);

    abi::Stat status{};
    check(syscall(Call::newfstatat, abi::at_fdcwd, asked_file, &status, 0) == 0, "stat");
    check(status.size == 0 || status.size == 4096, "the file has {} bytes", status.size);
    check(syscall(Call::faccessat, abi::at_fdcwd, "/tmp/none", abi::r_ok) == error(Errno::enoent),
          "a file that does not exist");

    const std::uint64_t limit = file_limit();
    check(limit == 100 || limit == 200, "the limit is {}", limit);

    const abi::SignalSet blocked = abi::SignalSet{1} << (i % 8);
    abi::SignalSet before = 0;
    syscall(Call::rt_sigprocmask, abi::sig_setmask, &blocked, nullptr, sizeof blocked);
    syscall(Call::rt_sigprocmask, abi::sig_block, nullptr, &before, sizeof before);
    check((before & ~abi::set_of(abi::Signal::sigkill)) ==
              (blocked & ~abi::set_of(abi::Signal::sigkill)),
          "the mask {} is read as {}", blocked, before);

    std::uint64_t random[2] = {};
    check(syscall(Call::getrandom, random, sizeof random, 0) == sizeof random, "getrandom");
    check(random[0] != random[1] && random[1] != 0, "two random words");

    abi::PollFd polled{pipe.read_end, abi::pollin, 0};
    const abi::Timespec at_once{};
    check(syscall(Call::ppoll, &polled, 1, &at_once, nullptr, 8) == 0, "an empty pipe");
    syscall(Call::write, pipe.write_end, "x", 1);
    check(syscall(Call::ppoll, &polled, 1, nullptr, nullptr, 8) == 1, "a pipe with a byte");
    char byte;
    syscall(Call::read, pipe.read_end, &byte, 1);

    check(syscall(Call::kill, process_id(), 0) == 0, "the process exists");
    check(syscall(Call::lseek, shared, 1, abi::seek_cur) > 0, "seeking");
    check(syscall(Call::uname, 8) == error(Errno::efault), "a bad address");
    check(syscall(Call::uname, "a constant") == error(Errno::efault), "a page to read only");
    check(syscall(Call::fcntl, shared, abi::f_getfl) == abi::o_rdonly, "the flags");
  }
  must(unmap_memory(pages, 2 * page_size), "unmapping");
  must(close(pipe.read_end), "closing");
  must(close(pipe.write_end), "closing");
}

void asks() {
  const unsigned rounds = rounds_of_each(100);
  const Fd shared = must(open(program_path(), abi::o_rdonly), "the program");
  std::atomic<bool> stop = false;
  Thread changing{[&] { change_asked(stop); }};
  await("for the first change", [] { return file_limit() != 1024; });
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart)
      threads.emplace_back([=] { ask(hart, shared, rounds); });
  }
  stop = true;
  const auto place = syscall(Call::lseek, shared, 0, abi::seek_cur);
  check(place == static_cast<long>(count * rounds), "no step of the position is lost: {}", place);
}

/// The word that round `i` puts into page `page` of process `id`.
std::uint64_t pattern(Pid id, unsigned i, std::size_t page) {
  return static_cast<std::uint64_t>(id) << 32 | i << 8 | page | 1;
}

/// Maps pages, and requires that they hold zeros at first and then what this process wrote.
void use_own_pages(Pid id, unsigned i) {
  const std::size_t pages = 1 + i % 8;
  std::byte* const memory =
      must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
  const auto word = [&](std::size_t page)->volatile std::uint64_t& {
    return *reinterpret_cast<volatile std::uint64_t*>(memory + page * page_size);
  };
  for (int turn = 0; turn < 2; ++turn) {
    for (std::size_t page = 0; page < pages; ++page) {
      check(word(page) == 0, "a new page holds zeros, not {}", std::uint64_t{word(page)});
      word(page) = pattern(id, i, page);
    }
    yield();
    for (std::size_t page = 0; page < pages; ++page)
      check(word(page) == pattern(id, i, page), "a page holds what its process wrote");
    syscall(Call::madvise, memory, pages * page_size, abi::madv_dontneed);
  }
  must(unmap_memory(memory, pages * page_size), "unmapping");
}

/// Changes the rights of a page, replaces it by another mapping, and maps the program's file.
void change_own_pages(Pid id) {
  constexpr int read_write = abi::prot_read | abi::prot_write;
  const auto pages =
      reinterpret_cast<std::uintptr_t>(must(map_memory(3 * page_size, read_write), "memory"));
  auto& word = *reinterpret_cast<volatile std::uint64_t*>(pages + page_size);
  word = static_cast<std::uint64_t>(id);
  check(syscall(Call::mprotect, &word, page_size, abi::prot_read) == 0, "mprotect");
  check(syscall(Call::uname, &word) == error(Errno::efault), "a page to read only");
  check(word == static_cast<std::uint64_t>(id), "the page has kept its contents");
  check(syscall(Call::mprotect, &word, page_size, read_write) == 0, "mprotect");
  word = word + 1;
  const auto replaced = map_memory(page_size, read_write, abi::map_fixed, pages + page_size);
  check(must(replaced, "mmap") == reinterpret_cast<std::byte*>(pages + page_size), "MAP_FIXED");
  check(word == 0, "a new page holds zeros");

  const Fd program = must(open(program_path(), abi::o_rdonly), "the program");
  const long file = syscall(Call::mmap, pages, page_size, read_write,
                            abi::map_private | abi::map_fixed, program, 0);
  check(file == static_cast<long>(pages), "a mapping of the program");
  auto* const text = reinterpret_cast<volatile char*>(pages);
  check(text[1] == 'E' && text[2] == 'L', "the program is an ELF file");
  text[1] = static_cast<char>(id);
  check(text[1] == static_cast<char>(id) && text[2] == 'L', "a private copy of the file");
  must(close(program), "closing");
  must(unmap_memory(reinterpret_cast<std::byte*>(pages), 3 * page_size), "unmapping");
}

/// Opens the program's own file, and a file whose name is removed before its last use ends.
void use_files(Pid id) {
  const Fd program = must(open(program_path(), abi::o_rdonly), "the program");
  char first[4] = {};
  check(syscall(Call::pread64, program, first, sizeof first, 0) == 4 && first[1] == 'E',
        "the program is an ELF file");
  must(close(program), "closing");
  const std::string name = format("/tmp/owner.{}", id);
  const Fd made = must(open(name.c_str(), abi::o_rdwr | abi::o_creat), "a file");
  must(write_all(made, "contents"), "writing");
  const Fd again = must(open(name.c_str(), abi::o_rdonly), "the file");
  must(remove_file(name.c_str()), "removing the name");
  must(close(made), "closing");
  check(syscall(Call::read, again, first, sizeof first) == 4 && first[0] == 'c',
        "a file without a name keeps its contents");
  must(close(again), "closing");
}

void grow_and_shrink_heap() {
  const long end = syscall(Call::brk, 0);
  const auto grown = syscall(Call::brk, end + 4 * static_cast<long>(page_size));
  check(grown > end, "the heap grows");
  volatile auto& word = *reinterpret_cast<volatile std::uint64_t*>(
      (static_cast<std::uintptr_t>(end) + page_size - 1) & ~(page_size - 1));
  check(word == 0, "new heap holds zeros");
  word = 1;
  check(syscall(Call::brk, end) == end, "the heap shrinks");
}

/// A process with one thread, which changes its own memory and descriptors. It changes harts now
/// and then: the hart that it leaves keeps its memory in the TLB until another program runs there.
void owner() {
  const Pid id = process_id();
  for (unsigned i = 0; i < 200; ++i) {
    if (i % 16 == 0) move_to((static_cast<unsigned>(id) + i / 16) % count);
    use_own_pages(id, i);
    if (i % 4 == 0) use_files(id);
    if (i % 4 == 1) change_own_pages(id);
    if (i % 8 == 0) grow_and_shrink_heap();
  }
}

/// Several processes on each hart, beside a thread that needs the strand for itself.
void own() {
  std::atomic<bool> stop = false;
  Thread excluding{[&] { exclude(stop); }};
  const char* const arguments[] = {"harts", "owner", nullptr};
  std::vector<Pid> children;
  for (unsigned i = 0; i < 2 * count; ++i)
    children.push_back(must(spawn(program_path(), arguments, {}), "an owner"));
  for (const Pid child : children) expect_success(child);
  stop = true;
}

}  // namespace

std::span<const Part> sharing() {
  static constexpr Part parts[] = {
      {"share", share}, {"asks", asks}, {"own", own}, {"owner", owner}};
  return parts;
}

}  // namespace harts
