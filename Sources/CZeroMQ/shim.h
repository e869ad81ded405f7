// The only C of this project. What Glibc's module map leaves out (Swift 6.3) and libzmq.
#pragma once
#include <sys/eventfd.h>
#include <sys/file.h>
#include <pthread.h>
#include <zmq.h>

// pthread_setname_np(3) without _GNU_SOURCE in force, which Swift's importer doesn't set.
int pthread_setname_np(pthread_t thread, const char *name);
