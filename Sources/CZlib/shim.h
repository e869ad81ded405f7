// zlib, for requests that a gRPC client compressed and for gzipped logs. async-http-client links it as well.
#pragma once
#include <zlib.h>
