// This machine never rewrites programs.
#include "process/code_rewriting.h"

namespace kernel {

async::Task<Result<>> see_code(Thread&, hal::VirtAddr) {
  co_return fail(Errno::enoexec);
}

bool is_call_to_rewrite(Thread&) {
  return false;
}

void log_rewritten_code() {}

}  // namespace kernel
