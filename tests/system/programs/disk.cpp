// disk WHAT [NUMBER…]: uses /dev/vda in one of the ways below. What it leaves on the disk, and what
// was there, is checked from outside (tests/system/disk.py).
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

using namespace user;

namespace {

constexpr std::size_t sector_bytes = 512;

Fd disk = -1;
std::size_t disk_bytes = 0;

Result<std::size_t> read_at(std::size_t offset, void* to, std::size_t size) {
  return call<std::size_t>(Call::pread64, disk, static_cast<std::byte*>(to), size, offset);
}
Result<std::size_t> write_at(std::size_t offset, const void* from, std::size_t size) {
  return call<std::size_t>(Call::pwrite64, disk, static_cast<const std::byte*>(from), size, offset);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed * 2 + 1} {}
  std::uint64_t below(std::uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % limit;
  }

 private:
  std::uint64_t state_;
};

std::vector<char> whole_disk() {
  std::vector<char> bytes(disk_bytes);
  std::size_t done = 0;
  while (done < disk_bytes) {
    const auto count = must(read_at(done, &bytes[done], disk_bytes - done), "reading the disk");
    check(count > 0, "the disk ends at {} of {} bytes", done, disk_bytes);
    done += count;
  }
  return bytes;
}

// FNV-1a, 64 bits.
std::uint64_t hash(const std::vector<char>& bytes) {
  std::uint64_t value = 0xcbf2'9ce4'8422'2325;
  for (const char byte : bytes) {
    value = (value ^ static_cast<unsigned char>(byte)) * 0x100'0000'01b3;
  }
  return value;
}

// Random transfers by several threads, each within a stretch of its own; the stretches' ends are
// anywhere in sectors. Prints the hash of what must be on the disk then.
int write_at_random(std::uint64_t seed, int threads, int count) {
  std::vector<char> model = whole_disk();
  {
    std::vector<Thread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&model, seed, threads, count, i] {
        Random random{seed * 100 + static_cast<std::uint64_t>(i)};
        const std::size_t begin = disk_bytes * i / threads + (i > 0 ? 77 : 0);
        const std::size_t end = disk_bytes * (i + 1) / threads + (i + 1 < threads ? 77 : 0);
        std::vector<char> buffer(end - begin);
        for (int n = 0; n < count; ++n) {
          const std::size_t offset = begin + random.below(end - begin);
          const std::size_t most =
              std::min(end - offset, random.below(4) == 0 ? 100'000UL : 2'000UL);
          const std::size_t size = 1 + random.below(most);
          if (random.below(2) == 0) {
            for (std::size_t k = 0; k < size; ++k) buffer[k] = static_cast<char>(random.below(256));
            check(must(write_at(offset, buffer.data(), size), "writing") == size, "written whole");
            std::memcpy(&model[offset], buffer.data(), size);
          } else {
            check(must(read_at(offset, buffer.data(), size), "reading") == size, "read whole");
            check(std::memcmp(&model[offset], buffer.data(), size) == 0,
                  "{} bytes at {} are what was written", size, offset);
          }
        }
      });
    }
  }
  check(whole_disk() == model, "the disk is what was written");
  must(call(Call::fsync, disk), "fsync");
  println("{:016x}", hash(model));
  return 0;
}

template <class T>
void refused(const Result<T>& result, Errno error, std::string_view what) {
  check(!result && result.error() == error, "{}: {} is wanted", what, abi::name(error));
}

