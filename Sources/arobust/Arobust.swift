private import Commands
private import Glibc
internal import SystemSupport

@main
enum Arobust {
    static func main() async {
        CoreDump.leaveOutMemory()
        let arguments = ProgramArguments.own
        FirstProcess.superviseIfFirst(arguments)
        StandardStreams.fillGaps()
        StartCheck.run()
        exit(await CommandRun.run(arguments.texts))
    }
}
