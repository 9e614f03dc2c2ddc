// What a program of x86_64 may attempt on a PC: it gets the right signal or keeps its state, and
// the kernel continues.
//
//   pc-traps PART
//
// Each attempt is made by a child.
#include <abi/upcall.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/ring.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

using namespace user;

namespace {

using abi::Signal;

constexpr std::uint64_t native_call = 1 << 30;  // in rax: the number is Cotrap's
constexpr std::uintptr_t user_end = 0x7fff'ffff'e000;
constexpr std::uintptr_t lower_half_end = 0x8000'0000'0000;
constexpr std::uintptr_t kernel_half = 0xffff'8000'0000'0000;
constexpr std::size_t page_bytes = 4096;

// Calls `act` in a child, and returns how the child ended.
template <class Act>
abi::WaitStatus end_of(Act act) {
  const Pid child = must(fork(), "a child");
  if (child == 0) {
    act();
    exit(0);
  }
  return must(wait(child), "waiting").status;
}

template <class Act>
void must_die(std::string_view what, Signal signal, Act act) {
  const auto status = end_of(act);
  check(status.word() == abi::WaitStatus::killed(signal).word(),
        "{}: SIG{} was expected, not the status {:#x}", what, abi::name(signal), status.word());
}

template <class Act>
void must_go_on(std::string_view what, Act act) {
  const auto status = end_of(act);
  check(status.word() == 0, "{}: the status is {:#x}", what, status.word());
}

// A page with these instructions at its end or at its beginning.
std::byte* code_page(std::span<const unsigned char> code, bool at_end = false,
                     std::byte* page = nullptr) {
  constexpr int writable = abi::prot_read | abi::prot_write;
  page = page == nullptr ? must(map_memory(page_bytes, writable), "a page") : page;
  std::byte* const place = at_end ? page + page_bytes - code.size() : page;
  std::memcpy(place, code.data(), code.size());
  must(protect_memory(page, page_bytes, abi::prot_read | abi::prot_exec), "executable code");
  return place;
}

void jump_to(std::uintptr_t address) {
  asm volatile("jmp *%0" : : "r"(address), "a"(native_call | static_cast<unsigned>(Call::getppid)));
}

// ── Instructions ──

struct Attempt {
  std::string_view what;
  Signal signal;
  void (*make)();
};

// Without those that QEMU executes in its own way: wbinvd, sysenter, sysexit, and SSE's exceptions.
constexpr Attempt instructions[] = {
    {"int3", Signal::sigtrap, [] { asm volatile("int3"); }},
    {"int1", Signal::sigtrap, [] { asm volatile(".byte 0xf1"); }},
    {"ud2", Signal::sigill, [] { asm volatile("ud2"); }},
    {"an instruction of 32-bit mode", Signal::sigill, [] { asm volatile(".byte 0x06"); }},
    {"hlt", Signal::sigsegv, [] { asm volatile("hlt"); }},
    {"cli", Signal::sigsegv, [] { asm volatile("cli"); }},
    {"sti", Signal::sigsegv, [] { asm volatile("sti"); }},
    {"in", Signal::sigsegv,
     [] {
       asm volatile("inb $0x60, %%al" ::: "eax");
     }},
    {"out", Signal::sigsegv, [] { asm volatile("outb %%al, $0xf4" ::"a"(0)); }},
    {"insb", Signal::sigsegv,
     [] {
       asm volatile("movw $0x60, %%dx\n\tinsb" ::: "edx", "edi");
     }},
    {"swapgs", Signal::sigsegv, [] { asm volatile("swapgs"); }},
    {"sysretq", Signal::sigsegv, [] { asm volatile("sysretq"); }},
    {"sysretl", Signal::sigsegv, [] { asm volatile("sysretl"); }},
    {"xsetbv", Signal::sigsegv, [] { asm volatile("xsetbv" ::"a"(7), "c"(0), "d"(0)); }},
    {"rdmsr", Signal::sigsegv, [] { asm volatile("rdmsr" ::"c"(0xc000'0082)
                                                 : "eax", "edx"); }},
    {"wrmsr", Signal::sigsegv, [] { asm volatile("wrmsr" ::"c"(0xc000'0082), "a"(0), "d"(0)); }},
    {"clts", Signal::sigsegv, [] { asm volatile("clts"); }},
    {"mov cr3", Signal::sigsegv, [] { asm volatile("movq %%rax, %%cr3" ::"a"(0)); }},
    {"mov cr4", Signal::sigsegv, [] { asm volatile("movq %%rax, %%cr4" ::"a"(0)); }},
    {"mov cr8", Signal::sigsegv, [] { asm volatile("movq %%rax, %%cr8" ::"a"(0)); }},
    {"mov dr7", Signal::sigsegv, [] { asm volatile("movq %%rax, %%dr7" ::"a"(0)); }},
    {"lgdt", Signal::sigsegv, [] { asm volatile("lgdt (%rsp)"); }},
    {"lidt", Signal::sigsegv, [] { asm volatile("lidt (%rsp)"); }},
    {"ltr", Signal::sigsegv, [] { asm volatile("ltr %w0" ::"r"(0x30)); }},
    {"invlpg", Signal::sigsegv, [] { asm volatile("invlpg (%rsp)"); }},
    {"stac", Signal::sigill, [] { asm volatile("stac"); }},
    {"a division by zero", Signal::sigfpe,
     [] { asm volatile("divl %%ecx" ::"a"(1), "c"(0), "d"(0)
                       : "cc"); }},
    {"a division that overflows", Signal::sigfpe,
     [] { asm volatile("divl %%ecx" ::"a"(0), "c"(1), "d"(1)
                       : "cc"); }},
    {"an x87 division by zero, not masked", Signal::sigfpe,
     [] {
       const std::uint16_t control = 0x037b;
       asm volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" : : "m"(control));
     }},
    {"a load of DS with the kernel's segment", Signal::sigsegv,
     [] { asm volatile("movw %w0, %%ds" ::"r"(0x10)); }},
    {"a load of SS with no segment", Signal::sigsegv,
     [] { asm volatile("movw %w0, %%ss" ::"r"(0)); }},
    {"a far return to the kernel's segment", Signal::sigsegv,
     [] { asm volatile("pushq $8\n\tpushq $0\n\tlretq"); }},
    {"iretq to the kernel", Signal::sigsegv,
     [] {
       asm volatile(
           "movq %%rsp, %%rax\n\tpushq $16\n\tpushq %%rax\n\tpushq $2\n\tpushq $8\n\t"
           "pushq $0\n\tiretq" ::
               : "rax");
     }},
};

void try_instructions() {
  for (const auto& [what, signal, make] : instructions) must_die(what, signal, make);
  must_go_on("loads of segment registers", [] {
    asm volatile("movw %w0, %%ds\n\tmovw %w0, %%es\n\tmovw %w1, %%gs\n\tmovw %w0, %%gs" ::"r"(0x23),
                 "r"(0));
    must(sleep_for(1ms), "sleeping");
  });
  for (unsigned number = 0; number < 256; ++number) {
    const unsigned char code[] = {0xcd, static_cast<unsigned char>(number), 0xc3};
    const auto interrupt = reinterpret_cast<void (*)()>(code_page(code));
    must_die(format("int {}", number), number == 3 ? Signal::sigtrap : Signal::sigsegv, interrupt);
    must(unmap_memory(reinterpret_cast<void*>(interrupt), page_bytes), "unmapping");
  }
}

// ── Addresses ──

constexpr std::uintptr_t addresses[] = {
    user_end,        lower_half_end - 2, lower_half_end - 1,      lower_half_end,    1ul << 63,
    kernel_half - 1, kernel_half,        kernel_half + (1 << 20), ~0ul - page_bytes, ~0ul};

constexpr bool is_canonical(std::uintptr_t address) {
  return address < lower_half_end || address >= kernel_half;
}

void try_addresses() {
  for (const std::uintptr_t address : addresses) {
    const auto at = [&](std::string_view what) { return format("{} {:#x}", what, address); };
    must_die(at("a read of"), Signal::sigsegv, [=] {
      asm volatile("movb (%0), %%al" ::"r"(address) : "rax");
    });
    must_die(at("a write to"), Signal::sigsegv, [=] {
      asm volatile("movb %%al, (%0)" ::"r"(address) : "memory");
    });
    must_die(at("a jump to"), Signal::sigsegv, [=] { jump_to(address); });
    must_die(at("a return to"), Signal::sigsegv,
             [=] { asm volatile("pushq %0\n\tret" ::"r"(address)); });
    must_die(at("iretq to"), Signal::sigsegv, [=] {
      asm volatile(
          "movq %%rsp, %%rax\n\tpushq $0x23\n\tpushq %%rax\n\tpushq $0x202\n\tpushq $0x2b\n\t"
          "pushq %0\n\tiretq" ::"r"(address)
          : "rax");
    });
    // The next byte is a page further than the last one that programs can have.
    must_die(at("a push with the stack pointer"), Signal::sigsegv,
             [=] { asm volatile("movq %0, %%rsp\n\tpushq %%rax" ::"r"(address + 7)); });
    must_go_on(at("calls with the stack pointer"), [=] {
      for (const Call call : {Call::getppid, Call::sched_yield}) {
        asm volatile("movq %%rsp, %%rbx\n\tmovq %1, %%rsp\n\tsyscall\n\tmovq %%rbx, %%rsp" ::"a"(
                         native_call | static_cast<unsigned>(call)),
                     "r"(address)
                     : "rbx", "rcx", "r11", "memory");
      }
    });
    for (const bool is_fs : {true, false}) {
      must_die(at(is_fs ? "FS at" : "GS at"), Signal::sigsegv, [=] {
        if (is_fs) {
          asm volatile("wrfsbase %0" ::"r"(address));
        } else {
          asm volatile("wrgsbase %0" ::"r"(address));
        }
        asm volatile("syscall" ::"a"(native_call | static_cast<unsigned>(Call::sched_yield))
                     : "rcx", "r11", "memory");
        if (is_fs) {
          asm volatile("movb %%fs:0, %%al" ::: "rax");
        } else {
          asm volatile("movb %%gs:0, %%al" ::: "rax");
        }
      });
    }
  }
}

// ── The last instruction of the last page ──

void try_end() {
  constexpr unsigned char syscall_instruction[] = {0x0f, 0x05};
  constexpr int writable = abi::prot_read | abi::prot_write;
  const auto map_at = [](std::uintptr_t address) {
    return call<std::byte*>(Call::mmap, address, page_bytes, writable,
                            abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0);
  };
  for (const std::uintptr_t address :
       {user_end, user_end + page_bytes, lower_half_end, kernel_half})
    check(!map_at(address), "no program has the page {:#x}", address);
  std::byte* const last = must(map_at(user_end - page_bytes), "the last page");
  const auto place = reinterpret_cast<std::uintptr_t>(code_page(syscall_instruction, true, last));
  for (const Call call : {Call::getppid, Call::sched_yield, Call::execve}) {
    for (const std::uint64_t number :
         {native_call | static_cast<unsigned>(call), std::uint64_t{39}, ~std::uint64_t{0}}) {
      must_die(format("the call {:#x} by the last instruction", number), Signal::sigsegv,
               [=] { asm volatile("jmp *%0" ::"r"(place), "a"(number), "D"(0), "S"(0), "d"(0)); });
    }
  }
  const unsigned char stop[] = {0x90, 0x90};
  must_die("no instruction behind the last one", Signal::sigsegv, [&] {
    must(protect_memory(last, page_bytes, writable), "writable");
    jump_to(reinterpret_cast<std::uintptr_t>(code_page(stop, true, last)));
  });
}

// ── Registers that the kernel loads ──

constexpr long set_gs = 0x1001, set_fs = 0x1002, get_gs = 0x1004;

long arch_prctl(long code, std::uintptr_t address) {
  long answer = 158;
  asm volatile("syscall" : "+a"(answer) : "D"(code), "S"(address) : "rcx", "r11", "memory");
  return answer;
}

void try_gs() {
  must_go_on("GS by arch_prctl", [] {
    std::uintptr_t value = 0, base = 0, got = 0;
    check(arch_prctl(set_gs, reinterpret_cast<std::uintptr_t>(&value)) == 0, "the base is set");
    value = 77;
    must(sleep_for(1ms), "sleeping");
    asm volatile("movq %%gs:0, %0\n\trdgsbase %1" : "=&r"(got), "=r"(base) : : "memory");
    check(got == 77 && base == reinterpret_cast<std::uintptr_t>(&value), "GS is at {:#x}", base);
    check(arch_prctl(get_gs, reinterpret_cast<std::uintptr_t>(&value)) == 0 && value == base,
          "arch_prctl reads {:#x}", value);
  });
}

void try_entries() {
  try_gs();
  alignas(64) static abi::UpcallHeader header;
  for (const std::uintptr_t address : addresses) {
    const auto at = [&](std::string_view what) { return format("{} {:#x}", what, address); };
    must_go_on(at("an upcall's entry at"), [=] {
      auto ring = must(Ring::make(), "a ring");
      const auto set = call(abi::upcall_set_up, &header, address, 1, 0);
      check(!set && set.error() == Errno::einval, "the kernel refuses the entry");
    });
    must_go_on(at("the thread pointer"), [=] {
      must(call(abi::set_thread_pointer, address), "a thread pointer");
      for (const Call call : {Call::getppid, Call::sched_yield}) {
        std::uintptr_t pointer;
        asm volatile("syscall\n\trdfsbase %0"
                     : "=r"(pointer)
                     : "a"(native_call | static_cast<unsigned>(call))
                     : "rcx", "r11", "memory");
        if (!is_canonical(pointer)) exit(1);
      }
    });
    must_go_on(at("arch_prctl with the address"), [=] {
      for (const long code : {set_fs, set_gs}) {
        const long answer = arch_prctl(code, address);
        check(answer == -static_cast<long>(Errno::eperm), "arch_prctl returned {}", answer);
      }
    });
    // Starts a thread, which pushes its thread pointer.
    const auto start_thread = [](std::uintptr_t stack, std::uintptr_t pointer) {
      constexpr auto flags = abi::clone_vm | abi::clone_fs | abi::clone_files | abi::clone_sighand |
                             abi::clone_thread | abi::clone_sysvsem | abi::clone_settls;
      register std::uintptr_t r10 asm("r10") = pointer;
      asm volatile(
          "syscall\n\t"
          "testl %%eax, %%eax\n\t"
          "jnz 2f\n\t"
          "rdfsbase %%rdi\n\t"
          "pushq %%rdi\n\t"
          "movl %[exit], %%eax\n\t"
          "xorl %%edi, %%edi\n\t"
          "syscall\n"
          "2:"
          :
          : "a"(native_call | static_cast<unsigned>(Call::clone)), "D"(flags), "S"(stack), "d"(0),
            "r"(r10), [exit] "i"(native_call | static_cast<unsigned>(Call::exit))
          : "rcx", "r8", "r11", "memory");
      must(sleep_for(2ms), "sleeping");
    };
    must_go_on(at("a thread with the thread pointer"), [=] {
      alignas(16) static std::array<std::uintptr_t, 64> stack{};
      start_thread(reinterpret_cast<std::uintptr_t>(stack.data() + stack.size()), address);
      check(is_canonical(stack.back()), "the thread pointer is {:#x}", stack.back());
    });
    must_die(at("a thread with the stack"), Signal::sigsegv, [=] {
      start_thread(address + 7, 0);
      must(sleep_for(1s), "sleeping");
    });
  }
}

// ── Flags ──

constexpr std::uint64_t usual_flags = 0x202, single_step = 1 << 8, direction = 1 << 10,
                        nested_task = 1 << 14, access = 1 << 18;
constexpr std::uint64_t conditions = 0x8d5;  // they differ after an instruction that computes

std::uint64_t flags_after_call(std::uint64_t flags, Call call, long first = 0,
                               void* second = nullptr, std::size_t third = 0) {
  std::uint64_t after;
  long answer = native_call | static_cast<unsigned>(call);
  asm volatile(
      "pushq %[flags]\n\tpopfq\n\tsyscall\n\tpushfq\n\tpopq %[after]\n\tpushq %[usual]\n\tpopfq"
      : [after] "=&r"(after), "+a"(answer)
      : [flags] "r"(flags), [usual] "i"(usual_flags), "D"(first), "S"(second), "d"(third)
      : "rcx", "r11", "memory", "cc");
  return after;
}
std::uint64_t flags_after_fault(std::uint64_t flags, std::byte* place) {
  std::uint64_t after;
  asm volatile(
      "pushq %[flags]\n\tpopfq\n\tmovb $1, (%[place])\n\tpushfq\n\tpopq %[after]\n\t"
      "pushq %[usual]\n\tpopfq"
      : [after] "=&r"(after)
      : [flags] "r"(flags), [place] "r"(place), [usual] "i"(usual_flags)
      : "memory", "cc");
  return after;
}
std::uint64_t flags_after_loop(std::uint64_t flags, std::uint64_t rounds) {
  std::uint64_t after;
  asm volatile(
      "pushq %[flags]\n\tpopfq\n1:\tloop 1b\n\tpushfq\n\tpopq %[after]\n\tpushq %[usual]\n\tpopfq"
      : [after] "=&r"(after), "+c"(rounds)
      : [flags] "r"(flags), [usual] "i"(usual_flags)
      : "memory", "cc");
  return after;
}

void keep_flags() {
  constexpr int rounds = 100;
  constexpr std::size_t most_pages = 4 * rounds;
  constexpr std::uint64_t spin_length = 3'000'000;
  const auto make_pages = [] {
    return must(map_memory(most_pages * page_bytes, abi::prot_read | abi::prot_write), "pages");
  };
  std::byte* const touched = make_pages();
  std::byte* const read = make_pages();
  std::size_t pages = 0;
  const auto pipe = must(make_pipe(), "a pipe");
  std::byte one{1};
  std::atomic<bool> is_over = false;
  Thread other{[&] {
    while (!is_over) must(sleep_for(200us), "sleeping");
  }};
  for (const std::uint64_t flag :
       {direction, nested_task, access, direction | nested_task | access | conditions}) {
    const std::uint64_t flags = usual_flags | flag;
    for (int i = 0; i < rounds; ++i, ++pages) {
      for (const Call call : {Call::getppid, Call::sched_yield, Call::chdir}) {
        const auto after = flags_after_call(flags, call);
        check(after == flags, "a call keeps the flags {:#x}, not {:#x}", flags, after);
      }
      must(write(pipe.write_end, std::span{&one, 1}), "writing");
      flags_after_call(flags, Call::read, pipe.read_end, read + pages * page_bytes, 1);
      const auto after = flags_after_fault(flags, touched + pages * page_bytes);
      check(after == flags, "a page fault keeps the flags {:#x}, not {:#x}", flags, after);
    }
    const auto after = flags_after_loop(flags, spin_length);
    check(after == flags, "interrupts keep the flags {:#x}, not {:#x}", flags, after);
  }
  for (std::size_t i = 0; i < pages * page_bytes; ++i) {
    const std::byte expected{i % page_bytes == 0};
    check(touched[i] == expected, "the kernel clears a page that a program touches");
    check(read[i] == expected, "the kernel clears a page that a call touches");
  }
  is_over = true;
}

// ── Single steps ──

alignas(64) constinit abi::UpcallHeader step_header;
alignas(16) constinit std::array<std::byte, 16 * 1024> step_stack{};
constinit volatile long steps = 0;
constexpr int exit_on_wrong_step = 9;

// The entry of upcalls. It counts a single step, and resumes the program.
[[noreturn]] void take_step(std::uint64_t context, std::uint64_t why) {
  std::uint64_t flags;
  asm volatile("pushfq\n\tpopq %0" : "=r"(flags));
  abi::UpcallException exception{};
  const auto read = call(abi::upcall_exception, context, &exception);
  if (why != std::uint64_t(abi::Upcall::for_exception) || !read ||
      exception.signal != Signal::sigtrap || (flags & (single_step | direction)) != 0)
    exit(exit_on_wrong_step);
  steps = steps + 1;
  step_header.stack = reinterpret_cast<std::uint64_t>(step_stack.data() + step_stack.size());
  (void)call(abi::upcall_resume, context, abi::upcalls_open | abi::upcalls_take_exceptions);
  exit(exit_on_wrong_step);
}

void make_single_steps() {
  for (const Call call : {Call::getppid, Call::sched_yield}) {
    must_die("a single step into a call", Signal::sigtrap,
             [=] { flags_after_call(usual_flags | single_step, call); });
  }
  must_die("a single step into a page fault", Signal::sigtrap, [] {
    const auto page = must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a page");
    flags_after_fault(usual_flags | single_step, page);
  });
  must_go_on("single steps with upcalls", [] {
    auto ring = must(Ring::make(), "a ring");
    must(call(abi::upcall_set_up, &step_header, reinterpret_cast<std::uintptr_t>(&take_step), 1, 0),
         "upcalls");
    step_header.stack = reinterpret_cast<std::uint64_t>(step_stack.data() + step_stack.size());
    step_header.open = abi::upcalls_open | abi::upcalls_take_exceptions;
    constexpr int pages = 10;
    const auto memory =
        must(map_memory(pages * page_bytes, abi::prot_read | abi::prot_write), "pages");
    for (const std::uint64_t flag : {std::uint64_t{0}, direction, nested_task, access}) {
      const std::uint64_t flags = usual_flags | single_step | flag;
      long before = steps;
      for (const Call call : {Call::getppid, Call::sched_yield, Call::chdir}) {
        before = steps;
        check(flags_after_call(flags, call) == flags, "single steps keep the flags {:#x}", flags);
        // syscall, pushfq, popq, pushq, popfq: the processor may count the first two as one.
        check(steps - before == 4 || steps - before == 5, "a call takes {} steps", steps - before);
      }
      before = steps;
      flags_after_fault(flags, memory + flag % pages * page_bytes);
      check(steps - before == 5, "a page fault takes {} steps", steps - before);
      constexpr int rounds = 1'000;
      before = steps;
      flags_after_loop(flags, rounds);
      check(steps - before == rounds + 4, "the loop takes {} steps", steps - before);
    }
  });
}

struct Part {
  std::string_view name;
  void (*run)();
};
constexpr Part parts[] = {
    {"instructions", try_instructions}, {"addresses", try_addresses}, {"end", try_end},
    {"entries", try_entries},           {"flags", keep_flags},        {"steps", make_single_steps}};

}  // namespace

int main(int argc, char** argv) {
  const auto* const part =
      std::ranges::find(parts, argc == 2 ? argv[1] : std::string_view{}, &Part::name);
  if (part == std::end(parts)) {
    complain("usage: pc-traps instructions | addresses | end | entries | flags | steps");
    return 2;
  }
  part->run();
  return 0;
}
