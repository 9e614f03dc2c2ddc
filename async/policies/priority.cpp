// Fixed priorities: what executors do without a policy.
#include "async/policy/kinds.h"

namespace async::policy {

constexpr Kind priorities{
    "priority", "fixed priorities with inheritance: the executor's own levels", promise_nothing,
    [](void*, const Policy::Options&) noexcept -> Policy* { return nullptr; }};
ASYNC_REGISTER(async_policies, "priority", priorities);

}  // namespace async::policy
