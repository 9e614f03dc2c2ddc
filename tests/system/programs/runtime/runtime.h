// The parts of `runtime`, which it does one after another.
#pragma once

namespace runtime {

// heap.cpp
void heap();
// threads.cpp
void threads();
void thread_locals();
void locks();
// system.cpp: what the kernel has a part in
void files();
void processes();
/// The process that processes() starts, with `argument`: its exit code.
int child(const char* argument);
// library.cpp
void library();

}  // namespace runtime
