// What the threads of the process know of each other: hal/hosted's own.
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

/// A hart as others see it; null where it has not started.
struct Hart {
  std::atomic<std::uint32_t>* pending;     // its own word, in its thread-local storage
  std::atomic<std::uint32_t> sleeping{0};  // it waits for `pending` to change
  pid_t thread;
};

/// Lets hart 0 begin with `kernel_main`, in a thread of its own; returns only if there can be none.
void start_boot_hart(const BootInfo& info);

/// Makes the calling thread hart `index`: its signals, its timer, its place among the others.
void become_hart(unsigned index);

/// On the stack that a hart begins on, in a function that does not return: for the sanitizer that
/// the kernel is built with, if any (sanitizer/).
void begin_first_stack();

/// Sets `bits` of what is pending on a hart and lets it look. Any thread.
void raise(unsigned hart, std::uint32_t bits);

/// The time begins here.
void start_clock();
/// The calling hart's timer, which sends it `timer_signal`.
void make_timer();

/// RAM of so many bytes, all of it zeros, where the direct map has it. False: there is no memory.
/// `path`: an empty file that is to be the RAM, for others to look at; or null.
bool map_ram(std::size_t bytes, const char* path);
/// The file that RAM is.
int ram_file();

/// The thread that is a device.
void start_console();

/// Starts a thread that is no hart: it takes no signals.
void start_thread(void* (*run)(void*), void* argument);

// ── Interrupt lines, of which the devices raise one each ──

inline constexpr Irq console_line{1};
inline constexpr Irq disk_line{2};

/// A line stays raised until it is lowered. Any thread.
void raise_line(Irq irq);
void lower_line(Irq irq);

}  // namespace hal::hosted
