// The driver of the machine's keyboard (hal/keyboard.h), a source of the console's input.
//
//   device ──▶ serve(): scan codes become bytes ──▶ ring ──▶ strand: take()
//
// serve() is a preemptible job outside the strand. While the ring is full, the driver leaves codes
// in the device. If the device has no room either, it drops them.
#pragma once

#include <async/async.h>

#include "base/interrupt_backoff.h"
#include "console/byte_ring.h"
#include "console/input_source.h"
#include "devices/scan_codes.h"

namespace kernel {

class Keyboard final : public InputSource {
 public:
  /// The driver. Spawn it as a preemptible job, once, and only if the machine has a keyboard. It
  /// never returns. `line` is raised at the keyboard's interrupts.
  async::Task<> serve(async::Interrupt& line);

  std::optional<char> take() override;
  void resume_input() override {}
  async::Interrupt& has_input() override { return has_input_; }

  /// For the counts of useless interrupts and pauses. Any context.
  const InterruptBackoff& backoff() const { return backoff_; }

 private:
  bool serve_device();

  ScanCodes codes_;     // only the driver uses it
  ByteRing<256> ring_;  // producer: the driver; consumer: the strand
  async::Interrupt has_input_{0};
  InterruptBackoff backoff_;  // only the driver changes it
};

}  // namespace kernel
