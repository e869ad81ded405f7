import Testing

@testable import Collectors

@Suite struct SystemCallNameTests {
    @Test(arguments: [
        ("202 0x7f 0x80 0x0", "futex", "system call 202"), ("0 0x3 0x0", "read", "system call 0"),
        ("98 0x1", "system call 98", "futex"), ("257 0x1", "openat", "system call 257"), ("56 0x1", "clone", "openat"),
        ("426 0x1", "io_uring_enter", "io_uring_enter"), ("running", nil, nil), ("-1 0x7f 0x7f", nil, nil),
        ("", nil, nil),
    ])
    func readsWhatProcSays(text: String, x86: String?, arm64: String?) {
        #expect(SystemCallName.name(of: text, architecture: SystemCallName.x86) == x86)
        // 202 is accept on aarch64.
        let expected = text.hasPrefix("202") ? "accept" : arm64
        #expect(SystemCallName.name(of: text, architecture: SystemCallName.arm64) == expected)
    }
}

@Suite struct AttachRightTests {
    @Test(arguments: [
        (
            UInt32(1000), UInt32(33), false, 0,
            "user 1000's and arobust is user 33's: run it as that user, or with CAP_SYS_PTRACE"
        ),
        (33, 33, false, 1, "kernel.yama.ptrace_scope is 1: give arobust CAP_SYS_PTRACE, or set it to 0"),
        (33, 33, false, 0, "give arobust CAP_SYS_PTRACE"), (33, 0, true, 3, "ptrace_scope is 3, which allows nobody"),
        (33, 0, true, 1, "a security module (AppArmor, SELinux) or a user namespace above forbids it"),
    ])
    func saysWhatWouldAllowIt(user: UInt32, own: UInt32, canTrace: Bool, scope: Int, advice: String) {
        let said = AttachRight.advice(7, user: user, own: own, canTrace: canTrace, scope: scope)
        #expect(said.hasPrefix("; ") && said.contains(advice), "\(said)")
    }

    @Test func saysNothingWhereItIsNotAboutRights() {
        #expect(AttachRight.advice(for: "py-spy did not end within 10.0 seconds and was killed", 1) == "")
        #expect(AttachRight.hasCapability("CapEff:\t0000000000080000\n"))
        #expect(!AttachRight.hasCapability("CapEff:\t0000000000040000\n"))
    }
}
