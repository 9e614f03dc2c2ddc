// The registry of policies. cotrap_add_policies() compiles it together with policies/.
#include "async/policy/kinds.h"

namespace async::policy {

ASYNC_DEFINE_REGISTRY(kinds, async_policies, Kind);

const Kind* find(std::string_view name) noexcept {
  return kinds().find([name](const Kind& kind) { return name == kind.name; });
}

}  // namespace async::policy
