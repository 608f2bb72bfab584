#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For the signal handler: changed only with signals blocked. */
static char *temporary_to_remove;

static void remember_temporary(char *path)
{
    temporary_to_remove = path;
}

void output_remove_temporary(void)
{
    if (temporary_to_remove)
        unlink(temporary_to_remove);
}

static mode_t mode_of_new_files(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Creates output->temporary beside output->path with the mode that the final file is to have. */
static struct error *create_temporary(struct output *output, const struct stat *existing)
{
    if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
        output->temporary = NULL;
        return error_memory(strlen(output->path));
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int descriptor = mkostemp(output->temporary, O_CLOEXEC);
    int reason = errno;
    if (descriptor >= 0)
        remember_temporary(output->temporary);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (descriptor < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return error_os(reason, "cannot write %s", output->path);
    }
    mode_t mode = existing ? existing->st_mode & 07777 : mode_of_new_files();
    if (fchmod(descriptor, mode) == 0)
        output->file = fdopen(descriptor, "w");
    if (!output->file) {
        reason = errno;
        close(descriptor);
        return error_os(reason, "cannot write %s", output->path);
    }
    return NULL;
}

static struct error *open_file(const char *path, struct output *output)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return error_os(EISDIR, "cannot write %s", path);
    if (exists && !S_ISREG(status.st_mode)) {
        output->file = fopen(path, "we");
        return output->file ? NULL : error_os(errno, "cannot write %s", path);
    }
    /* The link's target is to be replaced, not the link. */
    output->path = exists ? realpath(path, NULL) : strdup(path);
    if (!output->path)
        return error_os(errno, "cannot write %s", path);
    return create_temporary(output, exists ? &status : NULL);
}

struct error *output_open(const char *path, struct output *out)
{
    struct output output = {.file = path ? NULL : stdout};
    if (path) {
        struct error *error = open_file(path, &output);
        if (error) {
            output_discard(&output);
            return error;
        }
    }
    *out = output;
    return NULL;
}

struct error *output_commit(struct output *output)
{
    const char *name = output->path ? output->path : "the output";
    errno = 0;
    if (fflush(output->file) != 0 || ferror(output->file))
        return error_os(errno ? errno : EIO, "cannot write %s", name);
    FILE *file = output->file;
    output->file = NULL;
    if (!output->path) {
        /* The last chance to hear of a full disk behind standard output. */
        int closed = file == stdout ? close(STDOUT_FILENO) : fclose(file);
        return closed == 0 ? NULL : error_os(errno, "cannot write %s", name);
    }
    /* Not every file system can, and a report that the machine's crash takes can be made anew. */
    int synced = fsync(fileno(file)) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
    if (fclose(file) != 0 || synced != 0 || rename(output->temporary, output->path) != 0)
        return error_os(synced ? synced : errno, "cannot write %s", name);
    remember_temporary(NULL);
    free(output->temporary);
    output->temporary = NULL;
    return NULL;
}

void output_discard(struct output *output)
{
    if (output->file && output->file != stdout)
        fclose(output->file);
    if (output->temporary) {
        unlink(output->temporary);
        remember_temporary(NULL);
    }
    free(output->temporary);
    free(output->path);
    *output = (struct output){0};
}
