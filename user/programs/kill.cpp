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
  programs::Arguments arguments{argc, argv, "kill [-SIGNAL] PID…"};
  auto signal = abi::Signal::sigterm;
  if (arguments.next().starts_with("-") && !arguments.next().starts_with("--")) {
    const auto name = arguments.take_word().substr(1);
    const auto wanted = signal_called(name);
    if (!wanted) programs::wrong_usage("kill: there is no signal {}", name);
    signal = *wanted;
  }
  int code = 0;
  for (const char* word : arguments.words(1)) {
    const auto pid = programs::number<Pid>(word);
    if (!pid) programs::wrong_usage("kill: {} is no process id", word);
    if (const auto sent = kill(*pid, signal); !sent) {
      complain("kill: {}: {}", *pid, abi::description(sent.error()));
      code = 1;
    }
  }
  return code;
}
