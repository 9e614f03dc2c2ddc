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
  for (const HartTlb* const tlb : tlbs_) {
    if (tlb != &none) delete tlb;
  }
}

HartTlbs::HartTlb* HartTlbs::own() {
  const HartTlb* tlb = tlbs_[place()];
  if (tlb == &none) {
    if (!can_allocate(sizeof(HartTlb))) return nullptr;
    tlbs_[place()] = tlb = new HartTlb;
  }
  return const_cast<HartTlb*>(tlb);
}

void HartTlbs::remember(hal::VirtAddr va, hal::Access wanted, std::byte* there) {
  if (HartTlb* const tlb = own()) tlb->remember(va, wanted, there);
}

std::size_t HartTlbs::added() const {
  std::size_t added = 0;
  for (const HartTlb* const tlb : tlbs_) added += tlb->added.load(std::memory_order_relaxed);
  return added;
}

void HartTlbs::forget_here(hal::VirtAddr va) {
  const HartTlb* const tlb = tlbs_[place()];
  if (tlb != &none) const_cast<HartTlb*>(tlb)->forget(va);
}

void HartTlbs::forget(hal::VirtAddr start, hal::VirtAddr end) {
  // Pairs with the fence in AddressSpace::walk_sharing().
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  for (const HartTlb* const tlb : tlbs_) {
    if (tlb != &none) const_cast<HartTlb*>(tlb)->forget_known(start, end);
  }
}

}  // namespace kernel::memory
