// watch, watch=MS: the kernel reports jobs that are woken twice or in vain, or that are ready for
// longer than MS milliseconds.
#include <kernel/log.h>

#include <chrono>

#include "boot/boot_option.h"
#include "sched/job_watch.h"
#include "sched/step_watch.h"

namespace kernel {
namespace {

std::chrono::milliseconds longest_ready(const formats::BootOptions& options,
                                        std::string_view value) {
  constexpr std::uint64_t usual = 1000, most = 3'600'000;
  if (value.empty()) return std::chrono::milliseconds{usual};
  const std::uint64_t wanted = options.number("watch").value_or(0);
  if (wanted >= 1 && wanted <= most) return std::chrono::milliseconds{wanted};
  log("watch={}: expected a number of milliseconds from 1 to {}; using {}", value, most, usual);
  return std::chrono::milliseconds{usual};
}

void watch(const formats::BootOptions& options, std::string_view value) {
  watch_jobs(longest_ready(options, value));
  if (!options.has("icount")) watch_stalls(StallClock::by_hart);
}

}  // namespace

KERNEL_BOOT_OPTION(watch_option, "watch", events, watch);

}  // namespace kernel
