// A fake file server: files in memory, and faults that tests set.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "devices/p9_device.h"
#include "fake_transport.h"
#include "formats/p9.h"

namespace test {

class FakeServer : public FakeTransport {
 public:
  using Type = kernel::p9::Type;
  using Bytes = std::vector<std::byte>;

  struct Node {
    std::uint32_t mode = 0100644;
    std::string contents;  // or the target of a symbolic link
    std::map<std::string, std::uint64_t> names;
    std::uint64_t modified = 0;  // seconds since 1970
  };

  FakeServer() : FakeTransport{kernel::virtio::DeviceType{9}} {
    features =
        kernel::virtio::feature::version_1 | kernel::virtio::feature::indirect_descriptors | 1;
    nodes[1] = {.mode = 040755};
  }

  // ── For tests ──

  /// Changes the answer. `written` is what the device claims to have written. Returns false if the
  /// server does not answer at all.
  std::function<bool(Type type, Bytes& answer, std::size_t& written)> damage;
  std::map<std::uint64_t, Node> nodes;  // by the path in their qids; 1: the root
  std::map<std::uint32_t, std::uint64_t> fids;
  unsigned answers = 0;

  std::uint64_t add(std::uint64_t directory, const std::string& name, Node node) {
    const std::uint64_t path = ++last_path_;
    nodes[path] = std::move(node);
    nodes[directory].names[name] = path;
    return path;
  }

  /// Answers all requests, and those that arrive meanwhile.
  template <class World>
  void answer_all(World& world) {
    for (world.run(); auto chain = side().next(); world.run()) answer(*chain);
  }

  // ── For the driver ──

  std::uint8_t read_config_byte(std::size_t offset) override {
    static constexpr char config[] = {5, 0, 's', 'h', 'a', 'r', 'e'};
    return offset < sizeof config ? static_cast<std::uint8_t>(config[offset]) : 0xff;
  }

 private:
  using Reader = kernel::p9::Reader;
  using Writer = kernel::p9::Writer;
  enum Error : std::uint32_t {
    none = 0,
    enoent = 2,
    ebadf = 9,
    eexist = 17,
    enotdir = 20,
    einval = 22,
    enotempty = 39,
    enotsup = 95
  };

  void answer(const DeviceSide::Chain& chain) {
    ++answers;
    Bytes message;
    std::size_t room = 0;
    for (const Descriptor& part : chain.parts) {
      if ((part.flags & Descriptor::device_writes) != 0) {
        room += part.bytes;
      } else {
        const std::byte* const from = hal::phys_to_virt(part.address);
        message.insert(message.end(), from, from + part.bytes);
      }
    }
    Reader reader{message};
    REQUIRE(reader.take<std::uint32_t>() == message.size());
    const auto type = static_cast<Type>(reader.take<std::uint8_t>());
    const auto tag = reader.take<std::uint16_t>();
    Bytes reply(room);
    Writer writer{reply};
    const Error error = perform(type, reader, writer, room);
    REQUIRE(reader.is_valid());
    std::size_t written = 0;
    if (error == none) {
      written = writer.finish(static_cast<Type>(static_cast<int>(type) + 1), tag);
    } else {
      Writer wrong{reply};
      written = wrong.put(std::uint32_t{error}).finish(Type::error, tag);
    }
    REQUIRE(written <= room);
    reply.resize(written);
    if (damage && !damage(type, reply, written)) return;
    std::size_t at = 0;
    for (const Descriptor& part : chain.parts) {
      if ((part.flags & Descriptor::device_writes) == 0) continue;
      const std::size_t count = std::min<std::size_t>(part.bytes, reply.size() - at);
      std::memcpy(hal::phys_to_virt(part.address), reply.data() + at, count);
      at += count;
    }
    side().use(chain.head, static_cast<std::uint32_t>(std::min(written, room)));
    interrupt(kernel::virtio::cause::used_buffer);
  }

  void put_qid(Writer& writer, std::uint64_t path) {
    const bool is_directory = (nodes[path].mode & 0170000) == 040000;
    writer.put(std::uint8_t{is_directory ? kernel::p9::Qid::directory : std::uint8_t{0}});
    writer.put(std::uint32_t{0}).put(path);
  }

