// The values of the registers of physical memory protection, against the privileged specification.
#include <hal/machine/pmp_layout.h>

#include <catch2/catch_test_macros.hpp>

namespace pmp = hal::riscv64::pmp;
using hal::Access;

TEST_CASE("a PMP address register has the bits 55 to 2 of an address") {
  CHECK(pmp::address_value(0x8000'0000) == 0x2000'0000);
  CHECK(pmp::address_value(0x8020'1000) == 0x2008'0400);
  CHECK(pmp::address_value(std::uint64_t{1} << 55) == std::uint64_t{1} << 53);
}

TEST_CASE("a PMP configuration has R, W and X in bits 0 to 2 and TOR in bits 3 and 4") {
  CHECK(pmp::config_byte(Access::read) == 0b0'00'01'001);
  CHECK(pmp::config_byte(Access::read | Access::write) == 0b0'00'01'011);
  CHECK(pmp::config_byte(Access::read | Access::execute) == 0b0'00'01'101);
  CHECK(pmp::config_byte(Access::none) == 0b0'00'01'000);
}

TEST_CASE("no PMP configuration is locked, so it binds programs only") {
  for (unsigned rights = 0; rights < 8; ++rights)
    CHECK((pmp::config_byte(static_cast<Access>(rights)) & 0x80) == 0);
}

TEST_CASE("the end of a PMP region is in the odd entry of its pair") {
  CHECK(pmp::config_shift(0) == 8);   // entry 1, in pmpcfg0
  CHECK(pmp::config_shift(3) == 56);  // entry 7
  CHECK(pmp::config_shift(4) == 8);   // entry 9, in pmpcfg2
  CHECK(pmp::config_shift(7) == 56);  // entry 15
}
