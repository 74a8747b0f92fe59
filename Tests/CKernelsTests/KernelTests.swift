import CKernels
import KernelChecks
import Testing

private let names = (0..<kernel_check_count()).map { String(cString: kernel_check_name($0)) }

/// On this CPU's own instruction set, compiled as it is used. `Scripts/check-kernels.sh` runs the same checks on the others, with other
/// numbers of threads and under the sanitizers: these are settings of a whole process, and here other tests run beside.
@Suite("Kernels")
struct KernelTests {
    @Test("A fast kernel agrees with its plain version on random shapes", arguments: names)
    func agrees(name: String) {
        for seed in UInt32(0)..<30 {
            if let message = kernel_check(name, seed) {
                Issue.record("\(name), seed \(seed): \(String(cString: message))")
            }
        }
    }
}
