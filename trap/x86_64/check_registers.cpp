#include <hal/timer.h>
#include <trap/check_registers.h>

extern "C" bool cotrap_look_at_registers(std::uint64_t seed);  // check_registers.S

namespace trap {

bool cotrap_check_registers(CheckRegisters& check) {
  bool intact = true;
  while (check.stop == 0 && hal::clock_ticks() < check.until_tick) {
    intact = cotrap_look_at_registers(check.seed) && intact;
    check.rounds = check.rounds + 1;
  }
  return intact;
}

}  // namespace trap
