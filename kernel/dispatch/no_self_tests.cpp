// The kernel without self-tests.
#include "dispatch/private_calls.h"

namespace kernel {

trap::Register bare_trips(Thread& self, const trap::UserContext& context) {
  return unknown_call(self, context);
}
trap::Register self_test(Thread& self, const trap::UserContext& context) {
  return unknown_call(self, context);
}
// Called outside the strand, so it does not log the call.
trap::Register pick_argument(Thread&, const trap::UserContext&) {
  return trap::encode_error(Errno::enosys);
}

}  // namespace kernel
