# Fails when one of OBJECTS defines a weak symbol (nm: V, v, W, w) or a unique one (u).
execute_process(COMMAND ${NM} --defined-only ${OBJECTS} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES " table|5tableE")
  message(FATAL_ERROR "no kernel table found: is this the right object?\n${symbols}")
endif()
string(REGEX MATCHALL "[^\n]* [VvWwu] [^\n]*" weak "${symbols}")
if(weak)
  message(FATAL_ERROR "weak symbols in ${OBJECTS}:\n${weak}")
endif()
