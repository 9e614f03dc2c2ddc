// The code of the vDSO: programs read the clock and ask for the harts' extensions without a trap.
// It runs in user mode, with the calling convention of C. Calls that need the kernel make the
// system call (vdso(7), "RISC-V functions").
#include <abi/flags.h>
#include <abi/numbers.h>
#include <abi/process.h>
#include <abi/types.h>
#include <trap/vdso_layout.h>

extern "C" {
// The first byte of the image, which the linker defines.
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

#define COTRAP_EXPORTED [[gnu::visibility("default")]]
COTRAP_EXPORTED int __vdso_clock_gettime(int clock, abi::Timespec* time);
COTRAP_EXPORTED int __vdso_clock_getres(int clock, abi::Timespec* resolution);
COTRAP_EXPORTED int __vdso_gettimeofday(abi::Timeval* time, void* zone);
COTRAP_EXPORTED int __vdso_getcpu(unsigned* hart, unsigned* node, void* unused);
COTRAP_EXPORTED int __vdso_flush_icache(void* start, void* end, unsigned long flags);
COTRAP_EXPORTED int __vdso_riscv_hwprobe(abi::HardwareProbe* pairs, std::size_t count,
                                         std::size_t bytes, unsigned long* harts, unsigned flags);
}

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

long make_call(abi::Call number, const void* a, const void* b, const void* c = nullptr,
               const void* d = nullptr, unsigned long e = 0) {
  register auto a0 asm("a0") = reinterpret_cast<long>(a);
  register auto a1 asm("a1") = reinterpret_cast<long>(b);
  register auto a2 asm("a2") = reinterpret_cast<long>(c);
  register auto a3 asm("a3") = reinterpret_cast<long>(d);
  register auto a4 asm("a4") = static_cast<long>(e);
  register auto a7 asm("a7") = static_cast<long>(number);
  asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
  return a0;
}

const trap::VdsoParameters& parameters() {
  return *reinterpret_cast<const trap::VdsoParameters*>(__ehdr_start + trap::vdso_parameters_at);
}

/// Nanoseconds since the boot. The kernel computes them in the same way, so both clocks agree.
std::uint64_t since_boot() {
  std::uint64_t ticks;
  asm volatile("rdtime %0" : "=r"(ticks));
  const auto passed = static_cast<unsigned __int128>(ticks - parameters().first_tick);
  return static_cast<std::uint64_t>(passed * parameters().ns_per_tick_fixed >> 32);
}
std::uint64_t since_1970() {
  return since_boot() + static_cast<std::uint64_t>(parameters().wall_clock_ns);
}

}  // namespace

int __vdso_clock_gettime(int clock, abi::Timespec* time) {
  std::uint64_t now;
  switch (clock) {
    case abi::clock_realtime:
    case abi::clock_realtime_coarse: now = since_1970(); break;
    case abi::clock_monotonic:
    case abi::clock_monotonic_raw:
    case abi::clock_monotonic_coarse:
    case abi::clock_boottime: now = since_boot(); break;
    default: {
      const auto number = reinterpret_cast<const void*>(static_cast<long>(clock));
      return static_cast<int>(make_call(abi::Call::clock_gettime, number, time));
    }
  }
  time->seconds = static_cast<std::int64_t>(now / ns_per_second);
  time->nanoseconds = static_cast<std::int64_t>(now % ns_per_second);
  return 0;
}

int __vdso_clock_getres(int clock, abi::Timespec* resolution) {
  const auto number = reinterpret_cast<const void*>(static_cast<long>(clock));
  return static_cast<int>(make_call(abi::Call::clock_getres, number, resolution));
}

int __vdso_gettimeofday(abi::Timeval* time, void* zone) {
  if (zone != nullptr) return static_cast<int>(make_call(abi::Call::gettimeofday, time, zone));
  if (time == nullptr) return 0;
  const std::uint64_t now = since_1970();
  time->seconds = static_cast<std::int64_t>(now / ns_per_second);
  time->microseconds = static_cast<std::int64_t>(now % ns_per_second / 1000);
  return 0;
}

int __vdso_getcpu(unsigned* hart, unsigned* node, void* unused) {
  return static_cast<int>(make_call(abi::Call::getcpu, hart, node, unused));
}

int __vdso_flush_icache(void* start, void* end, unsigned long flags) {
  const auto as_pointer = reinterpret_cast<const void*>(flags);
  return static_cast<int>(make_call(abi::Call::riscv_flush_icache, start, end, as_pointer));
}

// Every hart gives the same answers. The kernel answers for a set of harts, because the set may be
// wrong.
int __vdso_riscv_hwprobe(abi::HardwareProbe* pairs, std::size_t count, std::size_t bytes,
                         unsigned long* harts, unsigned flags) {
  if (bytes != 0 || harts != nullptr || flags != 0) {
    const auto as_pointer = [](std::size_t number) {
      return reinterpret_cast<const void*>(number);
    };
    return static_cast<int>(make_call(abi::Call::riscv_hwprobe, pairs, as_pointer(count),
                                      as_pointer(bytes), harts, flags));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = static_cast<std::uint64_t>(pairs[i].key);
    const bool is_known = key < trap::probe_keys && (parameters().known_keys >> key & 1) != 0;
    if (!is_known) pairs[i].key = -1;
    pairs[i].value = is_known ? parameters().hardware[key] : 0;
  }
  return 0;
}
