# cotrap_build_elsewhere(name build target [REQUIRED option=value…] [BYPRODUCTS file…]): the target `name`
# builds `target` in another build folder, which makes the files BYPRODUCTS. `build` is named like its
# preset. If it is not configured yet, it is configured first. It is an error if an option in its cache
# has another value than the REQUIRED one.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(cotrap_build_elsewhere name build target)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "REQUIRED;BYPRODUCTS")
    # USES_TERMINAL: ninja runs these targets one after the other, and shows the other build's progress.
    add_custom_target(${name} USES_TERMINAL VERBATIM BYPRODUCTS ${arg_BYPRODUCTS}
      COMMAND ${CMAKE_COMMAND} -DBUILD=${build} -DTARGET=${target} "-DREQUIRED=${arg_REQUIRED}"
              -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
  endfunction()
  return()
endif()

# As a script, `cmake -DBUILD=FOLDER -DTARGET=NAME -P build-elsewhere.cmake`, this file builds NAME in FOLDER.
cmake_path(GET BUILD FILENAME preset)
cmake_path(SET source NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
file(MAKE_DIRECTORY ${BUILD})
# The command `cotrap` takes the same lock, so two builds of one folder run one after the other.
file(LOCK ${BUILD}/.cotrap-lock GUARD PROCESS)
if(NOT EXISTS ${BUILD}/build.ninja)
  execute_process(COMMAND ${CMAKE_COMMAND} --preset ${preset} WORKING_DIRECTORY ${source}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
foreach(requirement IN LISTS REQUIRED)
  string(REGEX MATCH "^([^=]+)=(.*)$" matched "${requirement}")
  set(option ${CMAKE_MATCH_1})
  set(value "${CMAKE_MATCH_2}")
  load_cache(${BUILD} READ_WITH_PREFIX OTHER_ ${option})
  if(NOT "${OTHER_${option}}" STREQUAL "${value}")
    message(FATAL_ERROR "${BUILD} has ${option}='${OTHER_${option}}', but this build needs '${value}'. "
      "Configure that folder again with `cmake --fresh --preset ${preset}`.")
  endif()
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target ${TARGET} COMMAND_ERROR_IS_FATAL ANY)
