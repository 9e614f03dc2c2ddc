// A fork bomb: every process creates as many processes as it can, for ever. `bomb again` does not
// fork, but starts further processes that run `bomb again`: for machines without fork.
#include <user/process.h>

int main(int count, char**) {
  const char* const arguments[] = {"bomb", "again", nullptr};
  const bool copies = count == 1;
  for (;;) {
    if (copies)
      static_cast<void>(user::fork());
    else
      static_cast<void>(user::spawn(user::program_path(), arguments));
  }
}
