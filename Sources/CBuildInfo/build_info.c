#include "build_info.h"

// In C, as only its targets can be given a text by Package.swift. Nothing else is compiled again when the commit is another one.
const char *arobust_commit(void) { return AROBUST_COMMIT; }
