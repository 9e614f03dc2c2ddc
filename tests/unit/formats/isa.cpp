// The reader of ISA strings.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>

#include "riscv64/isa.h"

using hal::riscv64::isa_has;

TEST_CASE("an ISA string has the extensions of one letter that it lists") {
  CHECK(isa_has("rv64imafdcv", "v"));
  CHECK(isa_has("rv64imafdcvh_zicboz", "v"));
  CHECK(isa_has("rv64i2p1m2p0a2p1f2p2d2p2c2p0v1p0", "v"));
  CHECK(isa_has("RV64IMAFDCV", "v"));
  CHECK(isa_has("rv64i_m_a_v", "v"));
  CHECK(isa_has("rv128iv", "v"));
  CHECK_FALSE(isa_has("rv64imafdc", "v"));
  // The v of "rv64" and letters inside of longer names are no extensions.
  CHECK_FALSE(isa_has("rv64", "v"));
  CHECK_FALSE(isa_has("rv64imafdc_zve64d_svinval", "v"));
  CHECK_FALSE(isa_has("rv64imafdczvbb_sv", "v"));
  CHECK_FALSE(isa_has("rv64imafdc_xv", "v"));
}

TEST_CASE("the p of a version is no extension") {
  CHECK_FALSE(isa_has("rv64i2p1m2", "p"));
  CHECK(isa_has("rv64i2p", "p"));
  CHECK(isa_has("rv64ip", "p"));
  CHECK(isa_has("rv64i2p1p", "p"));
}

TEST_CASE("an ISA string has the extensions of several letters that it lists, by the whole name") {
  constexpr std::string_view isa = "rv64imafdcv_zic64b_zicboz1p0_sstc_svinval2";
  CHECK(isa_has(isa, "zic64b"));
  CHECK(isa_has(isa, "zicboz"));
  CHECK(isa_has(isa, "sstc"));
  CHECK(isa_has(isa, "svinval"));
  CHECK_FALSE(isa_has(isa, "zicbo"));
  CHECK_FALSE(isa_has(isa, "zic"));
  CHECK_FALSE(isa_has(isa, "stc"));
  CHECK(isa_has("rv64imacZICBOZ", "zicboz"));
}

TEST_CASE("a string that is no ISA string has no extensions") {
  for (const std::string_view text :
       {"", "r", "rv", "v", "vvvv", "x86-64-v", "rv6", "_", "\xff\xff\xff\xff\xff", "riscv,v"}) {
    CHECK_FALSE(isa_has(text, "v"));
    CHECK_FALSE(isa_has(text, "zicboz"));
  }
  CHECK_FALSE(isa_has("rv64imac_zicboz", ""));
}

TEST_CASE("damaged ISA strings are read to their end and not beyond") {
  constexpr std::string_view isa = "rv64i2p1mafdcv1p0_zic64b_zicboz1p0_sstc";
  for (std::size_t length = 0; length <= isa.size(); ++length) {
    const std::string cut{isa.substr(0, length)};  // a sanitizer sees reads behind it
    CHECK(isa_has(cut, "v") == (length > isa.find('v', 2)));
    static_cast<void>(isa_has(cut, "zicboz"));
  }
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 0; place < isa.size(); ++place) {
      std::string damaged{isa};
      damaged[place] = static_cast<char>(byte);
      static_cast<void>(isa_has(damaged, "v"));
      static_cast<void>(isa_has(damaged, "zicboz"));
    }
  }
  CHECK(isa_has("rv64" + std::string(10'000, '9') + "v", "v"));
  CHECK(isa_has("rv64" + std::string(10'000, '_') + "v", "v"));
  CHECK_FALSE(isa_has("rv64_" + std::string(10'000, 'z'), "v"));
}
