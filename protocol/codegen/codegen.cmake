# Runs the generator at build time, when a schema or the generator changed. Sets GATEHOUSE_GENERATED_PROTOCOL_SOURCES
# and makes the target gatehouse_codegen, which everything waits for that includes "protocol/gen/…".
file(GLOB_RECURSE GATEHOUSE_SCHEMAS CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/schemas/*.json")
file(GLOB GATEHOUSE_CODEGEN_FILES CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.py")

set(GATEHOUSE_GENERATED_PROTOCOL_SOURCES)
foreach(name types methods payloads method_list bundled_schemas openrpc)
  list(APPEND GATEHOUSE_GENERATED_PROTOCOL_SOURCES "${GATEHOUSE_GENERATED}/protocol/gen/${name}.cpp")
endforeach()

# The headers are named here, so that Ninja sees within one build that they changed.
set(GATEHOUSE_GENERATED_FILES
  "${GATEHOUSE_GENERATED}/app/gen/method_table.cpp"
  "${GATEHOUSE_GENERATED}/app/gen/method_table.hpp"
  "${GATEHOUSE_GENERATED}/tests/gen/round_trip.hpp"
  "${GATEHOUSE_GENERATED}/web/protocol.ts")
foreach(name errors event_payload tape_payload method_list bundled_schemas openrpc)
  list(APPEND GATEHOUSE_GENERATED_FILES "${GATEHOUSE_GENERATED}/protocol/gen/${name}.hpp")
endforeach()
foreach(schema IN LISTS GATEHOUSE_SCHEMAS)
  file(RELATIVE_PATH schema "${CMAKE_SOURCE_DIR}/schemas" "${schema}")
  string(REGEX REPLACE "\\.json$" "" schema "${schema}")
  if(schema MATCHES "^(types|methods)/" OR schema STREQUAL "config")
    string(REPLACE "." "_" schema "${schema}")
    list(APPEND GATEHOUSE_GENERATED_FILES "${GATEHOUSE_GENERATED}/protocol/gen/${schema}.hpp")
  endif()
endforeach()

add_custom_command(
  OUTPUT ${GATEHOUSE_GENERATED_PROTOCOL_SOURCES} ${GATEHOUSE_GENERATED_FILES}
  COMMAND "${Python3_EXECUTABLE}" -B "${CMAKE_CURRENT_LIST_DIR}/generate.py"
          --schemas "${CMAKE_SOURCE_DIR}/schemas" --out "${GATEHOUSE_GENERATED}" --version "${PROJECT_VERSION}"
  DEPENDS ${GATEHOUSE_SCHEMAS} ${GATEHOUSE_CODEGEN_FILES}
  COMMENT "Generating the contract's types from schemas/"
  VERBATIM)
add_custom_target(gatehouse_codegen DEPENDS ${GATEHOUSE_GENERATED_PROTOCOL_SOURCES} ${GATEHOUSE_GENERATED_FILES})
