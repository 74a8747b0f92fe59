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

    /// Whether this CPU has instructions for products of bfloat16. Without them the same products are computed in float32: the operands
    /// are rounded to bfloat16 and their products summed in float32 either way.
    public static var multipliesBFloat16: Bool { ck_supports_bf16() }

    /// The build of the kernels in use: `avx512bf16`, `avx512`, `avx2` or `base`; on AArch64 `neon` or `base`.
    ///
    /// `INTERLINEAR_ISA` in the environment limits it to one of these, and oneDNN with it; it is read once.
    public static var instructionSet: String { String(cString: ck_instruction_set()) }

    /// The instruction sets that the kernels are built for, the plainest first: what `INTERLINEAR_ISA` may say.
    public static var instructionSets: [String] {
        var names: [String] = []
        while let name = ck_instruction_set_name(Int32(names.count)) { names.append(String(cString: name)) }
        return names
    }

    /// What computes products of many rows, for people to read: `oneDNN 2.6.3, avx512_core_amx`, or `own kernels`.
    public static var matrixLibrary: String { String(cString: ck_matmul_library()) }

    /// What `INTERLINEAR_ISA` asks for, where that is the name of no instruction set.
    public static var unknownInstructionSetLimit: String? { ck_unknown_limit().map { String(cString: $0) } }

    /// Operations per second of all threads in registers alone, measured now (a quarter of a second): what no product can exceed. A
    /// multiplication and an addition are two. Matrix units (AMX) are not counted.
    public static func arithmeticLimit(_ precision: Precision) -> Double {
        ck_arithmetic_limit(precision == .bfloat16 ? CK_BF16 : CK_F32)
    }

    /// Bytes per second that all threads together read from memory, measured now.
    public static func readingLimit() -> Double { ck_reading_limit() }

    /// Operations of matrix products and attention since the process began, as the mathematics counts them.
    public static var operations: UInt64 { UInt64(ck_operations()) }

    /// Bytes of the weights (right sides of products) since the process began, each counted once per product.
    public static var weightBytes: UInt64 { UInt64(ck_weight_bytes()) }

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
