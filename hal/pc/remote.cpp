// Flushes of other harts' TLBs. A hart asks by a non-maskable interrupt, which the others take also
// with interrupts masked, wherever they are. So a hart that waits for the flushes cannot block one
// that it waits for.
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/remote.h>

#include <array>
#include <atomic>

#include "devices.h"
#include "local_apic.h"

namespace hal {
namespace pc {
namespace {

enum class What : std::uint8_t { pages, space, everything, code };

/// A request of one hart. It writes the request before it stores `harts`, with release order. Each
/// of these harts clears its bit, with release order, when it has flushed; the hart that asks waits
/// until the mask is empty, and owns the request again.
struct alignas(64) Request {
  std::atomic<HartMask> harts = 0;
  What what = What::everything;
  Asid asid = 0;
  VirtAddr first = 0;
  std::size_t pages = 0;
};
constinit std::array<Request, max_harts> requests{};

void flush_here(const Request& request) {
  switch (request.what) {
    case What::pages:
      for (std::size_t i = 0; i < request.pages; ++i)
        flush_page(request.first + i * page_size, request.asid);
      return;
    case What::space: return flush_space(request.asid);
    case What::everything: return flush_all();
    case What::code: return;  // the gate's iretq serialises, which is all that the hart needs
  }
}

void ask(HartMask harts, What what, Asid asid = 0, VirtAddr first = 0, std::size_t pages = 0) {
  if (harts == 0) return;
  // A preempted step would resume on another hart, so the request stays with this one.
  const InterruptGuard guard;
  Request& own = requests[hart_index()];
  own.what = what;
  own.asid = asid;
  own.first = first;
  own.pages = pages;
  own.harts.store(harts, std::memory_order_release);
  for_each_hart(harts,
                [](unsigned hart) { apic::send(devices.apic_id[hart], apic::Delivery::nmi); });
  while (own.harts.load(std::memory_order_acquire) != 0) asm volatile("pause");
}

}  // namespace
}  // namespace pc

using namespace pc;

void flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages) {
  ask(harts, What::pages, asid, first, pages);
}

void flush_space_remote(HartMask harts, Asid asid) {
  ask(harts, What::space, asid);
}

void flush_all_remote(HartMask harts) {
  ask(harts, What::everything);
}

void synchronize_code_remote(HartMask harts) {
  ask(harts, What::code);
}

}  // namespace hal

/// Called by gates.S on `hart` for each NMI. FS may be a program's, so no per-hart data is used.
/// Several NMIs may arrive as one: it serves all requests.
extern "C" void hal_serve_flushes(unsigned hart) {
  using namespace hal;
  for (pc::Request& request : pc::requests) {
    if ((request.harts.load(std::memory_order_acquire) & mask_of(hart)) == 0) continue;
    pc::flush_here(request);
    request.harts.fetch_and(~mask_of(hart), std::memory_order_release);
  }
}
