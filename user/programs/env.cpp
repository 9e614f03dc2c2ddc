// env: prints the environment.
#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments{argc, argv, "env"}.words(0, 0);
  for (auto* const* entry = user::environment(); *entry != nullptr; ++entry) {
    user::println("{}", static_cast<const char*>(*entry));
  }
  return 0;
}
