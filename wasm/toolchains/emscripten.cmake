# Emscripten, whichever emcc is on PATH: a current SDK, or Debian's 3.1.6.
find_program(PARE_EMCC emcc REQUIRED)
file(REAL_PATH "${PARE_EMCC}" pare_emcc)
get_filename_component(pare_emcc_dir "${pare_emcc}" DIRECTORY)
find_path(PARE_EMSCRIPTEN_ROOT cmake/Modules/Platform/Emscripten.cmake
  PATHS "${pare_emcc_dir}" "${pare_emcc_dir}/.." /usr/share/emscripten NO_DEFAULT_PATH REQUIRED)
include("${PARE_EMSCRIPTEN_ROOT}/cmake/Modules/Platform/Emscripten.cmake")

# Debian's emcc needs Debian's acorn when it optimises at the link step, and another Node may be first on PATH.
if(EXISTS /usr/share/nodejs/acorn)
  set_property(GLOBAL PROPERTY RULE_LAUNCH_LINK "${CMAKE_COMMAND} -E env NODE_PATH=/usr/share/nodejs")
endif()
