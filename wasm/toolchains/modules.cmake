# The WebAssembly files. pare.wasm is a reactor (exports, no main): the JavaScript interface loads it, in browsers and
# in Node. pare-cli.wasm is the command line as a WASI command. The functions of exports.c name themselves
# (export_name), so no list is kept here. pare-wide.wasm is
# pare.wasm with every operator of src/ops/ops.def, every pass of src/compress/passes.def, sparse kernels and dynamic sessions; the command line has all.
# pare-relaxed.wasm and pare-relaxed-wide.wasm are the same two with relaxed SIMD kernels.
set(pare_stack_bytes 1048576)

function(pare_module target)
  set_target_properties(${target} PROPERTIES SUFFIX .wasm)
  pare_flags(${target})
  target_include_directories(${target} PRIVATE src)
  target_link_libraries(${target} PRIVATE pare_core)
  # The stack goes first, so that overflowing it traps instead of overwriting data.
  target_link_options(${target} PRIVATE -Wl,--stack-first -Wl,-z,stack-size=${pare_stack_bytes} -Wl,--strip-all)
endfunction()

function(pare_reactor target output)
  add_executable(${target} "${PROJECT_SOURCE_DIR}/wasm/exports.c" ${pare_tables})
  pare_module(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output})
  target_link_options(${target} PRIVATE -mexec-model=reactor -Wl,--gc-sections)
endfunction()

set(pare_module_name pare)
if(PARE_RELAXED_SIMD)
  set(pare_module_name pare-relaxed)
endif()
pare_reactor(pare_module ${pare_module_name})
target_compile_definitions(pare_module PRIVATE PARE_WITHOUT_RARE)
pare_reactor(pare_wide_module ${pare_module_name}-wide)

if(NOT PARE_RELAXED_SIMD AND pare_cli_sources)
  add_executable(pare_program ${pare_cli_sources} ${pare_tables})
  pare_module(pare_program)
  set_target_properties(pare_program PROPERTIES OUTPUT_NAME pare-cli)

  # ONNX's backend cases under WASI: npm run conformance.
  add_executable(pare_conformance EXCLUDE_FROM_ALL tests/conformance/main.c tests/unit/support/conformance.c
    ${pare_tables})
  pare_module(pare_conformance)
  set_target_properties(pare_conformance PROPERTIES OUTPUT_NAME pare-conformance)
  target_include_directories(pare_conformance PRIVATE tests/unit/support)
endif()
