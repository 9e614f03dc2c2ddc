#include <hal/machine/csr.h>
#include <hal/machine/vectors.h>
#include <trap/fpu.h>

#include <cstdint>
#include <utility>

extern "C" {  // fpu.S, vectors.S
void cotrap_fpu_save(trap::UserContext& context);
void cotrap_fpu_load(const trap::UserContext& context);
void cotrap_vectors_save(trap::VectorState& state);
void cotrap_vectors_load(const trap::VectorState& state);
void cotrap_vectors_fill(std::uint64_t value, std::uint64_t vcsr);
}

namespace trap {

std::size_t VectorStateHolder::bytes() {
  return sizeof(VectorState) +
         hal::riscv64::vector_registers * std::size_t{hal::riscv64::bytes_of_vector_register()};
}

void VectorStateHolder::allocate() {
  state_ = new VectorState;
  state_->registers = new std::byte[bytes() - sizeof(VectorState)];
}

void VectorStateHolder::exchange(VectorStateHolder& other) {
  std::swap(state_, other.state_);
  if (other.state_ == nullptr) return;
  other.state_->contents = VectorState::zeros;
  other.state_->vcsr = 0;
}

}  // namespace trap

namespace trap::fpu {

namespace status = hal::riscv64::status;

constinit thread_local UserContext* detail::owner = nullptr;
constinit thread_local std::uint64_t detail::owner_state = status::fs_clean;

namespace {

using detail::both;
using detail::owner;
using detail::owner_state;

// After a program has needed or written its registers.
constexpr std::uint8_t most_early_loads = 3;

std::uint64_t state() {
  return HAL_READ_CSR(HAL_CSR("status")) & both;
}

void set_state(std::uint64_t to) {
  HAL_CLEAR_CSR(HAL_CSR("status"), both);
  HAL_SET_CSR(HAL_CSR("status"), to);
}

/// Saves the owner's floating-point registers if they are newer than the saved ones. Leaves FS
/// unknown.
void save_floating() {
  if (((state() | owner_state) & status::fs) != status::fs_dirty) return;
  HAL_SET_CSR(HAL_CSR("status"), status::fs_clean);  // the registers are reachable only with FS on
  cotrap_fpu_save(*owner);
  owner->early_loads = most_early_loads;
  owner_state = (owner_state & ~status::fs) | status::fs_clean;
}

/// The same for the vector registers of an owner that loses them. After a system call only vcsr is
/// saved.
void save_vectors() {
  if (((state() | owner_state) & status::vs) != status::vs_dirty) return;
  HAL_SET_CSR(HAL_CSR("status"), status::vs_clean);
  VectorState& to = *owner->vectors.get();
  if (owner->last_cause() == SYSCALL_CAUSE) {
    to.vcsr = HAL_READ_CSR("vcsr");
    to.contents = VectorState::ones;
  } else {
    cotrap_vectors_save(to);
    to.contents = VectorState::saved;
  }
}

void load_vectors(const VectorState& from) {
  HAL_SET_CSR(HAL_CSR("status"), status::vs_clean);
  switch (from.contents) {
    case VectorState::zeros: cotrap_vectors_fill(0, from.vcsr); break;
    case VectorState::ones: cotrap_vectors_fill(~std::uint64_t{0}, from.vcsr); break;
    case VectorState::saved: cotrap_vectors_load(from); break;
  }
  HAL_CLEAR_CSR(HAL_CSR("status"), status::vs);
  HAL_SET_CSR(HAL_CSR("status"), status::vs_clean);
}

/// Makes `context` the owner, with its floating-point registers on.
void load_floating(UserContext& context) {
  if (owner != nullptr) {
    save_floating();
    save_vectors();
  }
  HAL_SET_CSR(HAL_CSR("status"), status::fs_clean);
  cotrap_fpu_load(context);
  set_state(status::fs_clean);
  owner = &context;
  owner_state = status::fs_clean;
}

/// Whether an instruction that was illegal with sstatus.VS off may be legal with VS on: vector
/// arithmetic, vset… and cryptography, vector loads and stores, or an access to a CSR of the
/// extension (RISC-V "V" vector extension 1.0, chapter 5). True for 0, too: then stval does not
/// hold the instruction.
constexpr bool may_use_vectors(std::uint64_t instruction) {
  const std::uint64_t opcode = instruction & 0x7f;
  const std::uint64_t function = instruction >> 12 & 7;
  const std::uint64_t csr = instruction >> 20 & 0xfff;
  constexpr std::uint64_t load = 0x07, store = 0x27, arithmetic = 0x57, crypto = 0x77,
                          system = 0x73;
  switch (opcode) {
    case arithmetic:
    case crypto: return true;
    case load:
    case store: return function == 0 || function >= 5;  // 1 to 4: widths of scalar loads
    case system:
      return (function & 3) != 0 &&
             ((csr >= 0x008 && csr <= 0x00a) || csr == 0x00f || (csr >= 0xc20 && csr <= 0xc22));
    default: return instruction == 0;
  }
}

/// Whether the instruction may be legal with the vector registers on. If stval does not hold the
/// instruction, acquire() turns on floating point first.
bool lacks_vectors(const Trap& trap) {
  if (hal::riscv64::bytes_of_vector_register() == 0) return false;
  const std::uint64_t on = state();
  return (on & status::vs) == 0 && (on != 0 || trap.address != 0) && may_use_vectors(trap.address);
}

}  // namespace

std::size_t bytes_to_acquire(const UserContext& context, const Trap& trap) {
  return context.vectors.get() == nullptr && lacks_vectors(trap) ? VectorStateHolder::bytes() : 0;
}

bool acquire(UserContext& context, const Trap& trap) {
  bool changed = false;
  const bool needs_vectors = lacks_vectors(trap);
  if (state() == 0) {
    load_floating(context);
    context.early_loads = most_early_loads;
    context.has_used_floating = true;
    changed = true;
  }
  if (needs_vectors) [[unlikely]] {
    if (context.vectors.get() == nullptr) context.vectors.allocate();
    load_vectors(*context.vectors.get());
    owner_state |= status::vs_clean;
    changed = true;
  }
  return changed;
}

void save(UserContext& context) {
  if (owner != &context) return;
  const std::uint64_t before = state();
  if (((before | owner_state) & status::fs) != status::fs_dirty) return;
  save_floating();
  const std::uint64_t floating = before & status::fs;
  set_state((before & status::vs) | (floating == status::fs_dirty ? status::fs_clean : floating));
}

void detail::load_early(UserContext& context) {
  --context.early_loads;
  load_floating(context);
}

void detail::release_owner() {
  save_floating();
  save_vectors();
  drop_owner();
}

void detail::drop_owner() {
  owner = nullptr;
  owner_state = status::fs_clean;
  HAL_CLEAR_CSR(HAL_CSR("status"), both);
}

}  // namespace trap::fpu
