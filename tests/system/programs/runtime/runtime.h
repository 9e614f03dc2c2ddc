// The parts of the test `runtime`, which runs them in this order.
#pragma once

namespace runtime {

// heap.cpp
void heap();
// threads.cpp
void threads();
void thread_locals();
void locks();
// system.cpp: tests of system calls
void files();
void processes();
void seven_arguments();
/// Runs in the process that processes() starts with `argument`. Returns its exit code.
int child(const char* argument);
// library.cpp
void library();

}  // namespace runtime
