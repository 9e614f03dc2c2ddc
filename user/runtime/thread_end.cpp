// Runs the destructors of thread_local objects (Itanium C++ ABI, 3.3.6.3 in its C++11 form:
// __cxa_thread_atexit). Each thread has its own list, the youngest object first.
#include <new>

#include "tls.h"

namespace user::tls {
namespace {

struct Dropped {
  void (*destroy)(void*);
  void* object;
  Dropped* older;
};

constinit thread_local Dropped* youngest = nullptr;

}  // namespace

void destroy() {
  while (Dropped* const first = youngest) {
    youngest = first->older;  // a destructor may create further thread_local objects
    first->destroy(first->object);
    delete first;
  }
}

}  // namespace user::tls

extern "C" {

[[gnu::visibility("hidden")]] constinit void* __dso_handle = nullptr;

int __cxa_thread_atexit(void (*destroy)(void*), void* object, void*) {
  using namespace user::tls;
  youngest = new Dropped{destroy, object, youngest};
  return 0;
}
}
