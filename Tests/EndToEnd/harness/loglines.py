"""The words of arobust's log that the tests wait for or assert: the one place to change when a sentence changes."""

# Startup
RUNNING = "Running."  # agent, collect: sockets are open; agent: its own bridge is subscribed and the collectors run
WAITING_FOR_PUBLISHER = "Waiting for a publisher."  # bridge, tap
SUBSCRIBED = "Subscribed."  # bridge, tap: the publisher's first beat has been seen
STOPPING = "Stopping."  # the first SIGTERM or SIGINT was taken

# What a master did. Each text stands for one cause alone.
MASTER_SAID_FALSE = "success=false"
MASTER_SAID_UNKNOWN = "UNKNOWN"
MASTER_SAID_500 = "HTTP 500"
MASTER_OF_ANOTHER_JOB = "another job"
MASTER_WAS_SILENT = "did not answer within"
MASTER_IS_AWAY = "cannot be reached"

EVERY_MASTER_PROBLEM = (
    MASTER_SAID_FALSE,
    MASTER_SAID_UNKNOWN,
    MASTER_SAID_500,
    MASTER_OF_ANOTHER_JOB,
    MASTER_WAS_SILENT,
    MASTER_IS_AWAY,
)
