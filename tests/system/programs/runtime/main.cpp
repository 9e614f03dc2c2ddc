// Tests the programs' runtime: heap, threads and their storage, locks, files, processes, formats,
// and the parts of libc++ that depend on it.
#include "runtime.h"

#include <user/print.h>

#include <string_view>

namespace {

struct PrintsAtEnd {
  ~PrintsAtEnd() { user::println("main's thread-local object is destroyed"); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view{argv[1]} == "child") return runtime::child(argv[2]);
  runtime::heap();
  runtime::threads();
  runtime::thread_locals();
  thread_local PrintsAtEnd says_farewell;
  runtime::locks();
  runtime::files();
  runtime::processes();
  runtime::seven_arguments();
  runtime::library();
  return 0;
}
