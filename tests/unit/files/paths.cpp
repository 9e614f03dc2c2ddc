// Path lookup.
#include "files/path_lookup.h"

#include <memory>
#include <vector>

#include "files/regular_file.h"
#include "support.h"

using kernel::Directory;
using kernel::find;
using kernel::find_node;
using kernel::LastLink;
using kernel::Node;
using kernel::PathLookup;
using kernel::Ref;
using kernel::Symlink;
using test::Errno;

namespace {

void remove(Directory& directory, std::string_view name) {
  REQUIRE(directory.remove(name, *directory.find(name)));
}

int count_entries(const Directory& directory) {
  int count = 0;
  for (auto* at = directory.entries().first(); at != nullptr; at = Directory::Entries::next(*at))
    ++count;
  return count;
}

/// A tree with /a/b/file and links of all kinds; removed by the destructor.
class Tree {
 public:
  Tree() {
    a = kernel::make_ref<Directory>();
    b = kernel::make_ref<Directory>();
    file = kernel::make_ref<kernel::ArchiveFile>(test::bytes_of("text"), 0644u);
    root.put("a", a);
    a->put("b", b);
    b->put("file", file);
    link("absolute", "/a/b/file");
    link("relative", "a/b");
    link("self", "self");
    link("one", "two");
    link("two", "one");
    link("up", "a/b/../..");
    link("nowhere", "a/none");
    link("exe", "/a/b/file");
  }
  ~Tree() {
    while (const auto* const entry = root.entries().first()) remove(root, entry->name());
  }

  void link(std::string_view name, std::string_view target) {
    root.put(name, kernel::make_ref<Symlink>(target));
  }
  kernel::Result<Node*> operator()(std::string_view path, LastLink last = LastLink::follow) {
    return find_node({.start = *a}, path, last);
  }

  Directory& root = kernel::root_directory();
  Ref<Directory> a, b;
  Ref<Node> file;
};

}  // namespace

TEST_CASE("paths pass through directories, dots and repeated slashes") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  for (const char* path : {"/a/b/file", "b/file", "//a///b//file", "./b/./file", "../a/b/file",
                           "../../../a/b/../b/file", "/./a/b/file"}) {
    CAPTURE(path);
    const auto found = tree(path);
    REQUIRE(found);
    CHECK(found == tree.file.get());
  }
  for (const char* path : {"/", "//", "..", "../..", "/a/..", "/up", "/up/"}) {
    CAPTURE(path);
    CHECK(tree(path) == &tree.root);
  }
  CHECK(tree(".") == tree.a.get());
}

TEST_CASE("symbolic links are followed from their own directory") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  CHECK(tree("/absolute") == tree.file.get());
  CHECK(tree("/relative/file") == tree.file.get());
  CHECK(tree("/relative") == tree.b.get());
  CHECK(tree("/relative/..") == tree.a.get());
  CHECK((*tree("/absolute", LastLink::keep))->is_symlink());
  CHECK(tree("/relative/", LastLink::keep) == tree.b.get());
  const auto name = find({.start = *tree.a}, "/relative/", LastLink::name);
  REQUIRE(name);
  CHECK(name->node->is_symlink());
  CHECK(name->as_directory);
}

TEST_CASE("errors of paths are those of Linux") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  const auto error = [&](std::string_view path) { return tree(path).error(); };
  CHECK(error("") == Errno::enoent);
  CHECK(error("/none") == Errno::enoent);
  CHECK(error("/none/file") == Errno::enoent);
  CHECK(error("/a/b/file/x") == Errno::enotdir);
  CHECK(error("/a/b/file/") == Errno::enotdir);
  CHECK(error("/a/b/file/..") == Errno::enotdir);
  CHECK(error("/absolute/") == Errno::enotdir);
  CHECK(error("/nowhere") == Errno::enoent);
  CHECK(error("/self") == Errno::eloop);
  CHECK(error("/one/x") == Errno::eloop);
  CHECK(error("/a/" + std::string(256, 'n')) == Errno::enametoolong);
  CHECK(error("/a/" + std::string(255, 'n')) == Errno::enoent);
  std::string longest = "/a/b/file";
  longest.insert(0, 4095 - longest.size(), '/');
  CHECK(tree(longest).has_value());
  CHECK(error("/" + longest) == Errno::enametoolong);
}

