// The thread-local variables of the program in thread_local_program.cpp.
#pragma once

struct Variables {
  char a;
  short b;
  int c;
  long d;
  float e;
  double f;
  int g[3];

  bool operator==(const Variables&) const = default;
};

extern thread_local Variables variables;

/// Changes `it`; the program does this to its variables in each round.
inline void turn(Variables& it) {
  it.a = static_cast<char>(it.a + 1);
  it.b = static_cast<short>(it.b ^ 0x55);
  it.c = it.c * 3 + it.a;
  it.d -= it.b;
  it.e *= 2;
  it.f += it.e;
  if (it.d < 0) it.g[0] = static_cast<int>(it.d);
  for (int& one : it.g) one += it.b;
}

/// The gate as a function pointer, as programs call it.
extern "C" void (*thread_local_program_gate)();

/// Runs round after round, and calls the gate after each.
extern "C" void thread_local_program();
/// The bounds of its code.
extern "C" const char __start_program_text[], __stop_program_text[];
