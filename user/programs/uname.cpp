// uname: the system, its release and the machine.
#include <user/print.h>

#include "user/calls.h"

int main() {
  const auto name = user::system_name();
  user::println("{} {} {} {} {}", name.system, name.node, name.release, name.version, name.machine);
  return 0;
}
