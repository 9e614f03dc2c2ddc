// The memory of unit.interleavings: sequentially consistent.
#include "scenario.h"

namespace parallel_test {

Explorer::Bound bound_of(const Scenario& scenario) {
  return {scenario.bound - fewer};
}

}  // namespace parallel_test
