#include "process/startup_stack.h"

#include <abi/flags.h>
#include <abi/types.h>
#include <trap/program_machine.h>

#include <array>
#include <memory>
#include <span>

#include "base/random.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

using hal::VirtAddr;
using StackWord = std::uint64_t;

/// Writes data to the stack from the top down.
class Downward {
 public:
  Downward(memory::AddressSpace& space, VirtAddr top) : space_{space}, at_{top} {}

  Result<VirtAddr> put(std::span<const std::byte> bytes, std::size_t alignment = 1) {
    at_ = (at_ - bytes.size()) & ~(alignment - 1);
    if (auto done = memory::copy_to_user(space_, at_, bytes.data(), bytes.size()); !done) {
      return fail(done.error());
    }
    return at_;
  }
  Result<VirtAddr> put_string(std::string_view text) {
    constexpr char zero = '\0';
    return put(std::as_bytes(std::span{&zero, 1})).and_then([&](VirtAddr) {
      return put(std::as_bytes(std::span{text}));
    });
  }

 private:
  memory::AddressSpace& space_;
  VirtAddr at_;
};

/// The table at the stack pointer: argc, argv, 0, envp, 0, auxiliary vector.
class Table {
 public:
  static constexpr std::size_t aux_entries = 20;

  explicit Table(const ProgramArguments& arguments)
      : words_{new StackWord[2 * aux_entries + arguments.argument_count() +
                             arguments.environment_count() + 3]} {}

  void add(StackWord word) { words_[size_++] = word; }
  void add_aux(StackWord tag, StackWord value) {
    add(tag);
    add(value);
  }
  /// Adds pointers to the first `count` of `strings`, whose first one is at `address`, and a null
  /// pointer. Returns the rest of `strings`, and moves `address` there.
  std::string_view add_pointers(std::string_view strings, VirtAddr& address, std::size_t count) {
    for (; count > 0; --count) {
      const std::size_t length = strings.find('\0') + 1;
      add(address);
      address += length;
      strings.remove_prefix(length);
    }
    add(0);
    return strings;
  }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span{words_.get(), size_}); }

 private:
  std::unique_ptr<StackWord[]> words_;
  std::size_t size_ = 0;
};

}  // namespace

Result<VirtAddr> build_startup_stack(memory::AddressSpace& space, VirtAddr top,
                                     const formats::ElfPlan& plan, std::string_view path,
                                     const ProgramArguments& arguments) {
  Downward stack{space, top - sizeof(StackWord)};
  std::array<std::byte, 16> random;
  fill_random(random);

  const auto path_at = stack.put_string(path);
  if (!path_at) return path_at;
  const auto strings_at = stack.put(std::as_bytes(std::span{arguments.strings()}));
  if (!strings_at) return strings_at;
  const auto platform_at = stack.put_string(trap::program_machine::name);
  if (!platform_at) return platform_at;
  const auto random_at = stack.put(random, alignof(StackWord));
  if (!random_at) return random_at;

  Table table{arguments};
  VirtAddr string_at = *strings_at;
  table.add(arguments.argument_count());
  const auto rest = table.add_pointers(arguments.strings(), string_at, arguments.argument_count());
  table.add_pointers(rest, string_at, arguments.environment_count());
  table.add_aux(abi::at_phdr, plan.program_headers);
  table.add_aux(abi::at_phent, plan.program_header_bytes);
  table.add_aux(abi::at_phnum, plan.program_header_count);
  table.add_aux(abi::at_pagesz, hal::page_size);
  table.add_aux(abi::at_base, 0);
  table.add_aux(abi::at_flags, 0);
  table.add_aux(abi::at_entry, plan.entry);
  for (const StackWord id : {abi::at_uid, abi::at_euid, abi::at_gid, abi::at_egid}) {
    table.add_aux(id, 0);
  }
  table.add_aux(abi::at_hwcap, trap::program_machine::hardware_capabilities());
  table.add_aux(abi::at_clktck, 100);
  table.add_aux(abi::at_secure, 0);
  table.add_aux(abi::at_random, *random_at);
  table.add_aux(abi::at_platform, *platform_at);
  table.add_aux(abi::at_execfn, *path_at);
  if (const StackWord entry = trap::program_machine::syscall_entry(); entry != 0) {
    table.add_aux(abi::at_sysinfo, entry);
  }
  table.add_aux(abi::at_null, 0);
  return stack.put(table.bytes(), 16);
}

}  // namespace kernel
