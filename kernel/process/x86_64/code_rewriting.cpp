// Rewrites system calls and, in the mode Segments::rewrite, instructions that use the register fs
// (trap/rewrite.h).
//
//   copy the area ──▶ rewrite the copy ──▶ make the area not executable
//                                                  │
//       make it executable ◀── replace the changed pages
//
// Copying and rewriting take several steps, the replacement one. In the mode Segments::fault, the
// kernel changes one instruction at its first fault, in one step. A hart that fetches from the area
// during the replacement faults, and its thread waits for the end of the step.
#include "process/code_rewriting.h"

#include <abi/numbers.h>
#include <fmt/format.h>
#include <hal/hosted.h>
#include <kernel/log.h>
#include <trap/instruction.h>
#include <trap/rewrite.h>
#include <trap/segments.h>

#include <algorithm>
#include <array>
#include <vector>

#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "process/thread.h"
#include "program_code/code_change.h"

namespace kernel {
namespace {

using hal::page_size;
using hal::VirtAddr;
using memory::CodeArea;
using memory::CodeChange;
using memory::CodeState;
using trap::Rewriter;

/// Counts of rewritten code, over all programs.
struct Rewritten {
  std::uint64_t areas = 0;
  std::uint64_t system_calls = 0;
  std::uint64_t ahead = 0;      ///< instructions changed from fs to gs before their area ran
  std::uint64_t at_faults = 0;  ///< those changed alone, when they ran for the first time
};
constinit Rewritten rewritten;

/// The last fault of hidden fs at an instruction that uses gs.
struct FaultOfGs {
  int thread = 0;
  VirtAddr at = 0;
  bool operator==(const FaultOfGs&) const = default;
};
constinit FaultOfGs last_fault_of_gs;

Result<> refuse(Thread& self, VirtAddr at, std::string_view why) {
  log("{} ({}): cannot execute the code at {:#x}: {}", self.process().name(), self.id(), at, why);
  return fail(Errno::enoexec);
}

void report(Thread& self, const trap::Refusal& refusal) {
  std::string bytes;
  for (const std::byte byte : std::span{refusal.bytes}.first(refusal.size)) {
    fmt::format_to(std::back_inserter(bytes), " {:02x}", std::to_integer<unsigned>(byte));
  }
  log("{} ({}): cannot rewrite the instruction at {:#x}:{}", self.process().name(), self.id(),
      refusal.address, bytes);
}

/// How the rewriter treats fs in `area`, which may have been rewritten before.
Rewriter::Fs fs_in(const CodeArea& area) {
  if (trap::segments() != trap::Segments::rewrite) return Rewriter::Fs::stays;
  return area.state == CodeState::stale ? Rewriter::Fs::mostly_is : Rewriter::Fs::becomes_gs;
}

/// Maps room for the thunks of system calls, as close below the area as possible. Returns 0 if
/// there is none within 64 tries.
VirtAddr map_room(memory::AddressSpace& space, const CodeArea& area, std::size_t bytes) {
  constexpr std::size_t most_tries = 64;
  const std::size_t size = hal::page_up(bytes);
  VirtAddr at = area.start;
  for (std::size_t tried = 0; tried < most_tries; ++tried) {
    at -= size;
    const auto mapped = space.map({.address = at,
                                   .bytes = size,
                                   .access = hal::Access::read | hal::Access::execute,
                                   .place = memory::MapRequest::Place::if_free,
                                   .code = CodeState::added});
    if (mapped) return *mapped;
    if (mapped.error() != Errno::eexist) return 0;
  }
  return 0;
}

/// Makes the gate keep all vector registers for each thread of the process: a rewritten `syscall`
/// must not change any.
void keep_all_vectors(Process& process) {
  for (Thread& thread : process.threads()) thread.context().kept = trap::UserContext::all;
}

/// Copies code from a program, and pages it in if necessary. EFAULT; ENOMEM; EINTR.
async::Task<Result<>> copy_code(Thread& self, std::byte* to, VirtAddr from, std::size_t bytes) {
  co_return co_await with_page_ins(
      self, [&] { return memory::copy_from_user(self.space(), to, from, bytes); });
}

/// New contents of pages, which replace the old pages all in one step.
class NewPages {
 public:
  /// Reserves room for `count` pages. Returns false if there is no memory.
  bool reserve(std::size_t count) {
    if (!memory::can_allocate_contiguous(count * sizeof(Page))) return false;
    pages_.reserve(count);
    return true;
  }
  bool add(VirtAddr at, std::span<const std::byte> contents) {
    auto frame = memory::Frame::allocate(memory::Use::user);
    if (!frame) return false;
    std::ranges::copy(contents, frame.bytes());
    pages_.push_back({at, std::move(frame)});
    return true;
  }
  Result<> put_in_place(CodeChange& code) {
    for (Page& page : pages_) {
      if (auto done = code.replace(page.at, std::move(page.frame)); !done) return done;
    }
    return {};
  }

