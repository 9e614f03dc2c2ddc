// The smallest demo: prints a greeting, the process's ids, and its arguments.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/machine/processor.h>

#include <string_view>

COTRAP_DEMO(.description = "a program prints its machine, its process ids and its arguments");

using namespace user;

int main(int argc, char** argv) {
  abi::Utsname machine;
  must(call(Call::uname, &machine), "uname");
  println("Hello from {} {} on {}.", machine.system, machine.release, machine.machine);
  println("I am process {}, child of {}, and it is {:.3f} ms after boot.", process_id(),
          parent_id(), milliseconds(now()));
  for (int i = 0; i < argc; ++i) println("argument {}: {}", i, argv[i]);

  check(argc >= 1 && argv[argc] == nullptr, "the arguments end with a null pointer");
  check(std::string_view{machine.machine} == user::machine::name,
        "uname names the machine that the program was built for");
  return 0;
}