TEST_CASE("forty links are followed, and the next is ELOOP") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  tree.link("l0", "a");
  for (int i = 1; i <= 40; ++i) tree.link("l" + std::to_string(i), "l" + std::to_string(i - 1));
  CHECK(tree("/l39") == tree.a.get());
  CHECK(tree("/l40").error() == Errno::eloop);
}

TEST_CASE("the place for a new name is found, also through a dangling link") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  const PathLookup lookup{.start = *tree.a};
  auto found = find(lookup, "b/new", LastLink::follow);
  REQUIRE(found);
  CHECK(found->directory == tree.b.get());
  CHECK(found->name == "new");
  CHECK(!found->node);
  CHECK(!found->as_directory);

  found = find(lookup, "/nowhere", LastLink::follow);
  REQUIRE(found);
  CHECK(found->directory == tree.a.get());
  CHECK(found->name == "none");
  CHECK(find(lookup, "b/new/", LastLink::follow)->as_directory);
  CHECK(find(lookup, "none/new", LastLink::follow).error() == Errno::enoent);
}

TEST_CASE("a directory knows its path until it is removed") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  CHECK(tree.root.path() == "/");
  CHECK(tree.b->path() == "/a/b");
  remove(*tree.a, "b");
  CHECK(tree.b->path().error() == Errno::enoent);
  CHECK(&tree.b->parent() == tree.b.get());
  CHECK(tree.b->is_removed());
  CHECK(!tree.a->is_removed());
  CHECK(!tree.root.is_removed());
}

TEST_CASE("a renamed directory knows its new path") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  remove(*tree.a, "b");
  tree.root.put("other", tree.b);
  CHECK(tree.b->path() == "/other");
  tree.root.put("other", kernel::make_ref<Directory>());
  CHECK(tree.b->path().error() == Errno::enoent);
}

namespace {

/// The directories with unlisted names, for Directory::FindUnlisted.
std::vector<std::unique_ptr<Directory::Entry>> unlisted;

kernel::Result<Node*> find_unlisted(Directory&, std::string_view name) {
  for (const auto& entry : unlisted)
    if (entry->name() == name) return &entry->node();
  return nullptr;
}

void add_unlisted(Directory& parent, std::string_view name) {
  auto directory = kernel::make_ref<Directory>();
  directory->put("file", kernel::make_ref<Symlink>("target"));
  unlisted.push_back(parent.add_unlisted(name, std::move(directory)));
}

}  // namespace

TEST_CASE("paths lead to unlisted directories, which know their paths and their parent") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  tree.b->set_find_unlisted(find_unlisted);
  add_unlisted(*tree.b, "1");
  add_unlisted(*tree.b, "2");
  const auto one = tree("b/1"), two = tree("b/2");
  REQUIRE((one && two && *one != *two));
  CHECK((*one)->as_directory()->path() == "/a/b/1");
  CHECK((*one)->has_name());
  CHECK(tree("b/1/..") == tree.b.get());
  CHECK(tree("b/1/../2/../1") == *one);
  CHECK(tree("b/1/file", LastLink::keep).has_value());
  CHECK(tree("b/3").error() == Errno::enoent);
  CHECK(tree("b/3/file").error() == Errno::enoent);
  CHECK(find({.start = *tree.a}, "b/2", LastLink::name)->node == *two);
  CHECK(count_entries(*tree.b) == 1);
  unlisted.clear();
}

TEST_CASE("an unlisted directory that was removed is empty and lives as long as its references") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  tree.b->set_find_unlisted(find_unlisted);
  add_unlisted(*tree.b, "1");
  const auto directory = Ref<Directory>::share(*(*tree("b/1"))->as_directory());
  const auto file = Ref<Node>::share(*directory->find("file"));
  Directory::remove_unlisted(std::move(unlisted.front()));
  unlisted.clear();
  CHECK(directory->has_one_owner());
  CHECK(directory->is_removed());
  CHECK(!directory->has_name());
  CHECK(directory->entries().empty());
  CHECK(directory->path().error() == Errno::enoent);
  CHECK(&directory->parent() == directory.get());
  CHECK(!file->has_name());
  CHECK(tree("b/1").error() == Errno::enoent);
}

