"""Output of programs that the machines of these tests may not have, in the form that public documentation and reports show.

Names, paths and numbers are made up; tabs, blank lines, escape sequences and line ends are the programs' own.
"""

GO_PANIC = b"""\
2026/11/29 08:00:01 INFO shard loaded path=/data/shard-0001 bytes=1073741824
panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.(*Loader).next(0xc00007e000, 0x3)
\t/src/loader/main.go:21 +0x1d
main.main()
\t/src/loader/main.go:35 +0x85

goroutine 18 [chan receive, 2 minutes]:
main.worker(0xc0000240c0)
\t/src/loader/main.go:12 +0x45
created by main.main in goroutine 1
\t/src/loader/main.go:31 +0x5b
exit status 2
"""

GO_FATAL = b"""\
fatal error: concurrent map writes

goroutine 34 [running]:
main.count.func1()
\t/src/count.go:14 +0x3c
created by main.count in goroutine 1
\t/src/count.go:12 +0x2e
"""

RUST_PANIC = b"""\

thread 'main' (24477) panicked at src/main.rs:4:5:
index out of bounds: the len is 3 but the index is 99
stack backtrace:
   0: rust_begin_unwind
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5
   1: core::panicking::panic_fmt
   2: core::panicking::panic_bounds_check
   3: panic::main
             at ./src/main.rs:4:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""

JAVA_STACK = b"""\
26/11/29 08:00:01 ERROR Executor: Exception in task 0.0 in stage 2.0 (TID 7)
java.lang.RuntimeException: cannot read the shard
\tat org.example.Shards.read(Shards.java:42) ~[shards-1.2.jar:1.2]
\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)
\tSuppressed: java.io.IOException: close failed
\t\tat org.example.Shards.close(Shards.java:60)
\t\t... 2 more
Caused by: java.io.FileNotFoundException: /data/shard-0001 (No such file or directory)
\tat java.base/java.io.FileInputStream.open0(Native Method)
\t... 3 more
"""

KERNEL = b"""\
<6>[    0.000000] Linux version 6.1.0-28-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)
<4>[19345.666814] traps: python3[30060] trap invalid opcode ip:7f72922f9361 sp:7f728cdcbf10 error:0 in libx.so[2f9361,7f7292000000+5d3000]
[Sun Nov 29 08:00:01 2026] NVRM: Xid (PCI:0000:4b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
[22691.802128] Out of memory: Killed process 17234 (python) total-vm:104857600kB, anon-rss:98304000kB, file-rss:0kB, shmem-rss:0kB, UID:0
6,1234,22691802128,-;mlx5_core 0000:9f:00.0: Port module event[error]: module 0, Cable error, High Temperature
 SUBSYSTEM=pci
 DEVICE=+pci:0000:9f:00.0
"""

JOURNALCTL = b"""\
-- Boot 3f0c9a8bd2d94b52a4d0f4b3a1f27c55 --
Nov 29 08:00:01 node-7 systemd[1]: Started train.service - Training.
2026-11-29T08:00:02.123456+00:00 node-7 kernel: nvme nvme0: I/O 512 (I/O Cmd) QID 3 timeout, aborting
Nov 29 08:00:03 node-7 python3[4242]: \xc3\x89poque 3/10 \xe2\x80\x94 perte 0.31
Nov 29 08:00:03 node-7 python3[4242]: [96B blob data]
lines 1-23\x1b[7m (END)\x1b[27m
{"__CURSOR":"s=0639;i=2f","_HOSTNAME":"node-7","PRIORITY":"3","MESSAGE":[112,101,114,116,101,32,255],"_PID":"4242"}
"""

NCCL = b"""\
node-7:4242:4291 [3] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB eth0:10.0.0.7<0>

node-7:4242:4313 [3] transport/net_ib.cc:1094 NCCL WARN NET/IB : Got completion from peer 10.0.0.8<40021> with status=12 opcode=0 len=0 vendor err 129
[rank3]:[E1129 08:00:05.000000000 ProcessGroupNCCL.cpp:616] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7)
"""

# What pip writes on a terminal that is recorded: states of a bar, colours, and a terminal's line ends.
TERMINAL = (
    b"\x1b[?25l   \x1b[38;2;114;156;31m\xe2\x94\x81\xe2\x94\x81\x1b[0m\x1b[38;5;237m\xe2\x95\xba\x1b[0m"
    b" 1.0/2.0 MB \x1b[31m5.1 MB/s\x1b[0m eta 0:00:01"
    b"\r\x1b[2K   \x1b[38;2;114;156;31m\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\x1b[0m 2.0/2.0 MB \x1b[31m5.2 MB/s\x1b[0m eta 0:00:00\r\n"
    b"\x1b[?25hInstalling collected packages: x\r\n"
)

ALL = {
    "go panic": GO_PANIC,
    "go fatal error": GO_FATAL,
    "rust panic": RUST_PANIC,
    "java stack": JAVA_STACK,
    "kernel log": KERNEL,
    "journalctl": JOURNALCTL,
    "nccl": NCCL,
    "pip on a terminal": TERMINAL,
}
