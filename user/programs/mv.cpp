// mv FROM TO: renames a file or folder.
#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "mv FROM TO"};
  const auto names = arguments.words(2, 2);
  const auto moved = user::rename(names[0], names[1]);
  if (!moved) complain("mv: {} to {}: {}", names[0], names[1], abi::description(moved.error()));
  return moved ? 0 : 1;
}
