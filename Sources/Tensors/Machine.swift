import CKernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What this process knows and decides about the computer it runs on.
public enum Machine {
    /// Threads that share each kernel's work, the caller included. Set it before the work starts.
    public static var threads: Int {
        get { Int(ck_threads()) }
        set { ck_set_threads(Int32(clamping: newValue)) }
    }

    /// Whether this CPU multiplies bfloat16 natively.
    public static var supportsBFloat16: Bool { ck_supports_bf16() }

    /// The build of the kernels in use: `avx512bf16`, `avx512`, `avx2` or `base`.
    public static var instructionSet: String { String(cString: ck_instruction_set()) }

    /// Peak resident memory in bytes since the process began or `resetPeakResidentBytes` was called.
    public static var peakResidentBytes: Int { ck_peak_resident_bytes() }

    /// Starts counting the peak again, where the system can (Linux).
    public static func resetPeakResidentBytes() { ck_reset_peak_resident_bytes() }
}

/// Ends the process after a programmer's error. The message says which promise of which function was broken.
public func trap(_ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    let text = "nla: internal error: \(message()) (\(file):\(line))\n"
    text.withCString { _ = write(2, $0, strlen($0)) }
    abort()
}

/// Traps with `message` unless `condition` holds. Unlike `precondition`, the message is printed in release builds.
@inline(__always)
public func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { trap(message(), file: file, line: line) }
}
