// A source of a terminal's input: a device whose driver keeps the bytes until the terminal takes
// them. Call all functions in the strand.
#pragma once

#include <async/async.h>

#include <optional>

namespace kernel {

class InputSource {
 public:
  /// Takes the next byte. Empty: there is none.
  virtual std::optional<char> take() = 0;
  /// Lets the device interrupt for new input again. Call it when take() has returned nothing.
  virtual void resume_input() = 0;
  /// Raised when there is new input.
  virtual async::Interrupt& has_input() = 0;

 protected:
  ~InputSource() = default;
};

}  // namespace kernel
