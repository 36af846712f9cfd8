# The WebAssembly files. pare.wasm is a reactor (exports, no main): the JavaScript interface loads it, in browsers and
# in Node. pare-cli.wasm is the command line as a WASI command. The functions of exports.c name themselves
# (export_name), so no list is kept here.
set(pare_stack_bytes 1048576)

function(pare_module target)
  set_target_properties(${target} PROPERTIES SUFFIX .wasm)
  pare_flags(${target})
  target_include_directories(${target} PRIVATE src)
  target_link_libraries(${target} PRIVATE pare_core)
  # The stack goes first, so that overflowing it traps instead of overwriting data.
  target_link_options(${target} PRIVATE -Wl,--stack-first)
endfunction()

if(EXISTS "${PROJECT_SOURCE_DIR}/wasm/exports.c")
  add_executable(pare_module "${PROJECT_SOURCE_DIR}/wasm/exports.c")
  pare_module(pare_module)
  set_target_properties(pare_module PROPERTIES OUTPUT_NAME pare)
  if(EMSCRIPTEN)
    # STANDALONE_WASM needs no JavaScript glue: the same small loader then serves this and the wasi-libc build.
    # TOTAL_STACK is the name of STACK_SIZE that old and new Emscripten both know.
    target_link_options(pare_module PRIVATE -O3 -sSTANDALONE_WASM=1 --no-entry -sALLOW_MEMORY_GROWTH=1
      -sMAXIMUM_MEMORY=4GB -sTOTAL_STACK=${pare_stack_bytes})
  else()
    target_link_options(pare_module PRIVATE -mexec-model=reactor -Wl,-z,stack-size=${pare_stack_bytes}
      -Wl,--strip-all -Wl,--gc-sections)
  endif()
endif()

if(NOT EMSCRIPTEN AND NOT PARE_RELAXED_SIMD AND pare_cli_sources)
  add_executable(pare_program ${pare_cli_sources})
  pare_module(pare_program)
  set_target_properties(pare_program PROPERTIES OUTPUT_NAME pare-cli)
  target_link_options(pare_program PRIVATE -Wl,-z,stack-size=${pare_stack_bytes} -Wl,--strip-all)
endif()
