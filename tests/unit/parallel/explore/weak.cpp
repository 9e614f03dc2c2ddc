// The memory of unit.weak_memory: that of C++ (weak_memory.h).
#include "scenario.h"

namespace parallel_test {

Explorer::Bound bound_of(const Scenario& scenario) {
  const Explorer::Bound& weak = scenario.weak;
  const bool takes_long = weak.switches > 1 || scenario.harts > 2 || scenario.has_clock;
  return {takes_long ? weak.switches - fewer : weak.switches, weak.reorderings};
}

}  // namespace parallel_test
