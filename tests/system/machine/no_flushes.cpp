// Without translation a flush on other harts can only be checked for its return.

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/memory_map.h>
#include <hal/remote.h>

#include "machine.h"

namespace machine {
namespace {

void remote_flushes(unsigned hart) {
  for (unsigned turn = 0; turn < 20; ++turn) {
    hal::flush_all_remote(others_than(hart));
    hal::flush_remote(others_than(hart), 1, hal::user_begin, 3);
    hal::flush_space_remote(others_than(hart), 1);
    hal::synchronize_code_remote(others_than(hart));
  }
  meet();
  static_cast<void>(hal::take_ipi());  // a machine may flush by an IPI
}

}  // namespace

void check_flushes() {
  on_all_harts(remote_flushes);
}

}  // namespace machine
