private import ArgumentParser
private import Commands

@main
enum Arobust {
    static func main() async {
        let arguments = ProgramArguments.own
        FirstProcess.superviseIfFirst(arguments)
        StandardStreams.fillGaps()
        StartCheck.run()
        await ArobustCommand.main(arguments.texts)
    }
}
