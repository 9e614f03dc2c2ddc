# Selects Clang for bare-metal riscv64. cmake/riscv64.cmake selects the ISA and the ABI of each target:
# the kernel is built without floating point, programs with it.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(COTRAP_MACHINE riscv64 CACHE STRING "")

include(${CMAKE_CURRENT_LIST_DIR}/find-clang.cmake)

foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET riscv64-unknown-elf)
endforeach()
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_RELEASE "-O2 -g -DNDEBUG" CACHE STRING "")
  set(CMAKE_${language}_FLAGS_DEBUG "-Og -g" CACHE STRING "")
endforeach()
