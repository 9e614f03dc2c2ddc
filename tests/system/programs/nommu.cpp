// nommu PART: what programs see on a machine without an MMU. The part `stray` needs PMP.
#include <user/check.h>
#include <user/process.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

using namespace user;

namespace {

constexpr int read_write = abi::prot_read | abi::prot_write;

void increment(std::byte& at) {
  auto& number = reinterpret_cast<volatile long&>(at);
  number = number + 1;
}

std::uintptr_t address(const void* of) {
  return reinterpret_cast<std::uintptr_t>(of);
}

// ── Processes ────────────────────────────────────────────────────────────────────────────────────

void no_fork() {
  const auto child = fork();
  check(!child && child.error() == Errno::enosys, "fork is ENOSYS");
}

int run_part(const char* part, const char* argument) {
  const char* const arguments[] = {"nommu", part, argument, nullptr};
  const Pid child = must(spawn(program_path(), arguments), "vfork and execve");
  const auto status = must(wait(child), "waiting").status;
  return status.has_exited() ? status.exit_code() : -static_cast<int>(status.signal());
}

void children() {
  for (int i = 0; i < 20; ++i) check(run_part("exit", "7") == 7, "a child ends with its status");
}

// A child has other addresses than its parent, and its own variables.
int variable = 1;
void own_variables() {
  variable = 2;
  std::array<char, 20> text{};
  std::to_chars(text.begin(), text.end(), address(&variable));
  check(run_part("other-variable", text.data()) == 3, "a child's variable has its first value");
  check(variable == 2, "a child does not change its parent's variable");
}
int other_variable(const char* parents) {
  std::uintptr_t at = 0;
  std::from_chars(parents, parents + std::strlen(parents), at);
  check(at != address(&variable), "parent and child have the same addresses");
  check(variable == 1, "the variable has its first value");
  return variable = 3;
}

void threads() {
  std::atomic<int> sum = 0;
  std::vector<Thread> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(must(Thread::start([&sum, i] { sum += i; }), "a thread"));
  for (Thread& thread : all) thread.join();
  check(sum == 28, "threads share the memory of their process");
}

// ── Memory ───────────────────────────────────────────────────────────────────────────────────────

bool holds(const std::byte* at, std::size_t bytes, std::byte value) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (at[i] != value) return false;
  }
  return true;
}

