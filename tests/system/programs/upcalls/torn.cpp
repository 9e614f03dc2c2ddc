// Pages that are unmapped, replaced, protected or forked while coroutines wait for them, and
// programs that call execve meanwhile.
#include "upcalls.h"

namespace upcalls {
namespace {

using abi::Signal;

Task<> torn() {
  const auto reads = [](Disk disk,
                        std::size_t page) -> Task<std::expected<std::uint64_t, Exception>> {
    co_return attempt([=] { return disk[page * per_page + 1]; });
  };
  const auto is_segv = [](const auto& made) {
    return !made && made.error().signal == Signal::sigsegv;
  };
  for (std::size_t round = 0; round < 4; ++round) {
    const Disk disk = map_disk();
    auto* const at = const_cast<std::uint64_t*>(disk);
    auto unmapped = async::spawn(reads(disk, 0)), covered = async::spawn(reads(disk, 2)),
         forbidden = async::spawn(reads(disk, 4)), copied = async::spawn(reads(disk, 6));
    co_await async::yield();
    must(unmap_memory(at, 2 * page_bytes), "unmapping");
    must(call<std::byte*>(abi::Call::mmap, at + 2 * per_page, page_bytes, abi::prot_read,
                          abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0),
         "another mapping there");
    must(protect_memory(at + 4 * per_page, page_bytes, abi::prot_none), "forbidding");
    if (const auto child = fork(); !child) {
      check(child.error() == Errno::enosys, "fork is ENOSYS or succeeds, not {}",
            abi::name(child.error()));
    } else if (*child == 0) {
      exit(disk[8 * per_page] == 8 * per_page * factor ? 0 : 1);
    } else {
      check(must(wait(*child), "wait").status.shell_code() == 0,
            "a forked child reads pages itself");
    }
    check(is_segv(co_await std::move(unmapped)), "a page unmapped during its page-in is SIGSEGV");
    check(co_await std::move(covered) == std::uint64_t{0}, "… a replaced page is zero");
    check(is_segv(co_await std::move(forbidden)), "… a protected page is SIGSEGV");
    check(co_await std::move(copied) == (6 * per_page + 1) * factor, "… and a forked page is read");
  }
}

void take_over() {
  run([](Disk disk) -> Task<> {
    for (std::size_t page = 0; page < 5; ++page) async::spawn(touch(disk, 2 * page)).detach();
    co_await async::yield();
    const char* const arguments[] = {program_path(), "tried", nullptr};
    must(call(abi::Call::execve, program_path(), arguments, nullptr), "another program");
  }(map_disk()));
}

void taken_over() {
  const char* const arguments[] = {program_path(), "--take-over", nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  check(must(wait(child), "wait").status.shell_code() == 0, "execve drops the page-ins");
}

}  // namespace

std::span<const Part> torn_pages() {
  static constexpr Part parts[] = {
      {"torn", [] { run(torn()); }},
      {"taken-over", taken_over},
      {"--take-over", take_over},
  };
  return parts;
}

}  // namespace upcalls