 private:
  struct Page {
    VirtAddr at;
    memory::Frame frame;
  };
  std::vector<Page> pages_;
};

/// Adds the pages of `contents` for which is_new(page) is true, in several steps. `contents` begins
/// at user address `start`. ENOMEM, EINTR.
async::Task<Result<>> add_pages(Thread& self, NewPages& pages, VirtAddr start,
                                std::span<const std::byte> contents, auto is_new) {
  std::size_t in_step = 0;
  for (std::size_t at = 0; at < contents.size(); at += page_size) {
    if (!is_new(at / page_size)) continue;
    if (!pages.add(start + at, contents.subspan(at, page_size))) co_return fail(Errno::enomem);
    in_step += page_size;
    if (in_step < sys::step_bytes) continue;
    in_step = 0;
    co_await sys::cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
  co_return Result<>{};
}

/// Memory of the program for the thunks of the area's system calls. The destructor unmaps it unless
/// use() was called.
class Room {
 public:
  Room(memory::AddressSpace& space, const CodeArea& area, std::size_t calls)
      : space_{space}, thunks_{hal::page_up(Rewriter::room_bytes(calls))} {
    if (calls == 0 || bytes().empty() || !memory::can_allocate(bytes().size())) return;
    start_ = map_room(space, area, bytes().size());
  }
  Room(const Room&) = delete;
  ~Room() {
    if (start_ != 0 && !used_) (void)space_.unmap(start_, bytes().size());
  }

  explicit operator bool() const { return start_ != 0; }
  VirtAddr start() const { return start_; }
  std::span<std::byte> bytes() const { return thunks_.bytes(); }
  void use() {
    used_ = true;
    CodeChange{space_}.set(start_, start_ + bytes().size(), CodeState::added);
  }

 private:
  memory::AddressSpace& space_;
  hal::hosted::HostMemory thunks_;
  VirtAddr start_ = 0;
  bool used_ = false;
};

/// Replaces the pages of `area` with the rewritten `copy`. If the area has changed since it was
/// copied, this does nothing and the program retries.
async::Task<Result<>> put_in_place(Thread& self, CodeArea area, std::span<const std::byte> copy,
                                   Rewriter& rewriter) {
  memory::AddressSpace& space = self.space();
  CodeChange code{space};
  Room room{space, area, rewriter.system_calls()};
  if (room) {
    rewriter.patch_system_calls({room.bytes(), room.start()}, trap::jump_entry_address(),
                                abi::first_compat_call);
  }
  area = *code.area_at(area.start);
  NewPages pages;
  if (!pages.reserve((copy.size() + room.bytes().size()) / page_size))
    co_return fail(Errno::enomem);
  auto added = co_await add_pages(self, pages, area.start, copy,
                                  [&](std::size_t page) { return rewriter.is_changed(page); });
  if (added && room) {
    added = co_await add_pages(self, pages, room.start(), room.bytes(),
                               [](std::size_t) { return true; });
  }
  if (async::is_cancelled()) co_return Result<>{};
  if (!added) co_return added;
  if (code.area_at(area.start) != area) co_return Result<>{};

  code.hide(area.start, area.end);
  const auto done = pages.put_in_place(code);
  const bool all = done && !rewriter.refusal();
  const VirtAddr end = all ? area.end : hal::page_down(rewriter.understood_end());
  if (!done) {
    code.set(area.start, area.end, CodeState::stale);
    co_return done;
  }
  code.set(area.start, end, CodeState::ready);
  code.set(end, area.end, CodeState::refused);
  if (room) {
    room.use();
    keep_all_vectors(self.process());
  }
  if (!all && hal::code_is_seen_first()) report(self, *rewriter.refusal());
  ++rewritten.areas;
  rewritten.system_calls += room ? rewriter.system_calls() : 0;
  rewritten.ahead += rewriter.changed();
  co_return Result<>{};
}

/// Changes the instruction at which `self` has stopped from fs to gs. The change is one byte.
/// EFAULT: the instruction uses neither fs nor gs. would_block: its code needs a page-in.
Result<> change_instruction(Thread& self) {
  memory::AddressSpace& space = self.space();
  const VirtAddr at = self.context().program_counter();
  CodeChange code{space};
  const auto area = code.area_at(at);
  if (!area) return fail(Errno::efault);
  std::array<std::byte, trap::longest_instruction> bytes;
  const std::size_t size = std::min(bytes.size(), area->end - at);
  if (auto read = memory::copy_from_user(space, bytes.data(), at, size); !read) return read;
  const auto instruction = trap::decode_instruction(std::span{bytes}.first(size));
  if (!instruction) return fail(Errno::efault);
  if (instruction->kind == trap::Instruction::uses_gs) {
    // Another thread was first, so the program retries. If it comes back, its operand is itself at
    // the hidden address.
    const FaultOfGs fault{.thread = self.id(), .at = at};
    if (std::exchange(last_fault_of_gs, fault) == fault) return fail(Errno::efault);
    return {};
  }
  if (instruction->kind != trap::Instruction::uses_fs) return fail(Errno::efault);
  if (!area->may_change) return refuse(self, at, "its mapping is writable or shared");

  const VirtAddr byte = at + instruction->fs_at;
  const VirtAddr page = hal::page_down(byte);
  auto frame = memory::Frame::allocate(memory::Use::user);
  if (!frame) return fail(Errno::enomem);
  std::byte* const contents = frame.bytes();
  if (auto read = memory::copy_from_user(space, contents, page, page_size); !read) return read;
  contents[byte - page] = instruction->with_gs;
  code.hide(page, page + page_size);
  const auto done = code.replace(page, std::move(frame));
  code.show(page, page + page_size);
  if (done) ++rewritten.at_faults;
  return done;
}

}  // namespace

bool is_call_to_rewrite(Thread& self) {
  const trap::UserContext& context = self.context();
  if (context.trap_num != trap::UserContext::instruction) return false;
  const auto area = CodeChange{self.space()}.area_at(context.program_counter() - 1);
  return area && area->state == CodeState::unseen && area->may_change;
}

void log_rewritten_code() {
  if (rewritten.areas + rewritten.at_faults == 0) return;
  log("rewritten: {} uses of fs before their code ran, {} at their first fault; {} system calls in "
      "{} areas",
      rewritten.ahead, rewritten.at_faults, rewritten.system_calls, rewritten.areas);
}

async::Task<Result<>> see_code(Thread& self, VirtAddr at) {
  if (memory::is_instruction_to_change(at)) {
    const auto changed = change_instruction(self);
    if (!blocks(changed)) co_return changed;
    co_return co_await prepare_attempt(self);
  }
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return Result<>{};
  const auto area = CodeChange{self.space()}.area_at(at);
  if (!area) co_return fail(Errno::efault);
  if (area->state == CodeState::ready) co_return Result<>{};  // another thread was first
  if (area->state == CodeState::refused) co_return fail(Errno::enoexec);
  if (!area->may_change) co_return refuse(self, at, "its mapping is writable or shared");
  const hal::hosted::HostMemory memory{area->bytes()};
  const std::span copy = memory.bytes();
  if (copy.empty()) co_return fail(Errno::enomem);
  Result<> read{};
  for (std::size_t done = 0; done < copy.size() && read; done += sys::step_bytes) {
    const std::size_t size = std::min(copy.size() - done, sys::step_bytes);
    read = co_await copy_code(self, copy.data() + done, area->start + done, size);
    co_await sys::cond_resched(self);
    if (async::is_cancelled()) co_return Result<>{};
  }
  Rewriter rewriter{{copy, area->start}, area->first, fs_in(*area)};
  while (read && rewriter.step(sys::step_bytes)) {
    co_await sys::cond_resched(self);
    if (async::is_cancelled()) co_return Result<>{};
  }
  // If the area has changed since it was copied, the program retries.
  if (CodeChange{self.space()}.area_at(at) != area) co_return Result<>{};
  if (read) co_return co_await put_in_place(self, *area, copy, rewriter);
  if (read.error() == Errno::enomem) co_return read;
  CodeChange{self.space()}.set(area->start, area->end, CodeState::refused);
  co_return refuse(self, at, "its file ends before it");
}

}  // namespace kernel
