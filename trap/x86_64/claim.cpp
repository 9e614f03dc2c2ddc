#include <hal/interrupts.h>
#include <trap/claim.h>

namespace trap {
namespace {

constinit std::byte* table = nullptr;
constinit thread_local hal::Counter* spurious_claims = nullptr;

}  // namespace

void start_claims(async::Interrupt* lines, hal::Counter& spurious) {
  table = reinterpret_cast<std::byte*>(lines);
  spurious_claims = &spurious;
}

}  // namespace trap

async::Interrupt* cotrap_claim() {
  const hal::Irq irq = hal::claim_interrupt();
  if (irq == hal::Irq::none) {
    ++*trap::spurious_claims;
    return nullptr;
  }
  auto* const line = reinterpret_cast<async::Interrupt*>(
      trap::table + static_cast<std::size_t>(irq) * trap::line_bytes);
  line->raise();
  return line;
}
