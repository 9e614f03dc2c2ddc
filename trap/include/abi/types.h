// Structures in system calls, with the layout of Linux riscv64 (LP64). Fields have readable names;
// a static_assert checks the sizes and offsets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

struct Timespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;  // 0 .. 999,999,999, else EINVAL
};
static_assert(sizeof(Timespec) == 16);

struct Timeval {
  std::int64_t seconds;
  std::int64_t microseconds;
};
static_assert(sizeof(Timeval) == 16);

// futex_waitv
struct FutexWaitV {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;  // futex2_…
  std::uint32_t reserved;
};
static_assert(sizeof(FutexWaitV) == 24);

// adjtimex, clock_adjtime
struct Timex {
  std::uint32_t modes;  // adj_…
  std::int32_t padding_1;
  std::int64_t offset;
  std::int64_t frequency;
  std::int64_t maximum_error;  // microseconds
  std::int64_t estimated_error;
  std::int32_t status;  // sta_…
  std::int32_t padding_2;
  std::int64_t constant;
  std::int64_t precision;  // microseconds
  std::int64_t tolerance;
  Timeval time;
  std::int64_t tick;  // microseconds between ticks of 100 Hz
  std::int64_t pps[2];
  std::int32_t shift;
  std::int32_t padding_3;
  std::int64_t counts[5];
  std::int32_t tai;  // seconds
  std::int32_t padding_4[11];
};
static_assert(sizeof(Timex) == 208 && offsetof(Timex, time) == 72 && offsetof(Timex, tai) == 160);

// name_to_handle_at, open_by_handle_at. The bytes of the handle are behind the structure.
struct FileHandle {
  std::uint32_t bytes;
  std::int32_t type;
};
static_assert(sizeof(FileHandle) == 8);

// timer_settime, setitimer: the time between expirations and until the next one; 0: none.
struct TimerSetting {
  Timespec interval;
  Timespec left;
};
struct IntervalSetting {
  Timeval interval;
  Timeval left;
};

struct IoVector {
  std::uintptr_t base;
  std::size_t length;
};
static_assert(sizeof(IoVector) == 16);
inline constexpr int max_io_vectors = 1024;

// fstat, newfstatat
struct Stat {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint32_t mode;
  std::uint32_t links;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t special_device;
  std::uint64_t padding_1;
  std::int64_t size;
  std::int32_t block_size;
  std::int32_t padding_2;
  std::int64_t blocks;  // of 512 bytes
  Timespec accessed;
  Timespec modified;
  Timespec changed;
  std::uint32_t unused[2];
};
static_assert(sizeof(Stat) == 128 && offsetof(Stat, size) == 48 && offsetof(Stat, accessed) == 72);

// statx
struct StatxTime {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  std::int32_t reserved;
};
struct Statx {
  std::uint32_t mask;  // of the fields that are valid: statx_*
  std::uint32_t block_size;
  std::uint64_t attributes;
  std::uint32_t links;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mode;
  std::uint16_t padding;
  std::uint64_t inode;
  std::uint64_t size;
  std::uint64_t blocks;  // of 512 bytes
  std::uint64_t attributes_mask;
  StatxTime accessed;
  StatxTime created;
  StatxTime changed;
  StatxTime modified;
  std::uint32_t special_major;
  std::uint32_t special_minor;
  std::uint32_t major;
  std::uint32_t minor;
  std::uint64_t mount;
  std::uint64_t spare[13];
};
static_assert(sizeof(Statx) == 256 && offsetof(Statx, accessed) == 64 &&
              offsetof(Statx, mount) == 144);

// openat2. Later versions of the structure have more members at the end.
struct OpenHow {
  std::uint64_t flags;
  std::uint64_t mode;
  std::uint64_t resolve;
};
static_assert(sizeof(OpenHow) == 24);

// statfs, fstatfs
struct StatFs {
  std::int64_t type;
  std::int64_t block_size;
  std::uint64_t blocks;
  std::uint64_t free_blocks;
  std::uint64_t available_blocks;
  std::uint64_t files;
  std::uint64_t free_files;
  std::int32_t id[2];
  std::int64_t longest_name;
  std::int64_t fragment_size;
  std::int64_t flags;
  std::int64_t spare[4];
};
static_assert(sizeof(StatFs) == 120);

// fcntl: F_GETLK, F_SETLK and their relatives
struct Flock {
  std::int16_t type;
  std::int16_t whence;
  std::int64_t start;
  std::int64_t length;
  std::int32_t process;
};
static_assert(sizeof(Flock) == 32);

