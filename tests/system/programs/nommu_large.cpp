// A program that needs 16 MiB.
#include <user/calls.h>

#include <array>

std::array<char, 16 << 20> data;

int main() {
  return static_cast<volatile char&>(data[user::process_id() * 4096]);
}
