// A flush on other harts removes their old translations.

#include <hal/hart.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/remote.h>

#include "machine.h"

namespace machine {
namespace {

constinit hal::VirtAddr shared_page = 0;

hal::PageEntry* entry_of(hal::VirtAddr va) {
  hal::PhysAddr table = hal::root_of(hal::kernel_translation());
  for (unsigned level = hal::page_table_levels - 1;; --level) {
    auto* entry = hal::phys_to_virt<hal::PageEntry>(table) + (va >> (12 + 9 * level) & 511);
    if (level == 0) return entry;
    table = entry->address();
  }
}

/// One hart after the other maps another frame at a page that all harts have just read.
void remote_flushes(unsigned hart) {
  for (unsigned turn = 0; turn < 4 * hart_count(); ++turn) {
    auto& word = *reinterpret_cast<volatile unsigned*>(shared_page);
    const unsigned before = word;
    meet();
    if (turn % hart_count() == hart) {
      const hal::PhysAddr frame = entry_of(shared_page)->address() ^ hal::page_size;
      *hal::phys_to_virt<volatile unsigned>(frame) = turn + 1;
      *entry_of(shared_page) =
          hal::PageEntry::global_page(frame, hal::Access::read | hal::Access::write);
      hal::flush_all();
      hal::flush_all_remote(others_than(hart));
    }
    meet();
    check(before == turn && word == turn + 1,
          "a flush on other harts removes their old translation");
    meet();
  }
  // For the next three calls the test can only check that they return.
  hal::flush_remote(others_than(hart), 1, hal::user_begin, 3);
  hal::flush_space_remote(others_than(hart), 1);
  hal::synchronize_code_remote(others_than(hart));
}

/// Allocates two adjacent frames, the first with an even number, and maps a page to one of them.
void prepare_flushes() {
  hal::PhysAddr frame = hal::table_frames::allocate();
  while (frame / hal::page_size % 2 != 0) frame = hal::table_frames::allocate();
  hal::table_frames::allocate();
  shared_page = hal::map_kernel_stack(1)->bottom;
  *entry_of(shared_page) =
      hal::PageEntry::global_page(frame, hal::Access::read | hal::Access::write);
  hal::flush_all();
  hal::flush_all_remote(others_than(0));
}

}  // namespace

void check_flushes() {
  prepare_flushes();
  on_all_harts(remote_flushes);
}

}  // namespace machine
