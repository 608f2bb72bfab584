package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static long whose, rounds;
static double sums[2];

// Two threads take turns; each computes with registers that a careless visitor would spoil.
static void *take_turns(void *argument)
{
	long me = (long)argument;
	for (;;) {
		double sum = 0;
		for (int i = 0; i < 1000; i++)
			sum += i * 0.5;
		sums[me] = sum;
		struct timespec nap = {0, 500000};
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&lock);
		while (whose != me)
			pthread_cond_wait(&turn, &lock);
		whose = !me;
		rounds++;
		pthread_cond_broadcast(&turn);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static int start_threads(void)
{
	pthread_t thread;
	for (long i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, take_turns, (void *)i))
			return 1;
	return 0;
}

// Allocates, fills and checks; waits in C with a time limit.
static int work(int seed)
{
	size_t size = 1000 + seed % 5000;
	unsigned char *block = malloc(size);
	memset(block, seed, size);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 300000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_mutex_lock(&own);
	pthread_cond_timedwait(&never, &own, &until);
	pthread_mutex_unlock(&own);
	int wrong = 0;
	for (size_t i = 0; i < size; i++)
		wrong += block[i] != (unsigned char)seed;
	free(block);
	return wrong;
}

static long turns_taken(void)
{
	pthread_mutex_lock(&lock);
	long taken = rounds;
	int fine = rounds < 4 || (sums[0] == 249750 && sums[1] == 249750);
	pthread_mutex_unlock(&lock);
	return fine ? taken : -1;
}
*/
import "C"

import "time"

func useC(number int) {
	if number == 0 && C.start_threads() != 0 {
		harmed("no threads of C")
	}
	last, since := C.long(0), time.Now()
	for i := 0; ; i++ {
		if C.work(C.int(i)) != 0 {
			harmed("memory of C is damaged")
		}
		taken := C.turns_taken()
		if taken < 0 {
			harmed("threads of C computed wrongly")
		}
		if taken > last {
			last, since = taken, time.Now()
		} else if time.Since(since) > patience {
			harmed("threads of C stand still")
		}
		count(&calls)
		time.Sleep(*rest)
	}
}
