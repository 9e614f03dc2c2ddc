// The boot archive as a tree of files.
#include "files/boot_archive.h"

#include <fmt/format.h>

#include "files/path_lookup.h"
#include "support.h"

using kernel::Directory;
using kernel::find_node;
using kernel::LastLink;
using test::Errno;
using namespace std::string_literals;

namespace {

/// Builds an archive in cpio's "newc" format.
class Archive {
 public:
  Archive& add(std::string_view name, unsigned mode, std::string_view contents = "",
               unsigned inode = 0, unsigned links = 1) {
    bytes_ += fmt::format(
        "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
        "{:08x}{:08x}",
        inode, mode, 0, 0, links, 1234, contents.size(), 0, 0, 0, 0, name.size() + 1, 0);
    bytes_ += name;
    bytes_ += '\0';
    pad();
    bytes_ += contents;
    pad();
    return *this;
  }
  std::span<const std::byte> finish() {
    add("TRAILER!!!", 0);
    return std::as_bytes(std::span{bytes_});
  }
  void break_off(std::size_t bytes) { bytes_.resize(bytes_.size() - bytes); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span{bytes_}); }

 private:
  void pad() { bytes_.resize((bytes_.size() + 3) / 4 * 4); }

  std::string bytes_;
};

struct Unpacked {
  explicit Unpacked(std::span<const std::byte> archive) {
    test::log_lines.clear();
    taken = kernel::unpack_boot_archive(*root, archive);
  }
  kernel::Result<std::string> text(std::string_view path) {
    const auto node = find_node({.start = *root}, path, LastLink::follow);
    if (!node) return kernel::fail(node.error());
    auto file = (*node)->open(abi::o_rdonly);
    if (!file) return kernel::fail(file.error());
    return test::read(**file, 1000);
  }

  kernel::Ref<Directory> root = kernel::make_ref<Directory>();
  std::size_t taken = 0;
};

constexpr unsigned regular = abi::s_ifreg | 0755;

}  // namespace

TEST_CASE("files, directories and links of an archive appear under their names") {
  test::Machine machine;
  Archive archive;
  archive.add("bin", abi::s_ifdir | 0755)
      .add("bin/sh", regular, "shell")
      .add("bin/ash", abi::s_iflnk | 0777, "sh")
      .add("made/on/the/way", abi::s_ifreg | 0644, "deep");
  Unpacked tree{archive.finish()};
  CHECK(tree.taken == 4);
  CHECK(tree.text("bin/sh") == "shell");
  CHECK(tree.text("bin/ash") == "shell");
  CHECK(tree.text("made/on/the/way") == "deep");
  const auto shell = *find_node({.start = *tree.root}, "bin/sh");
  CHECK(shell->is_executable());
  CHECK(shell->times().modified == 1234'000'000'000);
  CHECK(shell->size() == 5);
  CHECK(shell->open(abi::o_rdwr).error() == Errno::erofs);
  CHECK(!(*find_node({.start = *tree.root}, "made/on/the/way"))->is_executable());
}

TEST_CASE("a later entry replaces an earlier one, and a directory keeps its entries") {
  test::Machine machine;
  Archive archive;
  archive.add("a/x", regular, "old").add("a", abi::s_ifdir | 0700).add("a/x", regular, "new");
  Unpacked tree{archive.finish()};
  CHECK(tree.text("a/x") == "new");
  CHECK((*find_node({.start = *tree.root}, "a"))->mode() == (abi::s_ifdir | 0700));
}

TEST_CASE("references are counted only to nodes below a writable directory") {
  test::Machine machine;
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "d/";
  Archive archive;
  archive.add("a/b/file", regular, "text").add(deep + "end", regular).add("z", regular);
  auto* const tree = new Unpacked{archive.finish()};  // its nodes are never destroyed
  static const auto* const reachable = tree;          // for LeakSanitizer
  CHECK(reachable->taken == 3);
  auto tmp = kernel::make_ref<Directory>(Directory::Contents::writable);
  tree->root->mount("tmp", tmp);
  tmp->put("inside", kernel::make_ref<Directory>(Directory::Contents::writable));
  tree->root->make_nodes_permanent();
  const auto counts = [&](std::string_view path) {
    kernel::Node& node = **find_node({.start = *tree->root}, path);
    const auto before = node.owners();
    const auto more = kernel::Ref<kernel::Node>::share(node);
    return node.owners() != before;
  };
  for (const std::string& path : {"a"s, "a/b"s, "a/b/file"s, deep, deep + "end", "z"s, "tmp"s})
    CHECK_FALSE(counts(path));
  CHECK(counts("tmp/inside"));
}

TEST_CASE("hard links share the contents stored with one of them") {
  test::Machine machine;
  Archive archive;
  archive.add("one", regular, "", 7, 2).add("other", regular, "", 8, 2);
  archive.add("two", regular, "shared", 7, 2);
  Unpacked tree{archive.finish()};
  CHECK(tree.text("one") == "shared");
  CHECK(tree.text("two") == "shared");
  CHECK(tree.text("other") == "");
}

TEST_CASE("entries without a valid place are skipped and logged, and the others stay") {
  test::Machine machine;
  Archive archive;
  archive.add("good", regular, "good")
      .add("../outside", regular, "bad")
      .add("good/inside", regular, "bad")
      .add("good", abi::s_ifdir | 0755)
      .add("node", abi::s_ifblk | 0600)
      .add("last", regular, "last");
  Unpacked tree{archive.finish()};
  CHECK(tree.taken == 2);
  CHECK(test::log_lines.size() == 4);
  CHECK(tree.text("good") == "good");
  CHECK(tree.text("last") == "last");
}

TEST_CASE("the entries before a break in an archive are used, and the break is logged") {
  test::Machine machine;
  Archive archive;
  archive.add("first", regular, "first").add("second", regular, std::string(500, 'x'));
  archive.break_off(100);
  Unpacked tree{archive.bytes()};
  CHECK(tree.taken == 1);
  CHECK(tree.text("first") == "first");
  CHECK(test::log_lines.size() == 1);
  CHECK(Unpacked{test::bytes_of("this is no archive at all")}.taken == 0);
  CHECK(Unpacked{{}}.taken == 0);
}
