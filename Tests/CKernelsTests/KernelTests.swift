import CKernels
import KernelChecks
import Testing

/// The names in `kernel_check_names`; the C side refuses a name it does not know, so a wrong one cannot pass.
private let names = [
    "convert", "matmul", "rms_norm", "rotate", "gated", "log_probabilities", "scores", "attention", "adamw",
    "adamw_rows",
    "reductions", "sums", "damage", "sampling",
]

@Suite("Kernels", .serialized)
struct KernelTests {
    @Test("A fast kernel agrees with its plain version on random shapes, on every instruction set", arguments: names)
    func agrees(name: String) {
        defer {
            ck_force_instruction_set(-1)
            ck_set_threads(2)
        }
        for level in stride(from: ck_force_instruction_set(-1), through: 0, by: -1) {
            ck_force_instruction_set(level)
            for seed in UInt32(0)..<60 {
                ck_set_threads(Int32(1 + seed % 3))
                if let message = kernel_check(name, seed) {
                    Issue.record("\(name), level \(level), seed \(seed): \(String(cString: message))")
                }
            }
        }
    }
}
