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

# The alarm: a scrape yielded nothing, or nothing that a hang detector can use.
NOTHING_SCRAPED = "XPU timer metrics cannot be scraped."
NO_HANG_LINE = "XPU timer metrics are of no use for hang detection."
PAGE_IS_EMPTY = "the page has no metric after the filter"  # beside NOTHING_SCRAPED
NOBODY_LISTENS = "nobody answers there"  # likewise
SCRAPED_AGAIN = "XPU timer metrics can be scraped again."

# What a master did. Each text stands for one cause alone.
MASTER_SAID_FALSE = "success=false"
MASTER_RAISED = "refused the report"  # gRPC's UNKNOWN, HTTP's 500: what the servicer raised stands behind it
MASTER_OF_ANOTHER_JOB = "belongs to another job"
MASTER_WAS_SILENT = "did not answer"
MASTER_IS_AWAY = "cannot be reached"

TYPE_IS_POISONED = "A data type is poisoned at the master"
SAMPLES_GOT_NO_ANSWER = "Samples were sent and got no answer"
TYPE_IS_ACCEPTED = "The master accepts a data type again."

EVERY_MASTER_PROBLEM = (
    MASTER_SAID_FALSE,
    MASTER_RAISED,
    MASTER_OF_ANOTHER_JOB,
    MASTER_WAS_SILENT,
    MASTER_IS_AWAY,
)
