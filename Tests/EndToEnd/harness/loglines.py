"""The texts in arobust's log that the tests wait for or assert. If a sentence changes, change it here."""

PUBLISHING = "Publishing."  # agent, collect: the sockets are open
SUBSCRIBED = "Connected to a publisher."  # agent, bridge, tap: the publisher's first beat has been seen
WAITING_FOR_PUBLISHER = "Waiting for a publisher."  # bridge, tap
STOPPING = "Stopping:"  # the first SIGTERM or SIGINT was taken
SHOWN_OVER_HTTP = "Metrics and health are shown over HTTP."  # agent, collect, bridge with --http

# Once these are logged, a command misses nothing that is published (agent and collect keep earlier data in the journal).
READY = {
    "agent": (PUBLISHING,),
    "collect": (PUBLISHING,),
    "bridge": (SUBSCRIBED,),
    "tap": (SUBSCRIBED,),
}

# The alarm: a scrape returned nothing, or nothing that a hang detector can use.
NOTHING_SCRAPED = "XPU timer metrics cannot be scraped."
NO_HANG_LINE = "XPU timer metrics can't be used for hang detection."
PAGE_IS_EMPTY = "the page has no metric after the filter"  # together with NOTHING_SCRAPED
NOBODY_LISTENS = "nothing answers there"  # likewise
SCRAPED_AGAIN = "XPU timer metrics can be scraped again."

# What a master did. Each text stands for exactly one cause.
MASTER_SAID_FALSE = "success=false"
MASTER_RAISED = "refused the report"  # gRPC's UNKNOWN, HTTP's 500: followed by what the servicer raised
MASTER_OF_ANOTHER_JOB = "belongs to another job"
MASTER_WAS_SILENT = "did not answer"
MASTER_IS_AWAY = "cannot be reached"

TYPE_IS_POISONED = "A data type is poisoned at the master"
SAMPLES_GOT_NO_ANSWER = "Samples that were sent got no answer"
TYPE_IS_ACCEPTED = "The master accepts a data type again."

EVERY_MASTER_PROBLEM = (
    MASTER_SAID_FALSE,
    MASTER_RAISED,
    MASTER_OF_ANOTHER_JOB,
    MASTER_WAS_SILENT,
    MASTER_IS_AWAY,
)
