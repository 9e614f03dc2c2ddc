// The memory of unit.weak_memory: that of C++ (weak_memory.h).
#include "scenario.h"

namespace parallel_test {

Explorer::Bound bound_of(const Scenario& scenario) {
  return {scenario.weak.switches - fewer, scenario.weak.reorderings};
}

}  // namespace parallel_test
