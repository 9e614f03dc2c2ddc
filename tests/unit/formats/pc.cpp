// What firmware tells about a PC: ACPI tables and the start information, in a small physical
// memory. The redirection entries of its I/O APICs. And the time of its clock.
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pc/acpi.h"
#include "pc/message.h"
#include "pc/redirection.h"
#include "pc/start_info.h"
#include "pc/wall_clock.h"

namespace {

namespace acpi = hal::acpi;
using hal::pc::Message;
using hal::pc::Redirection;
using hal::pc::StartInfo;

// ── A physical memory of 64 KiB ──

constexpr std::size_t memory_bytes = 64 << 10;
// On the heap, so that AddressSanitizer sees a read beyond a range: each read gets a copy of its
// bytes.
std::vector<std::byte> ram(memory_bytes);
std::vector<std::vector<std::byte>> given;

std::span<const std::byte> read_ram(std::uint64_t address, std::size_t bytes) {
  if (address >= ram.size() || bytes > ram.size() - address) return {};
  const auto* const first = ram.data() + address;
  given.emplace_back(first, first + bytes);
  return given.back();
}

void clear_ram() {
  ram.assign(memory_bytes, std::byte{0});
  given.clear();
}

/// Bytes that a test puts together.
class Bytes {
 public:
  template <class Number>
  Bytes& add(Number number) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof number);
    std::memcpy(bytes_.data() + at, &number, sizeof number);
    return *this;
  }
  Bytes& add_text(std::string_view text) {
    for (const char letter : text) bytes_.push_back(static_cast<std::byte>(letter));
    return *this;
  }
  Bytes& fill_to(std::size_t size) {
    bytes_.resize(size);
    return *this;
  }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> bytes_;
};

std::byte complement(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  return static_cast<std::byte>(-sum);
}

void put(std::size_t at, const Bytes& bytes) {
  std::ranges::copy(bytes.bytes_, ram.begin() + static_cast<std::ptrdiff_t>(at));
}

/// Puts a table with this content at `at`: its length and its checksum are right.
void put_table(std::size_t at, std::string_view signature, const Bytes& content) {
  Bytes table;
  table.add_text(signature).add(static_cast<std::uint32_t>(36 + content.size())).fill_to(36);
  for (const std::byte byte : content.bytes_) table.add(std::to_integer<std::uint8_t>(byte));
  table.bytes_[9] = complement(table.bytes_);
  put(at, table);
}

constexpr std::size_t rsdp_at = 0x100, root_at = 0x200, madt_at = 0x400, fadt_at = 0x800;
constexpr std::size_t dsdt_at = 0x1000, mcfg_at = 0x1400;

void put_rsdp(std::uint8_t revision) {
  Bytes rsdp;
  rsdp.add_text("RSD PTR ").fill_to(15).add(revision).add(std::uint32_t{root_at});
  rsdp.bytes_[8] = complement(rsdp.bytes_);
  if (revision >= 2) {
    rsdp.add(std::uint32_t{36}).add(std::uint64_t{root_at}).fill_to(36);
    rsdp.bytes_[32] = complement(rsdp.bytes_);
  }
  put(rsdp_at, rsdp);
}

