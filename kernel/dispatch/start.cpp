#include "dispatch/start.h"

#include "dispatch/all_calls.h"
#include "dispatch/fast_path.h"
#include "dispatch/traced_calls.h"
#include "trace/recorder.h"

namespace kernel {

void start_system_calls(bool smp_active) {
  answering_syscalls = trace::is_on() ? &trace::traced_calls : &syscall_table;
  start_fast_path(smp_active);
}

}  // namespace kernel
