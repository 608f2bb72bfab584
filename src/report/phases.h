/* How far a run has come when a phase begins, by what phases of a large heap were measured to
 * take. Private to report. */
#ifndef LEAKHOUND_REPORT_PHASES_H
#define LEAKHOUND_REPORT_PHASES_H

#define PHASE_HOLDERS "steps from the holders"
#define PHASE_FINDINGS "judge what is held"
#define PHASE_COLLECTIONS "ways to collections"
#define PHASE_SHARED "what holders share"
#define PHASE_TYPES "tables of types"

/* The part of the whole, 0 … 1, that is done when the phase of that name begins and when it ends;
 * both negative for a name that is not known. In the order of a run they never get smaller. */
void phases_share(const char *name, double *out_from, double *out_to);

#endif
