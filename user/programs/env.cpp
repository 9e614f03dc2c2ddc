// env: the variables that a program is given.
#include <user/print.h>
#include <user/process.h>

int main() {
  for (auto* const* entry = user::environment(); *entry != nullptr; ++entry) {
    user::println("{}", static_cast<const char*>(*entry));
  }
  return 0;
}
