// upcalls PART: one part of it.
#include "upcalls.h"

int main(int argc, char** argv) {
  for (const auto parts : {upcalls::pages(), upcalls::exceptions(), upcalls::notifications(),
                           upcalls::what_is_wrong()}) {
    for (const auto& [name, run] : parts) {
      if (argc == 2 && argv[1] == name) return run(), 0;
    }
  }
  user::fail("usage: upcalls PART");
}
