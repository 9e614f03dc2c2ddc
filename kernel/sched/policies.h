// The scheduling policy of the harts' executors (async/policy/kinds.h). All harts have the same
// one, from the command line or from the last write to /proc/policy. All of it runs in the strand.
#pragma once

#include <kernel/result.h>

#include <string_view>

#include "memory/paged_text.h"

namespace kernel {

/// Changes the policy of all started harts to `name`; each hart changes before it runs its next
/// job. The caller passes the attributes of jobs to the new policies. EINVAL if there is no such
/// policy.
Result<> use_policy(std::string_view name);

/// Gives this hart's executor the policy in use. Called before the first job runs on it.
void start_policy();

/// /proc/policy: the names of all policies, with brackets around the one in use.
void list_policies(PagedText& out);

}  // namespace kernel
