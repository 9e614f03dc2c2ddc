// Threads of one process on all harts open, use and close descriptors at the same time.
#include <algorithm>
#include <array>
#include <random>

#include "harts.h"

namespace harts {
namespace {

/// A thread's own descriptors, beside those of other threads. `file` is open for reading.
void use_own_descriptors(Fd file, unsigned i, Fd number) {
  const Fd opened = must(open(program_path(), abi::o_rdonly), "the program");
  const Fd copy = static_cast<Fd>(syscall(Call::dup, opened));
  check(copy >= 0 && copy != opened, "a duplicate: {}", copy);
  must(close(opened), "closing");
  check(syscall(Call::dup3, i % 2 == 0 ? copy : file, number, abi::o_cloexec) == number, "dup3");
  check(syscall(Call::fcntl, number, abi::f_getfd, 0) == abi::fd_cloexec, "close-on-exec is set");
  check(syscall(Call::fcntl, number, abi::f_setfd, 0) == 0, "clearing close-on-exec");
  check(syscall(Call::fcntl, number, abi::f_getfd, 0) == 0, "close-on-exec is cleared");
  const auto high = static_cast<Fd>(syscall(Call::fcntl, copy, abi::f_dupfd, number));
  check(high > number, "the lowest free number from {} on: {}", number, high);
  char first[4] = {};
  for (const Fd fd : {copy, number, high}) {
    check(syscall(Call::pread64, fd, first, sizeof first, 0) == 4 && first[1] == 'E',
          "the program is an ELF file");
    must(close(fd), "closing");
  }
}

/// The numbers of the next function.
constexpr Fd first_common = 40, common = 4;

/// Descriptors that all threads open, use and close.
void use_common_descriptors(Fd file, std::minstd_rand& random) {
  const auto some = [&] { return first_common + static_cast<Fd>(random() % common); };
  char bytes[4] = {};
  for (int i = 0; i < 4; ++i) {
    switch (random() % 5) {
      case 0: syscall(Call::dup3, file, some(), 0); break;
      case 1: syscall(Call::dup3, some(), some(), 0); break;
      case 2: syscall(Call::close, some()); break;
      case 3: {
        const long copy = syscall(Call::dup, some());
        if (copy >= 0) must(close(static_cast<Fd>(copy)), "closing");
        break;
      }
      default: {
        const long read = syscall(Call::pread64, some(), bytes, sizeof bytes, 0);
        check((read == 4 && bytes[1] == 'E') || read == -static_cast<long>(Errno::ebadf),
              "a descriptor has its file, or none: {}", read);
      }
    }
  }
}

/// The ends of a pipe see when the other end has gone.
void close_pipes(unsigned i) {
  const Pipe pipe = must(make_pipe(), "a pipe");
  char byte = 'x';
  check(syscall(Call::write, pipe.write_end, &byte, 1) == 1, "a write");
  if (i % 2 == 0) {
    must(close(pipe.write_end), "closing");
    check(syscall(Call::read, pipe.read_end, &byte, 1) == 1, "the byte is left");
    check(syscall(Call::read, pipe.read_end, &byte, 1) == 0, "the end of the pipe");
    must(close(pipe.read_end), "closing");
  } else {
    must(close(pipe.read_end), "closing");
    long written = 1;  // until the last child ends that has a copy of the reading end
    while (written == 1) written = syscall(Call::write, pipe.write_end, &byte, 1);
    check(written == -static_cast<long>(Errno::epipe), "a pipe without readers: {}", written);
    must(close(pipe.write_end), "closing");
  }
}

/// Writes and reads records of one file. A record consists of equal bytes.
void use_records(Fd file, unsigned hart, std::minstd_rand& random) {
  std::array<char, 64> record;
  const auto place = [&] { return static_cast<long>(random() % 128 * record.size()); };
  record.fill(static_cast<char>(hart + 1));
  check(syscall(Call::pwrite64, file, record.data(), record.size(), place()) == 64, "a write");
  const long read = syscall(Call::pread64, file, record.data(), record.size(), place());
  check(read == 0 || read == 64, "the file has whole records: {}", read);
  if (read == 64)
    check(std::ranges::count(record, record[0]) == 64, "a record comes from one write");
}

/// Threads on all harts use their own and common descriptors. Another thread copies them all.
void use_descriptors() {
  const unsigned rounds = rounds_of_each(150);
  must(ignore_signal(abi::Signal::sigpipe, true), "ignoring SIGPIPE");
  const Fd file = must(open(program_path(), abi::o_rdonly), "the program");
  const Fd lowest = must(open("/tmp/records", abi::o_rdwr | abi::o_creat), "a file");
  must(close(lowest), "closing");
  std::atomic<bool> stop = false;
  {
    Thread copier{[&] {
      const char* const arguments[] = {"true", nullptr};
      for (unsigned i = 0; !stop; ++i) {
        move_to(i % count);
        expect_success(must(spawn("/bin/true", arguments, {}), "a child"));
      }
    }};
    {
      std::vector<Thread> threads;
      for (unsigned i = 0; i < 2 * count; ++i) {
        threads.emplace_back([=] {
          std::minstd_rand random{i + 1};
          const Fd records = must(open("/tmp/records", abi::o_rdwr), "the file");
          for (unsigned round = 0; round < rounds; ++round) {
            if (round % 16 == 0) move_to((i + round / 16) % count);
            use_own_descriptors(file, round, first_common + common + static_cast<Fd>(20 * i));
            use_common_descriptors(file, random);
            close_pipes(round);
            use_records(records, i, random);
          }
          must(close(records), "closing");
        });
      }
    }
    stop = true;
  }
  for (Fd fd = first_common; fd < first_common + common; ++fd) syscall(Call::close, fd);
  const Fd next = must(open(program_path(), abi::o_rdonly), "the program");
  check(next == lowest, "all descriptors are closed: {} is the lowest, not {}", next, lowest);
  must(close(next), "closing");
  must(close(file), "closing");
  must(remove_file("/tmp/records"), "removing the file");
}

}  // namespace

std::span<const Part> descriptors() {
  static constexpr Part parts[] = {{"descriptors", use_descriptors}};
  return parts;
}

}  // namespace harts
