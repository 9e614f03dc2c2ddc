// Harts are threads of the process.
#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/timer.h>

#include <sched.h>
#include <signal.h>

#include <utility>

#include "hart.h"

namespace hal {

constinit thread_local unsigned this_hart_index = 0;
constinit thread_local bool this_hart_smp_active = false;

namespace {

constinit std::atomic<HartMask> running = mask_of(0);
constinit thread_local unsigned looks = 0;

/// Starts a thread on a kernel stack, which has a guard page.
bool start_thread_of_hart(void* (*run)(void*), void* argument) {
  constexpr std::size_t stack_pages = 64;
  const auto stack = map_kernel_stack(stack_pages);
  if (!stack) return false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, reinterpret_cast<void*>(stack->bottom),
                        stack->top - stack->bottom);
  pthread_t thread;
  return pthread_create(&thread, &attributes, run, argument) == 0;
}

const BootInfo* boot_info = nullptr;

void* run_boot_hart(void*) {
  hosted::begin_first_stack();
  hosted::become_hart(0);
  leave_user_space();
  kernel_main(*boot_info);
}

void* run_hart(void* argument) {
  hosted::begin_first_stack();
  const auto hart = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(argument));
  hosted::become_hart(hart);
  this_hart_smp_active = true;
  leave_user_space();
  running.fetch_or(mask_of(hart));
  kernel_hart_main(hart);
}

}  // namespace

bool start_hart(unsigned hart) {
  this_hart_smp_active = true;
  return start_thread_of_hart(run_hart, reinterpret_cast<void*>(static_cast<std::uintptr_t>(hart)));
}

void hosted::start_boot_hart(const BootInfo& info) {
  boot_info = &info;
  if (!start_thread_of_hart(run_boot_hart, nullptr)) return;
  stop_hart();
}

HartMask running_harts() {
  return running.load(std::memory_order_relaxed);
}

void relax() {
  __builtin_ia32_pause();
  constexpr unsigned spin_limit = 128;
  if (++looks % spin_limit == 0) sched_yield();  // the awaited hart may need this processor
}

void stop_hart() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) sigsuspend(&all);
}

void hosted::start_thread(void* (*run)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_t thread;
  if (pthread_create(&thread, nullptr, run, argument) == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace hal
