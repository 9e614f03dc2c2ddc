# Programs that run on the kernel: static ELF files in the boot archive's /bin.
#
#   cotrap_add_program(name sources…)
#   cotrap_add_demo(name DESCRIPTION "one line" [INPUT "typed text"] [HARTS number] [DISK] [ICOUNT]
#                   [SELF_TESTS] SOURCES sources…)
#
# The program with symbols is ${CMAKE_BINARY_DIR}/user/bin/NAME. The stripped one goes to the staging
# folder of the boot archive, ${CMAKE_BINARY_DIR}/initrd-root/bin/NAME. A demo also has a line in
# initrd-root/etc/demos, whose fields are separated by tabs:
#
#   NAME  INPUT or -  DESCRIPTION  [DISK]  [ICOUNT]  [SELF_TESTS]  [HARTS=number]
#
# The options say how `./cotrap demo` runs the demo:
#
#   INPUT       the keys that the command types: \n ends a line, \d waits 200 ms, \xHH is any other key;
#               \x04 is Ctrl-D, which ends standard input at the beginning of a line; \x03 is Ctrl-C
#   DISK        the machine has a slow disk with known contents
#   ICOUNT      time is counted in instructions, so a busy host delays no thread; the harts then run
#               one at a time
#   SELF_TESTS  the machine boots the kernel that has the self-tests
#   HARTS       the number of harts, by default 1; the option --harts overrides it
#
#   cotrap_take_programs(build)
#
# Makes links to the programs of another build instead of building them: a program does not depend on
# the kernel's trap path.
#
# The target cotrap_programs builds the programs of the boot archive, cotrap_test_programs those of the
# system tests. After cotrap_take_programs() both targets build in the other build folder.

include(build-elsewhere)
include(remove-other-files)

set(COTRAP_INITRD_ROOT ${CMAKE_BINARY_DIR}/initrd-root)
set(folders_of_programs initrd-root linux-programs test-programs user/bin)
foreach(folder IN LISTS folders_of_programs)
  if(IS_SYMLINK ${CMAKE_BINARY_DIR}/${folder})  # left by cotrap_take_programs() in an earlier configuration
    file(REMOVE ${CMAKE_BINARY_DIR}/${folder})
  endif()
endforeach()
add_custom_target(cotrap_programs ALL)
add_custom_target(cotrap_test_programs)

function(cotrap_take_programs build)
  foreach(folder IN LISTS folders_of_programs)
    file(REMOVE_RECURSE ${CMAKE_BINARY_DIR}/${folder})
    file(CREATE_LINK ${build}/${folder} ${CMAKE_BINARY_DIR}/${folder} SYMBOLIC)
  endforeach()
  foreach(target cotrap_programs cotrap_test_programs)
    cotrap_build_elsewhere(${target}_elsewhere ${build} ${target})
    add_dependencies(${target} ${target}_elsewhere)
  endforeach()
endfunction()

function(cotrap_add_program name)
  # The target is user-NAME, because CMake reserves some names of programs, such as `test`.
  cotrap_add_runtime_program(user-${name} ${name} user/bin ${ARGN})
  cotrap_install_program(user-${name})
endfunction()

# cotrap_add_runtime_program(target name folder source…): a program linked with the runtime, built as
# ${CMAKE_BINARY_DIR}/folder/name.
function(cotrap_add_runtime_program target name folder)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE cotrap_user_runtime cotrap_user_hosted)
  target_precompile_headers(${target} REUSE_FROM cotrap_user_headers)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
endfunction()

# Copies the program into the staging folder of the boot archive, without symbols.
function(cotrap_install_program target)
  file(MAKE_DIRECTORY ${COTRAP_INITRD_ROOT}/bin)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_STRIP} -o ${COTRAP_INITRD_ROOT}/bin/$<TARGET_FILE_NAME:${target}>
            $<TARGET_FILE:${target}>
    VERBATIM)
  add_dependencies(cotrap_programs ${target})
  get_target_property(name ${target} OUTPUT_NAME)
  set_property(GLOBAL APPEND PROPERTY COTRAP_PROGRAMS ${name})
endfunction()

# Removes the programs that no target makes any more. Call it after the last cotrap_add_program().
function(cotrap_remove_old_programs)
  get_property(programs GLOBAL PROPERTY COTRAP_PROGRAMS)
  cotrap_remove_other_files(${COTRAP_INITRD_ROOT}/bin ${programs})
  cotrap_remove_other_files(${CMAKE_BINARY_DIR}/user/bin ${programs})
endfunction()

function(cotrap_add_demo name)
  cmake_parse_arguments(PARSE_ARGV 1 demo "DISK;ICOUNT;SELF_TESTS" "DESCRIPTION;INPUT;HARTS" "SOURCES")
  if(NOT demo_DESCRIPTION OR NOT demo_SOURCES)
    message(FATAL_ERROR "cotrap_add_demo(${name}): give it a DESCRIPTION and SOURCES")
  endif()
  if(NOT demo_INPUT)
    set(demo_INPUT "-")
  endif()
  set(needs "")
  if(demo_DISK)
    set(needs "\tDISK")
  endif()
  if(demo_ICOUNT)
    string(APPEND needs "\tICOUNT")
  endif()
  if(demo_SELF_TESTS)
    string(APPEND needs "\tSELF_TESTS")
  endif()
  if(demo_HARTS)
    string(APPEND needs "\tHARTS=${demo_HARTS}")
  endif()
  cotrap_add_program(${name} ${demo_SOURCES})
  set_property(GLOBAL APPEND_STRING PROPERTY COTRAP_DEMOS
               "${name}\t${demo_INPUT}\t${demo_DESCRIPTION}${needs}\n")
endfunction()

# Writes etc/demos. Call it after the last cotrap_add_demo().
function(cotrap_write_demo_manifest)
  get_property(demos GLOBAL PROPERTY COTRAP_DEMOS)
  file(CONFIGURE OUTPUT ${COTRAP_INITRD_ROOT}/etc/demos CONTENT "${demos}" @ONLY)
endfunction()
