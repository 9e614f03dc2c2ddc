// `computing N` runs a thread on each of the first N harts, which computes for ever without a
// system call.
#include <user/check.h>
#include <user/process.h>
#include <user/thread.h>

#include <charconv>
#include <string_view>
#include <vector>

using namespace user;

namespace {

void compute_on(unsigned hart) {
  must(set_affinity(0, 1ul << hart), "affinity");
  for (;;) asm volatile("");
}

}  // namespace

int main(int count, char** arguments) {
  unsigned harts = 1;
  if (count > 1) {
    const std::string_view text = arguments[1];
    std::from_chars(text.data(), text.data() + text.size(), harts);
  }
  std::vector<Thread> threads;
  for (unsigned hart = 1; hart < harts; ++hart) threads.emplace_back([hart] { compute_on(hart); });
  compute_on(0);
}