TEST_CASE("a path longer than 4095 bytes is ENAMETOOLONG") {
  kernel::root_directory();
  test::Machine machine;
  Tree tree;
  Ref<Directory> at = tree.b;
  const std::string name(255, 'n');
  for (int level = 0; level < 15; ++level) {
    auto next = kernel::make_ref<Directory>();
    at->put(name, next);
    at = std::move(next);
  }
  auto longest = kernel::make_ref<Directory>();
  const std::size_t left = 4095 - at->path()->size();
  at->put(std::string(left - 1, 'l'), longest);
  CHECK(longest->path()->size() == 4095);
  auto longer = kernel::make_ref<Directory>();
  at->put(std::string(left, 'l'), longer);
  CHECK(longer->path().error() == Errno::enametoolong);
}

TEST_CASE("a tree deeper than any stack is freed, except for directories in use") {
  test::Machine machine{64 << 20};
  auto top = kernel::make_ref<Directory>();
  Ref<Directory> at = top;
  Ref<Directory> middle;
  constexpr int levels = 200'000;
  for (int level = 0; level < levels; ++level) {
    auto next = kernel::make_ref<Directory>();
    at->put("a file", kernel::make_ref<Symlink>("target"));
    at->put("down", next);
    at->put("empty", kernel::make_ref<Directory>());
    at = std::move(next);
    if (level == levels / 2) middle = at;
  }
  at = nullptr;
  top = nullptr;
  CHECK(count_entries(*middle) == 3);
  CHECK(&middle->parent() == middle.get());
}

TEST_CASE("a directory of very many names needs no large blocks of memory") {
  test::Machine machine{64 << 20};
  Ref<Node> file = kernel::make_ref<Symlink>("target");
  auto parent = kernel::make_ref<Directory>();
  auto directory = kernel::make_ref<Directory>(Directory::Contents::writable);
  parent->put("directory", directory);
  constexpr int count = 140'000;
  for (int i = 0; i < count; ++i) directory->put("name" + std::to_string(i), file);
  CHECK(count_entries(*directory) == count);
  CHECK(directory->find("name123456") == file.get());
  auto open = *directory->open(abi::o_rdonly);
  CHECK(open->seek(count + 1, abi::seek_set) == count + 1);  // "name99999", the last name, is next
  const auto last = test::read_from([&](auto& buffer) { return open->list(buffer); }, 200);
  REQUIRE(last);
  CHECK(std::string{last->c_str() + abi::directory_entry_name} == "name99999");
}

TEST_CASE("a listing returns every name once while other names come and go") {
  kernel::root_directory();
  test::Machine machine;
  auto parent = kernel::make_ref<Directory>();
  auto directory = kernel::make_ref<Directory>(Directory::Contents::writable);
  parent->put("directory", directory);
  for (int i = 0; i < 50; ++i) {
    directory->put("name" + std::to_string(i), kernel::make_ref<Directory>());
  }
  auto file = *directory->open(abi::o_rdonly);
  std::vector<std::string> names;
  for (;;) {
    const auto records = test::read_from([&](auto& buffer) { return file->list(buffer); }, 200);
    REQUIRE(records);
    if (records->empty()) break;
    for (std::size_t at = 0; at < records->size();) {
      std::uint16_t size;
      std::memcpy(&size, records->data() + at + 16, sizeof size);
      REQUIRE(size % 8 == 0);
      names.emplace_back(records->c_str() + at + abi::directory_entry_name);
      if (names.back().starts_with("name")) remove(*directory, names.back());
      at += size;
    }
  }
  CHECK(names.size() == 52);
  CHECK(names[0] == ".");
  CHECK(names[1] == "..");
  CHECK(directory->entries().empty());
  CHECK(test::read_from([&](auto& buffer) { return file->list(buffer); }, 10) == "");
  CHECK(file->seek(0, abi::seek_set) == 0);
  CHECK(test::read_from([&](auto& buffer) { return file->list(buffer); }, 10).error() ==
        Errno::einval);
}
