// zlib, for requests that a gRPC client compressed and for gzipped logs.
#pragma once
#include <zlib.h>
