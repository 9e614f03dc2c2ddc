// What other harts must forget before memory changes its meaning for them too. Each call returns
// when all of `harts` have; none of them takes part, whatever it is doing and whether or not it has
// interrupts masked. This hart may be among them. Any context.
#pragma once

#include <hal/hart.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

#include <cstddef>

namespace hal {

/// `flush_page` of the `pages` pages from `first` on, in the space `asid`.
void flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages);

/// `flush_space`.
void flush_space_remote(HartMask harts, Asid asid);

/// `flush_all`.
void flush_all_remote(HartMask harts);

/// `synchronize_code`: what this hart has written can be executed there.
void synchronize_code_remote(HartMask harts);

}  // namespace hal
