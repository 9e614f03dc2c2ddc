// IPIs with faults (async/fault.h), only in kernels that inject them. A delayed IPI waits on the
// hart that sends it, for that hart's timer.
#pragma once

namespace kernel {

/// hal::send_ipi() with the faults ipi, ipi_once and ipi_lost. Any context.
void send_ipi_with_faults(unsigned hart) noexcept;

/// Sends the IPIs that this hart has delayed. Called by its timer interrupt.
void send_delayed_ipis() noexcept;

}  // namespace kernel
