// A program of an ordinary compiler with thread-local variables, among them the stack protector's
// canary. It does not use gs.

#include "thread_local_program.h"

#pragma clang section text = "program_text"

thread_local Variables variables{1, 2, 3, 4, 5.0F, 6.0, {7, 8, 9}};

// Not inlined, so that it has a protected stack frame.
[[gnu::noinline]] static void take_turn() {
  volatile int copy[8] = {variables.g[0]};
  turn(variables);
  copy[1] = copy[0];
}

extern "C" void thread_local_program() {
  for (;;) {
    take_turn();
    thread_local_program_gate();
  }
}
