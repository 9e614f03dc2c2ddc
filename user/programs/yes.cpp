// yes [TEXT]: says it again and again, until nobody listens.
#include <user/calls.h>

#include <string>

int main(int argc, char** argv) {
  const std::string line = std::string{argc > 1 ? argv[1] : "y"} + "\n";
  std::string block;
  while (block.size() < 4096) block += line;
  while (user::write_all(user::standard_output, block)) {
  }
  return 1;
}
