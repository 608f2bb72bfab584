#include "base/work_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { FULL_BELOW_BYTES = 1 << 20 };

static char *folder;
static int folder_file = -1; /* of the folder, for the handler */
static bool has_begun;
static struct sigaction before;

/* A file without a name; -1 with errno. */
static int new_file(void)
{
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return file;
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/leakhound-XXXXXX", folder) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

struct error *work_dir_use(const char *path)
{
    free(folder);
    folder = strdup(path);
    if (!folder)
        return error_memory(strlen(path));
    int file = new_file();
    if (file < 0)
        return error_os(errno, "no file can be made in the --work-dir %s", path);
    close(file);
    if (folder_file >= 0)
        close(folder_file);
    folder_file = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_file < 0)
        return error_os(errno, "the --work-dir %s cannot be opened", path);
    return NULL;
}

bool work_dir_is_set(void)
{
    return folder_file >= 0;
}

bool work_dir_has_begun(void)
{
    return has_begun;
}

/* A page that the kernel found no block for. SIGTERM takes the way of every other end, which
 * removes what is half written. */
static void handle_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    static const char text[] = "leakhound: the disk of the --work-dir is full\n";
    int saved = errno;
    struct statfs disk;
    if (info->si_code == BUS_ADRERR && fstatfs(folder_file, &disk) == 0 &&
        (uint64_t)disk.f_bavail * (uint64_t)disk.f_bsize < FULL_BELOW_BYTES) {
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
            errno = saved;
        kill(getpid(), SIGTERM);
        for (;;) /* also in a thread that leaves signals to others */
            pause();
    }
    sigaction(number, &before, NULL);
    errno = saved;
}

struct error *work_dir_begin(uint64_t bytes)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0)
        return error_os(errno, "the --work-dir %s cannot be used", folder);
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (room < bytes)
        return error_create(ERROR_OS,
                            "the disk of the --work-dir %s has %" PRIu64 " MiB free, and %" PRIu64
                            " MiB are needed",
                            folder, room >> 20, bytes >> 20);
    struct sigaction action = {.sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    if (!has_begun)
        sigaction(SIGBUS, &action, &before);
    has_begun = true;
    return NULL;
}

struct error *work_dir_map(uint64_t bytes, void **out)
{
    int file = new_file();
    if (file < 0)
        return error_os(errno, "no file can be made in the --work-dir %s", folder);
    void *pointer = MAP_FAILED;
    if (bytes <= INT64_MAX && ftruncate(file, (off_t)bytes) == 0)
        pointer = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    int failure = errno;
    close(file);
    if (pointer == MAP_FAILED)
        return error_os(failure, "%" PRIu64 " MiB in a file of the --work-dir %s", bytes >> 20,
                        folder);
    *out = pointer;
    return NULL;
}
