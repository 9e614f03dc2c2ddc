// Interfaces among the files of hal/hosted: threads, RAM, devices and interrupt lines.
#pragma once

#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/interrupts.h>

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace hal::hosted {

/// The state of a hart that other threads use.
struct Hart {
  std::atomic<std::uint32_t>* pending;     // the hart's word, in its thread-local storage
  std::atomic<std::uint32_t> sleeping{0};  // 1 while the hart sleeps until `pending` changes
  pid_t thread;
};

/// Starts hart 0 in a thread of its own; it calls `kernel_main`. Returns only if the thread
/// cannot be created.
void start_boot_hart(const BootInfo& info);

/// Makes the calling thread hart `index`: sets up its timer and lets other threads find it.
void become_hart(unsigned index);

/// Registers the first stack of a hart with the sanitizer of this build, if any (sanitizer/). Call
/// it on that stack, in a function that does not return.
void begin_first_stack();

/// Sets `bits` in the pending word of `hart`, and wakes or signals the hart. Any thread.
void raise(unsigned hart, std::uint32_t bits);

/// Records the present time as time 0 of now_ns().
void start_clock();
/// Makes the calling hart's timer, which sends it the signal `timer_signal`.
void make_timer();

/// Maps `bytes` of zeroed RAM at its place in the direct map. `path`: an empty file to use as RAM,
/// so that other processes can read it, or null. Returns false if this fails.
bool map_ram(std::size_t bytes, const char* path);
/// The descriptor of the file that is RAM.
int ram_file();

/// Starts the thread that reads the console's input.
void start_console();

/// Starts a thread that is no hart. It blocks all signals.
void start_thread(void* (*run)(void*), void* argument);

// ── Interrupt lines: one for each device ──

inline constexpr Irq console_line{1};
inline constexpr Irq disk_line{2};

/// Raises a line; it stays raised until lower_line(). Any thread.
void raise_line(Irq irq);
void lower_line(Irq irq);

}  // namespace hal::hosted
