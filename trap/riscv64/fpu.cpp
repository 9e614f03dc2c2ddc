#include <hal/machine/csr.h>
#include <trap/fpu.h>

extern "C" {  // fpu.S
void cotrap_fpu_save(trap::UserContext& context);
void cotrap_fpu_load(const trap::UserContext& context);
}

namespace trap::fpu {

constinit thread_local UserContext* detail::owner = nullptr;
constinit thread_local std::uint64_t detail::owner_fs = hal::riscv64::sstatus::fs_clean;

namespace {

namespace sstatus = hal::riscv64::sstatus;
using detail::owner;
using detail::owner_fs;

std::uint64_t state() {
  return HAL_READ_CSR("sstatus") & sstatus::fs;
}

void set_state(std::uint64_t fs) {
  HAL_CLEAR_CSR("sstatus", sstatus::fs);
  HAL_SET_CSR("sstatus", fs);
}

void save_owner() {
  if (state() != sstatus::fs_dirty && owner_fs != sstatus::fs_dirty) return;
  set_state(sstatus::fs_clean);  // the registers are reachable only with FS on
  cotrap_fpu_save(*owner);
  owner_fs = sstatus::fs_clean;
}

}  // namespace

bool acquire(UserContext& context) {
  if (state() != 0) return false;
  if (owner != nullptr) save_owner();
  set_state(sstatus::fs_clean);
  cotrap_fpu_load(context);
  set_state(sstatus::fs_clean);
  owner = &context;
  owner_fs = sstatus::fs_clean;
  return true;
}

void save(UserContext& context) {
  if (owner != &context) return;
  const std::uint64_t before = state();
  save_owner();
  set_state(before == sstatus::fs_dirty ? sstatus::fs_clean : before);
}

void detail::release_owner() {
  save_owner();
  drop_owner();
}

void detail::drop_owner() {
  owner = nullptr;
  owner_fs = sstatus::fs_clean;
  HAL_CLEAR_CSR("sstatus", sstatus::fs);
}

}  // namespace trap::fpu
