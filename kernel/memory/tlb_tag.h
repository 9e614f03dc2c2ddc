// What the harts' TLBs may remember of an address space: the identifier its translations are tagged
// with, and on which harts there may be any.
//
//   current   the hart translates by the space now   → told at once when something is taken away
//   stale     it did not when something was taken    → flushes when it comes back to the space
//
// The same for instructions, which harts may remember too. In the strand.
#pragma once

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

  /// This hart translates by the space, which is `table`'s, from now on; the value to do it with.
  hal::TranslationToken enter(const hal::PageTable& table) {
    if (generation_ != asids.generation() || (stale_ | stale_code_) != 0) [[unlikely]]
      catch_up(table);
    here.current = this;
    return token_;
  }
  /// … by something else from now on.
  void leave() const {
    if (here.current == this) here.current = nullptr;
  }
  /// This hart is in the kernel's own space from now on.
  static void leave_any() { here.current = nullptr; }
  /// Does a hart other than this translate by the space?
  bool is_current_elsewhere() const { return others() != 0; }

  /// After a translation was removed or restricted: no hart uses it from here on.
  void flush_page(hal::VirtAddr va) {
    if (!is_known()) return;
    hal::flush_page(va, asid_);
    if (hal::smp_active()) flush_page_of_others(va);
  }
  void flush() {
    if (!is_known()) return;
    hal::flush_space(asid_);
    if (hal::smp_active()) flush_others();
  }
  /// After one was added that this hart may remember as missing.
  void flush_page_here(hal::VirtAddr va) const { hal::flush_page(va, asid_); }

  /// After instructions were written: no hart executes what was there before.
  void synchronize_code();

  /// Makes this hart known to all tags, or unknown again. Before its first space.
  static void start_hart();
  static void stop_hart();

  /// How often `hart` had to interrupt others so that they forget. Any hart.
  static std::uint64_t shootdowns(unsigned hart);

 private:
  friend class AsidAllocator;

  bool is_known() const { return generation_ == asids.generation(); }
  void catch_up(const hal::PageTable& table);
  hal::HartMask others() const;
  void flush_page_of_others(hal::VirtAddr va);
  void flush_others();
  hal::HartMask note_change();

  struct Hart {
    TlbTag* current = nullptr;  // null: the kernel's own space
    hal::Counter shootdowns;
  };
  static constinit thread_local Hart here;
  static constinit std::array<Hart*, hal::max_harts> by_hart;  // null: has not started

  /// each(hart, tag): the harts that are in a program's space.
  template <class Each>
  static void for_each_current(Each&& each);

  std::uint32_t generation_ = 0;  // asid_ is good while this is asids.generation()
  hal::Asid asid_ = 0;
  hal::TranslationToken token_{};  // likewise
  hal::HartMask stale_ = 0;
  hal::HartMask stale_code_ = 0;
};

}  // namespace kernel::memory
