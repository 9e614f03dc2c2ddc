#include "memory/kernel_tlb.h"

#include "memory/frames.h"

namespace kernel::memory {

template <class Use>
void HartTlbs::for_each(Use use) {
  for (const KernelTlb* const tlb : tlbs_) {
    if (tlb != &KernelTlb::none) use(const_cast<KernelTlb*>(tlb));
  }
}

HartTlbs::~HartTlbs() {
  for_each([](KernelTlb* tlb) { delete tlb; });
}

void HartTlbs::remember(hal::VirtAddr va, hal::Access wanted, std::byte* there) {
  const KernelTlb*& tlb = tlbs_[place()];
  if (tlb == &KernelTlb::none) {
    if (!can_allocate(sizeof(KernelTlb))) return;
    tlb = new KernelTlb;
  }
  const_cast<KernelTlb*>(tlb)->remember(va, wanted, there);
}

void HartTlbs::forget(hal::VirtAddr va) {
  // A KernelTlb that does not know the page keeps its cache lines: another hart reads them.
  for_each([va](KernelTlb* tlb) {
    if (tlb->knows(va)) tlb->forget(va);
  });
}

void HartTlbs::forget_all() {
  for_each([](KernelTlb* tlb) { tlb->forget_all(); });
}

}  // namespace kernel::memory
