// The state of the harts' TLBs for one address space: its ASID, and the harts that may hold old
// translations of it.
//
//   current   the hart runs in the space now            → it flushes at once, by an IPI
//   stale     it ran elsewhere when an entry changed,   → it flushes when it enters the space again
//             or has never entered the space
//
// Cached instructions are treated in the same way (stale_code_). All functions run in the strand.
// A hart that shares it may call begin_sharing(), enter_sharing(), leave() and leave_any(). With
// the space's lock, or if only its thread uses the space, it may also call flush_page() and
// flush(), and flush_page_here() even if it holds the lock only to read. If only its thread uses
// the space, it may also call synchronize_code(). So a hart may enter the space while another one
// changes an entry:
//
//   enters                             changes
//   1. it becomes current              1. it finds the hart not current, and marks it as stale
//   2. it looks whether it is stale    2. it looks again whether the hart is current
//
// With a fence between the two steps of each, at least one of the harts sees what the other one did
// (Dekker). So the hart on the left flushes its own TLB, or the other one flushes it by an IPI, or
// both do.
#pragma once

#include <async/shared_word.h>
#include <hal/counter.h>
#include <hal/hart.h>
#include <hal/machine/translation.h>
#include <hal/page_table.h>

#include <array>

#include "memory/asid.h"

namespace kernel::memory {

class TlbTag {
 public:
  TlbTag() = default;
  TlbTag(const TlbTag&) = delete;
  ~TlbTag() { leave(); }

  /// Makes this space, whose page table is `table`, current on this hart. Returns the token to
  /// install.
  hal::TranslationToken enter(const hal::PageTable& table) {
    if (!is_known() || is_stale_here()) [[unlikely]]
      catch_up(table);
    here.current = this;
    return token_;
  }
  /// Like enter(), for a caller that shares the strand. has_asid() must be true.
  hal::TranslationToken enter_sharing() {
    here.current = this;
    async::platform::atomic_thread_fence(std::memory_order_seq_cst);
    if (is_stale_here()) [[unlikely]]
      flush_stale();
    return token_;
  }
  /// Whether the space has a valid ASID, so that enter() allocates none.
  bool has_asid() const { return is_known(); }
  /// Does what enter() would do first, for a space that no hart has entered yet. The caller shares
  /// the strand. Does nothing if that needs the strand.
  void begin_sharing(const hal::PageTable& table) {
    if (generation_ == 0 && asids.has_spare()) catch_up(table);
  }
  /// This hart stops using the space if it is current here.
  void leave() const {
    if (here.current == this) here.current = nullptr;
  }
  /// This hart switches to the kernel's own space.
  static void leave_any() { here.current = nullptr; }
  /// Whether the space is current on a hart other than this one.
  bool is_current_elsewhere() const { return others() != 0; }

  /// Call after an entry was removed or restricted, if several harts run. When it returns, no hart
  /// uses the old translation.
  void flush_page(hal::VirtAddr va) {
    if (!is_known()) return;
    hal::flush_page(va, asid_);
    flush_page_of_others(va);
  }
  void flush() {
    if (!is_known()) return;
    hal::flush_space(asid_);
    flush_others();
  }
  /// The same while one hart runs alone.
  void flush_page_alone(hal::VirtAddr va) const {
    if (is_known()) hal::flush_page(va, asid_);
  }
  void flush_alone() const {
    if (is_known()) hal::flush_space(asid_);
  }
  /// Call after an entry was added that this hart may have cached as invalid.
  void flush_page_here(hal::VirtAddr va) const { hal::flush_page(va, asid_); }

  /// Call after instructions were written. When it returns, no hart executes the old ones.
  void synchronize_code();

  /// A memory barrier on all harts that are in the space, and a fence of instructions on the
  /// others. A hart that enters the space later has a barrier between the two, by the strand or by
  /// the fence in enter_sharing(). In the strand.
  void fence_others() const;

  /// Registers or unregisters this hart with all tags. Call start_hart() before the first enter().
  static void start_hart();
  static void stop_hart();

  /// The number of times that `hart` sent IPIs to make others flush. Callable from any hart.
  static std::uint64_t shootdowns(unsigned hart);

 private:
  friend class AsidAllocator;

  bool is_known() const { return generation_ == asids.generation(); }
  bool is_stale_here() const { return (stale_.load(std::memory_order_relaxed) & here.mask) != 0; }
  void catch_up(const hal::PageTable& table);
  void flush_stale();
  /// The tag of the space that `hart` is in. Null: the kernel's own, or the hart has not started.
  static TlbTag* current_on(unsigned hart);
  hal::HartMask current_of(hal::HartMask harts) const;
  hal::HartMask others() const;
  void flush_page_of_others(hal::VirtAddr va);
  void flush_others();
  hal::HartMask note_change();

  struct Hart {
    // Null: the kernel's own space. A hart also changes this while it shares the strand.
    async::SharedWord<TlbTag*> current = nullptr;
    hal::HartMask mask = 0;  // of the hart alone; constant
    hal::Counter shootdowns;
  };
  static constinit thread_local Hart here;
  static constinit std::array<Hart*, hal::max_harts> by_hart;  // null: not started
  static constinit unsigned end;                               // behind the last one that is not

  std::uint32_t generation_ = 0;  // asid_ is valid while this equals asids.generation()
  hal::Asid asid_ = 0;
  hal::TranslationToken token_{};  // valid while asid_ is
  // A hart clears its own bits, also while it shares the strand. A hart that changes an entry sets
  // the bits of other harts.
  using HartBits = async::platform::Atomic<hal::HartMask>;
  HartBits stale_ = ~hal::HartMask{0};
  HartBits stale_code_ = 0;  // those of stale_ that must also drop cached instructions
};

}  // namespace kernel::memory
