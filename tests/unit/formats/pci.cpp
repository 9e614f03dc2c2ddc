// PCI functions of a PC: the walk over buses, BARs, and the capabilities of virtio devices, with
// registers that hold anything.
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "pc/pci.h"
#include "pc/virtio_parts.h"

namespace {

namespace pci = hal::pc::pci;

namespace config = hal::pc::pci::config;

using hal::MemoryRange;

using hal::pc::find_virtio_parts;

using hal::pc::VirtioParts;

using hal::virtio::DeviceType;

// ── Functions that a test puts together ──

struct Registers {
  std::array<std::uint8_t, 256> bytes{};
  std::array<std::uint32_t, 6> bar_mask{};  ///< the bits of each BAR that can be written

  template <class Number>
  void set(unsigned offset, Number value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
  }
  template <class Number>
  Number get(unsigned offset) const {
    Number value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  void set_bar(unsigned index, std::uint32_t value, std::uint32_t mask) {
    set(config::first_bar + 4 * index, value);
    bar_mask[index] = mask;
  }
};

class FakeSpace final : public pci::ConfigSpace {
 public:
  std::uint32_t read(pci::Address at, unsigned offset) override {
    if (offset % 4 != 0 || offset >= 256 || at.device >= 32 || at.function >= 8)
      FAIL("there is no such register");
    const auto found = functions.find(key(at));
    return found == functions.end() ? ~std::uint32_t{0} : found->second.get<std::uint32_t>(offset);
  }
  void write(pci::Address at, unsigned offset, std::uint32_t value) override {
    REQUIRE(offset % 4 == 0);
    Registers& registers = functions.at(key(at));
    if (offset >= config::first_bar && offset < config::first_bar + 24) {
      CHECK((registers.get<std::uint16_t>(config::command) & pci::command::memory) == 0);
      const std::uint32_t mask = registers.bar_mask[(offset - config::first_bar) / 4];
      value = (value & mask) | (registers.get<std::uint32_t>(offset) & ~mask);
    }
    if (offset == config::command) value |= read(at, offset) & 0xffff'0000;
    registers.set(offset, value);
  }

  Registers& add(pci::Address at, std::uint16_t vendor = 0x1234, std::uint16_t device = 1) {
    Registers& added = functions[key(at)];
    added.set(config::vendor, vendor);
    added.set(config::device, device);
    return added;
  }
  Registers& add_bridge(pci::Address at, std::uint8_t bus_behind) {
    Registers& added = add(at);
    added.set(config::header_type, std::uint8_t{1});
    added.set(config::secondary_bus, bus_behind);
    return added;
  }

