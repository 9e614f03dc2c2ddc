// The start of the process: makes a BootInfo from the command line.
#include <hal/bell.h>
#include <hal/boot.h>
#include <hal/builtin_archive.h>
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/hosted.h>
#include <hal/power.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "hart.h"
#include "virtio_disk.h"

namespace hal {
namespace {

constexpr std::string_view usage =
    "usage: cotrap.elf [--harts N] [--mem BYTES] [--ram FILE] [--initrd FILE] [--append WORDS]\n"
    "                  [--disk FILE | --read-only-disk FILE] [--disk-delay MICROSECONDS]\n"
    "                  [--fs rewrite | --fs fault | --fs wrfsbase | --fs arch_prctl] [--debugger "
    "wait]\n";

[[noreturn]] void give_up(std::string_view why) {
  (void)!write(STDERR_FILENO, why.data(), why.size());
  _exit(2);
}

constinit std::optional<std::string_view> given_fs;

struct Arguments {
  unsigned harts = 1;
  std::size_t memory = std::size_t{256} << 20;
  const char* ram_path = nullptr;
  const char* initrd = nullptr;
  std::string_view command_line;
  const char* disk_path = nullptr;
  hosted::DiskOptions disk;
};

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) give_up(usage);
  return value;
}

/// Waits until a debugger traces this process. Allows any process to do so, not only the parent.
void await_debugger() {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  constexpr std::string_view field = "TracerPid:\t", no_tracer = "0\n";
  for (;;) {
    std::array<char, 4096> text;
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const ssize_t size = ::read(file, text.data(), text.size());
    close(file);
    const std::string_view status{text.data(),
                                  static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    const std::size_t at = status.find(field);
    if (at == status.npos || !status.substr(at + field.size()).starts_with(no_tracer)) return;
    usleep(1'000);
  }
}

Arguments read_arguments(int argc, char** argv) {
  Arguments given;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--harts") {
      given.harts =
          static_cast<unsigned>(std::clamp<std::size_t>(number(argv[i + 1]), 1, max_harts));
    } else if (option == "--mem") {
      given.memory = page_down(number(argv[i + 1]));
    } else if (option == "--ram") {
      given.ram_path = argv[i + 1];
    } else if (option == "--initrd") {
      given.initrd = argv[i + 1];
    } else if (option == "--append") {
      given.command_line = argv[i + 1];
    } else if (option == "--disk" || option == "--read-only-disk") {
      given.disk_path = argv[i + 1];
      given.disk.read_only = option == "--read-only-disk";
    } else if (option == "--fs") {
      given_fs = argv[i + 1];
    } else if (option == "--debugger") {
      await_debugger();
    } else if (option == "--disk-delay") {
      given.disk.delay_ns = number(argv[i + 1]) * 1'000;
    } else {
      give_up(usage);
    }
  }
  if (argc % 2 == 0) give_up(usage);
  return given;
}

/// The place of a boot archive of `size` bytes: the end of RAM.
MemoryRange place_for_archive(std::size_t size, const MemoryRange& ram) {
  if (size > ram.size / 2) give_up("cotrap: too little memory for the boot archive (--mem)\n");
  return {page_down(ram.end() - size), size};
}

/// Reads the boot archive into RAM.
MemoryRange load_archive(const char* path, const MemoryRange& ram) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0 || fstat(file, &status) != 0)
    give_up("cotrap: cannot read the boot archive (--initrd)\n");
  const MemoryRange range = place_for_archive(static_cast<std::size_t>(status.st_size), ram);
  for (std::size_t done = 0; done < range.size;) {
    const ssize_t count =
        pread(file, phys_to_virt(range.base + done), range.size - done, static_cast<off_t>(done));
    if (count <= 0) give_up("cotrap: cannot read the boot archive (--initrd)\n");
    done += static_cast<std::size_t>(count);
  }
  close(file);
  return range;
}

/// Copies the built-in boot archive into RAM, because programs can map only RAM.
MemoryRange copy_builtin_archive(const MemoryRange& ram) {
  const auto archive = builtin_archive();
  const MemoryRange range = place_for_archive(archive.size(), ram);
  std::memcpy(phys_to_virt(range.base), archive.data(), archive.size());
  return range;
}

constinit hosted::VirtioDisk disk;

void start_disk(const Arguments& given) {
  hosted::DiskOptions options = given.disk;
  options.file = open(given.disk_path, (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (options.file < 0) give_up("cotrap: cannot open the disk file\n");
  disk.start(options);
}

std::uint64_t wall_clock_at_boot() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) - now_ns();
}

}  // namespace

std::optional<std::string_view> hosted::wanted_fs() {
  return given_fs;
}

void power_off(unsigned code) {
  _exit(static_cast<int>(code));
}

// This machine has no bell.
Irq bell_interrupt() {
  return Irq::none;
}
void enable_bell() {}
void ring_bell() {}
void silence_bell() {}

}  // namespace hal

int main(int argc, char** argv) {
  using namespace hal;
  hosted::start_clock();
  const Arguments given = read_arguments(argc, argv);
  if (!hosted::map_ram(given.memory, given.ram_path))
    give_up("cotrap: cannot map the memory (--mem, --ram)\n");
  static MemoryRange ram, archive;
  ram = {ram_base, given.memory};
  BootInfo info{.memory = {&ram, 1},
                .command_line = given.command_line,
                .hart_count = given.harts,
                .wall_clock_ns = wall_clock_at_boot()};
  info.initrd_is_builtin = given.initrd == nullptr && !builtin_archive().empty();
  if (given.initrd != nullptr || info.initrd_is_builtin) {
    archive = info.initrd_is_builtin ? copy_builtin_archive(ram) : load_archive(given.initrd, ram);
    info.reserved = {&archive, 1};
    info.initrd = {phys_to_virt(archive.base), archive.size};
  }
  static std::array<std::byte, 32> seed;
  if (getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size())) {
    info.random_seed = seed;
  }
  hosted::start_console();
  if (given.disk_path != nullptr) start_disk(given);
  hosted::start_boot_hart(info);
  give_up("cotrap: cannot start a thread for a hart\n");
}
