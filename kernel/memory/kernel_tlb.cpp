#include "memory/kernel_tlb.h"

#include "memory/frames.h"

namespace kernel::memory {

void KernelTlb::forget_known(hal::VirtAddr start, hal::VirtAddr end) {
  const auto forget_if_known = [&](View& view) {
    if (const hal::VirtAddr page = view.page; page >= start && page < end) view.page = no_page;
  };
  for (Views* const views : {&read_, &written_}) {
    if (end - start < lines * hal::page_size) {
      for (hal::VirtAddr page = start; page < end; page += hal::page_size)
        forget_if_known((*views)[line(page)]);
    } else {
      for (View& view : *views) forget_if_known(view);
    }
  }
}

HartTlbs::~HartTlbs() {
  for (const KernelTlb* const tlb : tlbs_) {
    if (tlb != &KernelTlb::none) delete tlb;
  }
}

void HartTlbs::remember(hal::VirtAddr va, hal::Access wanted, std::byte* there) {
  const KernelTlb* tlb = tlbs_[place()];
  if (tlb == &KernelTlb::none) {
    if (!can_allocate(sizeof(KernelTlb))) return;
    tlbs_[place()] = tlb = new KernelTlb;
  }
  const_cast<KernelTlb*>(tlb)->remember(va, wanted, there);
}

void HartTlbs::forget_here(hal::VirtAddr va) {
  const KernelTlb* const tlb = tlbs_[place()];
  if (tlb != &KernelTlb::none) const_cast<KernelTlb*>(tlb)->forget(va);
}

void HartTlbs::forget(hal::VirtAddr start, hal::VirtAddr end) {
  // Pairs with the fence in AddressSpace::walk_sharing().
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  for (const KernelTlb* const tlb : tlbs_) {
    if (tlb != &KernelTlb::none) const_cast<KernelTlb*>(tlb)->forget_known(start, end);
  }
}

}  // namespace kernel::memory
