#include "sched/restartable.h"

#include <abi/restartable.h>
#include <async/strand.h>
#include <hal/hart.h>

#include "memory/user_memory.h"
#include "sched/runnable.h"

namespace kernel {
namespace {

using abi::RestartableSequence;
using abi::SequenceArea;
using memory::UserPtr;

/// A program counter in no program's memory: it is odd, and the last address.
constexpr std::uintptr_t nowhere = ~std::uintptr_t{0};

/// Whether the program counter is in the sequence. EINVAL: the sequence is not one that Linux
/// accepts.
Result<bool> is_inside(std::uintptr_t at, const RestartableSequence& sequence) {
  const auto is_in = [&](std::uintptr_t address) {
    return address - sequence.start < sequence.bytes;
  };
  const bool is_valid = sequence.version == 0 && sequence.flags == 0 &&
                        sequence.start + sequence.bytes >= sequence.start &&
                        !is_in(sequence.restart);
  if (!is_valid) return fail(Errno::einval);
  return is_in(at);
}

Result<> check_sequence(Runnable& thread) {
  memory::AddressSpace& space = thread.space();
  const std::uintptr_t area = thread.sequences().area;
  const UserPtr<std::uint64_t> running{area + offsetof(SequenceArea, sequence)};
  const auto at = running.read(space);
  if (!at) return fail(at.error());
  if (*at == 0) return {};
  const auto sequence = UserPtr<const RestartableSequence>{*at}.read(space);
  if (!sequence) return fail(sequence.error());
  const auto inside = is_inside(thread.context().program_counter(), *sequence);
  if (!inside) return fail(inside.error());
  if (*inside) {
    constexpr std::size_t in_front = sizeof(std::uint32_t);
    const auto signature = UserPtr<const std::uint32_t>{sequence->restart - in_front}.read(space);
    if (!signature) return fail(signature.error());
    if (*signature != thread.sequences().signature) return fail(Errno::eperm);
  }
  if (auto cleared = running.write(space, 0); !cleared) return cleared;
  if (*inside) thread.context().set_program_counter(sequence->restart);
  return {};
}

Result<> update_area(Runnable& thread) {
  Runnable::Sequences sequences = thread.sequences();
  const unsigned hart = hal::hart_index();
  if (sequences.hart != hart) {
    if (auto named = name_hart(thread.space(), sequences.area, hart); !named) return named;
    sequences.hart = static_cast<std::uint8_t>(hart);
    thread.set_sequences(sequences);
  }
  // A program makes no system call in a sequence.
  return thread.context().was_left_by_call() ? Result<>{} : check_sequence(thread);
}

}  // namespace

Result<> name_hart(memory::AddressSpace& space, std::uintptr_t area, std::uint32_t hart) {
  const std::uint32_t at_start = hart == abi::no_hart ? 0 : hart;
  const auto write = [&](std::size_t member, std::uint32_t value) {
    return UserPtr<std::uint32_t>{area + member}.write(space, value);
  };
  if (auto done = write(offsetof(SequenceArea, hart_at_start), at_start); !done) return done;
  if (auto done = write(offsetof(SequenceArea, hart), hart); !done) return done;
  return write(offsetof(SequenceArea, concurrency_id), at_start);
}

void restart_sequence(Runnable& thread) {
  if (async::Strand::is_shared()) {
    if (update_area(thread)) return;
    async::Strand::stop_sharing();  // a page may have to be made
  }
  const memory::AddressSpace::WithoutWait now{thread.space()};
  if (!update_area(thread)) thread.context().set_program_counter(nowhere);
}

}  // namespace kernel
