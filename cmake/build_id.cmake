# BERTH_BUILD_ID: the build number of everything that is shipped (CheckBuild, build directories of
# pages, store). Eight digits that grow: two each of major and minor version, four of the number of
# commits. Hexadecimal digits only, as CheckBuild wants; a later one sorts behind an earlier one.
find_package(Git QUIET)
set(commits 0)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-list --count HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE counted OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed EQUAL 0)
    set(commits ${counted})
  endif()
endif()
foreach(part "2:${PROJECT_VERSION_MAJOR}" "2:${PROJECT_VERSION_MINOR}" "4:${commits}")
  string(REGEX MATCH "^([0-9]+):(.*)$" matched ${part})
  set(digits ${CMAKE_MATCH_2})
  string(LENGTH "${digits}" length)
  while(length LESS ${CMAKE_MATCH_1})
    string(PREPEND digits 0)
    math(EXPR length "${length} + 1")
  endwhile()
  string(APPEND BERTH_BUILD_ID ${digits})
endforeach()
# A new commit is a new build number: configure again when the branch has moved.
execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                OUTPUT_VARIABLE head_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
get_filename_component(head_log "${head_log}" ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
if(head_log AND EXISTS "${head_log}" AND NOT IS_DIRECTORY "${head_log}")
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${head_log}")
endif()
message(STATUS "Build number ${BERTH_BUILD_ID}")