// getdents64: entries of `record_length` bytes. The zero-terminated name follows this header.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t next_offset;
  std::uint16_t record_length;  // a multiple of 8
  std::uint8_t type;            // dt_*
  // char name[]; begins here, at offset 19
};
inline constexpr std::size_t directory_entry_name = 19;
static_assert(offsetof(DirectoryEntry, type) == directory_entry_name - 1);

struct Utsname {
  char system[65];
  char node[65];
  char release[65];
  char version[65];
  char machine[65];
  char domain[65];
};
static_assert(sizeof(Utsname) == 390);

struct Sysinfo {
  std::int64_t uptime;  // seconds
  std::uint64_t loads[3];
  std::uint64_t total_ram;  // in units of `unit` bytes, like all memory sizes
  std::uint64_t free_ram;
  std::uint64_t shared_ram;
  std::uint64_t buffer_ram;
  std::uint64_t total_swap;
  std::uint64_t free_swap;
  std::uint16_t processes;  // threads count too
  std::uint16_t padding;
  std::uint32_t padding_2;
  std::uint64_t total_high;
  std::uint64_t free_high;
  std::uint32_t unit;
  std::uint32_t padding_3;
};
static_assert(sizeof(Sysinfo) == 112 && offsetof(Sysinfo, unit) == 104);

struct PollFd {
  std::int32_t fd;  // negative: ignored
  std::int16_t events;
  std::int16_t returned;
};
static_assert(sizeof(PollFd) == 8);

struct ResourceLimit {
  std::uint64_t soft;
  std::uint64_t hard;
};
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};

struct SchedParam {
  std::int32_t priority;  // real-time policies: 1..99; others: 0
};

// sched_setattr, sched_getattr. `size` is the size of the caller's structure: later versions may
// add fields at the end.
struct SchedAttr {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;       // sched_other, sched_batch
  std::uint32_t priority;  // sched_fifo, sched_rr
  std::uint64_t runtime;   // sched_deadline: budget in ns
  std::uint64_t deadline;  // deadline in ns after each wake
  std::uint64_t period;    // period in ns; 0: the deadline
  std::uint32_t least_utilisation;
  std::uint32_t most_utilisation;
};
static_assert(sizeof(SchedAttr) == 56);
inline constexpr std::uint32_t first_sched_attr_size = 48;  // without the two utilisations

// getrusage, wait4
struct ResourceUsage {
  Timeval user_time;
  Timeval system_time;
  std::int64_t counters[14];
};
static_assert(sizeof(ResourceUsage) == 144);

// set_robust_list. The kernel walks the list when a thread ends.
struct RobustList {
  std::uintptr_t next;
};
struct RobustListHead {
  RobustList list;
  std::int64_t futex_offset;
  std::uintptr_t pending;
};
static_assert(sizeof(RobustListHead) == 24);

struct WindowSize {
  std::uint16_t rows;
  std::uint16_t columns;
  std::uint16_t pixels_x;
  std::uint16_t pixels_y;
};

// TCGETS, TCSETS*: the kernel's `struct termios` (the C library's is larger).
struct Termios {
  std::uint32_t input_flags;
  std::uint32_t output_flags;
  std::uint32_t control_flags;
  std::uint32_t local_flags;
  std::uint8_t line;
  std::uint8_t control_chars[19];
};
static_assert(sizeof(Termios) == 36);
// Indices in Termios::control_chars. A key of 0 is disabled.
inline constexpr std::size_t termios_vintr = 0;
inline constexpr std::size_t termios_vquit = 1;
inline constexpr std::size_t termios_vmin = 6;
inline constexpr std::size_t termios_vsusp = 10;
inline constexpr std::size_t termios_veol = 11;
inline constexpr std::size_t termios_veol2 = 16;
// Bits of Termios' flags.
inline constexpr std::uint32_t termios_isig = 0001;
inline constexpr std::uint32_t termios_icanon = 0002;
inline constexpr std::uint32_t termios_echo = 0010;
inline constexpr std::uint32_t termios_noflsh = 0200;
inline constexpr std::uint32_t termios_tostop = 0400;
inline constexpr std::uint32_t termios_icrnl = 0400;
inline constexpr std::uint32_t termios_opost = 0001;
inline constexpr std::uint32_t termios_onlcr = 0004;

struct AuxEntry {
  std::uint64_t tag;  // at_*
  std::uint64_t value;
};

}  // namespace abi