int be_wrong() {
  char some[1024] = {};
  check(must(read_at(disk_bytes, some, 10), "reading at the end") == 0, "nothing at the end");
  check(must(read_at(disk_bytes - 7, some, 100), "reading across the end") == 7,
        "7 bytes are left");
  check(must(write_at(disk_bytes - 7, some, 100), "writing across the end") == 7, "7 fit");
  refused(write_at(disk_bytes, some, 1), Errno::enospc, "writing at the end");
  refused(call<std::size_t>(Call::pread64, disk, some, 10, -1L), Errno::einval, "a negative place");
  refused(read_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(write_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(read_at(0, reinterpret_cast<void*>(0xffff'ffc0'8020'0000), 10), Errno::efault,
          "the kernel");
  refused(read_at(0, reinterpret_cast<void*>(&be_wrong), 10), Errno::efault, "code");

  auto* const pages = must(map_memory(2 * page_size, abi::prot_read | abi::prot_write), "pages");
  must(protect_memory(pages + page_size, page_size, abi::prot_none), "mprotect");
  check(must(read_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100,
        "as far as it goes");
  check(must(write_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100, "the same");
  check(must(read_at(0, some, 0), "nothing") == 0, "nothing is nothing");

  check(must(seek(disk, 0, abi::seek_end), "seek") == static_cast<long>(disk_bytes), "the end");
  check(must(read(disk, std::span{some}), "reading there") == 0, "the end");
  refused(seek(disk, 1, abi::seek_end), Errno::einval, "a place behind the end");
  check(must(seek(disk, 100, abi::seek_set), "seek") == 100, "back");
  check(must(read(disk, std::span{some}), "reading") == sizeof some, "and on");
  check(must(seek(disk, 0, abi::seek_cur), "seek") == 100 + sizeof some, "place");

  const auto stat = must(status(disk), "fstat");
  check((stat.mode & abi::s_ifmt) == abi::s_ifblk && stat.size == 0, "a block device");
  std::uint64_t size = 0;
  must(call(Call::ioctl, disk, abi::blk_get_size_64, &size), "BLKGETSIZE64");
  check(size == disk_bytes, "{} bytes", size);
  refused(call(Call::ioctl, disk, abi::tcgets, some), Errno::enotty, "not a terminal");
  refused(call(Call::ioctl, disk, abi::blk_get_size_64, nullptr), Errno::efault, "null");
  constexpr int o_direct = abi::o_rdonly | abi::o_direct | abi::o_nonblock;
  const Fd direct = must(open("/dev/vda", o_direct), "O_DIRECT");
  check(must(read(direct, std::span{some}), "reading") == sizeof some,
        "O_NONBLOCK does not matter");
  refused(write(direct, "x"), Errno::ebadf, "not open for that");
  return 0;
}

int be_refused() {
  char some[sector_bytes];
  refused(write_at(0, some, sizeof some), Errno::eperm, "a read-only disk");
  refused(write_at(1, some, 1), Errno::eperm, "a read-only disk");
  check(must(read_at(0, some, sizeof some), "reading") == sizeof some, "reading is allowed");
  int read_only = 0;
  must(call(Call::ioctl, disk, abi::blk_read_only, &read_only), "BLKROGET");
  check(read_only == 1, "it says so");
  return 0;
}

// Children with threads that read from a slow disk are killed while they wait. Their pages must be
// theirs until the disk has written to them: what others get meanwhile stays as it is.
constexpr std::size_t killed_bytes = 64 * 1024;  // each of their threads reads

int read_and_wait() {
  constexpr int readers = 8;
  std::vector<Thread> threads;
  std::vector<char> buffers(readers * killed_bytes);
  for (int i = 0; i < readers; ++i) {
    threads.emplace_back(
        [&buffers, i] { (void)read_at(0, &buffers[i * killed_bytes], killed_bytes); });
  }
  threads.clear();
  return 7;
}

int be_killed() {
  constexpr int children = 4;
  constexpr std::size_t each = killed_bytes;
  std::size_t before = 0;
  for (int round = 0; round < 4; ++round) {
    if (round == 1) before = free_memory();  // what the kernel keeps for the next time is there
    Pid pids[children];
    for (Pid& pid : pids) {
      const char* const arguments[] = {"disk", "read-and-wait", nullptr};
      pid = must(spawn(program_path(), arguments), "a child");
    }
    must(sleep_for(50ms), "sleeping");  // they have asked, and the disk takes longer
    const auto start = now();
    for (const Pid pid : pids) must(kill(pid, abi::Signal::sigkill), "kill");
    // Whatever becomes free now is taken, filled, and looked at when the disk has answered.
    std::vector<std::byte*> taken;
    for (int i = 0; i < 64; ++i) {
      taken.push_back(must(map_memory(each, abi::prot_read | abi::prot_write), "memory"));
      std::memset(taken.back(), 0x55, each);
    }
    for (const Pid pid : pids) {
      const auto ended = must(wait(pid), "wait");
      check(ended.status.word() == static_cast<int>(abi::Signal::sigkill), "killed, not ended");
    }
    if (round == 0) println("killed, and gone after {:.0f} ms", milliseconds(now() - start));
    for (std::byte* const memory : taken) {
      check(std::all_of(memory, memory + each, [](std::byte b) { return b == std::byte{0x55}; }),
            "memory that was given to somebody else stays as it is");
      must(unmap_memory(memory, each), "munmap");
    }
  }
  const auto after = free_memory();
  // Pages that are not given back would be megabytes; the kernel's pools may grow, on every hart.
  check(after + 256 * 1024 >= before, "{} bytes are missing", before - after);
  return 0;
}

// A process forks while one of its threads reads: what was read is in the parent, whoever writes
// to the page meanwhile.
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
  check(std::equal(expected.begin(), expected.end(), page + 1024), "what was read is there");
  check(page[0] == 'p' && page[1] == 'w' && page[4095] == 'p', "and everything else");
  check(must(wait(child), "wait").status.word() == 0, "the child has its own page");
  return 0;
}

// Errors come to those whom they concern.
int meet_errors(std::size_t bad_offset) {
  char some[sector_bytes];
  refused(read_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset + 3, some, 5), Errno::eio, "a part of one");
  check(
      must(read_at(bad_offset - sector_bytes, some, sizeof some), "the one before") == sizeof some,
      "read");
  std::vector<char> much(256 * 1024);
  const auto count = must(read_at(0, much.data(), much.size()), "up to it");
  check(count > 0 && count <= bad_offset, "{} bytes were read", count);
  return 0;
}

int read_blocks(int count) {
  alignas(4096) static char block[4096];
  for (int i = 0; i < count; ++i) {
    check(must(read_at(0, block, sizeof block), "reading") == sizeof block, "read");
  }
  return 0;
}

// Memory comes back, whatever was done.
int leave_nothing(int count) {
  read_blocks(count);
  std::vector<char> much(300'000);
  const auto round = [&] {
    std::vector<Thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&much, i] {
        for (int n = 0; n < 8; ++n) {
          (void)read_at(n * 1'000 + i, &much[i * 10'000], 10'000);
          (void)write_at(i * 700, &much[i * 10'000], 699);
          (void)read_at(0, nullptr, 5'000);
        }
      });
    }
  };
  for (int i = 0; i < count; ++i) round();
  const auto before = free_memory();
  for (int i = 0; i < 4 * count; ++i) round();
  const auto after = free_memory();
  // Coroutine frames come from pools that never shrink.
  constexpr std::size_t frames = 4 * page_size;
  check(after + frames >= before, "{} bytes before, {} after", before, after);
  return 0;
}

std::uint64_t number(int argc, char** argv, int at) {
  std::uint64_t value = 0;
  if (at < argc) std::from_chars(argv[at], argv[at] + std::strlen(argv[at]), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto opened = open("/dev/vda", abi::o_rdwr);
  if (what == "none") {
    refused(opened, Errno::enoent, "/dev/vda on a machine without a disk");
    return 0;
  }
  disk = must(opened, "/dev/vda");
  disk_bytes = static_cast<std::size_t>(must(seek(disk, 0, abi::seek_end), "seek"));
  const auto first = number(argc, argv, 2);
  if (what == "random") {
    return write_at_random(first, static_cast<int>(number(argc, argv, 3)),
                           static_cast<int>(number(argc, argv, 4)));
  }
  if (what == "wrong") return be_wrong();
  if (what == "read-only") return be_refused();
  if (what == "read-and-wait") return read_and_wait();
  if (what == "killed") return be_killed();
  if (what == "fork") return fork_meanwhile();
  if (what == "errors") return meet_errors(first);
  if (what == "blocks") return read_blocks(static_cast<int>(first));
  if (what == "leave-nothing") return leave_nothing(static_cast<int>(first));
  fail("there is no '{}'", what);
}
