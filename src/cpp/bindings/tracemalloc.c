/* tracemalloc.c: tells Python's tracemalloc of results, in the domain where NumPy tells of its arrays. In C, as the
   header of Python before 3.13 declares these functions for C alone. */
#include <Python.h>

enum { kNumpyDomain = 389047 };

void pyconv_track(const void* memory, size_t bytes) { PyTraceMalloc_Track(kNumpyDomain, (uintptr_t)memory, bytes); }

void pyconv_untrack(const void* memory) { PyTraceMalloc_Untrack(kNumpyDomain, (uintptr_t)memory); }
