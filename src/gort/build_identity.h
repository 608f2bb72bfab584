/* What tells one executable from another, whatever its file is called and wherever it is loaded. */
#ifndef LEAKHOUND_GORT_BUILD_IDENTITY_H
#define LEAKHOUND_GORT_BUILD_IDENTITY_H

#include "gort/runtime.h"

/* A hash of the Go version, the sizes of code and data, where in the data pointers are, and both
 * ends of the code (the linker puts the build id at its beginning). The same for a live process,
 * its core and another process of the same file; where it is the same, variables lie at the same
 * places of their sections. 0 when the code cannot be read. Cost: a read of 128 KiB. */
uint64_t go_build_identity(struct go_runtime *runtime);

#endif
