#include "target/hold.h"

#include <pthread.h>
#include <signal.h>

#include "target/stop.h"

enum { STOP_SECONDS = 10 };

enum phase { PHASE_STOPPING, PHASE_STOPPED, PHASE_FAILED, PHASE_RESUMING };

struct stopped_process {
    struct thread_stop_options options;
    pthread_t tracer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum phase phase; /* under lock; what follows belongs to the tracer until PHASE_STOPPED */
    struct error *error;
    struct thread_stop stop;
};

static void *hold(void *argument)
{
    struct stopped_process *process = argument;
    struct error *error = thread_stop_begin(&process->options, &process->stop);
    pthread_mutex_lock(&process->lock);
    process->error = error;
    process->phase = error ? PHASE_FAILED : PHASE_STOPPED;
    pthread_cond_broadcast(&process->changed);
    while (!error && process->phase != PHASE_RESUMING)
        pthread_cond_wait(&process->changed, &process->lock);
    pthread_mutex_unlock(&process->lock);
    if (!error)
        thread_stop_resume(&process->stop);
    return NULL;
}

static void destroy(struct stopped_process *process)
{
    thread_stop_end(&process->stop);
    pthread_mutex_destroy(&process->lock);
    pthread_cond_destroy(&process->changed);
    free(process);
}

struct error *process_stop(pid_t pid, bool full_registers, struct stopped_process **out)
{
    struct stopped_process *process;
    TRY(memory_array(1, sizeof(*process), &process));
    process->options = (struct thread_stop_options){
        .pid = pid,
        .limit_ns = (uint64_t)STOP_SECONDS * 1000000000u,
        .full_registers = full_registers,
    };
    pthread_mutex_init(&process->lock, NULL);
    pthread_cond_init(&process->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&process->tracer, NULL, hold, process);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        destroy(process);
        return error_os(failure, "cannot start a thread");
    }
    pthread_mutex_lock(&process->lock);
    while (process->phase == PHASE_STOPPING)
        pthread_cond_wait(&process->changed, &process->lock);
    struct error *error = process->error;
    pthread_mutex_unlock(&process->lock);
    if (error) {
        pthread_join(process->tracer, NULL);
        destroy(process);
        return error;
    }
    *out = process;
    return NULL;
}

struct error *process_threads(struct stopped_process *process, struct target *target)
{
    return thread_stop_threads(&process->stop, target);
}

uint64_t process_resume(struct stopped_process *process)
{
    pthread_mutex_lock(&process->lock);
    process->phase = PHASE_RESUMING;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->lock);
    pthread_join(process->tracer, NULL);
    uint64_t stopped_ns = process->stop.ended_ns - process->stop.started_ns;
    destroy(process);
    return stopped_ns;
}
