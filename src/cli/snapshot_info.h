/* leakhound snapshot --info FILE: what a snapshot is of, and what its bytes are. */
#ifndef LEAKHOUND_CLI_SNAPSHOT_INFO_H
#define LEAKHOUND_CLI_SNAPSHOT_INFO_H

#include "cli/options.h"

/* Writes it to options->output. Reads the whole file: a damaged one is refused. */
struct error *snapshot_info(const struct options *options) ERROR_CHECK;

#endif
