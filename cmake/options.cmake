# All build options. Change one with `cmake --preset NAME -DOPTION=value`.

set(COTRAP_TRAP_PATH shared CACHE STRING
    "The trap path: 'shared' maps the kernel into every address space, 'trampoline' gives it a space of its own, which the trap enters on a page mapped in both")
set_property(CACHE COTRAP_TRAP_PATH PROPERTY STRINGS shared trampoline)
if(NOT COTRAP_TRAP_PATH MATCHES "^(shared|trampoline)$")
  message(FATAL_ERROR "COTRAP_TRAP_PATH is '${COTRAP_TRAP_PATH}': set it to 'shared' or 'trampoline'")
endif()

set(COTRAP_TRAP_SHAPE call CACHE STRING
    "The trap shape: 'call' returns from run_user() on a trap, 'handler' calls a function that returns to the program directly where it can")
set_property(CACHE COTRAP_TRAP_SHAPE PROPERTY STRINGS call handler)
if(NOT COTRAP_TRAP_SHAPE MATCHES "^(call|handler)$")
  message(FATAL_ERROR "COTRAP_TRAP_SHAPE is '${COTRAP_TRAP_SHAPE}': set it to 'call' or 'handler'")
endif()

set(COTRAP_PROGRAMS_OF "" CACHE PATH
    "A build folder of the kernel: this build links to its programs instead of compiling them again")

set(COTRAP_FLOORS_OF "" CACHE PATH
    "A Release build folder of this kernel with the trap path 'shared' and the shape 'call': this build links its objects of those floors that do not depend on path and shape")

set(COTRAP_BUILTIN "" CACHE STRING
    "Programs that are linked into the kernels, which then boot without a boot archive: names of Cotrap's programs or absolute paths, separated by `;` (docs/running.md)")

set(COTRAP_MACHINE "" CACHE STRING
    "The machine of the kernel and its programs: 'riscv64', 'hosted' for a Linux x86_64 process, or 'pc' for an x86_64 PC; empty builds the unit tests on the host")
set_property(CACHE COTRAP_MACHINE PROPERTY STRINGS "" riscv64 hosted pc)

option(COTRAP_MMU "Programs have virtual addresses. OFF: programs and the kernel share physical addresses, for processors without an MMU (docs/new-machine.md)" ON)

set(COTRAP_PRIVILEGE supervisor CACHE STRING
    "The kernel's privilege mode on riscv64: 'supervisor' runs under firmware, 'machine' without any, and protects memory by PMP; it needs COTRAP_MMU=OFF")
set_property(CACHE COTRAP_PRIVILEGE PROPERTY STRINGS supervisor machine)

set(COTRAP_OPTIMIZE speed CACHE STRING
    "What CMAKE_BUILD_TYPE=Release optimises for: 'speed', or 'size' for machines with little memory: the kernel's code is a fifth smaller")
set_property(CACHE COTRAP_OPTIMIZE PROPERTY STRINGS speed size)
if(NOT COTRAP_OPTIMIZE MATCHES "^(speed|size)$")
  message(FATAL_ERROR "COTRAP_OPTIMIZE is '${COTRAP_OPTIMIZE}': set it to 'speed' or 'size'")
endif()
if(COTRAP_OPTIMIZE STREQUAL size)
  add_compile_options($<$<CONFIG:Release>:-Os>)  # it comes after the -O2 of CMAKE_*_FLAGS_RELEASE and replaces it
endif()

set(COTRAP_SANITIZE OFF CACHE STRING
    "'address' selects AddressSanitizer and UndefinedBehaviorSanitizer (host and hosted builds), 'thread' selects ThreadSanitizer (hosted builds)")
set_property(CACHE COTRAP_SANITIZE PROPERTY STRINGS OFF address thread)

option(COTRAP_FAULTS "Kernels have the boot option `faults=`, which injects faults (docs/faults.md)" OFF)

set(COTRAP_POLICY_HEADER "" CACHE FILEPATH
    "A header with an additional scheduling policy, the class COTRAP_POLICY_CLASS (docs/write-a-scheduler.md)")
set(COTRAP_POLICY_CLASS "" CACHE STRING "The class in COTRAP_POLICY_HEADER, of the namespace async::policy")
set(COTRAP_POLICY_NAME "" CACHE STRING "The constant `name` of this class")
# COTRAP_GIVEN_POLICY: the source that registers this policy; empty if there is no COTRAP_POLICY_HEADER.
set(COTRAP_GIVEN_POLICY)
if(COTRAP_POLICY_HEADER)
  if(NOT COTRAP_POLICY_CLASS OR NOT COTRAP_POLICY_NAME)
    message(FATAL_ERROR "COTRAP_POLICY_HEADER needs COTRAP_POLICY_CLASS and COTRAP_POLICY_NAME: set them to the class and to its `name`")
  endif()
  set(COTRAP_GIVEN_POLICY ${CMAKE_BINARY_DIR}/given_policy.cpp)
  file(CONFIGURE OUTPUT ${COTRAP_GIVEN_POLICY} @ONLY CONTENT [[
#include "@COTRAP_POLICY_HEADER@"
#include "async/policy/kinds.h"
namespace async::policy {
ASYNC_POLICY(@COTRAP_POLICY_CLASS@, "@COTRAP_POLICY_NAME@");
}
]])
endif()

if(COTRAP_TRAP_SHAPE STREQUAL handler AND NOT COTRAP_MACHINE STREQUAL riscv64)
  message(FATAL_ERROR "COTRAP_TRAP_SHAPE=handler works only with COTRAP_MACHINE=riscv64")
endif()

if(NOT COTRAP_MMU AND NOT (COTRAP_MACHINE STREQUAL riscv64 AND COTRAP_TRAP_PATH STREQUAL shared))
  message(FATAL_ERROR "COTRAP_MMU=OFF works only with COTRAP_MACHINE=riscv64 and COTRAP_TRAP_PATH=shared")
endif()

if(NOT COTRAP_PRIVILEGE STREQUAL supervisor AND (COTRAP_MMU OR NOT COTRAP_PRIVILEGE STREQUAL machine))
  message(FATAL_ERROR "COTRAP_PRIVILEGE is '${COTRAP_PRIVILEGE}': set it to 'supervisor', or with COTRAP_MMU=OFF to 'machine'")
endif()

if(COTRAP_FLOORS_OF AND NOT CMAKE_BUILD_TYPE STREQUAL Release)
  message(FATAL_ERROR "COTRAP_FLOORS_OF works only with CMAKE_BUILD_TYPE=Release: add -DCOTRAP_FLOORS_OF= to compile all floors")
endif()

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "Cotrap needs Clang, but the compiler is ${CMAKE_CXX_COMPILER_ID}. Use a preset: cmake --list-presets")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
add_compile_options(-Wall -Wextra -Werror=return-type -Wno-missing-field-initializers)
