#include "dispatch/private_calls.h"

#include "dispatch/self_tests.h"

namespace kernel {

trap::Register try_bare_trips(Thread& self, const trap::UserContext& context) {
  return bare_trips_entry.now(self, context);
}
trap::WaitingCall bare_trips(Thread& self, const trap::UserContext& context) {
  return bare_trips_entry.wait(self, context);
}

trap::Register try_self_test(Thread& self, const trap::UserContext& context) {
  return self_test_entry.now(self, context);
}
trap::WaitingCall self_test(Thread& self, const trap::UserContext& context) {
  return self_test_entry.wait(self, context);
}

}  // namespace kernel
