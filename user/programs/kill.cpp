// kill [-SIGNAL] PID…: sends SIGTERM, or the signal by name or number.
#include "arguments.h"

using namespace user;

namespace {

std::optional<abi::Signal> signal_called(std::string_view name) {
  if (const auto value = programs::number<int>(name)) return static_cast<abi::Signal>(*value);
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (const auto& text : abi::signal_texts) {
    if (text.name == name) return text.number;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto signal = abi::Signal::sigterm;
  int first = 1;
  if (argc > 1 && argv[1][0] == '-') {
    const auto wanted = signal_called(argv[1] + 1);
    if (!wanted) programs::wrong_usage("kill: there is no signal {}", argv[1] + 1);
    signal = *wanted;
    first = 2;
  }
  if (first == argc) programs::wrong_usage("usage: kill [-SIGNAL] PID…");
  int code = 0;
  for (int i = first; i < argc; ++i) {
    const auto pid = programs::number<Pid>(argv[i]);
    if (!pid) programs::wrong_usage("kill: {} is no process id", argv[i]);
    if (const auto sent = kill(*pid, signal); !sent) {
      complain("kill: {}: {}", *pid, abi::description(sent.error()));
      code = 1;
    }
  }
  return code;
}
