// Address translation of the test machine. A hart's TLB keeps entries until it is flushed, so a
// test fails if the kernel omits a flush.
#pragma once

#include <hal/hart.h>
#include <hal/memory_map.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

namespace hal {

using Asid = std::uint16_t;
using TranslationToken = std::uint64_t;

namespace fake {

struct Hart {
  TranslationToken satp = 0;
  /// The page table entry's bits at first use, by (ASID, page).
  std::map<std::pair<Asid, VirtAddr>, std::uint64_t> tlb;
  unsigned page_flushes = 0;
  unsigned space_flushes = 0;
  unsigned full_flushes = 0;
  unsigned code_flushes = 0;
};
/// A hart is a thread of the test; only one runs at a time.
inline Hart harts[max_harts];
inline Hart& hart() {
  return harts[here];
}

}  // namespace fake

inline void set_translation(TranslationToken token) {
  fake::hart().satp = token;
}
inline TranslationToken current_translation() {
  return fake::hart().satp;
}

inline void translation_added(VirtAddr) {}
inline void flush_page(VirtAddr va, Asid asid) {
  ++fake::hart().page_flushes;
  fake::hart().tlb.erase({asid, page_down(va)});
}
inline void flush_space(Asid asid) {
  ++fake::hart().space_flushes;
  std::erase_if(fake::hart().tlb, [&](const auto& entry) { return entry.first.first == asid; });
}
inline void flush_all() {
  ++fake::hart().full_flushes;
  fake::hart().tlb.clear();
}
/// Tests set these: the answers of code_is_seen_first() and code_is_read_ahead().
inline bool seen_first = false;
inline bool code_is_seen_first() {
  return seen_first;
}
inline bool is_fault_of_fs(VirtAddr) {
  return false;
}
inline bool read_ahead = false;
inline bool code_is_read_ahead() {
  return read_ahead;
}
inline void synchronize_code() {
  ++fake::hart().code_flushes;
}

inline void zero_page(void* page) {
  std::memset(page, 0, page_size);
}
namespace fake {
/// What other harts do while the next copy of a page is made.
inline void (*during_copy)() = nullptr;
}  // namespace fake

inline void copy_page(void* to, const void* from) {
  std::memcpy(to, from, page_size);
  if (auto* const others = std::exchange(fake::during_copy, nullptr)) others();
}

}  // namespace hal
