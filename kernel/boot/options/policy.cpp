// policy=NAME: the executors use this scheduling policy.
#include <kernel/log.h>

#include "boot/boot_option.h"
#include "sched/policies.h"

namespace kernel {
namespace {

void choose_policy(const formats::BootOptions&, std::string_view name) {
  const char* const known = use_policy(name) ? "" : " is unknown, using the default";
  log("policy: {}{}", name, known);
}

}  // namespace

KERNEL_BOOT_OPTION(policy_option, "policy", scheduling, choose_policy);

}  // namespace kernel
