// The only C of this project. Glibc's module map leaves out sys/eventfd.h and sys/file.h's flock (Swift 6.3).
#pragma once
#include <sys/eventfd.h>
#include <sys/file.h>
#include <zmq.h>