void mappings() {
  constexpr std::size_t bytes = 5 * page_size;
  auto* const memory = must(map_memory(bytes, read_write), "five pages");
  check(holds(memory, bytes, {}), "new pages hold zeros");
  std::memset(memory, 1, bytes);

  auto* const middle = memory + 2 * page_size;
  const auto fixed = map_memory(page_size, read_write, abi::map_fixed, address(middle));
  check(fixed && *fixed == middle, "an own page can be mapped again at its address");
  check(holds(middle, page_size, {}), "… and holds zeros again");
  check(holds(memory, 2 * page_size, std::byte{1}), "… and the pages before it are unchanged");

  must(call(Call::madvise, memory, page_size, abi::madv_dontneed), "MADV_DONTNEED");
  check(holds(memory, page_size, {}), "pages hold zeros after MADV_DONTNEED");

  must(unmap_memory(middle, page_size), "unmapping a page");
  const auto again = map_memory(page_size, read_write, abi::map_fixed, address(middle));
  check(!again && again.error() == Errno::enomem, "memory of others cannot be mapped");
  const auto written = call<long>(Call::getrandom, middle, 8, 0);
  check(!written && written.error() == Errno::efault, "calls do not write to unmapped pages");
  const auto kernels = call<long>(Call::getrandom, 0x8020'0000UL, 8, 0);
  check(!kernels && kernels.error() == Errno::efault, "calls do not write to the kernel");
  for (unsigned long above = 0xa000'0000; above < 0xc000'0000; above += 16 * page_size) {
    const auto beyond = call<long>(Call::getrandom, above, 8, 0);
    check(!beyond && beyond.error() == Errno::efault, "calls do not write behind the RAM");
  }

  const auto all = map_memory(std::size_t{1} << 30, read_write);
  check(!all && all.error() == Errno::enomem, "a gigabyte is ENOMEM");
  const long before = syscall(Call::brk, 0);
  check(syscall(Call::brk, before + 1) == before, "the heap of brk does not grow");
  must(unmap_memory(memory, bytes), "unmapping all pages");
}

// Maps and unmaps areas of many sizes, and more than the largest block of the frame allocator.
void returned_memory() {
  const long before = free_memory();
  for (int turn = 0; turn < 200; ++turn) {
    const std::size_t bytes = (static_cast<std::size_t>(turn) * 37 % 700 + 1) * page_size;
    auto* const memory = must(map_memory(bytes, read_write), "an area");
    memory[0] = memory[bytes - 1] = std::byte{1};
    must(unmap_memory(memory, bytes / 2), "unmapping a part");
    must(unmap_memory(memory, bytes), "unmapping all");
  }
  const long lost = before - free_memory();
  check(lost < 64 * static_cast<long>(page_size), "{} bytes are lost", lost);
}

// ── Accesses that PMP refuses ────────────────────────────────────────────────────────────────────

void write_to(std::uintptr_t at) {
  *reinterpret_cast<volatile long*>(at) = 0x51;
}

int write_to_parent(const char* parents) {
  std::uintptr_t at = 0;
  std::from_chars(parents, parents + std::strlen(parents), at);
  write_to(at);
  return 0;
}

void stray() {
  constexpr int killed = -static_cast<int>(abi::Signal::sigsegv);
  const char* const kernel = "2147549184";  // 0x80010000
  check(run_part("write", kernel) == killed, "a write to the kernel is a SIGSEGV");
  check(run_part("write", "268435456") == killed, "a write to the serial port is a SIGSEGV");
  check(run_part("write", "8") == killed, "a write to a null pointer is a SIGSEGV");
  variable = 2;
  std::array<char, 20> text{};
  std::to_chars(text.begin(), text.end(), address(&variable));
  check(run_part("write", text.data()) == killed, "a write to another program is a SIGSEGV");
  check(variable == 2, "… and does not change its memory");
  check(run_part("write-code", "") == killed, "a write to code is a SIGSEGV");
  check(run_part("unmapped", "") == killed, "an access after munmap is a SIGSEGV");
  check(run_part("jump", "") == killed, "a jump to data is a SIGSEGV");
  check(run_part("threads-unmap", "") == killed, "munmap reaches threads on other harts");
}

int access_unmapped() {
  auto* const memory = must(map_memory(page_size, read_write), "a page");
  memory[0] = std::byte{1};
  must(unmap_memory(memory, page_size), "unmapping it");
  write_to(address(memory));
  return 0;
}

// Many areas, more than a hart has PMP entries.
void many_areas() {
  std::array<std::byte*, 40> areas;
  for (auto& area : areas) area = must(map_memory(3 * page_size, read_write), "an area");
  for (int turn = 0; turn < 50; ++turn) {
    for (auto* area : areas) increment(area[page_size]);
  }
  for (auto* area : areas)
    check(reinterpret_cast<long&>(area[page_size]) == 50, "each area keeps its contents");
  // An access across the border of two areas with different rights needs both.
  auto* const two = must(map_memory(2 * page_size, read_write), "two pages");
  reinterpret_cast<volatile long&>(two[page_size]) = 1;
  must(protect_memory(two, page_size, abi::prot_read), "mprotect");
  check(reinterpret_cast<volatile long&>(two[page_size]) == 1, "the second page is unchanged");
}

int jump_to_data() {
  static long code = 0x8082;  // c.ret
  reinterpret_cast<void (*)()>(&code)();
  return 0;
}

// A thread writes to a page until another thread has unmapped it.
int write_while_unmapped() {
  auto* const memory = must(map_memory(page_size, read_write), "a page");
  std::atomic<bool> runs = false;
  Thread writer = must(Thread::start([&] {
                         for (;;) {
                           increment(*memory);
                           runs = true;
                         }
                       }),
                       "a thread");
  while (!runs) must(call(Call::sched_yield), "sched_yield");
  must(unmap_memory(memory, page_size), "unmapping");
  writer.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view part = argc > 1 ? argv[1] : "";
  if (part == "fork") no_fork();
  if (part == "children") children();
  if (part == "variables") own_variables();
  if (part == "threads") threads();
  if (part == "mappings") mappings();
  if (part == "returned") returned_memory();
  if (part == "areas") many_areas();
  if (part == "stray") stray();

  if (part == "exit") return 7;
  if (part == "other-variable") return other_variable(argv[2]);
  if (part == "write") return write_to_parent(argv[2]);
  if (part == "write-code") write_to(address(reinterpret_cast<const void*>(&main)) & ~7UL);
  if (part == "unmapped") return access_unmapped();
  if (part == "jump") return jump_to_data();
  if (part == "threads-unmap") return write_while_unmapped();
  return 0;
}
