// mv FROM TO: gives a file or folder another name.
#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  if (argc != 3) programs::wrong_usage("usage: mv FROM TO");
  const auto moved = user::rename(argv[1], argv[2]);
  if (!moved) complain("mv: {} to {}: {}", argv[1], argv[2], abi::description(moved.error()));
  return moved ? 0 : 1;
}
