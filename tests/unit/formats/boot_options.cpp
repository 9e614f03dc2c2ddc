// The kernel command line.
#include "formats/boot_options.h"

#include <catch2/catch_test_macros.hpp>

using kernel::formats::BootOptions;
using kernel::formats::percent_decoded;
using Values = std::vector<std::string_view>;

TEST_CASE("words are keys with or without a value") {
  const BootOptions options("init=/bin/sh quiet  mark=42\n");
  CHECK(options.value("init") == "/bin/sh");
  CHECK(options.has("quiet"));
  CHECK(options.value("quiet") == "");
  CHECK(options.number("mark") == 42);
  CHECK_FALSE(options.has("mem"));
  CHECK_FALSE(options.value("mem"));
}

TEST_CASE("nothing but spaces holds no options") {
  CHECK_FALSE(BootOptions("").has(""));
  CHECK_FALSE(BootOptions("   ").has(""));
}

TEST_CASE("repeated keys keep their order, and the last counts if an option has one value") {
  const BootOptions options("arg=a arg=b%20c arg= policy=fifo policy=fair");
  CHECK(options.values("arg") == Values{"a", "b c", ""});
  CHECK(options.value("policy") == "fair");
  CHECK(options.values("none").empty());
}

TEST_CASE("only the first equals sign separates") {
  CHECK(BootOptions("env=PATH=/bin").value("env") == "PATH=/bin");
}

TEST_CASE("a percent sign and two digits encode a byte, other percent signs stay") {
  CHECK(percent_decoded("a%20b%25") == "a b%");
  CHECK(percent_decoded("%e2%9C%93") == "\xe2\x9c\x93");
  CHECK(percent_decoded("100%") == "100%");
  CHECK(percent_decoded("%2") == "%2");
  CHECK(percent_decoded("%zz%-1%+1") == "%zz%-1%+1");
  CHECK(percent_decoded("%00") == std::string(1, '\0'));
  CHECK(BootOptions("arg=%0a%3d").value("arg") == "\n=");
}

TEST_CASE("text that is no number is rejected") {
  const BootOptions options("a=12x b= c d=-1 e=99999999999999999999 f=007");
  for (const char* key : {"a", "b", "c", "d", "e", "missing"}) {
    CAPTURE(key);
    CHECK_FALSE(options.number(key));
  }
  CHECK(options.number("f") == 7);
}
