/*
 * For QEMUs of the lab that make COLO by software emulation (TCG), and for nothing else: a library to be preloaded.
 *
 * QEMU's COLO thread stops the VM without its big lock (run_on_cpu). Under KVM nothing of this happens. Under TCG the wait for the vCPU
 * then fails in two ways: pthread_cond_wait is called with a mutex that the caller does not own, and the vCPU may miss the wake-up between
 * its look and its wait, so that all wait for ever. So a waiter that does not own the mutex takes it, wakes all that wait by it (QEMU's
 * waits look again), lets it go and looks again soon. A wait with a deadline would not do: the conditions' clocks differ between versions.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define WAITS 256

static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_broadcast)(pthread_cond_t *);
static __thread int thread;
static pthread_spinlock_t lock;
static struct {
  pthread_cond_t *condition;
  pthread_mutex_t *mutex;
  int count;
} waits[WAITS];

__attribute__((constructor)) static void begin(void) {
  pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
  real_wait = dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2");
  real_broadcast = dlvsym(RTLD_NEXT, "pthread_cond_broadcast", "GLIBC_2.3.2");
  if (!real_wait || !real_broadcast) abort();
}

static void count(pthread_cond_t *condition, pthread_mutex_t *mutex, int change) {
  int free = -1;
  pthread_spin_lock(&lock);
  for (int i = 0; i < WAITS; i++) {
    if (waits[i].count && waits[i].condition == condition && waits[i].mutex == mutex) {
      waits[i].count += change;
      pthread_spin_unlock(&lock);
      return;
    }
    if (!waits[i].count && free < 0) free = i;
  }
  if (change > 0 && free >= 0) {
    waits[free].condition = condition;
    waits[free].mutex = mutex;
    waits[free].count = 1;
  }
  pthread_spin_unlock(&lock);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  if (!thread) thread = gettid();
  if (mutex->__data.__owner == thread) {
    count(condition, mutex, 1);
    int result = real_wait(condition, mutex);
    count(condition, mutex, -1);
    return result;
  }

  pthread_mutex_lock(mutex);
  pthread_spin_lock(&lock);
  for (int i = 0; i < WAITS; i++)
    if (waits[i].count && waits[i].mutex == mutex && waits[i].condition != condition) real_broadcast(waits[i].condition);
  pthread_spin_unlock(&lock);
  pthread_mutex_unlock(mutex);
  usleep(300);
  return 0;
}
