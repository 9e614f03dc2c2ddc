// Registries: sets of objects that the linker collects. A source adds an entry, and no other file
// names it. So a new entry is one new file that the build compiles.
//
//   drivers.h     struct Driver { const char* name; … };
//                 async::Registry<Driver> drivers();
//   drivers.cpp   ASYNC_DEFINE_REGISTRY(drivers, my_drivers, Driver);
//   disk.cpp      constexpr Driver disk{"disk", …};
//                 ASYNC_REGISTER(my_drivers, "disk", disk);
//
// Each entry is a pointer in the ELF section `my_drivers`. The linker puts the sections of this
// name together and defines the symbols __start_my_drivers and __stop_my_drivers. It does this by
// itself for each output section whose name is a C identifier; hal/riscv64/kernel.ld does it for
// the kernel's sections.
//
// The name of an entry is part of a symbol, my_drivers.disk. So two entries of one name are an
// error of the linker: "duplicate symbol: my_drivers.disk".
//
// The order of a section is the order of the files on the linker's command line. No user depends on
// it: begin() and end() go through a registry in the order of the names.
#pragma once

#include <string_view>

namespace async {

/// The entries of one section. Entry::name is not empty. Constant data: any context.
template <class Entry>
class Registry {
 public:
  class Iterator {
   public:
    const Entry& operator*() const noexcept { return *at_; }
    Iterator& operator++() noexcept {
      at_ = registry_->after(at_->name);
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return at_ == other.at_; }

   private:
    friend Registry;
    Iterator(const Registry& registry, const Entry* at) noexcept : registry_(&registry), at_(at) {}
    const Registry* registry_;
    const Entry* at_;
  };

  constexpr Registry(const Entry* const* begin, const Entry* const* end) noexcept
      : begin_(begin), end_(end) {}

  /// In the order of the names. A step takes time in proportion to the number of entries.
  Iterator begin() const noexcept { return {*this, after({})}; }
  Iterator end() const noexcept { return {*this, nullptr}; }

  /// In any order: the first entry for which `matches` is true. Null: there is none.
  template <class Matches>
  const Entry* find(Matches matches) const noexcept {
    for (const Entry* const* entry = begin_; entry != end_; ++entry) {
      if (*entry != nullptr && matches(**entry)) return *entry;
    }
    return nullptr;
  }

 private:
  /// The entry with the next name. Null: there is none.
  const Entry* after(std::string_view name) const noexcept {
    const Entry* next = nullptr;
    (void)find([&](const Entry& entry) {
      const std::string_view its{entry.name};
      if (its > name && (next == nullptr || its < next->name)) next = &entry;
      return false;
    });
    return next;
  }

  // ASYNC_DEFINE_REGISTRY adds a null pointer, which find() skips.
  const Entry* const* begin_;
  const Entry* const* end_;
};

}  // namespace async

/// Defines the function `name`, which returns the Registry<Entry> of the section. Once for each
/// section, in a source. It adds a null pointer to the section: without any entry the section must
/// exist, because otherwise the linker defines no symbols for it.
#define ASYNC_DEFINE_REGISTRY(name, section_name, Entry)                                \
  extern "C" [[gnu::visibility("hidden")]] const Entry* const __start_##section_name[]; \
  extern "C" [[gnu::visibility("hidden")]] const Entry* const __stop_##section_name[];  \
  [[gnu::section(#section_name), gnu::used,                                             \
    gnu::retain]] static const Entry* const section_name##_exists = nullptr;            \
  async::Registry<Entry> name() {                                                       \
    return {__start_##section_name, __stop_##section_name};                             \
  }                                                                                     \
  static_assert(true)

// A symbol's name with signs such as '-' must have quotes in the assembler's source. Clang adds
// them; GCC does not.
#ifdef __clang__
#define ASYNC_SYMBOL(text) text
#else
#define ASYNC_SYMBOL(text) "\"" text "\""
#endif

/// Adds `entry`, a constant with static lifetime, to the section. `entry_name` is a literal: the
/// entry's name, or another key that no two entries may share. Use it outside unnamed namespaces:
/// inside one the symbol is local, so the linker accepts two entries of one name.
#define ASYNC_REGISTER(section_name, entry_name, entry) \
  ASYNC_REGISTER_AS_(section_name, entry_name, entry, __COUNTER__)
#define ASYNC_REGISTER_AS_(section_name, entry_name, entry, number) \
  ASYNC_REGISTER_AS(section_name, entry_name, entry, number)
#define ASYNC_REGISTER_AS(section_name, entry_name, entry, number)                       \
  extern decltype(&(entry))                                                              \
      const section_name##_##number __asm__(ASYNC_SYMBOL(#section_name "." entry_name)); \
  [[gnu::section(#section_name), gnu::used, gnu::retain]] constinit decltype(&(entry))   \
      const section_name##_##number = &(entry)
