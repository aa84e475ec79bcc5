# Chooses clang-19 where nobody named a compiler, and refuses compilers that are known to break coroutines.
# Included before project().
if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  find_program(GATEHOUSE_CLANGXX NAMES clang++-19)
  if(NOT GATEHOUSE_CLANGXX)
    message(FATAL_ERROR "clang++-19 was not found. Run ./dev setup, or install Debian's package clang-19.")
  endif()
  set(CMAKE_CXX_COMPILER "${GATEHOUSE_CLANGXX}")
endif()

macro(gatehouse_check_compiler)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    message(FATAL_ERROR "g++ before 13 frees temporaries of co_await expressions twice. Use clang-19 (./dev setup installs it).")
  endif()
endmacro()
