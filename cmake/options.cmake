# Build options, in one place. `cmake --preset NAME -DOPTION=value` overrides any of them.

set(COTRAP_TRAP_PATH shared CACHE STRING
    "How the kernel is reached from user mode: 'shared' (kernel half-mapped in every address space) or 'trampoline' (a space of its own, switched to on a page mapped in both)")
set_property(CACHE COTRAP_TRAP_PATH PROPERTY STRINGS shared trampoline)
if(NOT COTRAP_TRAP_PATH MATCHES "^(shared|trampoline)$")
  message(FATAL_ERROR "COTRAP_TRAP_PATH is 'shared' or 'trampoline', not '${COTRAP_TRAP_PATH}'")
endif()

set(COTRAP_TRAP_SHAPE call CACHE STRING
    "What a program's trap is to the kernel: 'call' (run_user returns) or 'handler' (a function is called that goes back to the program by itself, where it can)")
set_property(CACHE COTRAP_TRAP_SHAPE PROPERTY STRINGS call handler)
if(NOT COTRAP_TRAP_SHAPE MATCHES "^(call|handler)$")
  message(FATAL_ERROR "COTRAP_TRAP_SHAPE is 'call' or 'handler', not '${COTRAP_TRAP_SHAPE}'")
endif()

set(COTRAP_PROGRAMS_OF "" CACHE PATH
    "A kernel build whose programs this one takes instead of making them once more")

set(COTRAP_MACHINE "" CACHE STRING
    "The machine that kernel and programs are built for: 'riscv64', or 'hosted' for a Linux x86_64 process; nothing for the tests of their parts on the host")
set_property(CACHE COTRAP_MACHINE PROPERTY STRINGS "" riscv64 hosted)

set(COTRAP_SANITIZE OFF CACHE STRING
    "Host and hosted builds: 'address' is AddressSanitizer and UndefinedBehaviorSanitizer; hosted builds: 'thread' is ThreadSanitizer")
set_property(CACHE COTRAP_SANITIZE PROPERTY STRINGS OFF address thread)

set(COTRAP_POLICY_HEADER "" CACHE FILEPATH
    "A header with one more scheduling policy, the class COTRAP_POLICY_CLASS (docs/write-a-scheduler.md)")
set(COTRAP_POLICY_CLASS "" CACHE STRING "The class of COTRAP_POLICY_HEADER, in async::policy")
set(COTRAP_POLICY_DEFINITIONS)  # of what includes async/policy/all.h
if(COTRAP_POLICY_HEADER)
  set(COTRAP_POLICY_DEFINITIONS
    "COTRAP_POLICY_HEADER=\"${COTRAP_POLICY_HEADER}\"" COTRAP_POLICY_CLASS=${COTRAP_POLICY_CLASS})
endif()

if(COTRAP_TRAP_SHAPE STREQUAL handler AND NOT COTRAP_MACHINE STREQUAL riscv64)
  message(FATAL_ERROR "COTRAP_TRAP_SHAPE=handler is for riscv64")
endif()

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "Cotrap is built with Clang; this is ${CMAKE_CXX_COMPILER_ID}. Use a preset: cmake --list-presets")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
add_compile_options(-Wall -Wextra -Werror=return-type -Wno-missing-field-initializers)
