// Extended attributes, in which access lists are kept: glibc's module for Swift leaves them out.
#pragma once
#include <sys/xattr.h>
