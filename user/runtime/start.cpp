// Sets up the program from the kernel's start-up stack, calls main(), and ends the program.
#include <abi/flags.h>
#include <abi/types.h>

#include <user/machine/thread_pointer.h>

#include <cstddef>

#include "tls.h"
#include "user/calls.h"
#include "user/process.h"

extern "C" {
int main(int argc, char** argv, char** environment);
extern void (*__preinit_array_start[])();
extern void (*__preinit_array_end[])();
extern void (*__init_array_start[])();
extern void (*__init_array_end[])();
[[noreturn]] void cotrap_user_start(long* stack);
}

namespace user {

// Null in programs that print nothing.
[[gnu::weak]] int finish_output(std::string_view who, int status);

namespace {

char** start_environment = nullptr;
const char* start_path = "";
alignas(64) std::byte first_thread_storage[512];

void read_auxiliary_vector(const abi::AuxEntry* auxiliary) {
  std::uint64_t headers = 0, count = 0, entry_bytes = 0;
  for (; auxiliary->tag != abi::at_null; ++auxiliary) {
    switch (auxiliary->tag) {
      case abi::at_phdr: headers = auxiliary->value; break;
      case abi::at_phnum: count = auxiliary->value; break;
      case abi::at_phent: entry_bytes = auxiliary->value; break;
      case abi::at_execfn: start_path = reinterpret_cast<const char*>(auxiliary->value); break;
    }
  }
  tls::find_segment(reinterpret_cast<const void*>(headers), count, entry_bytes);
}

void set_up_thread_storage() {
  auto* place = first_thread_storage;
  if (tls::bytes() > sizeof first_thread_storage || tls::alignment() > 64) {
    const auto memory = map_memory(tls::bytes(), abi::prot_read | abi::prot_write);
    if (!memory) exit(127);
    place = *memory;
  }
  void* const thread_pointer = tls::initialise(place);
  machine::set_thread_pointer(thread_pointer);
}

}  // namespace

const char* program_path() {
  return start_path;
}

char* const* environment() {
  return start_environment;
}

const char* environment_value(std::string_view name) {
  for (char** entry = start_environment; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=') {
      return *entry + name.size() + 1;
    }
  }
  return nullptr;
}

}  // namespace user

void cotrap_user_start(long* stack) {
  const int argc = static_cast<int>(stack[0]);
  char** const argv = reinterpret_cast<char**>(stack + 1);
  char** const environment = argv + argc + 1;
  char** end = environment;
  while (*end != nullptr) ++end;

  user::start_environment = environment;
  user::read_auxiliary_vector(reinterpret_cast<const abi::AuxEntry*>(end + 1));
  user::set_up_thread_storage();
  for (auto** function = __preinit_array_start; function != __preinit_array_end; ++function) {
    (*function)();
  }
  for (auto** function = __init_array_start; function != __init_array_end; ++function) {
    (*function)();
  }
  int status = main(argc, argv, environment);
  if (user::tls::destroy != nullptr) user::tls::destroy();
  if (user::finish_output != nullptr)
    status = user::finish_output(argc > 0 ? argv[0] : "?", status);
  user::exit(status);
}
