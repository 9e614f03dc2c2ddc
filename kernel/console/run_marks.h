// Marks in the console's output. They show a tool on the host where the output of the first program
// begins and ends, and which exit status the program has (docs/running.md). The boot option `mark=`
// enables them.
#pragma once

#include <string_view>

namespace kernel {

void set_run_mark(std::string_view nonce);

void mark_start();
/// refusal: why the first program could not be started; 0: it was started.
void mark_exit(int code, int refusal);
void mark_panic();

}  // namespace kernel
