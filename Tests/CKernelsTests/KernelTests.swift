import CKernels
import KernelChecks
import Testing

/// The names in `kernel_check_names`; the C side refuses a name it does not know, so a wrong one cannot pass.
private let names = [
    "convert", "matmul", "matmul_some", "matmul_large", "rms_norm", "rotate", "gated", "log_probabilities", "scores",
    "attention", "adamw",
    "adamw_rows",
    "reductions", "sums", "damage", "sampling",
]

/// On this CPU's own instruction set, compiled as it is used. `Scripts/check-kernels.sh` runs the same checks on the others, with other
/// numbers of threads and under the sanitizers: these are settings of a whole process, and here other tests run beside.
@Suite("Kernels")
struct KernelTests {
    @Test("A fast kernel agrees with its plain version on random shapes", arguments: names)
    func agrees(name: String) {
        for seed in UInt32(0)..<60 {
            if let message = kernel_check(name, seed) {
                Issue.record("\(name), seed \(seed): \(String(cString: message))")
            }
        }
    }
}
