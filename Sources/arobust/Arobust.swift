@main struct Arobust { static func main() {} }
