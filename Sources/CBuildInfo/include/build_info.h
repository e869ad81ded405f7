#ifndef AROBUST_BUILD_INFO_H
#define AROBUST_BUILD_INFO_H

/// The commit that this program was built from, with a plus sign if the sources were changed since; "unknown" outside a clone of git.
const char *arobust_commit(void);

#endif
