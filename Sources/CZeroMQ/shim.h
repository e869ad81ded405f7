// The only C of this project: libzmq, and what Glibc's module map leaves out (Swift 6.3).
//
// Keep the headers few: a type that a header here defines first belongs to this module for the compiler, so that every user of the
// type would have to import CZeroMQ.
#pragma once
#include <sys/eventfd.h>
#include <zmq.h>
