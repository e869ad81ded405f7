// zlib, for requests that a gRPC client compressed. async-http-client links it as well.
#pragma once
#include <zlib.h>
