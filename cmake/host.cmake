# Host builds: the shared sources as ordinary libraries, with sanitizers if COTRAP_SANITIZE is set.
find_package(Catch2 3 REQUIRED)
find_package(fmt REQUIRED)

if(COTRAP_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# Compiles six sources of the library in one compiler run, because most of the compile time goes to headers.
function(cotrap_compile_together library)
  set_target_properties(${library} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
endfunction()
