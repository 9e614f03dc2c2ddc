// Which scheduling policy the harts' executors have (async/policy/all.h): all the same one, chosen
// on the command line and changed by whoever writes to /proc/policy. In the strand.
#pragma once

#include <kernel/result.h>

#include <string_view>

#include "memory/paged_text.h"

namespace kernel {

/// The one of `name` from here on: harts that have begun turn to it before they turn to another
/// job, threads go on as they are. EINVAL: there is none of that name.
Result<> use_policy(std::string_view name);

/// Before anything runs on this hart: its executor gets the policy in use.
void start_policy();

/// /proc/policy: all names, the one in use in brackets.
void list_policies(PagedText& out);

}  // namespace kernel
