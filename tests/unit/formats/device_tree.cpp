// The device tree reader, on trees that TreeBuilder makes.
#include <hal/device_tree.h>

#include <catch2/catch_test_macros.hpp>

#include "damage.h"
#include "tree_builder.h"

using hal::DeviceTree;
using test::Blob;
using test::TreeBuilder;

namespace {

/// A machine like QEMU's virt, but smaller.
Blob small_machine() {
  using namespace std::string_view_literals;
  TreeBuilder tree;
  tree.reserve(0x8000'0000, 0x4'0000);
  tree.node("").cells("#address-cells", {2}).cells("#size-cells", {2});
  tree.string("compatible", "riscv-virtio");
  tree.node("chosen").string("bootargs", "init=/bin/sh quiet").end();
  tree.node("memory@80000000").string("device_type", "memory");
  tree.cells("reg", {0, 0x8000'0000, 0, 0x1000'0000, 1, 0, 2, 0}).end();
  tree.nop();
  tree.node("cpus").cells("#address-cells", {1}).cells("#size-cells", {0});
  tree.cells("timebase-frequency", {10'000'000});
  tree.node("cpu@0")
      .cells("reg", {0})
      .cells("riscv,cboz-block-size", {64})
      .string("status", "okay");
  tree.node("interrupt-controller").cells("phandle", {2}).end().end();
  tree.node("cpu@1").cells("reg", {1}).string("status", "disabled").end();
  tree.end();
  tree.node("soc").cells("#address-cells", {2}).cells("#size-cells", {2});
  tree.node("serial@10000000").string("compatible", "snps,uart\0ns16550a"sv);
  tree.cells("reg", {0, 0x1000'0000, 0, 0x100}).cells("interrupts", {10}).end();
  tree.node("pci@30000000").cells("#address-cells", {3}).cells("#size-cells", {2});
  tree.node("device@0").cells("reg", {0, 0, 0, 0, 0}).end().end();
  tree.end();
  tree.end();
  return tree.build();
}

/// Calls all functions of the reader. The test is that no read is outside the blob.
std::size_t read_all(std::span<const std::byte> blob) {
  const auto tree = DeviceTree::open(blob);
  if (!tree) return 0;
  std::size_t count = 0;
  for (const DeviceTree::Node& node : tree->nodes()) {
    ++count;
    REQUIRE(node.depth() < DeviceTree::max_depth);
    for (std::size_t i = 0; i < 4; ++i) static_cast<void>(node.reg(i));
    static_cast<void>(node.enabled());
    static_cast<void>(node.compatible_with("ns16550a"));
    if (const auto interrupts = node.property("interrupts")) {
      for (std::size_t i = 0; i < 3; ++i) static_cast<void>(interrupts->cell(i));
      static_cast<void>(interrupts->number());
      static_cast<void>(interrupts->string());
    }
    for (const DeviceTree::Node& child : node.children())
      REQUIRE(child.depth() == node.depth() + 1);
  }
  static_cast<void>(tree->find("/soc/serial"));
  for (std::size_t i = 0; tree->reservation(i) && i < 1000; ++i) {
  }
  return count;
}

}  // namespace

TEST_CASE("a node comes after its parent and reports its depth") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  REQUIRE(tree);
  std::string all;
  for (const DeviceTree::Node& node : tree->nodes()) {
    all += std::string(node.depth(), ' ') + std::string(node.name()) + '\n';
  }
  CHECK(all ==
        "\n chosen\n memory@80000000\n cpus\n  cpu@0\n   interrupt-controller\n  cpu@1\n soc\n"
        "  serial@10000000\n  pci@30000000\n   device@0\n");
}

TEST_CASE("children() returns only direct children") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  std::vector<std::string> names;
  for (const DeviceTree::Node& child : tree->find("/cpus")->children()) {
    names.emplace_back(child.name());
  }
  CHECK(names == std::vector<std::string>{"cpu@0", "cpu@1"});
  const auto chosen = tree->find("/chosen");
  CHECK(chosen->children().begin() == std::default_sentinel);
}

TEST_CASE("nodes are found by path") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  CHECK(tree->find("/")->name() == "");
  CHECK(tree->find("/soc/serial@10000000"));
  CHECK(tree->find("/soc/serial")->property("interrupts")->cell() == 10);
  CHECK_FALSE(tree->find("/soc/serial@2"));
  CHECK_FALSE(tree->find("/serial"));
  CHECK_FALSE(tree->find("/soc/serial/deeper"));
}

TEST_CASE("a node is compatible with every device that it lists, by the whole name") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  const auto serial = *tree->find("/soc/serial");
  CHECK(serial.compatible_with("ns16550a"));
  CHECK(serial.compatible_with("snps,uart"));
  CHECK_FALSE(serial.compatible_with("ns16550"));
}

