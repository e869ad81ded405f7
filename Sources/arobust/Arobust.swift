private import Commands
private import Glibc

@main
enum Arobust {
    static func main() async {
        let arguments = ProgramArguments.own
        FirstProcess.superviseIfFirst(arguments)
        StandardStreams.fillGaps()
        StartCheck.run()
        exit(await CommandRun.run(arguments.texts))
    }
}