  Error perform(Type type, Reader& in, Writer& out, std::size_t room) {
    if (type == Type::version) {
      const auto bytes = in.take<std::uint32_t>();
      REQUIRE(in.take_text() == kernel::p9::protocol);
      out.put(bytes).put(kernel::p9::protocol);
      return none;
    }
    const auto fid = in.take<std::uint32_t>();
    if (type == Type::attach) {
      fids[fid] = 1;
      put_qid(out, 1);
      in.skip(in.left());
      return none;
    }
    const auto known = fids.find(fid);
    if (known == fids.end()) {
      in.skip(in.left());
      return ebadf;
    }
    const std::uint64_t path = known->second;
    Node& node = nodes[path];
    switch (type) {
      case Type::clunk: fids.erase(known); return none;
      case Type::walk: {
        const auto to = in.take<std::uint32_t>();
        const auto names = in.take<std::uint16_t>();
        CHECK(!fids.contains(to));
        std::uint64_t found = path;
        if (names == 1) {
          const auto entry = node.names.find(std::string{in.take_text()});
          if (entry == node.names.end()) return enoent;
          found = entry->second;
        }
        fids[to] = found;
        out.put(names);
        if (names == 1) put_qid(out, found);
        return none;
      }
      case Type::get_attributes:
        in.skip(8);
        out.put(kernel::p9::basic_attributes);
        put_qid(out, path);
        out.put(node.mode).put(std::uint32_t{0}).put(std::uint32_t{0}).put(std::uint64_t{1});
        out.put(std::uint64_t{0}).put(std::uint64_t{node.contents.size()}).put(std::uint64_t{4096});
        for (int i = 0; i < 11; ++i) out.put(i == 3 ? node.modified : std::uint64_t{0});
        return none;
      case Type::set_attributes: {
        in.skip(16);
        node.contents.resize(in.take<std::uint64_t>() % 100'000);
        in.skip(32);
        return none;
      }
      case Type::open:
        in.skip(4);
        put_qid(out, path);
        out.put(std::uint32_t{0});
        return none;
      case Type::create:
      case Type::make_directory: {
        const std::string name{in.take_text()};
        in.skip(in.left());
        if (node.names.contains(name)) return eexist;
        const bool is_directory = type == Type::make_directory;
        const std::uint64_t made = add(path, name, {.mode = is_directory ? 040755U : 0100644U});
        if (!is_directory) fids[fid] = made;
        put_qid(out, made);
        if (!is_directory) out.put(std::uint32_t{0});
        return none;
      }
      case Type::read: {
        const auto offset = std::min<std::uint64_t>(in.take<std::uint64_t>(), node.contents.size());
        const auto count =
            std::min<std::uint64_t>({in.take<std::uint32_t>(), node.contents.size() - offset,
                                     room - kernel::p9::data_offset});
        out.put(static_cast<std::uint32_t>(count));
        for (const char byte : std::string_view{node.contents}.substr(offset, count))
          out.put(static_cast<std::uint8_t>(byte));
        return none;
      }
      case Type::write: {
        const auto offset = in.take<std::uint64_t>();
        const auto count = in.take<std::uint32_t>();
        CHECK(count == in.left());
        REQUIRE(offset < 1'000'000);
        if (node.contents.size() < offset + count) node.contents.resize(offset + count);
        for (std::uint32_t i = 0; i < count; ++i)
          node.contents[offset + i] = static_cast<char>(in.take<std::uint8_t>());
        out.put(count);
        return none;
      }
      case Type::read_directory: {
        std::uint64_t place = in.take<std::uint64_t>();
        in.skip(4);
        Bytes all(room);
        Writer body{all};
        std::uint64_t next = 0;
        for (const auto& [name, child] : node.names) {
          if (++next <= place) continue;
          put_qid(body, child);
          body.put(next).put(std::uint8_t{8}).put(std::string_view{name});
        }
        const std::size_t count = body.finish(type, 0) - kernel::p9::header_bytes;
        REQUIRE(body.has_room());
        out.put(static_cast<std::uint32_t>(count));
        for (std::size_t i = 0; i < count; ++i)
          out.put(static_cast<std::uint8_t>(all[kernel::p9::header_bytes + i]));
        return none;
      }
      case Type::remove: {
        const std::string name{in.take_text()};
        in.skip(4);
        const auto entry = node.names.find(name);
        if (entry == node.names.end()) return enoent;
        if (!nodes[entry->second].names.empty()) return enotempty;
        node.names.erase(entry);
        return none;
      }
      case Type::read_link: out.put(std::string_view{node.contents}); return none;
      case Type::sync: in.skip(4); return none;
      default: in.skip(in.left()); return enotsup;
    }
  }

  std::uint64_t last_path_ = 1;
};

}  // namespace test
