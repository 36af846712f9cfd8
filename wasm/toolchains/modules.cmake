# The WebAssembly files. pare.wasm is a reactor (exports, no main): the JavaScript interface loads it, in browsers and
# in Node. pare-cli.wasm is the command line as a WASI command. The functions of exports.c name themselves
# (export_name), so no list is kept here. pare-wide.wasm is
# pare.wasm with every operator of src/ops/ops.def and every pass of src/compress/passes.def; the command line has all.
set(pare_stack_bytes 1048576)

function(pare_module target)
  set_target_properties(${target} PROPERTIES SUFFIX .wasm)
  pare_flags(${target})
  target_include_directories(${target} PRIVATE src)
  target_link_libraries(${target} PRIVATE pare_core)
  # The stack goes first, so that overflowing it traps instead of overwriting data.
  target_link_options(${target} PRIVATE -Wl,--stack-first)
endfunction()

function(pare_reactor target output)
  add_executable(${target} "${PROJECT_SOURCE_DIR}/wasm/exports.c" ${pare_tables})
  pare_module(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output})
  if(EMSCRIPTEN)
    # STANDALONE_WASM needs no JavaScript glue: the same small loader then serves this and the wasi-libc build.
    # TOTAL_STACK is the name of STACK_SIZE that old and new Emscripten both know.
    target_link_options(${target} PRIVATE -O3 -sSTANDALONE_WASM=1 --no-entry -sALLOW_MEMORY_GROWTH=1
      -sMAXIMUM_MEMORY=4GB -sTOTAL_STACK=${pare_stack_bytes})
  else()
    target_link_options(${target} PRIVATE -mexec-model=reactor -Wl,-z,stack-size=${pare_stack_bytes}
      -Wl,--strip-all -Wl,--gc-sections)
  endif()
endfunction()

pare_reactor(pare_module pare)
target_compile_definitions(pare_module PRIVATE PARE_WITHOUT_RARE)
pare_reactor(pare_wide_module pare-wide)

if(NOT EMSCRIPTEN AND NOT PARE_RELAXED_SIMD AND pare_cli_sources)
  add_executable(pare_program ${pare_cli_sources} ${pare_tables})
  pare_module(pare_program)
  set_target_properties(pare_program PROPERTIES OUTPUT_NAME pare-cli)
  target_link_options(pare_program PRIVATE -Wl,-z,stack-size=${pare_stack_bytes} -Wl,--strip-all)

  # ONNX's backend cases under WASI: npm run conformance.
  add_executable(pare_conformance EXCLUDE_FROM_ALL tests/conformance/main.c tests/unit/support/conformance.c
    ${pare_tables})
  pare_module(pare_conformance)
  set_target_properties(pare_conformance PROPERTIES OUTPUT_NAME pare-conformance)
  target_include_directories(pare_conformance PRIVATE tests/unit/support)
  target_link_options(pare_conformance PRIVATE -Wl,-z,stack-size=${pare_stack_bytes} -Wl,--strip-all)
endif()
