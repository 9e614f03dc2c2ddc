// Finds out whether programs may use vector registers.
#include "vectors.h"

#include <hal/hart.h>
#include <hal/machine/csr.h>
#include <hal/machine/vectors.h>

#include "devices.h"
#include "page_contents.h"

namespace hal::riscv64 {
namespace {

constinit std::atomic<Vectors> state = Vectors::none;

/// The bytes of a vector register of this hart; 0 if its vector registers cannot be turned on.
unsigned read_length() {
  HAL_SET_CSR(HAL_CSR("status"), status::vs);
  std::uint64_t bytes = 0;
  if ((HAL_READ_CSR(HAL_CSR("status")) & status::vs) != 0) bytes = HAL_READ_CSR("vlenb");
  HAL_CLEAR_CSR(HAL_CSR("status"), status::vs);
  return static_cast<unsigned>(bytes);
}

constexpr bool is_supported(unsigned bytes) {
  return bytes == 16 || bytes == 32 || bytes == 64 || bytes == 128;
}

}  // namespace

Vectors vectors() {
  return state.load(std::memory_order_relaxed);
}

void vectors_init(unsigned hart_count) {
  if (devices.harts_with_vectors == 0) return;
  if (devices.harts_with_vectors != hart_count) {
    state = Vectors::differ;
    return;
  }
  const unsigned bytes = read_length();
  if (!is_supported(bytes)) {
    state = Vectors::refused;
    return;
  }
  state = Vectors::usable;
  vector_bytes = bytes;
}

void check_vectors() {
  const unsigned expected = bytes_of_vector_register();
  if (expected == 0 || read_length() == expected) return;
  state = Vectors::differ;
  vector_bytes = 0;
  use_words_for_pages();
}

}  // namespace hal::riscv64
