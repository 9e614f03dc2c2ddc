# Programs that run on the kernel: static ELF files in the boot archive's /bin.
#
#   cotrap_add_program(name sources…)
#   cotrap_add_demo(name sources…)
#
# The program with symbols is ${CMAKE_BINARY_DIR}/user/bin/NAME. The stripped one goes to the staging
# folder of the boot archive, ${CMAKE_BINARY_DIR}/initrd-root/bin/NAME. A demo also has a line in
# initrd-root/etc/demos, whose fields are separated by tabs:
#
#   NAME  INPUT or -  DESCRIPTION  [DISK]  [ICOUNT]  [SELF_TESTS]  [HARTS=number]
#
# The demo's macro COTRAP_DEMO (user/demo.h) makes all of it but the name.
#
#   cotrap_take_programs(build)
#
# Makes links to the programs of another build instead of building them: a program does not depend on
# the kernel's trap path.
#
# The target cotrap_programs builds the programs of the boot archive, cotrap_test_programs those of the
# system tests, and user-scale those of `./cotrap bench scale`. After cotrap_take_programs() these targets
# build in the other build folder.

include(build-elsewhere)
include(remove-other-files)

set(COTRAP_INITRD_ROOT ${CMAKE_BINARY_DIR}/initrd-root)
set(folders_of_programs conflicts dynamic-programs initrd-root linux-programs scale stackful test-programs user/bin)
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
  set(of_benchmarks cotrap_conflicts cotrap_scale cotrap_stackful user-scale)
  foreach(target IN LISTS of_benchmarks)
    add_custom_target(${target})
  endforeach()
  foreach(target cotrap_programs cotrap_test_programs ${of_benchmarks})
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
  cotrap_add_program(${name} ${ARGN})
  target_link_libraries(user-${name} PRIVATE cotrap_user_async)
  set(line ${CMAKE_CURRENT_BINARY_DIR}/${name}.line)
  add_custom_command(TARGET user-${name} POST_BUILD BYPRODUCTS ${line}
    COMMAND ${CMAKE_OBJCOPY} -O binary --only-section=cotrap_demo $<TARGET_FILE:user-${name}> ${line}
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY COTRAP_DEMO_LINES ${line})
endfunction()

# Makes etc/demos of the demos' lines. Call it after the last cotrap_add_demo().
function(cotrap_write_demo_manifest)
  get_property(lines GLOBAL PROPERTY COTRAP_DEMO_LINES)
  set(manifest ${COTRAP_INITRD_ROOT}/etc/demos)
  add_custom_command(OUTPUT ${manifest} DEPENDS ${lines}
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${manifest} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/demo-manifest.cmake
            ${lines}
    VERBATIM)
  add_custom_target(cotrap_demo_manifest DEPENDS ${manifest})
  add_dependencies(cotrap_programs cotrap_demo_manifest)
endfunction()
