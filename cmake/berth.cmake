# How Berth's rooms are built: a library, its tests, its fuzzers and its benchmarks stand
# beside each other and are found by name, so adding a file never touches a list.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR
    "Berth needs clang 16 or newer (clang-19 in Debian 12): g++ 12 silently miscompiles "
    "aggregates and lambdas inside co_await expressions. Use: cmake --preset release")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(BERTH_SANITIZE "address;undefined or thread" "")
option(BERTH_FUZZ "build the fuzzers" OFF)
option(BERTH_WERROR "warnings are errors" ON)
# Off in the release preset: ./run needs no test library, and a clean release build stays short.
option(BERTH_TESTS "build the unit tests" ON)

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers
                    -Wno-unused-parameter -fno-omit-frame-pointer)
if(BERTH_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_definitions(_GNU_SOURCE BOOST_ALL_NO_LIB)

find_program(BERTH_CCACHE ccache)
if(BERTH_CCACHE)
  # The precompiled header changes only with its sources; without these ccache would miss each time. Its bytes differ from
  # folder to folder (it holds paths and times), so ccache looks at the sum of what went into it, see berth_pch_sum().
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 ${BERTH_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  # Without CMake's second, needless -include, whose absolute path would be part of ccache's key.
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
endif()
find_program(BERTH_MOLD mold)
if(BERTH_MOLD)
  add_link_options(-fuse-ld=mold)
else()
  add_link_options(-fuse-ld=lld-19)
endif()

if(BERTH_SANITIZE)
  string(REPLACE ";" "," sanitizers "${BERTH_SANITIZE}")
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${sanitizers})
endif()
if(BERTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(FMT REQUIRED IMPORTED_TARGET fmt)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlienc libbrotlidec)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(DW REQUIRED IMPORTED_TARGET libdw libelf)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
find_library(BOOST_JSON boost_json REQUIRED)
if(BERTH_TESTS)
  find_package(GTest REQUIRED)
endif()

enable_testing()

# The standard headers and ours that nearly every unit takes, compiled once a build.
add_library(berth_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(berth_pch PUBLIC Threads::Threads)
target_include_directories(berth_pch PUBLIC ${CMAKE_SOURCE_DIR})
target_precompile_headers(berth_pch PUBLIC ${CMAKE_SOURCE_DIR}/cmake/pch.h)
if(BERTH_TESTS)
  add_library(berth_test_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
  target_link_libraries(berth_test_pch PUBLIC Threads::Threads GTest::gmock)
  target_include_directories(berth_test_pch PUBLIC ${CMAKE_SOURCE_DIR})
  target_precompile_headers(berth_test_pch PUBLIC ${CMAKE_SOURCE_DIR}/cmake/pch_test.h)
  add_library(berth_test_main STATIC ${CMAKE_SOURCE_DIR}/cmake/test_main.cc)
  target_link_libraries(berth_test_main PUBLIC GTest::gmock)
endif()

# berth_pch_sum(TARGET HEADER): says to ccache what TARGET's precompiled HEADER holds, by the sum of its preprocessed text.
function(berth_pch_sum target header)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -E -P -D_GNU_SOURCE -I${CMAKE_SOURCE_DIR} -x c++-header ${header}
                  OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 sum "${text}")
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum "${sum}\n")
endfunction()
if(BERTH_CCACHE)
  berth_pch_sum(berth_pch ${CMAKE_SOURCE_DIR}/cmake/pch.h)
  if(BERTH_TESTS)
    berth_pch_sum(berth_test_pch ${CMAKE_SOURCE_DIR}/cmake/pch_test.h)
  endif()
endif()

# NAME_test of the sources, a test of ctest by NAME.
function(berth_test_program name library)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  set_target_properties(${name}_test PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name}_test PRIVATE -fPIC)
  target_precompile_headers(${name}_test REUSE_FROM berth_test_pch)
  target_link_libraries(${name}_test PRIVATE ${library} ${ARG_LIBS} berth_test_main GTest::gmock)
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS unit)
endfunction()

# berth_library(NAME [PUBLIC lib…] [PRIVATE lib…] [EXTRA file…] [TEST_LIBS lib…] [TEST_PROGRAMS word…])
# Takes all *.cc below the current folder but tests, fuzzers, benchmarks and main*.cc.
# Beside it: NAME_test of all *_test.cc, a fuzzer per *_fuzz.cc, a benchmark per *_bench.cc.
# Tests that take long run side by side: for each WORD the *_WORD_test.cc make a program of their own, NAME_WORD_test.
# What stands in */testing/*_test.cc is in all of them.
function(berth_library name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE;EXTRA;TEST_LIBS;TEST_PROGRAMS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main|/main_[a-z_]+)\\.cc$")
  if(NOT sources AND NOT ARG_EXTRA)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cc "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cc)
  endif()
  add_library(${name} STATIC ${sources} ${ARG_EXTRA})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_precompile_headers(${name} REUSE_FROM berth_pch)
  target_link_libraries(${name} PUBLIC Threads::Threads ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})

  if(BERTH_TESTS)
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
    set(common ${tests})
    list(FILTER common INCLUDE REGEX "/testing/[^/]*$")
    list(FILTER tests EXCLUDE REGEX "/testing/[^/]*$")
    foreach(word ${ARG_TEST_PROGRAMS})
      set(own ${tests})
      list(FILTER own INCLUDE REGEX "[/_]${word}_test\\.cc$")
      list(FILTER tests EXCLUDE REGEX "[/_]${word}_test\\.cc$")
      berth_test_program(${name}_${word} ${name} SOURCES ${own} ${common} LIBS ${ARG_TEST_LIBS})
    endforeach()
    if(tests)
      berth_test_program(${name} ${name} SOURCES ${tests} ${common} LIBS ${ARG_TEST_LIBS})
    endif()
  endif()

  if(BERTH_FUZZ)
    file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cc)
    foreach(fuzzer ${fuzzers})
      get_filename_component(fuzzer_name ${fuzzer} NAME_WE)
      add_executable(${fuzzer_name} ${fuzzer})
      target_link_options(${fuzzer_name} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${fuzzer_name} PRIVATE ${name})
    endforeach()
  endif()

  find_package(benchmark QUIET)
  if(benchmark_FOUND AND NOT BERTH_SANITIZE AND NOT BERTH_FUZZ)
    file(GLOB_RECURSE benchmarks CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_bench.cc)
    foreach(bench ${benchmarks})
      get_filename_component(bench_name ${bench} NAME_WE)
      add_executable(${bench_name} EXCLUDE_FROM_ALL ${bench})
      target_link_libraries(${bench_name} PRIVATE ${name} benchmark::benchmark benchmark::benchmark_main)
    endforeach()
  endif()
endfunction()

# berth_executable(NAME SOURCES file… [LIBS lib…])
function(berth_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  # As libraries are compiled (CMake would take -fPIE), or the precompiled header does not fit.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM berth_pch)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()
