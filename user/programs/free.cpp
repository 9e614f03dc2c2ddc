// free: prints total, used and free memory, the number of threads, and the uptime.
#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments{argc, argv, "free"}.words(0, 0);
  const auto info = user::system_info();
  const auto kib = [&](unsigned long amount) { return amount * info.unit / 1024; };
  user::println("{:>12} {:>12} {:>12}", "total", "used", "free");
  user::println("{:>8} KiB {:>8} KiB {:>8} KiB", kib(info.total_ram),
                kib(info.total_ram - info.free_ram), kib(info.free_ram));
  user::println("{} threads, up for {} s", info.processes, info.uptime);
  return 0;
}
