// upcalls PART: runs one test of upcalls.
#include "upcalls.h"

int main(int argc, char** argv) {
  using namespace upcalls;
  for (const auto parts :
       {pages(), torn_pages(), scarce_memory(), exceptions(), handled_exceptions(), notifications(),
        preempted(), policies(), what_is_wrong(), stackful_jobs()}) {
    for (const auto& [name, run] : parts) {
      if (argc == 2 && argv[1] == name) return run(), 0;
    }
  }
  user::fail("usage: upcalls PART");
}