  static unsigned key(pci::Address at) { return at.bus << 8 | at.device << 3 | at.function; }
  std::map<unsigned, Registers> functions;
};

std::vector<pci::Function> all_functions(FakeSpace& space) {
  std::vector<pci::Function> found(300);
  found.resize(pci::list_functions(space, found));
  return found;
}

}  // namespace

// ── The walk ──

TEST_CASE("the walk finds functions of all devices, also behind bridges") {
  FakeSpace space;
  space.add({0, 0, 0});
  space.add({0, 3, 0}).set(config::header_type, std::uint8_t{0x80});
  space.add({0, 3, 7});
  space.add({0, 4, 0});
  space.add({0, 4, 1});  // the device does not say that it has several functions
  space.add_bridge({0, 31, 0}, 2);
  space.add({2, 5, 0});
  space.add_bridge({2, 6, 0}, 9);
  space.add({9, 31, 0});
  space.add({7, 0, 0});  // no bridge leads to this bus
  std::vector<pci::Address> found;
  for (const pci::Function& function : all_functions(space)) found.push_back(function.address());
  CHECK(found == std::vector<pci::Address>{{0, 0, 0},
                                           {0, 3, 0},
                                           {0, 3, 7},
                                           {0, 4, 0},
                                           {0, 31, 0},
                                           {2, 5, 0},
                                           {2, 6, 0},
                                           {9, 31, 0}});
}

TEST_CASE("the walk visits each bus once, and stops when there is no more room") {
  FakeSpace space;
  space.add_bridge({0, 1, 0}, 0);
  space.add_bridge({0, 2, 0}, 5);
  space.add_bridge({0, 3, 0}, 5);
  space.add_bridge({5, 0, 0}, 0);
  CHECK(all_functions(space).size() == 4);
  std::array<pci::Function, 2> two;
  CHECK(pci::list_functions(space, two) == 2);
}

TEST_CASE("bridges rotate interrupt pins by the numbers of the devices behind them") {
  FakeSpace space;
  space.add({0, 6, 0}).set(config::interrupt_pin, std::uint8_t{2});
  space.add_bridge({0, 9, 0}, 1);
  space.add({1, 3, 0}).set(config::interrupt_pin, std::uint8_t{1});
  space.add_bridge({1, 2, 0}, 2);
  space.add({2, 5, 0}).set(config::interrupt_pin, std::uint8_t{4});
  space.add({2, 6, 0}).set(config::interrupt_pin, std::uint8_t{0});
  space.add({2, 7, 0}).set(config::interrupt_pin, std::uint8_t{5});
  const auto found = all_functions(space);
  REQUIRE(found.size() == 7);
  CHECK(found[0].root_pin() == 1U);
  CHECK(found[0].root_device() == 6);
  CHECK(found[3].address() == pci::Address{1, 3, 0});
  CHECK(found[3].root_pin() == 3U);
  CHECK(found[3].root_device() == 9);
  CHECK(found[4].root_pin() == (3U + 5 + 2) % 4);
  CHECK(found[4].root_device() == 9);
  CHECK(!found[5].root_pin());
  CHECK(!found[6].root_pin());
}

static_assert(pci::ich9_line(0, 0) == 20 && pci::ich9_line(2, 0) == 22);

static_assert(pci::ich9_line(3, 0) == 23 && pci::ich9_line(3, 1) == 20);

static_assert(pci::ich9_line(24, 3) == 23 && pci::ich9_line(25, 0) == 16);

static_assert(pci::ich9_line(31, 3) == 19 && pci::ich9_line(30, 3) == 23);

// ── BARs ──

namespace {

template <class Value>
pci::Trouble trouble_of(const std::expected<Value, pci::Trouble>& result) {
  return result ? "none" : result.error();
}

struct OneFunction {
  FakeSpace space;
  Registers& registers = space.add({0, 3, 0});
  pci::Function function{space, {0, 3, 0}};

