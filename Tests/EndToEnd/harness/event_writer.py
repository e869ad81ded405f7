"""A training that writes its events with DLRover's own SDK, as a process of its own: the SDK's objects are singletons.

    event_writer.py FIRST END TIME

Writes the steps FIRST to END - 1 and a checkpoint after every tenth, each event a second after the one before, beginning with TIME (seconds since
1970): a master names steps by their seconds, so steps of real length would take the test as long. Everything else is the SDK's.
"""

import datetime
import sys

from dlrover.python.training_event import TrainerProcess, event


def main() -> None:
    first, end, start = (int(each) for each in sys.argv[1:])
    seconds = iter(range(start, start + 100_000))

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(next(seconds) + 0.25, tz)

    event.datetime = Clock
    trainer = TrainerProcess("AtorchTrainerV2")
    for step in range(first, end):
        with trainer.step(step, loss=float("nan")):
            trainer.log(step, {"loss": 2.5})
        if step % 10 == 9:
            with trainer.save(step):
                pass


if __name__ == "__main__":
    main()