Bytes small_madt() {
  Bytes madt;
  madt.add(std::uint32_t{0xfee0'0000}).add(std::uint32_t{1});
  const auto local_apic = [&](std::uint8_t id, std::uint32_t flags) {
    madt.add(std::uint8_t{0}).add(std::uint8_t{8}).add(std::uint8_t{0}).add(id).add(flags);
  };
  local_apic(0, 1);
  local_apic(4, 1);
  local_apic(6, 0);                                                       // switched off
  madt.add(std::uint8_t{9}).add(std::uint8_t{16}).add(std::uint16_t{0});  // an x2APIC
  madt.add(std::uint32_t{300}).add(std::uint32_t{1}).add(std::uint32_t{7});
  madt.add(std::uint8_t{1}).add(std::uint8_t{12}).add(std::uint16_t{0});  // an I/O APIC
  madt.add(std::uint32_t{0xfec0'0000}).add(std::uint32_t{24});
  madt.add(std::uint8_t{2}).add(std::uint8_t{10}).add(std::uint8_t{0}).add(std::uint8_t{9});
  madt.add(std::uint32_t{20}).add(std::uint16_t{0b1111});
  return madt;
}

/// A machine like QEMU's q35, but smaller.
void put_small_pc(std::uint8_t revision = 0) {
  clear_ram();
  put_rsdp(revision);
  Bytes root;
  for (const std::size_t table : {madt_at, fadt_at, mcfg_at}) {
    if (revision >= 2) {
      root.add(std::uint64_t{table});
    } else {
      root.add(static_cast<std::uint32_t>(table));
    }
  }
  put_table(root_at, revision >= 2 ? "XSDT" : "RSDT", root);
  put_table(madt_at, "APIC", small_madt());
  Bytes fadt;
  fadt.fill_to(4).add(std::uint32_t{dsdt_at}).fill_to(28).add(std::uint32_t{0x604}).fill_to(200);
  put_table(fadt_at, "FACP", fadt);
  Bytes dsdt;
  dsdt.add_text("\x10\x20_SB_\x08").add_text("_S5_").add(std::uint8_t{0x12}).add(std::uint8_t{6});
  dsdt.add(std::uint8_t{4}).add(std::uint8_t{0x0a}).add(std::uint8_t{5}).fill_to(40);
  put_table(dsdt_at, "DSDT", dsdt);
  Bytes mcfg;
  mcfg.fill_to(8).add(std::uint64_t{0xb000'0000}).add(std::uint32_t{0xff00'0000});
  put_table(mcfg_at, "MCFG", mcfg.add(std::uint32_t{0}));
}

/// Reads all that the kernel reads.
void read_everything() {
  const auto tables = acpi::Tables::open(read_ram, rsdp_at);
  if (!tables) return;
  acpi::Interrupts found;
  tables->for_each_damaged([](std::string_view signature) { CHECK(signature.size() == 4); });
  if (const auto madt = tables->find("APIC")) acpi::read_interrupts(*madt, found);
  if (const auto mcfg = tables->find("MCFG")) (void)acpi::read_config_area(*mcfg);
  if (const auto fadt = tables->find("FACP")) {
    (void)acpi::may_have_keyboard_controller(*fadt);
    const auto address = acpi::address_of_dsdt(*fadt);
    const auto dsdt = address ? tables->table_at(*address) : std::nullopt;
    if (dsdt) (void)acpi::read_soft_off(*fadt, *dsdt);
  }
  CHECK(found.processors().size() <= found.apic_ids.size());
  CHECK(found.controller_count <= found.controllers.size());
}

TEST_CASE("ACPI tables tell the processors, the interrupt lines and the way to switch off") {
  for (const std::uint8_t revision : {0, 2}) {
    put_small_pc(revision);
    const auto tables = acpi::Tables::open(read_ram, rsdp_at);
    REQUIRE(tables);
    const auto madt = tables->find("APIC");
    REQUIRE(madt);
    acpi::Interrupts found;
    acpi::read_interrupts(*madt, found);
    CHECK(std::ranges::equal(found.processors(), std::array{0, 4, 300}));
    REQUIRE(found.controller_count == 1);
    CHECK(found.controllers[0].address == 0xfec0'0000);
    CHECK(found.controllers[0].first_line == 24);
    REQUIRE(found.overrides[9]);
    CHECK(found.overrides[9]->line == 20);
    CHECK(found.overrides[9]->active_low == true);
    CHECK(!found.overrides[4]);

    const auto fadt = tables->find("FACP");
    REQUIRE(fadt);
    REQUIRE(acpi::address_of_dsdt(*fadt) == dsdt_at);
    const auto off = acpi::read_soft_off(*fadt, *tables->table_at(dsdt_at));
    REQUIRE(off);
    CHECK(off->port == 0x604);
    CHECK(off->type == 5);
  }
}

TEST_CASE("the root pointer is found in the memory of a BIOS") {
  put_small_pc();
  CHECK(acpi::find_rsdp(ram) == rsdp_at);
  ram[rsdp_at + 10] ^= std::byte{1};  // the checksum is wrong now
  CHECK(!acpi::find_rsdp(ram));
  CHECK(!acpi::Tables::open(read_ram, rsdp_at));
}

TEST_CASE("a table with a wrong checksum or length is ignored") {
  put_small_pc();
  ram[madt_at + 40] ^= std::byte{1};
  CHECK(!acpi::Tables::open(read_ram, rsdp_at)->find("APIC"));
  put_small_pc();
  ram[madt_at + 7] = std::byte{0xff};  // 4 GiB
  CHECK(!acpi::Tables::open(read_ram, rsdp_at)->find("APIC"));
  put_small_pc();
  ram[root_at + 4] = std::byte{8};  // shorter than a header
  CHECK(!acpi::Tables::open(read_ram, rsdp_at));
}

TEST_CASE("an entry of the MADT that is too long or empty ends the reading") {
  for (const std::uint8_t length : {0, 1, 200}) {
    Bytes madt = small_madt();
    madt.bytes_[8 + 8 + 1] = std::byte{length};  // of the second processor
    clear_ram();
    put_table(madt_at, "APIC", madt);
    acpi::Interrupts found;
    acpi::read_interrupts(std::span(ram).subspan(madt_at, 36 + madt.size()), found);
    CHECK(found.processors().size() == 1);
  }
}

TEST_CASE("an override says which polarity the line has, or leaves it to the bus") {
  const std::array<std::pair<std::uint16_t, std::optional<bool>>, 4> polarities{
      {{0b0000, std::nullopt}, {0b1101, false}, {0b1111, true}, {0b0010, std::nullopt}}};
  for (const auto& [flags, active_low] : polarities) {
    Bytes madt;
    madt.fill_to(8).add(std::uint8_t{2}).add(std::uint8_t{10}).add(std::uint8_t{0});
    madt.add(std::uint8_t{11}).add(std::uint32_t{11}).add(flags);
    put_table(madt_at, "APIC", madt);
    acpi::Interrupts found;
    acpi::read_interrupts(std::span(ram).subspan(madt_at, 36 + madt.size()), found);
    REQUIRE(found.overrides[11]);
    CHECK(found.overrides[11]->active_low == active_low);
  }
}

/// An entry of the table MCFG.
struct Area {
  std::uint64_t address;
  std::uint16_t segment;
  std::uint8_t first_bus, last_bus;
};

std::optional<acpi::ConfigArea> config_area(std::initializer_list<Area> entries) {
  Bytes mcfg;
  mcfg.fill_to(8);
  for (const auto& [address, segment, first, last] : entries)
    mcfg.add(address).add(segment).add(first).add(last).add(std::uint32_t{0});
  clear_ram();
  put_table(madt_at, "MCFG", mcfg);
  return acpi::read_config_area(std::span(ram).subspan(madt_at, 36 + mcfg.size()));
}

TEST_CASE("the table MCFG has the configuration registers of segment group 0") {
  const auto area = config_area({{0x1'0000'0000, 1, 0, 255}, {0xb000'0000, 0, 0, 255}});
  REQUIRE(area);
  CHECK(area->address == 0xb000'0000);
  CHECK(area->last_bus == 255);
  CHECK(area->bytes() == 0x1000'0000);
}

TEST_CASE("a table MCFG without bus 0, or with a wrong address, is not used") {
  CHECK(!config_area({}));
  CHECK(!config_area({{0xb000'0000, 0, 1, 255}}));
  CHECK(!config_area({{0, 0, 0, 255}}));
  CHECK(!config_area({{0xb000'1000, 0, 0, 255}}));
  CHECK(!config_area({{0xffff'ffff'fff0'0000, 0, 0, 0}}));
  CHECK(!acpi::read_config_area({}));
}

TEST_CASE("a PC may have a keyboard controller unless the table FACP denies it") {
  const auto may_have = [](std::uint8_t revision, std::uint16_t flags, std::size_t bytes) {
    Bytes fadt;
    fadt.fill_to(8).add(revision).fill_to(109).add(flags).fill_to(bytes);
    return acpi::may_have_keyboard_controller(fadt.bytes_);
  };
  CHECK(may_have(1, 0, 116));
  CHECK(may_have(3, 0b10, 244));
  CHECK(!may_have(3, 0, 244));
  CHECK(!may_have(6, 0b01, 276));
  CHECK(!may_have(3, 0b10, 100));  // too short for the flags
}

TEST_CASE("processors beyond the array are counted, not stored") {
  Bytes madt;
  madt.fill_to(8);
  for (std::uint32_t id = 0; id < 1500; ++id) {
    madt.add(std::uint8_t{9}).add(std::uint8_t{16}).add(std::uint16_t{0});
    madt.add(id).add(std::uint32_t{1}).add(id);
  }
  clear_ram();
  put_table(madt_at, "APIC", madt);
  acpi::Interrupts found;
  acpi::read_interrupts(std::span(ram).subspan(madt_at, 36 + madt.size()), found);
  CHECK(found.processor_count == 1500);
  CHECK(found.processors().size() == acpi::Interrupts::most_processors);
}

TEST_CASE("each table that is not valid has its signature reported") {
  const auto damaged = [] {
    std::vector<std::string> signatures;
    acpi::Tables::open(read_ram, rsdp_at)->for_each_damaged([&](std::string_view signature) {
      signatures.emplace_back(signature);
    });
    return signatures;
  };
  for (const std::uint8_t revision : {0, 2}) {
    put_small_pc(revision);
    CHECK(damaged().empty());
    ram[madt_at + 40] ^= std::byte{1};
    ram[mcfg_at] = std::byte{0x1b};  // no letter
    CHECK(damaged() == std::vector<std::string>{"APIC", "?CFG"});
  }
}

TEST_CASE("damaged firmware tables are read without an access outside of them") {
  std::mt19937 random{7};
  for (int round = 0; round < 4000; ++round) {
    put_small_pc(round % 2 == 0 ? 0 : 2);
    for (int damage = 0; damage < 3; ++damage) {
      constexpr std::array tables{rsdp_at, root_at, madt_at, fadt_at, dsdt_at, mcfg_at};
      const std::size_t table = tables[random() % tables.size()];
      ram[table + random() % 100] = static_cast<std::byte>(random());
      // With its checksum mended, the reader believes the table.
      if (table == rsdp_at || random() % 4 == 0) continue;
      std::uint32_t length;
      std::memcpy(&length, ram.data() + table + 4, sizeof length);
      if (length < 36 || length > 3000) continue;
      ram[table + 9] = std::byte{0};
      ram[table + 9] = complement(std::span(ram).subspan(table, length));
    }
    read_everything();
  }
}

// ── Start information ──

constexpr std::size_t start_at = 0x40, map_at = 0x2000, line_at = 0x3000, module_at = 0x3800;

struct Ram {
  std::uint64_t address, size;
  std::uint32_t type = 1;
};

void put_start(std::initializer_list<Ram> map) {
  clear_ram();
  Bytes start;
  start.add(std::uint32_t{0x336e'c578}).add(std::uint32_t{1}).add(std::uint32_t{0});
  start.add(std::uint32_t{1}).add(std::uint64_t{module_at}).add(std::uint64_t{line_at});
  start.add(std::uint64_t{rsdp_at}).add(std::uint64_t{map_at});
  start.add(static_cast<std::uint32_t>(map.size())).add(std::uint32_t{0});
  put(start_at, start);
  Bytes entries;
  for (const auto& [address, size, type] : map)
    entries.add(address).add(size).add(type).add(std::uint32_t{0});
  put(map_at, entries);
  put(line_at, Bytes{}.add_text("init=/bin/sh quiet"));
  put(module_at, Bytes{}.add(std::uint64_t{0x4000}).add(std::uint64_t{0x500}).fill_to(32));
}

TEST_CASE("the start information has memory, the command line and the boot archive") {
  put_start({{0, 0x9'fc00}, {0x9'fc00, 0x400, 2}, {0x10'0000, 0x100'0000}});
  const auto start = StartInfo::open(read_ram, start_at);
  REQUIRE(start);
  CHECK(start->rsdp() == rsdp_at);
  CHECK(start->command_line() == "init=/bin/sh quiet");
  REQUIRE(start->archive());
  CHECK(start->archive()->base == 0x4000);
  CHECK(start->archive()->size == 0x500);
  std::array<hal::MemoryRange, 8> ranges;
  const auto memory = start->memory(ranges);
  REQUIRE(memory.size() == 2);
  CHECK(memory[0].base == 0);
  CHECK(memory[1].end() == 0x110'0000);
  CHECK(!StartInfo::open(read_ram, start_at + 4));
}

TEST_CASE("ranges of memory that overlap become one, in order") {
  put_start({{0x30'0000, 0x10'0000}, {0x10'0000, 0x20'0000}, {0x18'0000, 0x1000}, {0x80'0000, 0}});
  std::array<hal::MemoryRange, 8> ranges;
  const auto memory = StartInfo::open(read_ram, start_at)->memory(ranges);
  REQUIRE(memory.size() == 1);
  CHECK(memory[0].base == 0x10'0000);
  CHECK(memory[0].size == 0x30'0000);
}

TEST_CASE("memory that another entry of the map also has is no RAM") {
  put_start({{0x10'0000, 0x40'0000}, {0x20'0000, 0x1'0000, 2}, {0x4f'f000, 0x1'0000, 3}});
  std::array<hal::MemoryRange, 8> ranges;
  const auto memory = StartInfo::open(read_ram, start_at)->memory(ranges);
  REQUIRE(memory.size() == 2);
  CHECK(memory[0].base == 0x10'0000);
  CHECK(memory[0].end() == 0x20'0000);
  CHECK(memory[1].base == 0x21'0000);
  CHECK(memory[1].end() == 0x4f'f000);
}

TEST_CASE("a range of memory that ends beyond the direct map is cut") {
  put_start({{0x10'0000, ~std::uint64_t{0}}, {~std::uint64_t{0} - 8, 64}});
  std::array<hal::MemoryRange, 8> ranges;
  const auto memory = StartInfo::open(read_ram, start_at)->memory(ranges);
  REQUIRE(memory.size() == 1);
  CHECK(memory[0].end() == std::uint64_t{1} << 46);
}

// ── Redirection entries: each field against the layout of the manual (82093AA, section 3.2.4) ──

constexpr std::uint64_t bits_of(const Redirection& entry) {
  return std::uint64_t{entry.high()} << 32 | entry.low();
}

static_assert(bits_of({.vector = 0xa5, .masked = false}) == 0xa5);
static_assert(bits_of({.delivery = 7, .masked = false}) == 0x700);
static_assert(bits_of({.logical = true, .masked = false}) == 1 << 11);
static_assert(bits_of({.active_low = true, .masked = false}) == 1 << 13);
static_assert(bits_of({.level_triggered = true, .masked = false}) == 1 << 15);
static_assert(bits_of({.masked = true}) == 1 << 16);
static_assert(bits_of({.masked = false, .apic_id = 0xc3}) == std::uint64_t{0xc3} << 56);
static_assert(bits_of({.delivery = 0xff, .masked = false}) == 0x700);  // no field reaches another

static_assert(hal::pc::low_register(0) == 0x10 && hal::pc::high_register(0) == 0x11);
static_assert(hal::pc::low_register(23) == 0x3e && hal::pc::high_register(23) == 0x3f);

// ── Messages: each field against the layout of the manual (Intel SDM, volume 3, "Message Address
// Register Format" and "Message Data Register Format") ──

static_assert(Message{}.address() == 0xfee0'0000 && Message{}.data() == 0);
static_assert(Message{.vector = 0xa5}.data() == 0xa5);
static_assert(Message{.delivery = 7}.data() == 0x700);
static_assert(Message{.delivery = 0xff}.data() == 0x700);  // no field reaches another
static_assert(Message{.level_triggered = true}.data() == 1 << 15);
static_assert(Message{.apic_id = 0xff}.address() == 0xfeef'f000);
static_assert(Message{.to_one_of_many = true}.address() == 0xfee0'0008);
static_assert(Message{.logical = true}.address() == 0xfee0'0004);

}  // namespace

// ── The real-time clock ──

TEST_CASE("the clock's registers are a time, in decimal digits or in binary") {
  using hal::pc::unix_time;
  constexpr std::uint8_t has_24_hours = 2, is_binary = 4, afternoon = 0x80;
  constexpr std::int64_t time = 1'709'211'599;  // date -d 2024-02-29T12:59:59Z +%s
  CHECK(unix_time({0x59, 0x59, 0x12, 0x29, 0x02, 0x24, has_24_hours}) == time);
  CHECK(unix_time({59, 59, 12, 29, 2, 24, has_24_hours | is_binary}) == time);
  CHECK(unix_time({59, 59, 12 | afternoon, 29, 2, 24, is_binary}) == time);
  CHECK(unix_time({59, 59, 12, 29, 2, 24, is_binary}) == time - 12 * 3600);
  CHECK(unix_time({0x59, 0x59, 0x01 | afternoon, 0x29, 0x02, 0x24, 0}) == time + 3600);
}

TEST_CASE("registers that are no time are refused") {
  using hal::pc::unix_time;
  constexpr std::uint8_t has_24_hours = 2, is_binary = 4;
  CHECK(!unix_time({0, 0, 0, 29, 2, 23, has_24_hours | is_binary}));  // no such day
  CHECK(!unix_time({0, 0, 0, 1, 13, 23, has_24_hours | is_binary}));
  CHECK(!unix_time({0, 0, 0, 0, 1, 23, has_24_hours | is_binary}));
  CHECK(!unix_time({60, 0, 0, 1, 1, 23, has_24_hours | is_binary}));
  CHECK(!unix_time({0, 60, 0, 1, 1, 23, has_24_hours | is_binary}));
  CHECK(!unix_time({0, 0, 24, 1, 1, 23, has_24_hours | is_binary}));
  CHECK(!unix_time({0, 0, 0, 1, 1, 23, is_binary}));  // no hour of twelve
  CHECK(!unix_time({0, 0, 13, 1, 1, 23, is_binary}));
  CHECK(!unix_time({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));  // no clock
}
