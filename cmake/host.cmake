# Finds Catch2 and fmt for host builds, and sets the sanitizers' options.
find_package(Catch2 3 REQUIRED)
find_package(fmt REQUIRED)

if(COTRAP_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
