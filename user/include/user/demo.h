// A demo describes itself:
//
//     COTRAP_DEMO(.description = "one line", .input = R"(\dhello\n)", .harts = 4);
//
// The description is a line in the ELF section cotrap_demo of the program. The build collects these
// lines in etc/demos of the boot archive (cmake/program.cmake), which `./cotrap demo` reads. So a
// new demo is one file in user/demos/.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace user {

/// How `./cotrap demo` runs a demo.
struct Demo {
  std::string_view description;  ///< the claim, in one line
  /// The keys that the command types: \n ends a line, \d waits 200 ms, \xHH is any other key.
  /// \x04 is Ctrl-D, which ends standard input at the beginning of a line; \x03 is Ctrl-C.
  /// Empty: none, and the machine has no terminal.
  std::string_view input{};
  unsigned harts = 1;       ///< 1 … 9, unless the user gives --harts
  bool disk = false;        ///< the machine has a slow disk with known contents
  bool icount = false;      ///< time is counted in instructions, so a busy host delays no thread
  bool self_tests = false;  ///< the machine boots the kernel that has the self-tests
};

namespace detail {

/// Passes the parts of the demo's line to `add`.
template <class Add>
constexpr void write_demo(const Demo& demo, Add add) {
  add(demo.input.empty() ? std::string_view{"-"} : demo.input);
  add("\t");
  add(demo.description);
  if (demo.disk) add("\tDISK");
  if (demo.icount) add("\tICOUNT");
  if (demo.self_tests) add("\tSELF_TESTS");
  const char digit = static_cast<char>('0' + demo.harts);
  if (demo.harts != 1) add("\tHARTS="), add({&digit, 1});
  add("\n");
}

// Not constexpr: if demo_line() calls one, the compiler's error message has its name.
void the_description_of_a_demo_is_one_line_without_tabs();
void the_input_of_a_demo_has_no_tab_or_line_end_write_an_escape();
void the_harts_of_a_demo_are_1_to_9();

consteval void check_demo(const Demo& demo) {
  constexpr std::string_view separators{"\t\r\n"};
  const std::string_view text = demo.description, input = demo.input;
  if (text.empty() || text.find_first_of(separators) != text.npos) {
    the_description_of_a_demo_is_one_line_without_tabs();
  }
  if (input.find_first_of(separators) != input.npos) {
    the_input_of_a_demo_has_no_tab_or_line_end_write_an_escape();
  }
  if (demo.harts < 1 || demo.harts > 9) the_harts_of_a_demo_are_1_to_9();
}

/// The line of the demo that `MakeDemo` returns, without a zero byte at its end.
template <class MakeDemo>
consteval auto demo_line(MakeDemo) {
  check_demo(MakeDemo{}());
  constexpr std::size_t size = [] {
    std::size_t size = 0;
    write_demo(MakeDemo{}(), [&size](std::string_view part) { size += part.size(); });
    return size;
  }();
  std::array<char, size> line{};
  auto end = line.begin();
  write_demo(MakeDemo{}(), [&end](std::string_view part) {
    for (const char each : part) *end++ = each;
  });
  return line;
}

}  // namespace detail
}  // namespace user

/// Once in the program, outside any namespace. The arguments initialise a user::Demo.
#define COTRAP_DEMO(...)                                                                    \
  [[gnu::section("cotrap_demo"), gnu::used, gnu::retain]] constexpr auto cotrap_demo_line = \
      user::detail::demo_line([] { return user::Demo{__VA_ARGS__}; })
