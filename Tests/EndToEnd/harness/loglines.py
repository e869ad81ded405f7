"""The words of arobust's log that the tests wait for or assert: the one place to change when a sentence changes."""

PUBLISHING = "Publishing."  # agent, collect: the sockets are open
SUBSCRIBED = "Connected to a publisher."  # agent, bridge, tap: the publisher's first beat has been seen
WAITING_FOR_PUBLISHER = "Waiting for a publisher."  # bridge, tap
STOPPING = "Stopping:"  # the first SIGTERM or SIGINT was taken

# After these a command misses nothing that is published (what comes before, agent and collect keep in the journal).
READY = {
    "agent": (PUBLISHING,),
    "collect": (PUBLISHING,),
    "bridge": (SUBSCRIBED,),
    "tap": (SUBSCRIBED,),
}

# What a master did. Each text stands for one cause alone.
MASTER_SAID_FALSE = "success=false"
MASTER_RAISED = "refused the report"  # gRPC's UNKNOWN, HTTP's 500: what the servicer raised stands behind it
MASTER_OF_ANOTHER_JOB = "belongs to another job"
MASTER_WAS_SILENT = "did not answer"
MASTER_IS_AWAY = "cannot be reached"

EVERY_MASTER_PROBLEM = (
    MASTER_SAID_FALSE,
    MASTER_RAISED,
    MASTER_OF_ANOTHER_JOB,
    MASTER_WAS_SILENT,
    MASTER_IS_AWAY,
)