TEST_CASE("reg is read with the cell counts of the parent") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  const auto memory = *tree->find("/memory");
  CHECK(memory.reg(0)->base == 0x8000'0000);
  CHECK(memory.reg(0)->size == 0x1000'0000);
  CHECK(memory.reg(1)->base == 0x1'0000'0000);
  CHECK(memory.reg(1)->size == 0x2'0000'0000);
  CHECK_FALSE(memory.reg(2));
  CHECK_FALSE(memory.reg(~std::size_t{0}));
  CHECK(tree->find("/cpus/cpu@1")->reg()->base == 1);
  CHECK(tree->find("/cpus/cpu@1")->reg()->size == 0);
  CHECK_FALSE(tree->find("/soc/pci/device")->reg());  // an address of three cells
  CHECK_FALSE(tree->find("/chosen")->reg());
}

TEST_CASE("a range beyond the last address is rejected") {
  constexpr std::uint32_t highest = 0xffff'ffff;
  test::TreeBuilder builder;
  builder.node("").cells("#address-cells", {2}).cells("#size-cells", {2});
  builder.node("fits").cells("reg", {highest, 0xffff'f000, 0, 0xfff}).end();
  builder.node("wraps").cells("reg", {highest, 0xffff'f000, 0, 0x2000}).end();
  const Blob blob = builder.end().build();
  const auto tree = DeviceTree::open(blob);
  CHECK(tree->find("/fits")->reg()->size == 0xfff);
  CHECK_FALSE(tree->find("/wraps")->reg());
}

TEST_CASE("a device is enabled unless it says otherwise") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  CHECK(tree->find("/cpus/cpu@0")->enabled());
  CHECK_FALSE(tree->find("/cpus/cpu@1")->enabled());
  CHECK(tree->find("/chosen")->enabled());
}

TEST_CASE("a property's strings, cells and numbers end at its limits") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  CHECK(tree->find("/chosen")->property("bootargs")->string() == "init=/bin/sh quiet");
  CHECK_FALSE(tree->find("/chosen")->property("initrd"));
  const auto frequency = *tree->find("/cpus")->property("timebase-frequency");
  CHECK(frequency.number() == 10'000'000);
  CHECK_FALSE(frequency.cell(1));
  CHECK_FALSE(frequency.number(0, 2));
  CHECK_FALSE(frequency.number(~std::size_t{0}, 1));
}

TEST_CASE("reserved memory is listed up to the empty entry") {
  const Blob blob = small_machine();
  const auto tree = DeviceTree::open(blob);
  CHECK(tree->reservation(0)->base == 0x8000'0000);
  CHECK(tree->reservation(0)->size == 0x4'0000);
  CHECK_FALSE(tree->reservation(1));
  CHECK_FALSE(tree->reservation(~std::size_t{0}));
}

TEST_CASE("size() needs only the first eight bytes of a blob") {
  const Blob blob = small_machine();
  CHECK(DeviceTree::blob_size(std::span(blob).first(8)) == blob.size());
  CHECK(DeviceTree::blob_size(std::span(blob).first(7)) == 0);
  CHECK(DeviceTree::blob_size(Blob(40)) == 0);
}

TEST_CASE("bytes behind the blob are ignored") {
  Blob blob = small_machine();
  const std::size_t size = blob.size();
  blob.resize(size + 1000, std::byte{0xff});
  CHECK(DeviceTree::open(blob)->blob().size() == size);
}

TEST_CASE("trees of another version are refused") {
  TreeBuilder old;
  old.version = 16;
  CHECK_FALSE(DeviceTree::open(old.node("").end().build()));
  TreeBuilder future;
  future.version = 18;
  CHECK(DeviceTree::open(future.node("").end().build()));
  TreeBuilder incompatible;
  incompatible.version = incompatible.compatible_version = 18;
  CHECK_FALSE(DeviceTree::open(incompatible.node("").end().build()));
}

TEST_CASE("trees without one closed root are refused") {
  CHECK_FALSE(DeviceTree::open(TreeBuilder().build()));
  CHECK_FALSE(DeviceTree::open(TreeBuilder().node("").build()));
  CHECK_FALSE(DeviceTree::open(TreeBuilder().node("").end().end().build()));
  CHECK_FALSE(DeviceTree::open(TreeBuilder().node("").end().node("").end().build()));
  CHECK_FALSE(DeviceTree::open(TreeBuilder().cells("x", {1}).node("").end().build()));
  CHECK_FALSE(
      DeviceTree::open(TreeBuilder().node("").node("a").end().cells("late", {1}).end().build()));
}

TEST_CASE("a tree may be as deep as max_depth and no deeper") {
  const auto deep = [](unsigned depth) {
    TreeBuilder tree;
    for (unsigned i = 0; i < depth; ++i) tree.node("n");
    for (unsigned i = 0; i < depth; ++i) tree.end();
    return tree.build();
  };
  CHECK(read_all(deep(DeviceTree::max_depth)) == DeviceTree::max_depth);
  CHECK(read_all(deep(DeviceTree::max_depth + 1)) == 0);
}

TEST_CASE("a tree cut off anywhere is refused") {
  test::truncate_everywhere(small_machine(),
                            [](std::span<const std::byte> blob) { CHECK(read_all(blob) == 0); });
}

TEST_CASE("twenty thousand trees with flipped bits are refused or read to an end") {
  const Blob good = small_machine();
  int accepted = 0;
  test::flip_bits(good, good.size(), 20'000,
                  [&](std::span<const std::byte> blob) { accepted += read_all(blob) > 0; });
  CHECK(accepted > 1'000);
  CHECK(accepted < 19'000);
}
