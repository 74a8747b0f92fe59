import Foundation
import Tensors

extension RotaryConfiguration {
    /// Angles per position of each pair of a head, as transformers computes them (in float32, so that long positions agree).
    func frequencies(headWidth: Int) -> [Float] {
        let powers = (0..<headWidth / 2).map { Float(pow(base, Double(Float(2 * $0) / Float(headWidth)))) }
        let plain = powers.map { 1 / $0 }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / Float(factor) }
        case .llama3(let factor, let low, let high, let length):
            return plain.map { frequency in
                let wavelength = 2 * Double.pi / Double(frequency)
                if wavelength < length / high { return frequency }
                if wavelength > length / low { return frequency / Float(factor) }
                let smooth = Float((length / wavelength - low) / (high - low))
                return (1 - smooth) * frequency / Float(factor) + smooth * frequency
            }
        case .yarn(let factor, _, let fast, let slow, let length, let truncates):
            // The pair, as a fraction, that turns so many times within the original length.
            func pair(turns: Double) -> Double {
                Double(headWidth) * log(length / (turns * 2 * .pi)) / (2 * log(base))
            }
            var low = pair(turns: fast), high = pair(turns: slow)
            if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            (low, high) = (max(low, 0), min(high, Double(headWidth - 1)))
            if low == high { high += 0.001 }
            return powers.enumerated().map { index, power in
                let kept = 1 - min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
                return 1 / (Float(factor) * power) * (1 - kept) + 1 / power * kept
            }
        }
    }

    /// The factor of all cosines and sines.
    private var amplitude: Float {
        if case .yarn(_, let amplitude, _, _, _, _) = scaling { Float(amplitude) } else { 1 }
    }

    /// Cosines and sines for positions 0..<positions.
    func table(headWidth: Int, positions: Int) -> RotaryTable {
        let frequencies = frequencies(headWidth: headWidth), amplitude = amplitude
        var cosines: [Float] = [], sines: [Float] = []
        cosines.reserveCapacity(positions * frequencies.count)
        sines.reserveCapacity(positions * frequencies.count)
        for position in 0..<positions {
            for frequency in frequencies {
                let angle = Float(position) * frequency
                cosines.append(Float(Foundation.cos(Double(angle))) * amplitude)
                sines.append(Float(Foundation.sin(Double(angle))) * amplitude)
            }
        }
        let shape = [positions, frequencies.count]
        return RotaryTable(cosine: Tensor(cosines, shape: shape), sine: Tensor(sines, shape: shape))
    }
}
