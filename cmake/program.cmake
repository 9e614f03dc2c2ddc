# Programs that run on the kernel: static riscv64 ELF files in the boot archive's /bin.
#
#   cotrap_add_program(name sources…)
#   cotrap_add_demo(name DESCRIPTION "one line" [INPUT "typed text"] [HARTS number] [DISK] [ICOUNT]
#                   [SELF_TESTS] SOURCES sources…)
#
# The program with symbols is ${CMAKE_BINARY_DIR}/user/bin/NAME, the stripped one goes to the staging
# folder ${CMAKE_BINARY_DIR}/initrd-root/bin/NAME. A demo has a line in initrd-root/etc/demos too:
# NAME<TAB>INPUT or -<TAB>DESCRIPTION[<TAB>DISK][<TAB>ICOUNT][<TAB>SELF_TESTS][<TAB>HARTS=number].
# In INPUT, \n is a line's end, \d a pause of 200 ms, and \xHH any other key: \x04 is Ctrl-D, which ends
# standard input at the beginning of a line, and \x03 is Ctrl-C. With DISK, `./cotrap demo` gives the machine a
# disk with known contents, and slow; with ICOUNT its time is counted in instructions, so that a busy
# host makes nobody late (but harts take turns then); with SELF_TESTS it boots the kernel that has
# self-tests; HARTS is how many it has if nobody says otherwise, instead of one.

#   cotrap_take_programs(build)
#
# Makes links to the programs of another build instead of building them: a program does not depend on
# the kernel's trap path.
#
# The targets cotrap_programs and cotrap_test_programs make the programs of the boot archive and those
# of the system tests. Where programs are taken, they make them in the other build.

set(COTRAP_INITRD_ROOT ${CMAKE_BINARY_DIR}/initrd-root)
add_custom_target(cotrap_programs ALL)
add_custom_target(cotrap_test_programs)

function(cotrap_take_programs build)
  foreach(folder initrd-root linux-programs test-programs user/bin)
    file(REMOVE_RECURSE ${CMAKE_BINARY_DIR}/${folder})  # or the link to it
    file(CREATE_LINK ${build}/${folder} ${CMAKE_BINARY_DIR}/${folder} SYMBOLIC)
  endforeach()
  foreach(target cotrap_programs cotrap_test_programs)
    cotrap_build_elsewhere(${target}_elsewhere ${build} ${target})
    add_dependencies(${target} ${target}_elsewhere)
  endforeach()
endfunction()

# cotrap_build_elsewhere(name build target): a target that makes a target of another build folder.
function(cotrap_build_elsewhere name build target)
  # USES_TERMINAL: one after the other, and the other build's progress is seen.
  add_custom_target(${name} USES_TERMINAL VERBATIM
    COMMAND ${CMAKE_COMMAND} -DBUILD=${build} -DTARGET=${target}
            -P ${PROJECT_SOURCE_DIR}/cmake/build-elsewhere.cmake)
endfunction()

function(cotrap_add_program name)
  # The target is user-NAME: NAME alone may be anything, `true` and `test` among others.
  cotrap_add_runtime_program(user-${name} ${name} user/bin ${ARGN})
  cotrap_install_program(user-${name})
endfunction()

# A program on the runtime, as `name` in that folder of the build.
function(cotrap_add_runtime_program target name folder)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE cotrap_user_runtime cotrap_user_hosted)
  target_precompile_headers(${target} REUSE_FROM cotrap_user_headers)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
endfunction()

# Into the staging folder, without symbols.
function(cotrap_install_program target)
  file(MAKE_DIRECTORY ${COTRAP_INITRD_ROOT}/bin)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_STRIP} -o ${COTRAP_INITRD_ROOT}/bin/$<TARGET_FILE_NAME:${target}>
            $<TARGET_FILE:${target}>
    VERBATIM)
  add_dependencies(cotrap_programs ${target})
endfunction()

function(cotrap_add_demo name)
  cmake_parse_arguments(PARSE_ARGV 1 demo "DISK;ICOUNT;SELF_TESTS" "DESCRIPTION;INPUT;HARTS" "SOURCES")
  if(NOT demo_DESCRIPTION OR NOT demo_SOURCES)
    message(FATAL_ERROR "cotrap_add_demo(${name}): DESCRIPTION and SOURCES are needed")
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

# After the last demo.
function(cotrap_write_demo_manifest)
  get_property(demos GLOBAL PROPERTY COTRAP_DEMOS)
  file(CONFIGURE OUTPUT ${COTRAP_INITRD_ROOT}/etc/demos CONTENT "${demos}" @ONLY)
endfunction()
