// The only C of this project: libzmq, and what Glibc's module map leaves out (Swift 6.3).
//
// As few headers as can be: a type that a header here defines first belongs to this module for the compiler, and whoever uses it
// would have to import CZeroMQ for it.
#pragma once
#include <sys/eventfd.h>
#include <zmq.h>

// pthread_setname_np(3), whose header hides it without _GNU_SOURCE. pthread_t is an unsigned long in glibc.
int pthread_setname_np(unsigned long thread, const char *name);