  pci::Trouble trouble(unsigned index) { return trouble_of(function.bar(index)); }
};

}  // namespace

TEST_CASE("a BAR has an address and a size, and is not changed") {
  OneFunction one;
  one.registers.set(config::command, std::uint16_t{0x107});
  one.registers.set_bar(1, 0xfebd'1000, 0xffff'f000);
  one.registers.set_bar(4, 0x4000'000c, 0xffff'c000);  // 64 bits, prefetchable
  one.registers.set_bar(5, 0x38, 0xffff'ffff);
  const auto before = one.registers.bytes;
  const auto small = one.function.bar(1);
  REQUIRE(small);
  CHECK(small->base == 0xfebd'1000);
  CHECK(small->size == 0x1000);
  const auto large = one.function.bar(4);
  REQUIRE(large);
  CHECK(large->base == 0x38'4000'0000);
  CHECK(large->size == 0x4000);
  CHECK(one.registers.bytes == before);
}

TEST_CASE("a BAR that selects no memory is refused") {
  OneFunction one;
  CHECK(one.trouble(6) == "the number of its BAR is wrong");
  one.registers.set_bar(0, 0xc001, 0xffff'fffc);
  CHECK(one.trouble(0) == "its BAR selects I/O ports");
  one.registers.set_bar(0, 0xc000'0002, 0xffff'f000);
  CHECK(one.trouble(0) == "its BAR has an unknown type");
  one.registers.set_bar(5, 0xc000'0004, 0xffff'f000);
  CHECK(one.trouble(5) == "its BAR has no upper half");
  one.registers.set_bar(0, 0, 0);
  CHECK(one.trouble(0) == "its BAR has no size");
  one.registers.set_bar(0, 0xc000'0000, 0xf0ff'f000);
  CHECK(one.trouble(0) == "the size of its BAR is no power of two");
  one.registers.set_bar(0, 0, 0xffff'f000);
  CHECK(one.trouble(0) == "its BAR has no address");
  one.registers.set_bar(0, 0xc000'1000, 0xffff'c000);
  CHECK(one.trouble(0) == "the size of its BAR is no power of two");
}

TEST_CASE("a BAR outside of the direct map is refused") {
  constexpr pci::Trouble outside = "its BAR is outside of the memory that the kernel can map";
  OneFunction one;
  one.registers.set_bar(0, 0xa'0000, 0xffff'f000);
  CHECK(one.trouble(0) == outside);
  one.registers.set_bar(0, 0x4, 0xffff'f000);
  one.registers.set_bar(1, 0x4000, 0xffff'ffff);  // 2^46
  CHECK(one.trouble(0) == outside);
  one.registers.set_bar(1, 0x3fff, 0xffff'ffff);
  CHECK(one.function.bar(0));
  one.registers.set_bar(0, 0x4, 0);
  one.registers.set_bar(1, 0x8000'0000, 0x8000'0000);  // 2^63 bytes at 2^63
  CHECK(one.trouble(0) == outside);
}

// ── Virtio devices ──

namespace {

constexpr std::uint64_t bar_4 = 0xfe00'0000, bar_4_bytes = 0x4000, bar_1 = 0xfebd'0000;

/// A capability of a virtio device, in the order of its bytes.
void add_part(Registers& registers, unsigned at, unsigned next, std::uint8_t type,
              std::uint32_t offset, std::uint32_t bytes) {
  registers.set(at, std::uint8_t{0x09});
  registers.set(at + 1, static_cast<std::uint8_t>(next));
  registers.set(at + 2, std::uint8_t{type == 2 ? std::uint8_t{20} : std::uint8_t{16}});
  registers.set(at + 3, type);
  registers.set(at + 4, std::uint8_t{4});
  registers.set(at + 8, offset);
  registers.set(at + 12, bytes);
}

/// A disk like QEMU's.

struct Disk : OneFunction {
  static constexpr unsigned msi_x = 0x98, device = 0x60, notify = 0x70, isr = 0x50, common = 0x40;

  Disk() {
    space.add({0, 3, 0}, 0x1af4, 0x1042);
    registers.set(config::status, std::uint16_t{0x10});
    registers.set(config::capabilities, std::uint8_t{msi_x});
    registers.set_bar(1, bar_1, 0xffff'f000);
    registers.set_bar(4, static_cast<std::uint32_t>(bar_4) | 4, ~std::uint32_t{bar_4_bytes - 1});
    registers.set_bar(5, 0, ~std::uint32_t{0});
    registers.set(msi_x, std::uint8_t{0x11});
    registers.set(msi_x + 1, std::uint8_t{notify});
    registers.set(msi_x + 2, std::uint16_t{2});  // three entries
    registers.set(msi_x + 4, std::uint32_t{0x801});
    add_part(registers, notify, device, 2, 0x3000, 0x1000);
    registers.set(notify + 16, std::uint32_t{4});
    add_part(registers, device, isr, 4, 0x2000, 0x1000);
    add_part(registers, isr, common, 3, 0x1000, 0x1000);
    add_part(registers, common, 0, 1, 0, 0x1000);
    is_used = {};
  }

  static bool is_free(const MemoryRange& range) {
    return range.base >= is_used.end() || is_used.base >= range.end();
  }
  std::expected<VirtioParts, pci::Trouble> parts() { return find_virtio_parts(function, is_free); }

  static inline MemoryRange is_used{};
};

}  // namespace

TEST_CASE("a virtio device's capabilities say where its registers are") {
  Disk disk;
  CHECK(hal::pc::virtio_type(disk.function) == DeviceType::block);
  const auto parts = disk.parts();
  REQUIRE(parts);
  CHECK(parts->common.base == bar_4);
  CHECK(parts->common.size == 0x1000);
  CHECK(parts->isr.base == bar_4 + 0x1000);
  CHECK(parts->config.base == bar_4 + 0x2000);
  CHECK(parts->notify.base == bar_4 + 0x3000);
  CHECK(parts->notify_multiplier == 4);
  CHECK(parts->message.base == bar_1 + 0x800);
  CHECK(parts->message.size == 16);
}

TEST_CASE("the type of a virtio device is in its identifier, or is its subsystem") {
  OneFunction one;
  const auto type_of = [&one](std::uint16_t vendor, std::uint16_t device) {
    one.space.add({0, 3, 0}, vendor, device).set(config::subsystem, std::uint16_t{4});
    return hal::pc::virtio_type(one.function);
  };
  CHECK(type_of(0x1af4, 0x1044) == DeviceType::entropy);
  CHECK(type_of(0x1af4, 0x1005) == DeviceType::entropy);
  CHECK(!type_of(0x1af4, 0x1080));
  CHECK(!type_of(0x1af4, 0x0fff));
  CHECK(!type_of(0x8086, 0x1044));
}

TEST_CASE("a virtio device without a table of messages or a configuration is usable") {
  Disk disk;
  disk.registers.set(config::capabilities, std::uint8_t{Disk::notify});
  disk.registers.set(Disk::notify + 1, std::uint8_t{Disk::isr});
  const auto parts = disk.parts();
  REQUIRE(parts);
  CHECK(parts->message.size == 0);
  CHECK(parts->config.size == 0);
}

TEST_CASE("the first capability of a type counts, unless its BAR has a reserved number") {
  Disk disk;
  disk.registers.set(Disk::common + 1, std::uint8_t{0xb0});
  add_part(disk.registers, 0xb0, 0xc0, 1, 0x100, 0x100);
  add_part(disk.registers, 0xc0, 0, 3, 0x200, 0x100);
  SECTION("the first one is kept") {
    CHECK(disk.parts()->common.base == bar_4);
  }
  SECTION("the second one replaces it") {
    disk.registers.set(Disk::isr + 4, std::uint8_t{6});
    CHECK(disk.parts()->isr.base == bar_4 + 0x200);
  }
}

TEST_CASE("a virtio device whose registers are not in its BARs is refused") {
  Disk disk;
  pci::Trouble expected;
  SECTION("a part begins at the end") {
    disk.registers.set(Disk::isr + 8, std::uint32_t{bar_4_bytes});
    expected = "its registers are outside of its BAR";
  }
  SECTION("a part ends behind the end") {
    disk.registers.set(Disk::notify + 12, std::uint32_t{0x1001});
    expected = "its registers are outside of its BAR";
  }
  SECTION("the end of a part wraps around") {
    disk.registers.set(Disk::device + 12, ~std::uint32_t{0});
    expected = "its registers are outside of its BAR";
  }
  SECTION("the table of messages ends behind the end") {
    disk.registers.set(Disk::msi_x + 2, std::uint16_t{0x80});
    expected = "its registers are outside of its BAR";
  }
  SECTION("the table of messages has no BAR") {
    disk.registers.set(Disk::msi_x + 4, std::uint32_t{7});
    expected = "the number of its BAR is wrong";
  }
  SECTION("a part is too short") {
    disk.registers.set(Disk::common + 12, std::uint32_t{0x37});
    expected = "it has too few registers";
  }
  SECTION("a part is empty") {
    disk.registers.set(Disk::isr + 12, std::uint32_t{0});
    expected = "it has too few registers";
  }
  SECTION("a part is not aligned") {
    disk.registers.set(Disk::common + 8, std::uint32_t{2});
    expected = "its registers are not aligned";
  }
  SECTION("the BAR overlaps memory in use") {
    Disk::is_used = {bar_4 + bar_4_bytes - 1, 1};
    expected = "its BAR overlaps RAM or another device";
  }
  SECTION("the BAR of the table of messages overlaps memory in use") {
    Disk::is_used = {bar_1, 1};
    expected = "its BAR overlaps RAM or another device";
  }
  SECTION("it says nothing of its capabilities") {
    disk.registers.set(config::status, std::uint16_t{0});
    expected = "it has only the interface from before virtio 1.0";
  }
  SECTION("the capability of its notifications is too short") {
    disk.registers.set(Disk::notify + 2, std::uint8_t{16});
    expected = "it has only the interface from before virtio 1.0";
  }
  SECTION("a capability ends behind the registers") {
    disk.registers.set(Disk::isr + 1, std::uint8_t{0xf4});
    add_part(disk.registers, 0xf0, 0, 1, 0, 0x1000);
    disk.registers.set(0xf4, std::uint8_t{0x09});
    expected = "it has only the interface from before virtio 1.0";
  }
  CHECK(trouble_of(disk.parts()) == expected);
}

TEST_CASE("a chain of capabilities without an end is left") {
  Disk disk;
  disk.registers.set(Disk::common + 1, std::uint8_t{Disk::msi_x});
  CHECK(disk.parts());
  disk.registers.set(Disk::msi_x + 1, std::uint8_t{Disk::msi_x});
  CHECK(!disk.parts());
}

TEST_CASE("messages are enabled for all entries of the table") {
  Disk disk;
  disk.registers.set(Disk::msi_x + 2, std::uint16_t{0x4002});
  hal::pc::enable_messages(disk.function);
  CHECK(disk.registers.get<std::uint16_t>(Disk::msi_x + 2) == 0x8002);
}

TEST_CASE("damaged registers of a virtio device lead to no range outside of its BARs") {
  std::mt19937 random{11};
  unsigned usable = 0;
  for (int round = 0; round < 20'000; ++round) {
    Disk disk;
    Disk::is_used = {bar_4 + random() % 0x8000, random() % 2};
    for (unsigned damage = random() % 4; damage > 0; --damage) {
      // Few bytes of a function matter: those of its header, and its capabilities.
      disk.registers.bytes[4 + random() % 0xfc] = static_cast<std::uint8_t>(random());
      if (random() % 8 == 0)
        disk.registers.bar_mask[random() % 6] = static_cast<std::uint32_t>(random());
    }
    disk.registers.set(config::command, std::uint16_t{0});
    const auto parts = disk.parts();
    (void)disk.function.root_pin();
    (void)all_functions(disk.space);
    if (!parts) continue;
    ++usable;
    std::vector<MemoryRange> bars;
    for (unsigned index = 0; index < 6; ++index) {
      if (const auto bar = disk.function.bar(index)) bars.push_back(*bar);
    }
    for (const MemoryRange& part :
         {parts->common, parts->notify, parts->isr, parts->config, parts->message}) {
      if (part.size == 0) continue;
      CHECK(part.size <= 64 << 10);
      CHECK(std::ranges::any_of(bars, [&part](const MemoryRange& bar) {
        return part.base >= bar.base && part.end() <= bar.end() && part.end() > part.base &&
               Disk::is_free(bar) && bar.end() <= std::uint64_t{1} << 46;
      }));
    }
    CHECK(parts->common.size >= 0x38);
    CHECK(parts->notify.size >= 2);
  }
  CHECK(usable > 1000);
}
