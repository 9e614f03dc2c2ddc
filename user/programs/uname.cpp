// uname: the system, its release and the machine.
#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments{argc, argv, "uname"}.words(0, 0);
  const auto name = user::system_name();
  user::println("{} {} {} {} {}", name.system, name.node, name.release, name.version, name.machine);
  return 0;
}
