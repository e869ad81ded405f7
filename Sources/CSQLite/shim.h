// SQLite, and what of it Swift cannot call: functions with a variable number of arguments, and a macro that is a cast.
#pragma once
#include <sqlite3.h>

// For hundreds of small databases: no pages (87 KiB for each, twice when one is opened) and no small objects (48 KiB) allocated ahead. Must come before anything else is
// asked of SQLite; where it is too late, SQLITE_MISUSE, everything works and takes more memory.
static inline int arobust_sqlite_allocate_nothing_ahead(void) {
    int result = sqlite3_config(SQLITE_CONFIG_PAGECACHE, (void *)0, 0, 0);
    return result == SQLITE_OK ? sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) : result;
}

// The text is copied. The length is in bytes.
static inline int arobust_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 length) {
    return sqlite3_bind_text64(statement, index, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// A text in double quotes is a name and nothing else, as in standard SQL.
static inline void arobust_sqlite_forbid_quoted_texts(sqlite3 *database) {
    sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
}
