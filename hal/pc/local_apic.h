// The local APIC of this hart (Intel SDM, volume 3, "Advanced Programmable Interrupt Controller").
//
// In x2APIC mode its registers are model-specific registers. Without this mode they are
// memory-mapped, 16 bytes apart.
#pragma once

#include <hal/window.h>

#include <cstdint>

namespace hal::pc::apic {

enum class Register : std::uint32_t {
  task_priority = 0x08,
  end_of_interrupt = 0x0b,
  spurious = 0x0f,
  error_status = 0x28,  ///< a write of 0 updates it
  command = 0x30,
  command_high = 0x31,  ///< only if the registers are memory-mapped
  timer_entry = 0x32,   ///< of the local vector table, as the next three
  line_0_entry = 0x35,
  line_1_entry = 0x36,
  error_entry = 0x37,
  timer_start = 0x38,  ///< a write starts the count; 0 stops it
  timer_current = 0x39,
  timer_divisor = 0x3e,
};

void write(Register which, std::uint32_t value);
std::uint32_t read(Register which);

/// Chooses the mode: once, on the boot hart, before the other functions.
void choose_mode();
/// The registers, if they are memory-mapped; else an empty window.
Window window();
/// Enables the local APIC of this hart. All its interrupts but those of send() are masked.
void start();
/// The identifier of this hart's APIC.
std::uint32_t own_id();

/// How an interrupt that one APIC sends to another is delivered: bits 8 to 10 of the command.
enum class Delivery : std::uint32_t { fixed = 0, nmi = 4, init = 5, startup = 6 };

/// Sends an interrupt to the APIC `id`. Earlier stores of this hart are visible to the receiver.
/// From any context but the gate of the NMI.
void send(std::uint32_t id, Delivery delivery, unsigned vector = 0);

}  // namespace hal::pc::apic
