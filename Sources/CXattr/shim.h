// Extended attributes (xattr(7)), in which access lists are kept: glibc's module for Swift leaves them out. Declared here and not included,
// since <sys/xattr.h> would make this module the owner of glibc's types as well.
#pragma once
#include <stddef.h>

long lgetxattr(const char *path, const char *name, void *value, size_t size);
int setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
